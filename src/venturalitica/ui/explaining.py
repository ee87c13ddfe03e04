"""Why a run has its light, in one sentence; and what each mark of a strip says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from venturalitica.figures import format_interval, format_number
from venturalitica.ledger.listing import RANKS, Known, light_of
from venturalitica.records import Interval, Light
from venturalitica.reports.parts.strip import Mark

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow

NOTHING = Known()
KINDS: Mapping[str, str] = {
    "audit": "audit",
    "run": "monitored run",
    "approval": "sign-off",
    "erasure": "erasure",
    "prune": "pruning",
    "key-rotation": "change of keys",
}
"""What each kind of record is called on a page."""


def explanation(
    row: RunRow,
    verdicts: Sequence[VerdictRow],
    waiting: Sequence[str] = (),
    known: Known = NOTHING,
) -> str:
    """The sentence of the worst that was found: `gender-parity failed: 0.740, must be >= 0.80;
    blocking`.

    `waiting` are the trackers that have not confirmed the record; of a record that does not verify,
    `known` says why, and nothing that it says is believed.
    """
    if known.fault(row):
        return known.fault(row)
    said = _explanation(row, verdicts, waiting)
    return said if light_of(row, known) == light_of(row, NOTHING) else f"{said} {known.doubt(row)}"


def _explanation(row: RunRow, verdicts: Sequence[VerdictRow], waiting: Sequence[str]) -> str:
    worst = sorted(verdicts, key=lambda verdict: _badness(verdict, row))
    unmet = [verdict for verdict in worst if known_light(verdict.light) != "green"]
    if row.exception:
        return f"The run ended with {row.exception}{_besides(unmet)}."
    if unmet:
        return f"{_fault(unmet[0])}{_more(len(unmet) - 1)}."
    if not verdicts:
        return _nothing_judged(row)
    passed = _all_passed(len(verdicts))
    if waiting:
        return f"{passed}, but {' and '.join(waiting)} has not confirmed the record yet."
    if known_light(row.light) != "green":
        if row.kind == "audit" and known_light(row.light) == "amber":
            return f"{passed} of those selected; other controls of the policy were left out."
        return f"{passed}; the record as a whole is {row.light}."
    return f"{passed}, each conclusively."


def known_light(light: str) -> Light:
    """A recorded light; one that is none of the four says nothing."""
    return next((known for known in RANKS if known == light), "grey")


def marks(verdicts: Sequence[VerdictRow]) -> tuple[Mark, ...]:
    """The strip of a run's controls, in the order of its policy."""
    return tuple(Mark(known_light(item.light), short(item)) for item in verdicts)


def short(verdict: VerdictRow) -> str:
    """`gender-parity failed: 0.740, must be >= 0.80`."""
    status = {"passed": "passed", "failed": "failed", "not_evaluated": "not evaluated"}
    words = status.get(verdict.status, "error")
    if verdict.status == "passed" and known_light(verdict.light) == "amber":
        words = "passed, not conclusive"
    value = _value(verdict)
    return f"{verdict.control} {words}" + (f": {value}, must be {verdict.must}" if value else "")


def threshold(must: str) -> float | None:
    """The number in `>= 0.80`; None where there is none."""
    try:
        return float(must.rpartition(" ")[2])
    except ValueError:
        return None


def _fault(verdict: VerdictRow) -> str:
    blocking = "; blocking" if verdict.on_fail == "block" and verdict.status != "passed" else ""
    if verdict.status == "failed":
        return f"{verdict.control} failed: {_value(verdict)}, must be {verdict.must}{blocking}"
    if verdict.status == "not_evaluated":
        return f"{verdict.control} was not evaluated{blocking}"
    if verdict.status != "passed":
        return f"{verdict.control} could not be computed{blocking}"
    if verdict.low is None or verdict.high is None:
        return f"{verdict.control} passed with {_value(verdict)}, but no interval says how surely"
    interval = format_interval(_interval(verdict), beside=threshold(verdict.must))
    return (
        f"{verdict.control} passed with {_value(verdict)}, but not conclusively: interval "
        f"{interval}, must be {verdict.must}"
    )


def _interval(verdict: VerdictRow) -> Interval:
    assert verdict.low is not None
    assert verdict.high is not None
    return Interval(verdict.low, verdict.high)


def _value(verdict: VerdictRow) -> str:
    if verdict.value is None:
        return ""
    return format_number(verdict.value, beside=threshold(verdict.must))


def _badness(verdict: VerdictRow, row: RunRow) -> tuple[int, bool, int, bool]:
    order = ("failed", "error", "not_evaluated")
    place = order.index(verdict.status) if verdict.status in order else len(order)
    nearest = verdict.control == row.margin_control
    return RANKS[known_light(verdict.light)], verdict.on_fail != "block", place, not nearest


def _more(count: int) -> str:
    if not count:
        return ""
    return f" (and {count} more control{'' if count == 1 else 's'})"


def _besides(unmet: Sequence[VerdictRow]) -> str:
    return f"; besides, {_fault(unmet[0])}{_more(len(unmet) - 1)}" if unmet else ""


def _all_passed(count: int) -> str:
    return "The one control passed" if count == 1 else f"All {count} controls passed"


def _nothing_judged(row: RunRow) -> str:
    if row.kind == "run" and known_light(row.light) != "grey":
        return f"An audit inside this run is {row.light}."
    return "No control was judged."
