"""What goes on beside the pages: a verification, a retry, the asking of trackers.

A page starts it and looks at it later; none waits for it. There is one verification and one retry
at a time. Results are kept in this process only: they are about evidence, and are none.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.core.text import timestamp
from venturalitica.core.verification import Verification
from venturalitica.errors import VenturaliticaError
from venturalitica.ledger.index.cross_check import stamp_of
from venturalitica.ui.kept import Stamp
from venturalitica.ui.reader import Desk

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery

log = logging.getLogger(__name__)

T = TypeVar("T")
KEPT = 20
"""Results that are kept of each kind; older ones are forgotten."""

FRESH = 5.0
"""Seconds for which an answer counts as one got now."""

FOLDERS = ("keys", "vault", "inbox")
"""What is verified beside the log itself."""

STALE = 15.0
"""Seconds after which it is not shown any more, not even while the next is awaited."""


class Verified(Struct, frozen=True):
    """A verification of the log that was made in this process.

    `size` and `checkpoint` are those it began with: it covers at least those entries. `files` tells
    whether anything of the log changed since.
    """

    at: str
    size: int
    checkpoint: str
    files: Stamp
    found: Verification
    witnesses: bool = False

    @property
    def ok(self) -> bool:
        """Whether every step that could be made held."""
        return self.found.ok


class Job(Struct, dict=True):
    """One thing that goes on, or has ended: then `result` or `error` is there."""

    kind: str
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    started: str = field(default_factory=lambda: _now())
    ended: str = ""
    done: int = 0
    total: int = 0
    result: Any = None
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether it goes on still."""
        return not self.ended

    @property
    def percent(self) -> int:
        """How much is done, in per cent; 0 where that is not known."""
        return min(100, 100 * self.done // self.total) if self.total else 0

    def progress(self, done: int, total: int) -> None:
        """Told by what goes on."""
        self.done, self.total = done, total

    def seen(self) -> Job:
        """It as it is now, which stays so while a page is drawn.

        Whether it ended is read first: its result was there before that, and what is read of it
        afterwards is whole.
        """
        ended = self.ended
        return replace(self, ended=ended) if ended else replace(self, ended="", result=None)


class _Answer(Struct, dict=True):
    value: Any = None
    at: float = float("-inf")
    asking: threading.Event | None = None


class Jobs:
    """The jobs of one server; safe to use from threads."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._answers: dict[str, _Answer] = {}
        self._lock = threading.Lock()
        self._clock = clock
        self.verified: Verified | None = None

    @classmethod
    def of(cls, app: Any) -> Jobs:
        """Those of an application; made at the first asking."""
        with _making:
            found = getattr(app.state, "jobs", None)
            if found is None:
                found = app.state.jobs = cls()
        jobs: Jobs = found
        return jobs

    def get(self, kind: str, job: str) -> Job | None:
        """The job of that id as it is now; None where it was forgotten, or never was."""
        with self._lock:
            found = self._jobs.get(job)
        return found.seen() if found is not None and found.kind == kind else None

    def latest(self, kind: str) -> Job | None:
        """The job of that kind that was begun last, as it is now."""
        with self._lock:
            found = next((job for job in reversed(self._jobs.values()) if job.kind == kind), None)
        return found.seen() if found else None

    def verify(self, desk: Desk, *, witnesses: bool = False) -> Job:
        """Verify the log on a thread; the one that runs already, where one does."""

        def work(job: Job) -> Verified:
            found = _verify(desk, job, witnesses=witnesses)
            self.verified = found
            # Until the next one holds, no light of this log is believed.
            desk.disproof = _refutation(found)
            return found

        return self._begin("verify", work)

    def retry(self, home: Path) -> Job:
        """Deliver what waits on a thread; the one that runs already, where one does."""
        return self._begin("retry", lambda job: _deliver(home, job))

    def keep(self, kind: str, result: object) -> Job:
        """Keep a result that is there already."""
        job = Job(kind, ended=_now(), result=result)
        self._add(job)
        return job

    def ask(self, key: str, question: Callable[[], T], *, wait: float = 0.0) -> T | None:
        """The answer to a question that may take seconds; None while it is awaited.

        It is asked on a thread of its own, once at a time, and again when its answer is `FRESH`
        seconds old. `wait` is how long to wait for a first answer, in seconds.
        """
        with self._lock:
            known = self._answers.setdefault(key, _Answer())
            if self._clock() - known.at > FRESH and known.asking is None:
                known.asking = threading.Event()
                self._thread(self._asked, known, known.asking, question)
            asking = known.asking
        if asking is not None and wait:
            asking.wait(wait)
        value: T | None = known.value if self._clock() - known.at <= STALE else None
        return value

    def ask_all(
        self, questions: Mapping[str, Callable[[], T]], *, wait: float = 0.0
    ) -> tuple[T | None, ...]:
        """As `ask`, all at once; `wait` is how long to wait for all of them together."""
        for key, question in questions.items():
            self.ask(key, question)
        until = time.monotonic() + wait
        return tuple(
            self.ask(key, question, wait=max(0.0, until - time.monotonic()))
            for key, question in questions.items()
        )

    def _asked(
        self, known: _Answer, asking: threading.Event, question: Callable[[], object]
    ) -> None:
        try:
            known.value = question()
            known.at = self._clock()
        except Exception as error:  # noqa: BLE001 - a question that fails stays unanswered
            log.warning("a tracker could not be asked\n%s", redacted_traceback(error))
            known.value, known.at = None, self._clock()
        finally:
            with self._lock:
                known.asking = None
            asking.set()

    def _begin(self, kind: str, work: Callable[[Job], object]) -> Job:
        with self._lock:
            for job in self._jobs.values():
                if job.kind == kind and job.running:
                    return job
            job = Job(kind)
            self._remember(job)
        self._thread(_run, job, work)
        return job

    def _add(self, job: Job) -> None:
        with self._lock:
            self._remember(job)

    def _remember(self, job: Job) -> None:
        self._jobs[job.id] = job
        ended = [one.id for one in self._jobs.values() if one.kind == job.kind and not one.running]
        for old in ended[: max(0, len(ended) - KEPT)]:
            del self._jobs[old]

    def _thread(self, target: Callable[..., None], *arguments: object) -> None:
        # A daemon: closing the server waits for no tracker.
        threading.Thread(
            target=target, args=arguments, name="venturalitica-ui", daemon=True
        ).start()


_making = threading.Lock()


def _run(job: Job, work: Callable[[Job], object]) -> None:
    try:
        job.result = work(job)
    except VenturaliticaError as error:
        job.error = redact_text(str(error))
    except Exception as error:  # noqa: BLE001 - the page says that it failed, the log why
        log.error("%s failed\n%s", job.kind, redacted_traceback(error))
        job.error = f"it failed by a fault of ours ({type(error).__name__}); the log says more"
    job.ended = _now()


def _verify(desk: Desk, job: Job, *, witnesses: bool) -> Verified:
    from venturalitica.ledger import Ledger
    from venturalitica.review.verification import verify_source

    home = desk.home
    files = stamp_of_log(home)
    size, checkpoint = 0, ""
    try:
        ledger = Ledger.open(home)
        size, checkpoint = ledger.size, ledger.checkpoint
    except VenturaliticaError:
        pass  # the verification says what is wrong
    found = verify_source(
        str(home), witnesses=witnesses, progress=job.progress, settings=desk.settings
    )
    return Verified(_now(), size, checkpoint, files, found, witnesses)


def _refutation(verified: Verified) -> str:
    if verified.ok:
        return ""
    fault = verified.found.fault
    said = f"{fault.name}: {fault.detail}" if fault else "no step could be made"
    return f"The log did not verify at {verified.at}, so nothing in it is proven. {said}"


def stamp_of_log(home: Path) -> Stamp:
    """Changes when a file that is verified does; a folder does not when a file in it is edited."""
    paths = [home / "log" / "entries.jsonl", home / "log" / "checkpoint"]
    return (*map(stamp_of, paths), *(_stamp_within(home / name) for name in FOLDERS))


def _stamp_within(folder: Path) -> Stamp:
    """That of a folder and of each file below it."""
    found = [str(Path(at) / name) for at, _, names in os.walk(folder) for name in names]
    return (stamp_of(folder), *((name, stamp_of(Path(name))) for name in sorted(found)))


def _deliver(home: Path, job: Job) -> tuple[Delivery, ...]:
    from venturalitica.audit.delivery import sync
    from venturalitica.ledger import Ledger
    from venturalitica.system.settings import ask_trackers_briefly

    ask_trackers_briefly()
    return sync(Ledger.open(home), progress=job.progress)


def _now() -> str:
    return timestamp(datetime.now(UTC))
