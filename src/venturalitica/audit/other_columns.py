"""The columns of the data that no rule looks at."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from venturalitica.core.redact import redact_name

OTHERS = 100
"""Names of columns that are kept of those that no rule looks at; of more only how many."""


def other_columns(names: Sequence[str], judged: Collection[str]) -> dict[str, Any]:
    """Those of `names` that were not judged, by name alone, as a record has them."""
    others = [redact_name(str(name)) for name in names if name not in set(judged)]
    return {"other_columns": others[:OTHERS], "other_columns_besides": len(others[OTHERS:])}
