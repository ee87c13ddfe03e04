"""What could be pruned today: which entries were kept long enough, and what keeps the others.

A segment is an aligned block of entries, complete and followed by at least one entry. It is pruned
if each audit and run in it, and each beginning of a run, is past its retention and nothing of it
waits for a tracker. Records of other kinds (approvals, erasures, placements, rotations, prunings,
and those of kinds that this version does not know) stay in it as they are.

What a prune record names and is still there is looked at in the same way: the record may be of a
pruning that was interrupted, or somebody's who wants to see our entries go.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from msgspec import Struct, field

from venturalitica.core.record import Statement
from venturalitica.core.retention import TEN_YEARS, RetentionTerm, day_of, last_day
from venturalitica.errors import EntryPruned, EvidenceError
from venturalitica.ledger.formats.merkle import root_of
from venturalitica.ledger.index.index import Index
from venturalitica.ledger.lifecycle.place import Placed, placings
from venturalitica.ledger.lifecycle.rewrite import rewrite
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.outbox import Outbox
from venturalitica.ledger.records.kinds.erasure import held_by
from venturalitica.ledger.records.kinds.pruning import Range, prune_statement, pruned_by
from venturalitica.ledger.records.vault import Vault
from venturalitica.system.files import NoLocksError, locked

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry


SEGMENT = 1024
"""Entries of a segment; a power of two, so that a whole one is a subtree of the log's tree."""

Progress = Callable[[int, int], None]


class Plan(Struct, frozen=True):
    """What a pruning would take out.

    `until` is the latest day until which one of these entries had to be kept; `left` are those that
    an earlier prune record names and that are still there; `waiting` counts the complete segments
    that must stay (and what a record names too early), `why` is the first reason; `newest` is when
    the last entry was appended.
    """

    ranges: tuple[Range, ...] = ()
    classes: Mapping[str, int] = field(default_factory=dict)
    until: date | None = None
    segment: int = SEGMENT
    placed: date | None = None
    left: tuple[Range, ...] = ()
    waiting: int = 0
    why: str = ""
    newest: str = ""

    @property
    def entries(self) -> int:
        """How many entries it takes out."""
        return sum(item.count for item in (*self.left, *self.ranges))


def plan(
    ledger: Ledger,
    today: date,
    *,
    segment: int = SEGMENT,
    placed: date | None = None,
    progress: Progress | None = None,
) -> Plan:
    """Find out what could be pruned on that day; nothing is written.

    Args:
        placed: the day the system was placed on the market or put into service, for ten-year
            records from before such days were recorded: without it they count from each record.

    Raises:
        EvidenceError: the log was altered.
    """
    if segment < 2 or segment & (segment - 1):
        raise EvidenceError(f"a segment of {segment} entries: expected a power of two from 2 on")
    survey = _Survey(ledger, segment, today, placed)
    for entry in ledger.entries():
        survey.take(entry)
        if progress is not None:
            progress(entry.index + 1, survey.size)
    return survey.plan()


class _Survey:
    """Sorts the entries of a log into segments, and into what prune records name."""

    def __init__(self, ledger: Ledger, segment: int, today: date, placed: date | None) -> None:
        self.size, self._segment, self._today, self._placed = ledger.size, segment, today, placed
        self._days = _Days(placed, placings(ledger))
        self._undelivered = frozenset(item.index for item in Outbox(ledger).waiting())
        self._named = deque(sorted(item for item, _ in still_there(ledger).values()))
        self._segments: dict[int, _Block] = {}
        self._recorded: dict[Range, _Block] = {}
        self._latest, self._newest = date.min, ""

    def take(self, entry: Entry) -> None:
        """Take in the next entry."""
        # No entry was appended before the one before it, whatever the clock said.
        self._newest = entry.record.link.appended_at
        self._latest = max(self._latest, day_of(self._newest))
        block = self._block(entry.index)
        if block is not None:
            waits = entry.index in self._undelivered
            block.take(entry, self._latest, self._today, self._days, waits=waits)

    def plan(self) -> Plan:
        """What all that comes to."""
        found = [block for block in self._segments.values() if block.judged]
        ready = [block for block in found if not block.why]
        kept = {item: block.reason(item) for item, block in self._recorded.items()}
        stay = [f"a prune record names {item}, but {why}" for item, why in kept.items() if why]
        stay += [block.why for block in found if block.why]
        return Plan(
            ranges=tuple(chunk for block in ready for chunk in block.ranges()),
            classes=dict(sum((block.classes for block in ready), Counter[str]())),
            until=max((block.until for block in ready), default=None),
            segment=self._segment,
            placed=self._placed,
            left=tuple(item for item, why in kept.items() if not why),
            waiting=len(stay),
            why=stay[0] if stay else "",
            newest=self._newest,
        )

    def _block(self, index: int) -> _Block | None:
        """Where an entry belongs; None for one of the last segment."""
        while self._named and self._named[0].end <= index:
            self._named.popleft()
        if self._named and self._named[0].start <= index:
            return self._recorded.setdefault(self._named[0], _Block())
        number = index // self._segment
        whole = (number + 1) * self._segment < self.size
        return self._segments.setdefault(number, _Block()) if whole else None


class _Days(Struct, frozen=True):
    """When systems were placed: by the caller, for older records, and by the log."""

    said: date | None
    recorded: Placed

    def last(self, kept: RetentionTerm, record: Statement, appended: date) -> date | None:
        """The last day on which a record must be kept; None where that is not known yet."""
        if kept.from_placed:
            return kept.last_day(appended, self.recorded.day(record, appended))
        placed = self.said if kept.name == TEN_YEARS else None
        days = [kept.last_day(appended), last_day(TEN_YEARS, placed) if placed else None]
        return max(filter(None, days))


class _Block(Struct, dict=True):
    """A complete segment, or what a record names, while it is read; `why` says what keeps it."""

    judged: dict[int, bytes] = field(default_factory=dict)
    classes: Counter[str] = field(default_factory=Counter)
    until: date = date.min
    why: str = ""

    def take(self, entry: Entry, appended: date, today: date, days: _Days, *, waits: bool) -> None:
        record = entry.record
        if not (record.has_term and record.understood):
            return
        self.judged[entry.index] = bytes.fromhex(entry.leaf_sha256)
        try:
            kept = RetentionTerm.of(record.retention)
        except EvidenceError as error:
            self._stay(f"entry {entry.index}: {error}")
            return
        last = days.last(kept, record, appended)
        self.classes[kept.name] += 1
        if last is None:
            model = next((digest[:12] for _, digest in record.models), "MODEL")
            self._stay(
                f"entry {entry.index} is to be kept for ten years from the day on which its model "
                f"is placed on the market, and that is not recorded: 'venturalitica place {model} "
                "--on DATE'"
            )
            return
        self.until = max(self.until, last)
        if last >= today:
            self._stay(f"entry {entry.index} is to be kept until {last}")
        if waits:
            self._stay(f"entry {entry.index} has not reached its tracker; 'venturalitica sync'")

    def _stay(self, why: str) -> None:
        self.why = self.why or why

    def reason(self, item: Range) -> str:
        """What keeps something that a record names; empty where nothing does."""
        if self.why or len(self.judged) != item.count:
            return self.why or "not all of that are audits and runs"
        named = root_of(tuple(self.judged.values())) == item.root
        return "" if named else "it does not mean those of this log"

    def ranges(self) -> Iterator[Range]:
        """The runs of consecutive entries that are pruned."""
        run: list[int] = []
        for index in self.judged:
            if run and index != run[-1] + 1:
                yield self._range(run)
                run = []
            run.append(index)
        if run:
            yield self._range(run)

    def _range(self, run: Sequence[int]) -> Range:
        return Range(run[0], len(run), root_of(tuple(self.judged[index] for index in run)))


def still_there(ledger: Ledger) -> dict[int, tuple[Range, int]]:
    """What prune records name and is in the log still, by its start, with the record's index."""
    with Index.open(ledger) as index:
        records = [row.index for row in index.runs(kind="prune", newest_first=False)]
    named: dict[int, tuple[Range, int]] = {}
    for number in records:
        for item in pruned_by(ledger.entry(number).record):
            if item.end <= number:
                named.setdefault(item.start, (item, number))
    return {start: found for start, found in named.items() if _is_there(ledger, start)}


def _is_there(ledger: Ledger, index: int) -> bool:
    try:
        ledger.entry(index)
    except EntryPruned:
        return False
    return True


def prune(ledger: Ledger, agreed: Plan) -> Entry | None:
    """Carry out a plan; gives the prune record, None where there was nothing new to take out.

    Raises:
        EvidenceError: the log does not verify, or cannot be written; then it is as it was, or the
            prune record is appended and the next call finishes.
    """
    _refuse_lockless(ledger)
    _verify(ledger)
    _take_out(ledger, agreed.left)
    if not agreed.ranges or agreed.until is None:
        return None
    entry = ledger.append(
        prune_statement(
            agreed.ranges,
            segment=agreed.segment,
            classes=agreed.classes,
            until=agreed.until,
            placed=agreed.placed,
        )
    )
    _take_out(ledger, agreed.ranges)
    return entry


def _take_out(ledger: Ledger, ranges: Collection[Range]) -> None:
    """Put heads in the place of these ranges, which prune records name."""
    if not ranges:
        return
    left = {at: found for at, found in still_there(ledger).items() if found[0] in ranges}
    if not left:
        return
    # Before the entries go: nothing would know any more that these pairs were theirs.
    vault = Vault(ledger.home)
    for item, _ in left.values():
        for index in range(item.start, item.end):
            for digest in held_by(ledger.entry(index).record):
                vault.erase(digest)
    vault.settle()
    try:
        rewrite(LogFiles(ledger.home), ledger.head, left)
    except OSError as error:
        raise EvidenceError(
            f"{ledger.home}: the log could not be pruned: {error.strerror or error}. It is as it "
            "was; 'venturalitica prune' finishes what was begun"
        ) from error


def _refuse_lockless(ledger: Ledger) -> None:
    """Writers without locks write at places of the file that they have open: it must stay."""
    log = LogFiles(ledger.home)
    try:
        with locked(log.entries, create=False):
            if log.has_inbox():
                raise NoLocksError(f"{log.inbox.folder}: writers agree by the inbox, not by locks")
    except NoLocksError as error:
        raise EvidenceError(
            f"{error}; nothing can be pruned here. Copy the folder to a local disk while nobody "
            "writes, prune it there, and copy it back"
        ) from error


def _verify(ledger: Ledger) -> None:
    from venturalitica.ledger.verify.verify import verify_ledger

    found = verify_ledger(ledger.home)
    if found.fault is not None:
        raise EvidenceError(
            f"{ledger.home}: nothing is pruned from a log that does not verify: "
            f"{found.fault.name}: {found.fault.detail}"
        )
