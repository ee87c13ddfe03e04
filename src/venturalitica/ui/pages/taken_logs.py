"""Logs that were taken in, on the pages: their pipelines, their newest records, and why each light
is what it is.

What was read of a log is kept while it is the one that was taken, and its files are the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.record import is_tracker_run
from venturalitica.core.text import is_web_address
from venturalitica.core.verdict import Light
from venturalitica.errors import EvidenceError, SettingsError, listed
from venturalitica.ledger.carrying.taken import LOGS, Taken, taken_logs
from venturalitica.ledger.index.cross_check import Held, stamp_of
from venturalitica.ledger.index.pipelines import Pipeline, pipelines, trends
from venturalitica.ledger.index.queries import JUDGED, RANKS, rows_of, verdicts_of
from venturalitica.ledger.lifecycle.ties import attached_by_record, runs_of
from venturalitica.ledger.receipts import NewestReceipts
from venturalitica.review.carried_records import SHOWN, Lists, Shown, whose, words
from venturalitica.review.record_page import known_here
from venturalitica.ui.verification_steps import KINDS, explanation

if TYPE_CHECKING:
    from venturalitica.ledger import Index, Ledger, RunRow, VerdictRow
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ui.reader import Reading

NEWEST = 50
"""Records that the list of runs shows of logs taken in."""

AT_ONCE = 4
"""Logs of which a page of the overview reads the pipelines; what it read is kept."""

MOST = 100
"""Pipelines that the overview shows, the worst first."""

RUNS = 8
"""Runs of a pipeline that are looked up, for all records of its last."""


class TakenRun(Struct, frozen=True, kw_only=True):
    """One line of the list of records of logs that were taken in; `place` is NAME:ENTRY."""

    place: str
    row: RunRow
    light: Light
    kind: str
    why: str
    by: str
    url: str


class TakenRuns(Struct, frozen=True):
    """The newest records, and what is to be said of logs that cannot be read."""

    runs: tuple[TakenRun, ...] = ()
    unreadable: tuple[str, ...] = ()


class TakenPipeline(Struct, frozen=True, kw_only=True):
    """How the last run of a pipeline went, by the newest log of a key that has it.

    `place` is NAME:ENTRY of the record that explains the light, `log` the log's whole name; `logs`
    is how many of the key's logs have the pipeline.
    """

    key: tuple[str, str | None, str, str]
    light: Light
    why: str
    log: str
    place: str
    at: str
    by: str
    url: str
    logs: int = 1

    @property
    def policy(self) -> str | None:
        """What it was judged by."""
        return self.key[1]

    @property
    def name(self) -> str:
        """What its runs are called."""
        return self.key[2]


class TakenPipelines(Struct, frozen=True):
    """The pipelines of all logs, failures first; `more` of them are not among these, and so many
    logs are `unread`. `red` is how many are, shown or not."""

    pipelines: tuple[TakenPipeline, ...] = ()
    unreadable: tuple[str, ...] = ()
    logs: int = 0
    unread: int = 0
    more: int = 0
    red: int = 0


def newest_taken(reading: Reading, log: str = "") -> TakenRuns:
    """The newest records of all logs that were taken in, or of one of them.

    Raises:
        EvidenceError: the own log was altered.
    """
    logs = logs_taken(reading)
    if not logs:
        return TakenRuns()
    stamp = tuple(_stamp(taken, reading.own_keys()) for taken in logs)
    return reading.desk.kept.of(f"taken runs {log}", stamp, lambda: _newest(reading, log))


def _newest(reading: Reading, log: str) -> TakenRuns:
    others = {"without": tuple(kind for kind in KINDS if kind not in JUDGED)}
    try:
        lists = Lists(reading.ledger, others, None, most=NEWEST, log=log or None, own=False)
        shown = list(lists)
    except (EvidenceError, SettingsError) as error:
        if not log:
            raise
        return TakenRuns((), (str(error),))
    return TakenRuns(tuple(_with_reasons(shown)), lists.unreadable)


def _with_reasons(shown: Sequence[Shown]) -> Iterator[TakenRun]:
    of_log: dict[str, dict[int, Sequence[VerdictRow]]] = {}
    for name in {one.taken.name for one in shown if one.taken}:
        of = [one for one in shown if one.taken and one.taken.name == name]
        of_log[name] = _verdicts(of[0].ledger, [one.listed.row for one in of])
    for one in shown:
        found, by = one.listed, one.by() or {}
        verdicts = of_log[one.taken.name] if one.taken else {}
        late = [
            str(run["tracker"]) for run in found.trackers if found.waits and is_tracker_run(run)
        ]
        yield TakenRun(
            place=one.place,
            row=found.row,
            light=found.light,
            kind=KINDS.get(found.row.kind, found.row.kind),
            why=_reason(
                found.row, found.light, verdicts.get(found.row.index, ()), late, found.known
            ),
            by=words(by),
            url=_address(by),
        )


def _verdicts(ledger: Ledger, rows: Sequence[RunRow]) -> dict[int, Sequence[VerdictRow]]:
    """The verdicts of these records, as the log bears them out; else none."""
    from venturalitica.ledger import Index

    with Index.open(ledger) as index:
        found = verdicts_of(index, [row.index for row in rows])
    try:
        return dict(found) if Held().are_recorded(ledger, None, rows, found) else {}
    except EvidenceError:
        return {}


def _reason(
    row: RunRow,
    light: Light,
    verdicts: Sequence[VerdictRow],
    late: Iterable[str],
    known: Known,
) -> str:
    """Why its light is what it is; `late` are the trackers that confirmed nothing here."""
    said = explanation(row, verdicts, (), replace(known, waiting=()))
    names = listed(sorted(set(late)), 3)
    if not names or light != "amber":
        return said
    return (
        f"{said} What {names} confirmed to the machine that recorded it is not carried: here it is "
        "amber at best."
    )


def _address(by: Mapping[str, Any]) -> str:
    address = by.get("url") or ""
    return address if is_web_address(address) else ""


def logs_taken(reading: Reading) -> list[Taken]:
    """The logs that were taken in, the one with the newest record first; none of an altered log."""

    def make() -> list[Taken]:
        try:
            logs = taken_logs(reading.ledger, reading.index).values()
        except EvidenceError:
            return []  # its own rows are red then; 'verify' says where
        return sorted(logs, key=lambda one: one.last.latest, reverse=True)

    return reading.kept("logs taken", make) if (reading.desk.home / LOGS).is_dir() else []


def taken_pipelines(reading: Reading, *, every: bool = False) -> TakenPipelines:
    """The pipelines of the logs that were taken in: of so many as a page may read at once, and all
    that were read before; of `every` one where no other page comes after this."""
    logs = logs_taken(reading)
    if not logs:
        return TakenPipelines()
    read: _Read = reading.desk.kept.of("pipelines taken in", (), _Read)
    at_once = len(logs) if every else 0 if reading.early else AT_ONCE
    found = read.of(logs, reading.own_keys(), at_once=at_once)
    joined = _joined(one for some in found for one in some.pipelines)
    unreadable = tuple(some.unreadable for some in found if some.unreadable)
    return TakenPipelines(
        pipelines=tuple(joined[:MOST]),
        unreadable=unreadable,
        logs=len(logs),
        unread=len(logs) - len(found),
        more=max(0, len(joined) - MOST),
        red=sum(one.light == "red" for one in joined) + len(unreadable),
    )


class _OfLog(Struct, frozen=True):
    """The pipelines of one log, or why they cannot be told."""

    pipelines: tuple[TakenPipeline, ...] = ()
    unreadable: str = ""


class _Read:
    """What was read of logs, each with what it was read from."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[object, _OfLog]] = {}

    def of(self, logs: Sequence[Taken], own: frozenset[str], *, at_once: int) -> list[_OfLog]:
        """Of these logs, in their order, all that is known; at most `at_once` are read for it."""
        found = []
        for taken in logs:
            stamp = _stamp(taken, own)
            known = self._known.get(taken.name)
            if known is None or known[0] != stamp:
                if not at_once:
                    continue
                at_once -= 1
                known = self._known[taken.name] = stamp, _read(taken)
            found.append(known[1])
        return found


def _stamp(taken: Taken, own: frozenset[str]) -> object:
    """Changes when the log does, or the reader's keys."""
    # Not with its index: all that is shown of it is held against the log.
    names = ("log/entries.jsonl", "log/checkpoint", "keys")
    files = tuple(stamp_of(taken.home / name) for name in names)
    return taken.last, taken.recorded_by, own, files


def _read(taken: Taken) -> _OfLog:
    from venturalitica.ledger import Index

    try:
        ledger = taken.ledger()
        known, held = known_here(ledger), Held()

        def find() -> _Found:
            with Index.open(ledger) as index:
                return _Found.of_log(ledger, index, replace(known, faults=held.faults))

        def again() -> None:
            with Index.open(ledger) as index:
                index.rebuild()

        recorded = partial(held.are_recorded, ledger, None)
        found, _ = held.shown(find, lambda one: [(one.rows, one.verdicts)], recorded, again)
        return _OfLog(tuple(found.lines(taken, ledger)))
    except EvidenceError:
        said = f"the log {taken.name}, taken in entry {taken.entry}, cannot be read"
        return _OfLog(unreadable=f"{said}: 'venturalitica verify' says why")


class _Found(Struct, frozen=True):
    """Pipelines of a log, and the records of the last run of each; `late` are the trackers that
    confirmed none, by entry."""

    of: Sequence[tuple[Pipeline, Sequence[RunRow]]]
    rows: Sequence[RunRow]
    verdicts: Mapping[int, Sequence[VerdictRow]]
    known: Known
    late: Mapping[int, Sequence[str]]

    @classmethod
    def of_log(cls, ledger: Ledger, index: Index, known: Known) -> _Found:
        """Ask the index of a log."""
        every = pipelines(index, known)
        lines = trends(index, every, known, limit=RUNS)
        told = rows_of(index, {entry for item in every for entry in (item.last, item.worst)})
        rows = {row.index: row for row in told}
        for points in lines.values():
            rows |= {row.index: row for row in (points[-1].records if points else ())}
        made = attached_by_record(ledger, index)
        runs = {
            row.index: runs_of(row.trackers, made.get((row.index, row.evidence_sha256), ()))
            for row in rows.values()
        }
        due = {
            (row.index, str(run["tracker"]), str(run["run_id"]), row.evidence_sha256)
            for row in rows.values()
            for run in filter(is_tracker_run, runs[row.index])
        }
        late: dict[int, list[str]] = {}
        for entry, tracker, *_ in NewestReceipts(ledger.home / "receipts.jsonl").not_confirmed(due):
            late.setdefault(entry, []).append(tracker)
        known = replace(known, waiting=frozenset(late))
        # Asked again, now that it is known what no tracker confirmed here.
        of = [
            (item, [row for row in rows.values() if row.run_id == item.run_id])
            for item in pipelines(index, known)
            if item.worst in rows
        ]
        verdicts = verdicts_of(index, rows)
        return cls(of, list(rows.values()), verdicts, known, late)

    def lines(self, taken: Taken, ledger: Ledger) -> Iterator[TakenPipeline]:
        """A line for each."""
        rows = {row.index: row for row in self.rows}
        for item, records in self.of:
            worst = rows[item.worst]
            judged = [one for row in records for one in self.verdicts.get(row.index, ())]
            late = [name for row in records for name in self.late.get(row.index, ())]
            by = whose(taken, ledger.entry(worst.index).record)
            yield TakenPipeline(
                key=(by["key"], item.policy, item.name, item.experiment),
                light=item.light,
                why=_reason(worst, item.light, judged, late, self.known),
                log=taken.name,
                place=f"{taken.name[:SHOWN]}:{worst.index}",
                at=worst.started_at or worst.appended_at,
                by=words(by),
                url=_address(by),
            )


def _joined(found: Iterable[TakenPipeline]) -> list[TakenPipeline]:
    """One line for a pipeline of a key, however many of its logs have it: the newest run tells."""
    newest: dict[object, TakenPipeline] = {}
    for one in sorted(found, key=lambda one: one.at, reverse=True):
        known = newest.setdefault(one.key, replace(one, logs=0))
        newest[one.key] = replace(known, logs=known.logs + 1)
    return sorted(newest.values(), key=lambda one: RANKS[one.light])
