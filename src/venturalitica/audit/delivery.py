"""Bring evidence from the ledger to the trackers, without making the training wait.

A parcel is built from the ledger alone, so what could not be delivered today can be tomorrow, by
another process (`sync`). The caller waits for a healthy tracker; what trackers cost beyond
`FREE_SECONDS` a delivery, and all that failing ones cost, is charged to one allowance for the whole
process (`VENTURALITICA_TRACKER_WAIT`, 2 s). When it is spent, deliveries go on in the background,
on daemon threads that the interpreter does not wait for when it ends.

The page for people follows what is confirmed, in the background: it is drawn there, once, and
waited for (`settle`) when the monitor, the tracker's run or the process ends, out of the same
allowance.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.audit.allowance import Allowance
from venturalitica.audit.parcel import Pack, carry, carry_page, pack_of, run_ref
from venturalitica.core.causes import said
from venturalitica.core.redact import redacted_traceback
from venturalitica.errors import TrackerUnreachable
from venturalitica.trackers.base import Receipt, RunRef, ask
from venturalitica.trackers.patience import ANSWER_WITHIN, patient

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger, Undelivered


log = logging.getLogger(__name__)

SYNC_WITHIN = 120.0
"""Seconds that `sync` waits for one delivery, whatever a server does."""

PATIENT = 0.75
"""The share of what trackers may delay a process in all that one may take for its first answer."""
SYNC_ANSWER_WITHIN = 20.0
"""Seconds that `sync` gives a server for its first answer: no training waits there."""


class Delivery(Struct, frozen=True):
    """What became of one parcel at one tracker run; `detail` says why it waits, if it does.

    What is `kept` lies in the folder of an offline run: on this machine, and not delivered.
    """

    run: RunRef
    index: int
    delivered: bool
    detail: str = ""
    kept: bool = False

    @property
    def state(self) -> str:
        """`delivered`, `kept` or `waits`."""
        return "delivered" if self.delivered else "kept" if self.kept else "waits"


_allowance = Allowance()
_queues: dict[tuple[str, str, str], _Queue] = {}
_queues_lock = threading.Lock()
_said: set[tuple[str, str]] = set()
_without_page: dict[_Errand, float] = {}
"""Errands whose page is due, and how long trackers may delay the process that waits for it."""


def _forget_in_child() -> None:
    """A forked child has none of its parent's threads: what they were doing is theirs alone."""
    global _queues_lock
    _queues_lock = threading.Lock()
    _queues.clear()
    _without_page.clear()
    _allowance.after_fork()


os.register_at_fork(after_in_child=_forget_in_child)


def deliver(
    ledger: Ledger, entry: Entry, runs: Sequence[RunRef], *, wait: float
) -> tuple[Delivery, ...]:
    """Deliver one entry to tracker runs, all at once, and wait no longer than allowed.

    Args:
        wait: seconds that trackers may delay this process in all.

    Never raises for a tracker's failure: what is not delivered stays in the outbox.
    """
    if not runs:
        return ()
    pack = pack_of(ledger, entry.index, entry)
    # Who lets trackers delay a process for longer lets a slow server answer later, too.
    patience = min(SYNC_ANSWER_WITHIN, max(ANSWER_WITHIN, PATIENT * wait))
    errands = [_Errand(ledger, entry.index, run, pack, answer_within=patience) for run in runs]
    for errand in errands:
        _without_page[errand] = wait
        errand.start()
    outcomes = _await(errands, wait)
    for outcome in outcomes:
        _say(outcome)
        _be_told_of_the_end(outcome.run)
    return outcomes


def _be_told_of_the_end(run: RunRef) -> None:
    from venturalitica.trackers import tracker

    try:
        ask(tracker(run.tracker), "before_end", run, _at_end(run.tracker, run.run_id))
    except Exception as error:  # noqa: BLE001 - a tracker may fail in any way
        log.debug("%s tells of no end\n%s", run.tracker, redacted_traceback(error))


@cache
def _at_end(tracker: str, run_id: str) -> Callable[[], None]:
    """One and the same for a run: a tracker that has it already does not take it twice."""
    return partial(settle, (tracker, run_id))


Place = tuple[str, str]
"""A tracker and a run of it."""

Awaited = tuple[Callable[[float], bool], float]
"""What waits so many seconds at most and says whether all is done; and how long trackers may delay
the process."""

_first: list[Callable[[Place | None], Awaited | None]] = []


def before_settling(start: Callable[[Place | None], Awaited | None]) -> None:
    """Have work begun whenever pages are waited for, and waited for with them.

    Args:
        start: begins it, elsewhere; it is told which tracker's run ends, None where none does.
    """
    if start not in _first:
        _first.append(start)


def settle(ended: Place | None = None) -> None:
    """Wait for what was begun and the pages of what was delivered, no longer than allowed.

    Pages of what is not confirmed are not waited for: `sync` delivers both.
    """
    begun = list(filter(None, (start(ended) for start in _first)))
    due = {errand: wait for errand, wait in list(_without_page.items()) if errand.receipt}
    if not due and not begun:
        return
    began = time.monotonic()
    limits = [*due.values(), *(limit for _, limit in begun)]
    deadline = began + _allowance.begin(began, max(limits))
    late: list[_Errand] = []
    left: list[object] = [None]
    try:
        left = [wait for wait, _ in begun if not wait(deadline - time.monotonic())]
        late = [errand for errand in due if not errand.page_done(deadline - time.monotonic())]
    finally:  # also where the user interrupts
        _allowance.end(began, time.monotonic(), delivered=not left and not late)
    for errand in late:
        _without_page.pop(errand, None)
        errand.say_no_page("it is not there yet")


atexit.register(settle)


def _await(errands: Sequence[_Errand], limit: float) -> tuple[Delivery, ...]:
    began = time.monotonic()
    deadline = began + _allowance.begin(began, limit)
    outcomes: tuple[Delivery, ...] = ()
    try:
        for errand in errands:
            errand.wait(max(0.0, deadline - time.monotonic()))
        outcomes = tuple(errand.outcome() for errand in errands)
    finally:  # also where the user interrupts
        delivered = bool(outcomes) and all(outcome.state != "waits" for outcome in outcomes)
        _allowance.end(began, time.monotonic(), delivered=delivered)
    return outcomes


class _Errand:
    """One delivery; its result is in the ledger's outbox, waited for or not.

    `answer_within` is how long a server may take for its first answer; where a `receipt` is given
    the page alone is still to be left.
    """

    def __init__(
        self,
        ledger: Ledger,
        index: int,
        run: RunRef,
        pack: Pack,
        *,
        answer_within: float = ANSWER_WITHIN,
        receipt: Receipt | None = None,
    ) -> None:
        self.ledger, self.index, self.run, self.pack = ledger, index, run, pack
        self.answer_within = answer_within
        self.receipt = receipt
        self.error = self.page_error = ""
        self.unreachable = False
        self._done = threading.Event()
        self._page_done = threading.Event()

    def start(self) -> None:
        self._stand("", _Errand.go)

    def _stand(self, what: str, go: Callable[[_Errand, str], str]) -> None:
        """In the queue for all else, or in that for pages, which nobody's training waits for."""
        place = (self.run.tracker, self.run.uri, what)
        with _queues_lock:
            queue = _queues.setdefault(place, _Queue(self.run.tracker + what, go))
        queue.add(self)

    def go(self, down: str) -> str:
        """Deliver, unless the tracker is `down`; answers why it is, or with an empty text."""
        try:
            if not down and self.receipt is None:
                with patient(self.answer_within):
                    self.receipt = carry(self.ledger, self.index, self.run, self.pack)
        except TrackerUnreachable as error:
            down = said(error)
        except Exception as error:  # noqa: BLE001 - a tracker may fail in any way
            self.error = said(error)
            log.debug("delivery to %s failed\n%s", self.run.tracker, redacted_traceback(error))
        self.error = self.error or down
        self.unreachable = bool(down)
        self._done.set()
        if self.receipt is None:
            self._end_page()
        else:
            self._stand(" page", _Errand.leave_page)
        return down

    def leave_page(self, down: str) -> str:
        """Draw the page and leave it beside what is confirmed, which no fault of it changes."""
        try:
            if not down and self.receipt is not None:
                if (page := self.pack().page) is not None:
                    page.html()  # not while the run is ours alone: a delivery may wait for it
                with patient(self.answer_within):
                    carry_page(self.ledger, self.index, self.run, self.pack, self.receipt)
        except TrackerUnreachable as error:
            down = said(error)
        except Exception as error:  # noqa: BLE001 - a tracker, or a page, may fail in any way
            self.page_error = said(error)
            log.debug("the page failed\n%s", redacted_traceback(error))
        self.page_error = self.page_error or down
        self.unreachable = bool(down)
        self._end_page()
        return down

    def _end_page(self) -> None:
        if self.page_error and self in _without_page:  # else `sync` asks, which tells by itself
            self.say_no_page(self.page_error)
        _without_page.pop(self, None)
        self._page_done.set()

    def page_done(self, seconds: float) -> bool:
        """Whether the page is there, or never will be."""
        return self._page_done.wait(max(0.0, seconds))

    def say_no_page(self, why: str) -> None:
        """One line; the record and its light are as they were."""
        log.warning(
            "the report page of entry %d is missing at the %s run %s (%s); "
            "'venturalitica sync' brings it",
            *(self.index, self.run.tracker, self.run.run_id, why),
        )

    def wait(self, seconds: float) -> bool:
        """Whether it is done, one way or the other."""
        return self._done.wait(seconds)

    def outcome(self) -> Delivery:
        if self.receipt is not None:
            kept, detail = self.receipt.kept, self.receipt.detail
            return Delivery(self.run, self.index, not kept, kept or detail, kept=bool(kept))
        detail = self.error or "no answer in time; it goes on in the background"
        return Delivery(self.run, self.index, False, detail)


class _Queue:
    """Errands to one tracker, one after another, on a daemon thread that ends with the last.

    Where the tracker cannot be reached it is asked once: what stands in the queue then waits in
    the outbox.
    """

    def __init__(self, name: str, go: Callable[[_Errand, str], str]) -> None:
        self._name, self._do = f"venturalitica-{name}", go
        self._errands: deque[_Errand] = deque()
        self._lock = threading.Lock()
        self._running = False

    def add(self, errand: _Errand) -> None:
        with self._lock:
            self._errands.append(errand)
            if self._running:
                return
            self._running = True
        threading.Thread(target=self._go, name=self._name, daemon=True).start()

    def _go(self) -> None:
        down = ""
        while (errand := self._next()) is not None:
            down = self._do(errand, down)

    def _next(self) -> _Errand | None:
        with self._lock:
            if not self._errands:
                self._running = False
                return None
            return self._errands.popleft()


def sync(
    ledger: Ledger, *, progress: Callable[[int, int], None] | None = None
) -> tuple[Delivery, ...]:
    """Deliver all that waits, pages that are missing too; one outcome for each parcel and run.

    A tracker that could not be reached is asked once: its other parcels are reported as waiting.
    """
    from venturalitica.ledger.outbox import Outbox

    waiting = Outbox(ledger).waiting(pages=True)
    outcomes: list[Delivery] = []
    down: dict[tuple[str, str], str] = {}
    pack_at: tuple[int, Pack] | None = None
    for done, item in enumerate(waiting):
        run = run_ref(item.run)
        place = (run.tracker, run.uri)
        if place in down:
            outcomes.append(Delivery(run, item.index, False, down[place]))
        else:
            if pack_at is None or pack_at[0] != item.index:  # the runs of one record come together
                pack_at = item.index, pack_of(ledger, item.index)
            outcomes.append(_sync_one(ledger, item, pack_at[1], down))
        if progress is not None:
            progress(done + 1, len(waiting))
    return tuple(outcomes)


def _sync_one(
    ledger: Ledger, item: Undelivered, pack: Pack, down: dict[tuple[str, str], str]
) -> Delivery:
    run, receipt = run_ref(item.run), None
    if item.confirmed:
        receipt = Receipt(run.tracker, run.run_id, item.evidence_sha256, detail="its page too")
    errand = _Errand(
        ledger, item.index, run, pack, answer_within=SYNC_ANSWER_WITHIN, receipt=receipt
    )
    errand.start()
    if not errand.wait(SYNC_WITHIN):
        # A server that sends a byte now and then never runs into a timeout of any client.
        errand.error = f"no whole answer in {SYNC_WITHIN:.0f} s; 'venturalitica sync' tries again"
        errand.unreachable = True
    elif not errand.page_done(SYNC_WITHIN):
        errand.page_error, errand.unreachable = f"not there in {SYNC_WITHIN:.0f} s", True
    outcome = errand.outcome()
    if errand.unreachable:
        down[(run.tracker, run.uri)] = errand.error or errand.page_error
    if outcome.delivered and errand.page_error:
        detail = f"the evidence is there, its report page is not: {errand.page_error}"
        return replace(outcome, delivered=False, detail=detail)
    return outcome


def _say(outcome: Delivery) -> None:
    """One warning for each tracker, until it takes something again; then once more."""
    place = (outcome.run.tracker, outcome.run.uri)
    if outcome.delivered:
        _said.discard(place)
        return
    level = logging.INFO if place in _said else logging.WARNING
    _said.add(place)
    if outcome.kept:
        text = "the %s run %s is offline: the evidence is %s"
        log.log(level, text, outcome.run.tracker, outcome.run.run_id, outcome.detail)
        return
    log.log(
        level,
        "%s has not confirmed the evidence yet (%s). It is safe in the ledger; "
        "'venturalitica sync' delivers what waits.",
        outcome.run.tracker,
        outcome.detail,
    )
