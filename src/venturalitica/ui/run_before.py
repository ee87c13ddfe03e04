"""What came before a record: the commitment to its policy, and the runs that tried the same.

The commitment is the one that the record, or each audit of a run, names; it is read from the log.
Which runs tried the same is asked of the index, each row that is told of held against the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.json_values import integer, text
from venturalitica.core.prior import Committed
from venturalitica.core.record import AUDIT, BEGIN, KINDS, RUN, Statement
from venturalitica.core.verdict import Light, worst_light
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.counts.attempts import (
    Before,
    committed_before,
    data_of_run,
    records_of,
    tried_before,
)
from venturalitica.ledger.index.queries import Known, light_of
from venturalitica.ledger.lifecycle.begun import UNDER_WAY
from venturalitica.ledger.records.looks import commitment_in

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, RunRow
    from venturalitica.ledger.records.kinds.commitment import Commitment
    from venturalitica.ui.reader import Reading

LISTED = 10
"""Earlier attempts that are told of one by one."""


class Attempt(Struct, frozen=True, kw_only=True):
    """One earlier run that tried the same, by the last of its records.

    `fate` is what became of it in a word or two, `said` in a sentence; `policy` names the text that
    judged it, where that is another. `counted`: it came after the commitment, where there is one.
    """

    entry: int
    name: str
    started_at: str
    light: Light
    fate: str
    said: str
    policy: str = ""
    counted: bool = True


class Kept(Struct, frozen=True):
    """One thing that was committed to, and whether it was kept; None where nobody can say.

    `whose` is the audit inside a run of which that is told; empty for the record itself.
    """

    what: str
    said: str
    kept: bool | None
    found: str
    whose: str = ""


class CommitmentShown(Struct, frozen=True, kw_only=True):
    """The commitment that covers a record, as the log has it.

    `problem` says why the one that is named cannot be shown or believed; nothing else is said then.
    `own`: it is signed by a key of the reader's.
    """

    entry: int
    problem: str = ""
    committed_at: str = ""
    timestamped_at: str = ""
    signer: str = ""
    own: bool = False
    kept: tuple[Kept, ...] = ()

    @property
    def sentence(self) -> str:
        """Whether it was kept, in short."""
        if self.problem:
            return f"The commitment in entry {self.entry} cannot be believed: {self.problem}"
        by: dict[str, list[Kept]] = {}
        for one in self.kept:
            by.setdefault(one.whose, []).append(one)
        told = [_whether(whose, found) for whose, found in by.items() if whose or len(by) == 1]
        return f"The commitment in entry {self.entry} {'; '.join(told)}."


def _whether(whose: str, kept: Sequence[Kept]) -> str:
    by = f" by {whose}" if whose else ""
    broken = [one.found for one in kept if one.kept is False]
    if broken:
        return f"was not kept{by}: {', '.join(broken)}"
    if any(one.kept for one in kept if one.what == DATA):
        return f"was kept{by}"
    if any(one.kept for one in kept if one.what == ROWS):
        return f"was kept{by} as far as it goes: it planned as many rows, and named no data"
    said = next((one.found for one in kept if one.what == DATA), "")
    return f"dates the policy text{by}, and no more: {said}"


DATA, ROWS, TEXT = "Test data", "Rows planned", "Policy text"


class BeforeShown(Struct, frozen=True, kw_only=True):
    """All that the page of a record shows of what came before it.

    `attempts` are the newest, of `total`; `more`: or of more. `since` is the entry of the
    commitment that they are counted from.
    """

    commitments: tuple[CommitmentShown, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    total: int = 0
    more: bool = False
    since: int | None = None
    earlier: int = 0
    data_known: bool = True
    gone: int = 0
    edited: str = ""

    @property
    def attempt(self) -> str:
        """Which attempt it was, and what became of those before it."""
        if not (self.data_known or self.total):
            return "Which attempt this was is not known: no digest of its data was taken."
        where = "at these data" if self.data_known else "of this name"
        if self.since is not None:
            where = f"since the commitment in entry {self.since}"
        if not self.total:
            return f"The first attempt {where}, as far as this log holds them.{self._before}"
        number = f"more than {self.total:,}" if self.more else f"{self.total + 1:,}"
        counted = [one for one in self.attempts if one.counted]
        if not counted:
            return f"Attempt {number} {where}.{self._before}"
        before = _fates(counted, last=self.total > len(counted))
        return f"Attempt {number} {where}: {before}.{self._before}"

    @property
    def _before(self) -> str:
        if not self.earlier:
            return ""
        more = "" if self.earlier == 1 else "s"
        return f" {self.earlier:,} more attempt{more} came before the commitment."

    @property
    def listed(self) -> str:
        """How many are listed, of how many."""
        every = self.total + self.earlier
        if len(self.attempts) < every:
            return f"the last {len(self.attempts)} of {every:,}{' or more' if self.more else ''}"
        return f"{every:,}"

    @property
    def committed(self) -> str:
        """Whether a commitment was made before, and kept."""
        said = " ".join(one.sentence for one in self.commitments)
        return said or "No commitment was made before this run."

    @property
    def missing(self) -> str:
        """That the record counted more than can be listed; empty where it did not."""
        if not self.gone:
            return ""
        audits = f"{self.gone:,} earlier audit{'' if self.gone == 1 else 's'}"
        return (
            f"{audits} of these data that the record counts cannot be listed: pruned since, or in "
            "a form of before, whose data are not known again here."
        )


def read_before(
    reading: Reading, entry: Entry, row: RunRow, inside: Sequence[Entry] = ()
) -> BeforeShown:
    """What came before the record of an entry, whose row this is.

    Args:
        inside: the audits of a run, as it names them.

    Raises:
        EvidenceError: the log was altered.
    """
    named = _named(reading, entry, row, inside)
    found, edited = reading.shown(
        lambda: _found(reading, row, [entry for entry, _ in named]),
        lambda one: [(one[1], None)],
    )
    before, rows, data = found
    known = reading.known()
    by_run: dict[str, list[RunRow]] = {run_id: [] for run_id, _ in before.runs[:LISTED]}
    for one in rows:
        by_run.setdefault(one.run_id, []).append(one)
    since = max((place for place, _ in named), default=None)
    attempts = [
        _attempt(by_run[run], row, known, counted=since is None or place > since)
        for run, place in before.runs[:LISTED]
        if by_run[run]
    ]
    counted = [place for _, place in before.runs if since is None or place > since]
    return BeforeShown(
        commitments=tuple(_commitment(reading, place, said, known) for place, said in named),
        attempts=tuple(attempts),
        total=len(counted),
        more=before.more and len(counted) == len(before.runs),
        since=since,
        earlier=len(before.runs) - len(counted),
        data_known=bool(data),
        gone=_gone(entry.record, before),
        edited=edited,
    )


Found = tuple[Before, tuple["RunRow", ...], tuple[str, ...]]


def _found(reading: Reading, row: RunRow, commitments: Sequence[int]) -> Found:
    """The runs that tried the same, the records of those that are told of, and by what data."""
    from venturalitica.ledger.index.queries import rows_of

    index = reading.index
    data = data_of_run(index, row.run_id) if row.kind == KINDS[RUN] else (row.data,)
    of = tuple(one for one in data if one)
    before = tried_before(index, row, data=of, before=row.index, unended=reading.begun())
    rows = records_of(index, [run_id for run_id, _ in before.runs[:LISTED]])
    return before, (*rows, *rows_of(index, commitments)), of


def _gone(record: Statement, before: Before) -> int:
    """How many audits the record counts that the index does not find."""
    counted = record.prior.attempts if record.prior else None
    return 0 if counted is None or before.more else max(0, counted.audits - before.audits)


def _attempt(rows: Sequence[RunRow], own: RunRow, known: Known, *, counted: bool) -> Attempt:
    """How a run went, by its records."""
    audits = [row for row in rows if row.kind == KINDS[AUDIT]]
    end = next((row for row in rows if row.kind == KINDS[RUN]), None)
    began = next((row for row in rows if row.kind == KINDS[BEGIN]), None)
    state = known.begun.get(began.index, "") if began is not None and end is None else ""
    lit = [light_of(row, known) for row in rows if row.kind != KINDS[BEGIN] or state]
    light = worst_light(lit)
    shown = end or (audits[-1] if audits else rows[0])
    raised = f"ended with {end.exception}" if end is not None and end.exception else ""
    ended = raised or state or ("" if audits else "nothing was judged")
    text_of = {row.policy_sha256 for row in audits} - {own.policy_sha256}
    other = next((row for row in audits if row.policy_sha256 in text_of), None)
    return Attempt(
        entry=shown.index,
        name=shown.name,
        started_at=rows[0].started_at,
        light=light,
        fate=state or (raised and "ended with an exception") or ("" if audits else ended) or light,
        said=", ".join(filter(None, (_judged(audits), ended))),
        policy=f"{other.policy_name} {other.policy_version}" if other is not None else "",
        counted=counted,
    )


def _judged(audits: Sequence[RunRow]) -> str:
    """`1 of 8 controls failed` of the worst of its audits; empty where it has none."""
    if not audits:
        return ""
    worst = max(audits, key=lambda row: (row.failed + row.errors, row.not_evaluated))
    total = worst.passed + worst.failed + worst.not_evaluated + worst.errors
    said = (
        (worst.failed, "failed"),
        (worst.errors, "could not be computed"),
        (worst.not_evaluated, "not evaluated"),
    )
    parts = [f"{number:,} {words}" for number, words in said if number]
    controls = f"{total:,} control{'' if total == 1 else 's'}"
    if not parts:
        return f"all of {controls} passed" if total else ""
    number, _, first = parts[0].partition(" ")
    return ", ".join([f"{number} of {controls} {first}", *parts[1:]])


def _fates(attempts: Sequence[Attempt], *, last: bool) -> str:
    """`of the 3 before it 2 were red and 1 did not end`; `last`: there were more."""
    counts = Counter(one.fate for one in attempts)
    if len(attempts) == 1:
        return f"the one before it {_fate(attempts[0].fate, 1)}"
    before = f"the {'last ' if last else ''}{len(attempts)} before it"
    if len(counts) == 1:
        return f"{before} {_fate(attempts[0].fate, len(attempts))}"
    *words, end = [f"{number} {_fate(fate, number)}" for fate, number in counts.most_common()]
    return f"of {before} {', '.join(words)} and {end}"


def _fate(fate: str, number: int) -> str:
    be = "was" if number == 1 else "were"
    begun = "has no end on record" if number == 1 else "have no end on record"
    known = {
        **{light: f"{be} {light}" for light in ("red", "amber", "green", "grey")},
        UNDER_WAY: f"{'is' if number == 1 else 'are'} under way",
        "begun, no end on record": begun,
        "nothing was judged": "ended without judging anything",
    }
    return known.get(fate, fate)


Named = tuple[int, tuple[tuple[str, Committed | None], ...]]
"""A commitment's entry, and what names it: an audit itself (empty), or the entry of one inside."""


def _named(
    reading: Reading, entry: Entry, row: RunRow, inside: Sequence[Entry]
) -> tuple[Named, ...]:
    """The commitments that a record names, or the audits inside a run."""
    record = entry.record
    found: dict[int, list[tuple[str, Committed | None]]] = {}
    records = [("", record), *((f"entry {one.index}", one.record) for one in inside)]
    for whose, said in records:
        made = said.prior.commitment if said.prior else None
        if made is not None:
            found.setdefault(made.entry, []).append((whose, made))
    policy = record.policy
    if not found and row.kind == KINDS[RUN] and policy is not None:
        place = committed_before(reading.index, row.policy_name or "", policy.sha256, row.index)
        if place is not None:
            found[place] = [("", None)]
    return tuple((place, tuple(said)) for place, said in sorted(found.items()))


def _commitment(
    reading: Reading,
    place: int,
    named: Sequence[tuple[str, Committed | None]],
    known: Known,
) -> CommitmentShown:
    """A commitment, read from the log, and what the audits say of how it was kept."""
    if place >= reading.ledger.size:
        return CommitmentShown(entry=place, problem="there is no such entry in this log.")
    try:
        entry = reading.ledger.entry(place)
    except EvidenceError as error:
        return CommitmentShown(entry=place, problem=str(error))
    made = commitment_in(entry.record)
    digests = {said.evidence_sha256 for _, said in named if said is not None}
    fault = known.refuted or known.faults.get(place, "")
    if fault or made is None or digests - {entry.evidence_sha256}:
        why = fault or "it is not the record that is named here."
        return CommitmentShown(entry=place, problem=why)
    return CommitmentShown(
        entry=place,
        committed_at=made.committed_at,
        timestamped_at=made.timestamped_at or "",
        signer=entry.signer,
        own=entry.signer in reading.own_keys(),
        kept=tuple(_kept(made, named)),
    )


_FOUND = {
    DATA: {True: "these were judged", False: "other data were judged"},
    ROWS: {True: "as many were judged", False: "another number of rows was judged"},
}


def _kept(made: Commitment, named: Sequence[tuple[str, Committed | None]]) -> Iterator[Kept]:
    policy, data = made.policy, made.data
    # An audit names a commitment to its very text; for a run it was looked for by that.
    yield Kept(TEXT, f"{policy.name} {policy.version}", True, "judged by this very text")
    for whose, said in named:
        if data is None:
            yield Kept(DATA, "none were named", None, "it named no data", whose)
        else:
            count = integer(data.get("rows"))
            of = f", {count:,} rows" if count is not None else ""
            yield _told(DATA, f"{text(data.get('name'))}{of}", said, whose)
        if made.rows is not None:
            yield _told(ROWS, f"{made.rows:,}", said, whose)


def _told(what: str, promised: str, said: Committed | None, whose: str) -> Kept:
    if said is None:
        return Kept(what, promised, None, "nothing was judged here", whose)
    kept = said.data if what == DATA else said.rows
    found = "its data cannot be compared" if kept is None else _FOUND[what][kept]
    return Kept(what, promised, kept, found, whose)
