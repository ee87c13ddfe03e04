"""What a gate decided, as lines of the commands that show records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from venturalitica.cli.output import STYLES, styled, table
from venturalitica.cli.terminal import inert
from venturalitica.review.gate.facts import told

if TYPE_CHECKING:
    from rich.text import Text

    from venturalitica.core.gate import Standing
    from venturalitica.ledger import Entry, Ledger


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
    for light, said in told(entry):
        styled((f"{light.upper()}  ", STYLES[light]), (said["sentence"], STYLES[light]))


def show_list(entries: Iterable[Entry]) -> None:
    """Print decisions and overrides as a table."""
    from rich.text import Text

    cells: list[list[str | Text]] = []
    for entry in entries:
        for light, said in told(entry):
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
