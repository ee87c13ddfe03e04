"""One pipeline in run after run: what each of its last runs found, control by control.

Which runs there are is asked of the index, each row held against the log; what they found, with
groups and thresholds, is read from the proven records themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.verdict import GroupValue, Light, Verdict, worst_light
from venturalitica.ledger.index.pipelines import Pipeline, Point, pipelines, trends
from venturalitica.ledger.index.rows import Outline
from venturalitica.reports.html.group_chart import allowed_side, offends
from venturalitica.reports.html.history_chart import HistoryPoint, point_words
from venturalitica.reports.sentences import status_words

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ledger.index.cross_check import Lines
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ui.reader import Reading

RUNS = 30
"""Runs that are drawn; a card of the overview draws as many."""


class Found(Struct, frozen=True):
    """What one run found for one control: the record that says so, and its verdict.

    `verdict` is None where the run did not judge it; `proven` is False where the record does not
    verify, and `known` where the key that signed it is not known here.
    """

    row: RunRow
    verdict: Verdict | None
    proven: bool = True
    known: bool = True

    @property
    def light(self) -> Light:
        """The verdict's light, as far as the record can be believed."""
        if not self.proven:
            return "red"
        light: Light = "grey" if self.verdict is None else self.verdict.light
        return light if self.known else worst_light((light, "amber"))

    @property
    def result(self) -> str:
        """The verdict in words."""
        if not self.proven:
            return "the record does not verify"
        return "not judged" if self.verdict is None else status_words(self.verdict)

    @property
    def day(self) -> str:
        """The day on which the run began, UTC."""
        return self.row.started_at[:10]

    def group(self, name: str) -> GroupValue | None:
        """What it says of a group; None where it says nothing."""
        if self.verdict is None:
            return None
        return next((one for one in self.verdict.groups if one.name == name), None)

    def point(self, url: str = "") -> HistoryPoint:
        """The control's value as a mark."""
        verdict = self.verdict if self.proven else None
        value, limit = (verdict.value, verdict.threshold) if verdict is not None else (None, None)
        found = HistoryPoint(
            light=self.light,
            value=value,
            interval=verdict.interval if verdict is not None else None,
            limit=limit,
            above=_above(verdict),
            url=url,
            **self._place(),
        )
        return self._said(found, verdict.must if verdict is not None else "")

    def group_point(self, name: str, url: str = "") -> HistoryPoint:
        """A group's value as a mark: red where the rule failed by it, else of no light."""
        group = self.group(name) if self.proven else None
        verdict = self.verdict if self.proven else None
        side = allowed_side(verdict) if verdict is not None else None
        found = HistoryPoint(
            light=self._group_light(group),
            value=group.value if group else None,
            interval=group.interval if group else None,
            limit=side[0] if side else None,
            above=side[1] if side else None,
            url=url,
            **self._place(),
        )
        return self._said(found, "")

    def _group_light(self, group: GroupValue | None) -> Light | None:
        if not self.proven:
            return "red"
        if group is None or self.verdict is None or not offends(self.verdict, group):
            return None
        return "red"

    def _place(self) -> dict[str, str]:
        row = self.row
        return {
            "day": self.day,
            "policy": row.policy_sha256 or "",
            "version": row.policy_version or "",
        }

    def _said(self, point: HistoryPoint, must: str) -> HistoryPoint:
        version = f", version {point.version}" if point.version else ""
        found = point_words(point, point.limit)
        rule = f", must be {must}" if must else ""
        words = f"Entry {self.row.index}, {point.day}{version}: {self.result}, {found}{rule}"
        return replace(point, words=words)


def _above(verdict: Verdict | None) -> bool | None:
    if verdict is None or verdict.operator not in (">=", ">", "<=", "<"):
        return None
    return verdict.operator in (">=", ">")


class History(Struct, frozen=True, kw_only=True):
    """The last runs of a pipeline, oldest first; `edited` as the overview says it."""

    of: Pipeline
    runs: tuple[Mapping[str, Found], ...]
    rows: tuple[RunRow, ...]
    controls: tuple[str, ...]
    edited: str = ""

    def of_control(self, control: str) -> tuple[Found, ...]:
        """What each run found for a control."""
        return tuple(
            run.get(control) or Found(row, None)
            for run, row in zip(self.runs, self.rows, strict=True)
        )

    def title(self, control: str) -> str:
        """The control's title in the newest run that has one."""
        found = [run[control].verdict for run in reversed(self.runs) if control in run]
        return next(
            (verdict.title for verdict in found if verdict is not None and verdict.title), ""
        )


def every_pipeline(reading: Reading) -> tuple[Pipeline, ...]:
    """All that can be drawn, as the overview orders them."""
    return tuple(one for one in pipelines(reading.index, reading.known()) if one.policy)


def find(reading: Reading, policy: str, name: str, experiment: str | None) -> tuple[Pipeline, ...]:
    """The pipelines of these names: several where `experiment` is None and there are several.

    Runs from before a pipeline had a tracker have no experiment, and belong to it.
    """
    return tuple(
        one
        for one in every_pipeline(reading)
        if (one.policy, one.name) == (policy, name)
        and (experiment in (None, one.experiment) or (one.untracked and not experiment))
    )


def read(reading: Reading, pipeline: Pipeline) -> History:
    """Its last runs, with what each found.

    Raises:
        EvidenceError: the log was altered.
    """

    def lines(points: Sequence[Point]) -> list[Lines]:
        return [([row for point in points for row in point.records], None)]

    def last_runs() -> tuple[Point, ...]:
        return trends(reading.index, [pipeline], reading.known(), limit=RUNS)[pipeline.key]

    points, edited = reading.shown(last_runs, lines)
    said = _verdicts(reading, points)
    known = reading.known()
    runs = tuple(_run(point, said, known) for point in points)
    order = dict.fromkeys(control for run in reversed(runs) for control in run)
    return History(
        of=pipeline,
        runs=runs,
        rows=tuple(point.row for point in points),
        controls=tuple(order),
        edited=edited,
    )


def _run(point: Point, said: Mapping[int, Sequence[Verdict]], known: Known) -> Mapping[str, Found]:
    """What a run found, each control by the worst that its records say of it, of such the newest:
    an audit that passed hides none that failed, here as in the run's own light."""
    found: dict[str, Found] = {}
    for row in sorted(point.records, key=lambda row: -row.index):
        proven, trusted = not known.fault(row), known.knows(row.signer)
        for verdict in said.get(row.index, ()):
            one = Found(row, verdict, proven, trusted)
            kept = found.setdefault(verdict.control, one)
            if worst_light((kept.light, one.light)) != kept.light:
                found[verdict.control] = one
    return found


def _verdicts(reading: Reading, points: Sequence[Point]) -> dict[int, tuple[Verdict, ...]]:
    """By entry, from the log; a pruned record says nothing, a run's own what no audit judged."""
    kinds = ("audit", "run")
    entries = sorted(row.index for point in points for row in point.records if row.kind in kinds)
    return dict(_read(reading.ledger.chosen(entries)))


def _read(lines: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, tuple[Verdict, ...]]]:
    for index, line in lines:
        yield index, _verdicts_in(line)


@lru_cache(maxsize=256)  # of 30,000 characters; a line is proven each time, and read once
def _verdicts_in(line: bytes) -> tuple[Verdict, ...]:
    record = Outline.of(0, line).record
    return record.verdicts if record.understood else ()
