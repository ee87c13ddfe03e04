"""Statements in the form of format 1: the counts in the record itself, nothing in the vault.

A record of format 1 may say nothing of how it was judged; then its verdicts are held to what can be
derived of them, so tests may write verdicts by hand that no counts give.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from venturalitica.core.tally import Tally


def in_format_1(
    statement: dict[str, Any], tally: Tally | None = None, data: Sequence[Any] = ()
) -> dict[str, Any]:
    """The statement as format 1 wrote it, of this tally and these data sets."""
    said = statement["predicate"]
    kept = {name: said[name] for name in said.keys() - {"rows", "axes", "data_digests"}}
    coarse = tally.for_evidence() if tally else None
    kept |= {"format": 1, "data": list(data), "tally": coarse.to_json() if coarse else None}
    kept["tally_sha256"] = coarse.sha256 if coarse else None
    named = [
        {"name": f"data/{item['context']}/{item['name']}", "digest": {"sha256": item["sha256"]}}
        for item in data
    ]
    return statement | {"predicate": kept, "subject": [*statement["subject"], *named]}
