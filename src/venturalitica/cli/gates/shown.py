"""What a gate decided, as lines of the commands that show records."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from venturalitica.cli.output import STYLES, styled, table
from venturalitica.cli.terminal import inert
from venturalitica.core.record import DECISION, OVERRIDE

if TYPE_CHECKING:
    from rich.text import Text

    from venturalitica.core.gate import Standing
    from venturalitica.core.verdict import Light
    from venturalitica.ledger import Entry, Ledger
    from venturalitica.ledger.records.decision import Decided

KINDS = ("decision", "override")


def aliases_of(ledger: Ledger, entry: Entry) -> tuple[Standing, ...]:
    """The aliases whose last decision rests on this judgement, as the log left them."""
    from datetime import UTC, datetime

    from venturalitica.ledger.lifecycle.ties import decisions
    from venturalitica.review.gate.aliases import standings
    from venturalitica.review.gate.standing import decided_in

    found = standings(decided_in(decisions(ledger)), None, now=datetime.now(UTC))
    return tuple(one for one in found if one.record == entry.evidence_sha256)


def show_aliases(ledger: Ledger, entry: Entry) -> None:
    """Print them, each in the colour of its light."""
    for one in aliases_of(ledger, entry):
        styled(("alias      ", ""), (f"{one.called} {one.sentence}", STYLES[one.light]))


def show_decision(entry: Entry) -> None:
    """Print what a record of a gate says in one line of its colour; nothing of another kind."""
    for light, said in _told(entry):
        styled((f"{light.upper()}  ", STYLES[light]), (said["sentence"], STYLES[light]))


def decision_facts(entry: Entry) -> dict[str, Any] | None:
    """As facts of a list; None where it is no record of a gate that can be read."""
    return next((said for _, said in _told(entry)), None)


def show_list(entries: Iterable[Entry]) -> None:
    """Print decisions and overrides as a table."""
    from rich.text import Text

    cells: list[list[str | Text]] = []
    for entry in entries:
        for light, said in _told(entry):
            word = "override" if said["override"] else said["mode"]
            if said["mode"] == "enforce":
                word = "allowed" if said["allowed"] else "refused"
            cells.append(
                [
                    str(entry.index),
                    Text(word, style=STYLES[light]),
                    inert(f"{said['name']} {said['version']}".strip()),
                    inert(said["alias"]),
                    said["rule"],
                    Text(inert(said["sentence"]), style=STYLES[light] if light == "red" else ""),
                ]
            )
    headings: Sequence[str] = ("entry", "decision", "model", "alias", "rule", "why")
    table(headings, cells, right=("entry",), whole=("decision",))


def _told(entry: Entry) -> Iterator[tuple[Light, dict[str, Any]]]:
    from venturalitica.core.text import timestamp
    from venturalitica.errors import EvidenceError
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
