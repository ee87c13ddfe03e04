"""Which lights changed, as the log tells it: run after run of each pipeline.

What waits for a tracker makes no change here: a second later it has come. A run under way is told
only where it is red already, since a phase of it alone leaves controls out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verdict import Light
from venturalitica.ledger.index.begun import unended
from venturalitica.ledger.index.pipelines import Key, Pipeline, RunLight, pipelines, run_lights
from venturalitica.ledger.index.queries import Known, rows_of, verdicts_of
from venturalitica.ledger.lifecycle.begun import UNDER_WAY
from venturalitica.ui.verification_steps import explanation, known_light

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow
    from venturalitica.ledger.index.cross_check import Lines
    from venturalitica.ui.reader import Reading

UNTOLD: Light = "grey"
"""The light of a pipeline before its first run."""


_LOOKED_AT = 50
"""Runs of which the last is looked for that can be told of: more are never under way at once."""


class Last(Struct, frozen=True, kw_only=True):
    """What was told last of a pipeline: its light, by which record."""

    policy: str | None
    name: str
    experiment: str
    light: Light
    entry: int
    evidence_sha256: str

    @property
    def key(self) -> Key:
        """The pipeline's."""
        return self.policy, self.name, self.experiment


class Told(Struct, frozen=True, kw_only=True):
    """What a destination was told of a log; nothing before entry `began` is told."""

    origin: str
    began: int
    last: tuple[Last, ...] = ()
    fault: str = ""
    """What was told of the log as a whole, that it cannot be believed; empty where it can."""

    def of(self, pipeline: Pipeline) -> Last | None:
        """What was told of a pipeline, also of before it had a tracker."""
        by_key = {item.key: item for item in self.last}
        before = (pipeline.policy, pipeline.name, "") if pipeline.untracked else pipeline.key
        return by_key.get(pipeline.key) or by_key.get(before)

    def with_last(self, last: Last) -> Told:
        """It, when that was told."""
        return replace(self, last=(*(one for one in self.last if one.key != last.key), last))


class Change(Struct, frozen=True, kw_only=True):
    """A light that changed. `entry` is the record that explains it, `at` the log's time of that.

    `controls` are those that are not green there, as recorded. A change without an entry is of the
    log as a whole.
    """

    was: Light
    light: Light
    sentence: str
    origin: str
    name: str = ""
    policy: str | None = None
    version: str | None = None
    experiment: str = ""
    controls: tuple[str, ...] = ()
    entry: int | None = None
    run_id: str = ""
    evidence_sha256: str = ""
    at: str = ""

    @property
    def id(self) -> str:
        """The same for the same change, however often it is told, and to whom."""
        key = (self.origin, self.policy, self.name, self.experiment)
        said = repr((key, self.was, self.light, self.evidence_sha256 or self.sentence))
        return sha256_hex(said.encode())[:32]


class Step(Struct, frozen=True):
    """How far a destination is once `change` was told; None where there is nothing to tell."""

    last: Last
    change: Change | None = None


class _Found(Struct, frozen=True):
    """Runs of a pipeline that are new, with the light before each; and what explains them."""

    of: Sequence[tuple[Pipeline, Light, RunLight]]
    rows: Mapping[int, RunRow]
    verdicts: Mapping[int, Sequence[VerdictRow]]
    known: Known

    def lines(self) -> list[Lines]:
        return [(list(self.rows.values()), self.verdicts)]


def begin(reading: Reading, since: str | None = None) -> Told:
    """Where a destination begins that was told nothing yet: now, or with the records since then.

    Args:
        since: RFC 3339 UTC, compared with the log's own time.
    """
    size, origin = reading.ledger.size, reading.ledger.head().origin
    later = reading.index.runs(since=since, newest_first=False, limit=1) if since else ()
    began = later[0].index if later else size
    told = Told(origin=origin, began=began)
    for pipeline in pipelines(reading.index, _known(reading)):
        before = [*_settled(reading, pipeline, before=began, newest=_LOOKED_AT)]
        if before:
            row = rows_of(reading.index, [before[-1].last])[0]
            told = told.with_last(_last(pipeline, before[-1], row))
    return told


def of_the_log(told: Told, sentence: str) -> Change:
    """That the log as a whole cannot be believed, or is to be looked at: `sentence` says why."""
    return Change(was=UNTOLD, light="red", sentence=sentence, origin=told.origin)


def replaced(reading: Reading, told: Told) -> str:
    """Why what was told is not in this log; empty where it is."""
    size = reading.ledger.size
    if told.origin != reading.ledger.head().origin:
        return "Another log is in the place of the one that was watched."
    seen = max([told.began, *(item.entry + 1 for item in told.last)])
    if seen > size:
        return f"The log has {size:,} entries, and {seen:,} were seen: its end was cut off."
    rows = {row.index: row for row in rows_of(reading.index, [item.entry for item in told.last])}
    for item in told.last:
        # A pruned entry has no row; that its place is proven still, the log says itself.
        if item.entry in rows and rows[item.entry].evidence_sha256 != item.evidence_sha256:
            return f"Entry {item.entry:,} of the log is another record than the one that was seen."
    return ""


def steps(reading: Reading, told: Told) -> list[Step]:
    """What there is to tell since then, oldest first; each record is held against the log.

    Raises:
        EvidenceError: the log was altered.
    """
    found, _ = reading.shown(lambda: _find(reading, told), _Found.lines)
    return [_step(reading, found, *one) for one in found.of]


def _find(reading: Reading, told: Told) -> _Found:
    known, new = _known(reading), list[tuple[Pipeline, Light, RunLight]]()
    for pipeline in pipelines(reading.index, known):
        last = told.of(pipeline)
        start = told.began if last is None else last.entry + 1
        light = UNTOLD if last is None else last.light
        if pipeline.last < start and (last is None or pipeline.light == light):
            continue
        for run in _settled(reading, pipeline, since=min(start, pipeline.last)):
            if run.light != light or run.last >= start:
                new.append((pipeline, light, run))
                light = run.light
    new.sort(key=lambda item: item[2].last)
    entries = {entry for _, _, run in new for entry in (run.worst, run.last)}
    rows = {row.index: row for row in rows_of(reading.index, sorted(entries))}
    return _Found(new, rows, verdicts_of(reading.index, rows), known)


def _settled(reading: Reading, pipeline: Pipeline, **which: int) -> Iterator[RunLight]:
    """Its runs that can be told of."""
    known = _known(reading)
    begun = unended(reading.index)
    under_way = {run for entry, run in begun.items() if known.begun.get(entry) == UNDER_WAY}
    for run in run_lights(reading.index, pipeline, known, **which):
        if run.light == "red" or run.run_id not in under_way:
            yield run


def _known(reading: Reading) -> Known:
    return replace(reading.known(), waiting=())


def _step(reading: Reading, found: _Found, pipeline: Pipeline, was: Light, run: RunLight) -> Step:
    last = _last(pipeline, run, found.rows[run.last])
    if run.light == was:
        return Step(last)
    row, verdicts = found.rows[run.worst], found.verdicts.get(run.worst, ())
    # A phase of a run leaves controls out; where the whole is green, others judged these.
    mended = run.light == "green" != row.light
    said = "Every control passed, conclusively." if mended else None
    change = Change(
        policy=pipeline.policy,
        version=row.policy_version,
        name=pipeline.name,
        experiment=pipeline.experiment,
        was=was,
        light=run.light,
        sentence=said or explanation(row, verdicts, (), found.known),
        controls=tuple(one.control for one in verdicts if known_light(one.light) != "green"),
        entry=row.index,
        run_id=row.run_id,
        evidence_sha256=row.evidence_sha256,
        at=row.appended_at,
        origin=reading.ledger.head().origin,
    )
    return Step(last, change)


def _last(pipeline: Pipeline, run: RunLight, row: RunRow) -> Last:
    return Last(
        policy=pipeline.policy,
        name=pipeline.name,
        experiment=pipeline.experiment,
        light=run.light,
        entry=row.index,
        evidence_sha256=row.evidence_sha256,
    )
