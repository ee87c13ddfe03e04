"""What a record of a gate says, as facts of a list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from venturalitica.core.record import DECISION, OVERRIDE
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError

if TYPE_CHECKING:
    from venturalitica.core.verdict import Light
    from venturalitica.ledger import Entry
    from venturalitica.ledger.records.decision import Decided

KINDS = ("decision", "override")


def decision_facts(entry: Entry) -> dict[str, Any] | None:
    """As facts of a list; None where it is no record of a gate that can be read."""
    return next((said for _, said in told(entry)), None)


def told(entry: Entry) -> Iterator[tuple[Light, dict[str, Any]]]:
    """Its light and its facts; nothing of another kind, or of what cannot be read."""
    from venturalitica.ledger.records.decision import Decided
    from venturalitica.ledger.records.gate.override import Override

    record = entry.record
    if not record.understood:
        return
    try:
        if record.predicate_type == OVERRIDE:
            made = Override.of(record.predicate)
            until = timestamp(made.until)
            yield (
                "red",
                {
                    **{name: getattr(made, name) for name in ("name", "version", "alias")},
                    "allowed": False,
                    "mode": "override",
                    "rule": "",
                    "override": {"until": until, "because": made.because, "keyid": made.keyid},
                    "sentence": f"may be let through until {until[:16]} UTC: {made.because}",
                },
            )
        elif record.predicate_type == DECISION:
            yield _decision(Decided.of(record.predicate))
    except EvidenceError:
        return  # `verify` says what is wrong with it


def _decision(found: Decided) -> tuple[Light, dict[str, Any]]:
    decision, override = found.decision, found.override
    light: Light = "green" if decision.allowed else "amber" if found.mode == "observe" else "red"
    sentence = decision.sentence
    if override is not None:
        sentence = f"{override.sentence}; refused else: {sentence}"
    named = {"name": decision.name, "version": decision.version, "alias": found.alias}
    by = None
    if override is not None:
        by = {"until": override.until, "because": override.because, "keyid": override.keyid}
    return light, {
        **named,
        "allowed": decision.allowed,
        "mode": found.mode,
        "rule": decision.rule,
        "override": by,
        "sentence": sentence,
    }
