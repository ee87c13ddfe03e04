"""Looks at the log, tells each destination what changed since it was told last, tries again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.errors import EvidenceError, VenturaliticaError
from venturalitica.ledger.index.cross_check import stamp_of
from venturalitica.ui.notify.changes import (
    Change,
    Step,
    Told,
    begin,
    of_the_log,
    replaced,
    steps,
)
from venturalitica.ui.notify.destination import Destination, NotToldError
from venturalitica.ui.notify.message import message
from venturalitica.ui.notify.told import BusyError, Memory
from venturalitica.ui.reader import NoEvidenceYetError

if TYPE_CHECKING:
    from venturalitica.ui.reader import Desk

log = logging.getLogger(__name__)

EVERY = 2.0
"""Seconds between two looks at the log's files."""

ANYWAY = 30.0
"""Seconds after which the log is read though its files are the same: a process may have died."""

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 300.0
"""Seconds until a destination that did not answer is tried again: twice as long each time."""

BEGINNING = "0000"
"""Before every time that a log can say."""

LOCKED = 60.0
"""Seconds that one look waits for another watcher."""


class Mailbox:
    """One destination and how far it is; `pause` is how long it rests after a failure."""

    def __init__(self, desk: Desk, destination: Destination) -> None:
        self.to = destination
        self.memory = Memory(desk.home, destination.address)
        self.pause = 0.0
        self.rests_until = float("-inf")

    def failed(self, now: float) -> None:
        """Rest for longer than the last time."""
        self.pause = min(max(FIRST_PAUSE, 2 * self.pause), LONGEST_PAUSE)
        self.rests_until = now + self.pause


class Round(Struct, frozen=True):
    """What one look came to: changes that were told, labels of those who took none, whether another
    watcher was telling somebody."""

    told: tuple[tuple[str, Change], ...] = ()
    missed: tuple[str, ...] = ()
    busy: bool = False


class Watcher:
    """Watches the evidence of a desk.

    Args:
        base: the address of the pages, empty where it is not known.
        since: RFC 3339 UTC: whoever was told nothing yet is told what changed since then.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        desk: Desk,
        to: Sequence[Destination],
        *,
        base: str = "",
        since: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._desk, self._base, self._since, self._clock = desk, base, since, clock
        self._boxes = [Mailbox(desk, one) for one in to]
        # What begins after us is new, though there is no log yet that says where we began.
        self._from_nothing = not desk.has_evidence
        self._seen: object = None
        self._looked_at = float("-inf")
        self._fault = ""

    def once(self, *, patience: float = LOCKED) -> Round:
        """One look: each destination is told what is new, unless it rests after a failure.

        Raises:
            NoEvidenceYetError: there is no log.
            EvidenceError: it cannot be read or trusted, or another watches for so long.
        """
        if not self._desk.has_evidence and not any(box.memory.exists for box in self._boxes):
            raise NoEvidenceYetError(f"{self._desk.home}: there is no evidence here yet")
        told: list[tuple[str, Change]] = []
        missed: list[str] = []
        busy, fault = False, None
        for box in self._boxes:
            if self._clock() < box.rests_until:
                missed.append(box.to.label)
                continue
            try:
                with box.memory.open(patience):
                    told += [
                        (box.to.label, change)
                        for change in self._tell(box, sure=patience > 0 or bool(self._fault))
                    ]
            except NotToldError as error:
                box.failed(self._clock())
                missed.append(box.to.label)
                log.warning(
                    "%s did not take a message (%s): it is told later, nothing is lost",
                    box.to.label,
                    redact_text(str(error)),
                )
            except BusyError:
                busy = True
                if patience:
                    raise
            except EvidenceError as error:
                fault = error  # the others are told of it too
        if fault is not None:
            raise fault
        return Round(tuple(told), tuple(missed), busy)

    def _tell(self, box: Mailbox, *, sure: bool) -> list[Change]:
        """Tell what is new, or, where that is `sure`, that the log cannot be read."""
        before = box.memory.read()
        try:
            told, gone, new = self._read(before)
        except EvidenceError as error:
            # A log that is just being written may look broken for a moment.
            if before is not None and not before.fault and sure:
                self._send_fault(box, before, redact_text(str(error)))
                box.memory.write(replace(before, fault=str(error)))
            raise
        if gone and before is not None:
            log.warning("%s: %s It is watched anew from here on.", self._desk.home, gone)
            self._send_fault(box, before, gone)
        if told != before:
            box.memory.write(told)
        sent = []
        for step in new:
            if step.change is not None:
                box.to.send(message(step.change, self._base))
                sent.append(step.change)
            told = told.with_last(step.last)
            # At once: who is killed now has told this.
            box.memory.write(told)
        box.pause = 0.0
        return sent

    def _read(self, before: Told | None) -> tuple[Told, str, list[Step]]:
        """Where to go on from, why it is not from where it was, and what is new since."""
        with self._desk.reading() as reading:
            gone = replaced(reading, before) if before is not None else ""
            if before is None:
                told = begin(reading, BEGINNING if self._from_nothing else self._since)
            else:
                told = begin(reading) if gone else replace(before, fault="")
            return told, gone, steps(reading, told)

    def _send_fault(self, box: Mailbox, told: Told, sentence: str) -> None:
        box.to.send(message(of_the_log(told, sentence), self._base))

    def run(self, stop: threading.Event, *, every: float = EVERY) -> None:
        """Look until `stop` is set; what goes wrong is logged, and tried again."""
        while not stop.wait(every):
            self.look()

    def look(self) -> Round:
        """One turn of `run`: the log is read where its files changed, or somebody is due."""
        now = self._clock()
        stamp = self._stamp()
        due = any(box.pause and now >= box.rests_until for box in self._boxes)
        if stamp == self._seen and not due and now - self._looked_at < ANYWAY:
            return Round()
        self._seen, self._looked_at = stamp, now
        try:
            found = self.once(patience=0)
        except NoEvidenceYetError:
            return Round()
        except VenturaliticaError as error:
            self._complain(redact_text(str(error)))
            return Round()
        except Exception as error:  # noqa: BLE001 - a fault of ours ends neither pages nor watch
            self._complain(redacted_traceback(error))
            return Round()
        self._fault = ""
        self._seen = None if found.busy else self._seen
        return found

    def _complain(self, said: str) -> None:
        """Once for each fault, however often it is met."""
        self._seen = None
        if said != self._fault:
            log.warning("nobody is told what changed: %s", said)
        self._fault = said

    def _stamp(self) -> object:
        home = self._desk.home
        names = ("log/entries.jsonl", "log/checkpoint", "keys", "running")
        return tuple(stamp_of(home / name) for name in names)
