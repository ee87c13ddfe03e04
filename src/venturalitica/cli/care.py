"""Records about other records, or about the log itself, on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from venturalitica.cli.output import say

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger


def show(ledger: Ledger, entry: Entry) -> None:
    """Print what the record says, then where it is."""
    from venturalitica.ledger.projection import kind_of

    predicate, kind = entry.statement["predicate"], kind_of(entry.statement)
    say(f"{kind}: recorded {str(predicate['log']['appended_at'])[:16].replace('T', ' ')} UTC")
    pairs = [
        *_said(ledger, predicate),
        ("evidence", f"entry {entry.index} in {ledger.home}"),
        ("", f"sha256 {entry.evidence_sha256}"),
    ]
    for word, text in pairs:
        say(f"{word:<10} {text}")


def _said(ledger: Ledger, predicate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each thing that it says, in its own words; a value of the vault as long as it is there."""
    pairs: list[tuple[str, str]] = []
    for name, value in predicate.items():
        if name in ("format", "kind", "log", "package", "id") or value is None:
            continue
        items = value if isinstance(value, list) and value else [value]
        words = [name, *[""] * (len(items) - 1)]
        pairs += [(word, _text(ledger, item)) for word, item in zip(words, items, strict=True)]
    return pairs


def _text(ledger: Ledger, value: Any) -> str:
    from venturalitica.ledger.eraser import shown
    from venturalitica.ledger.vault import is_reference

    if is_reference(value):
        return shown(ledger, value)
    if isinstance(value, Mapping):
        # A key's id says which it is; its PEM lies beside the log.
        items = {name: item for name, item in value.items() if name != "pem"}
        return ", ".join(f"{name} {_text(ledger, item)}" for name, item in items.items())
    if isinstance(value, list):
        return ", ".join(_text(ledger, item) for item in value)
    return str(value)
