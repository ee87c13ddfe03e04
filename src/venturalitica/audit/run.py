"""Open runs: what each holds, and which one the caller is in."""

from __future__ import annotations

import logging
import os
import threading
import uuid
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from venturalitica.audit.result import Audit
from venturalitica.audit.statement import audit_summaries
from venturalitica.core.policy import Control, Policy
from venturalitica.core.redact import redact_name
from venturalitica.core.verdict import Light, run_lights, worst_light
from venturalitica.errors import DataError, listed
from venturalitica.provenance.written import Look
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.ledger import Entry
    from venturalitica.system.alive import Sign

log = logging.getLogger(__name__)

_innermost: ContextVar[Run | None] = ContextVar("venturalitica_run", default=None)
_open: list[Run] = []
_open_lock = threading.Lock()


class Run:
    """An open monitor: its id, name, policy, and the audits made inside it so far.

    `named` is False where the policy is the project's, which was found and not asked for by name.
    `begun` is the entry that says that it began, None where that could not be written. After the
    block, `entry` is its place in the log and `deliveries` what trackers confirmed.
    """

    def __init__(
        self, name: str, policy: Policy | None, parent: Run | None, *, named: bool = True
    ) -> None:
        self.id = uuid.uuid4().hex
        self.process = os.getpid()
        self.name = redact_name(name)  # whoever builds a name from an address
        self.policy = policy
        self.named = named
        self.parent = parent
        self.started = datetime.now(UTC)
        self.audits: list[Audit] = []
        self.begun: Entry | None = None
        self.entry: Entry | None = None
        self.deliveries: tuple[Delivery, ...] = ()
        self.fault = ""
        self.waiting = ""
        self.sign_of_life: Sign | None = None
        self._told_of_key = False
        self._of_main_thread = _in_main_thread()
        self._recorded_light: Light | None = None
        self._inputs: list[dict[str, Any]] = []
        self._outputs: list[Any] = []
        self._look: Look | None = None
        self._trackers: dict[tuple[str, str], RunRef] = {}
        self._before: set[tuple[str, str]] = set()
        self._sequence = 0
        self._judged: set[tuple[str, str]] = set()
        self._used: set[str] = set()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return (
            f"Run({self.name!r}, id={self.id!r}, audits={len(self.audits)}, light={self.light!r})"
        )

    def _repr_html_(self) -> str:
        from venturalitica.reports.html.notebook import Judged, render_run_fragment

        audits = [
            Judged(f"{one.policy.name} {one.policy.version}", one.light, tuple(one))
            for one in self.audits
        ]
        unjudged = [control.id for control in self.unjudged()]
        notes = [f"There is no evidence: {self.fault}"] if self.fault else []
        notes += [f"The evidence waits: {self.waiting}"] if self.waiting else []
        notes += [f"Not judged inside this run: {listed(unjudged)}."] if unjudged else []
        facts = [("Run", self.id), ("Began", f"{self.started:%Y-%m-%d %H:%M:%S} UTC")]
        facts += [("Entry", str(self.entry.index))] if self.entry else []
        return render_run_fragment(
            self.name,
            audits,
            light=self.light,
            under_way=self._recorded_light is None and not (self.fault or self.waiting),
            facts=facts,
            notes=notes,
            links=[run.url for run in self.trackers if run.url],
        )

    @property
    def light(self) -> Light:
        """The worst light of the audits inside, and at the end that of the record; else grey."""
        own: list[Light] = [self._recorded_light] if self._recorded_light else []
        if self.fault:
            own.append("red")
        if self.waiting or any(entry.new_key for entry in (self.begun, self.entry) if entry):
            own.append("amber")
        audits = list(self.audits)
        lights = run_lights(audit_summaries(audits))
        return worst_light([*own, *map(Audit.with_delivery, audits, lights)])

    def recorded_as(self, light: Light) -> None:
        """Take the light of the run's own record: what was never judged, or an exception."""
        self._recorded_light = light

    def log_input(self, source: Any, *, name: str | None = None) -> None:
        """Digest an input now: a path (file or folder), or a data frame.

        Raises:
            DataError: the path does not exist, or the value is neither a path nor a frame.
        """
        from venturalitica.provenance.fingerprint import digest_source

        item = digest_source(source, context="input", name=name)
        with self._lock:
            self._inputs.append(item)

    def log_output(self, source: Any) -> None:
        """Name an output: a path (may not exist yet) or a frame; digested when the run ends."""
        with self._lock:
            self._outputs.append(source)

    def look_at(self, folder: Path, without: Collection[Path]) -> None:
        """Take note of a folder's files, so that those written inside the run are known."""
        self._look = Look.at(folder, without)

    def told_of_key(self, entry: Entry | None) -> Entry | None:
        """The entry of its audit; the first is a new key's where the beginning of the run was."""
        run: Run | None = self
        while run is not None and not (run.begun and run.begun.new_key):
            run = run.parent
        if entry is None or run is None or run._told_of_key:
            return entry
        run._told_of_key = True
        return replace(entry, new_key=True)

    def next_sequence(self) -> int:
        """The number of the next audit of this run, from 1."""
        with self._lock:
            self._sequence += 1
            return self._sequence

    def add(self, audit: Audit) -> None:
        """Take an audit in; called by whatever judged it."""
        with self._lock:
            self.audits.append(audit)
        judged = {(audit.policy.sha256, verdict.control) for verdict in audit}
        run: Run | None = self
        while run is not None:
            with run._lock:
                run._judged |= judged
                run._used.add(audit.policy.sha256)
            run = run.parent

    @property
    def judged_anything(self) -> bool:
        """Whether any audit was made here or in a run inside."""
        return bool(self._used)

    @property
    def policy_is_around(self) -> bool:
        """Whether a run around this one is under the same policy, and will speak of it."""
        run, digest = self.parent, self.policy.sha256 if self.policy else None
        while run is not None:
            if run.policy is not None and run.policy.sha256 == digest:
                return True
            run = run.parent
        return False

    def settle_policy(self) -> None:
        """At the end: a policy that was only found gives way to those that audits inside named."""
        if self.policy is not None and not self.named and self._used - {self.policy.sha256}:
            self.policy = self.policy if self.policy.sha256 in self._used else None

    def unjudged(self) -> tuple[Control, ...]:
        """Controls of the run's own policy that no audit was about, here or in a run inside."""
        if self.policy is None:
            return ()
        digest = self.policy.sha256
        return tuple(c for c in self.policy.controls if (digest, c.id) not in self._judged)

    def saw_trackers(self, runs: Iterable[RunRef]) -> None:
        """Remember tracker runs that were active inside this run."""
        with self._lock:
            for run in runs:
                self._trackers.setdefault((run.tracker, run.run_id), run)

    def began_after(self, runs: Iterable[RunRef]) -> None:
        """Remember the tracker runs that had ended before this run began."""
        self._before = {(run.tracker, run.run_id) for run in runs}

    def saw_ended(self, runs: Iterable[RunRef]) -> None:
        """At the end: take in those that began and ended inside, where no audit met them."""
        self.saw_trackers(run for run in runs if (run.tracker, run.run_id) not in self._before)

    @property
    def trackers(self) -> tuple[RunRef, ...]:
        """Every tracker run that was active at some audit, or at either end."""
        with self._lock:
            return tuple(self._trackers.values())

    def data_items(self) -> tuple[dict[str, Any], ...]:
        """Digests of all inputs, outputs and files written; a missing one is said, not raised."""
        from venturalitica.provenance.fingerprint import digest_source, missing_source

        items = list(self._inputs)
        for source in self._outputs:
            try:
                items.append(digest_source(source, context="output"))
            except (DataError, OSError) as error:
                log.warning("output of run %r: %s", self.name, error)
                items.append(missing_source(source, context="output"))
        if self._look is not None:
            named = [
                Path(one).absolute() for one in self._outputs if isinstance(one, str | PathLike)
            ]
            items += self._look.written_since(named)
        return tuple(items)


def _renew_locks_in_child() -> None:
    """A forked child has no thread that could give back what another thread of its parent held."""
    global _open_lock
    _open_lock = threading.Lock()
    for run in _open:
        run._lock = threading.Lock()


os.register_at_fork(after_in_child=_renew_locks_in_child)


def current_run() -> Run | None:
    """The innermost open monitor of this thread or task.

    Another thread that opened none itself belongs to the run that the main thread has open, if
    there is exactly one: a worker pool inside a monitor is part of its run. Runs of other threads,
    and of tasks beside this one, are their own affair.
    """
    own = _innermost.get()
    if own is not None or _in_main_thread():
        return own
    with _open_lock:
        mains = [run for run in _open if run._of_main_thread]
    return mains[-1] if len({_top(run).id for run in mains}) == 1 else None


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _top(run: Run) -> Run:
    while run.parent is not None:
        run = run.parent
    return run


def named_policy() -> Policy | None:
    """The policy that a monitor around the caller was given; of several, the innermost's."""
    run = current_run()
    while run is not None and not (run.named and run.policy):
        run = run.parent
    return run.policy if run is not None else None


def own_run() -> Run | None:
    """The innermost run that this very thread or task opened, or None."""
    return _innermost.get()


@contextmanager
def inside(run: Run) -> Iterator[None]:
    """For one step of a generator: its run is the innermost, and after the step the caller's is."""
    token = _innermost.set(run)
    try:
        yield
    finally:
        _innermost.reset(token)


def begin(run: Run) -> None:
    """Open a run without entering it: each step does, by `inside`."""
    with _open_lock:
        _open.append(run)


def end(run: Run) -> None:
    """Close a run that `begin` opened."""
    with _open_lock:
        if run in _open:
            _open.remove(run)


def enter(run: Run) -> Token[Run | None]:
    """Open a run in this thread or task."""
    begin(run)
    return _innermost.set(run)


def leave(run: Run, token: Token[Run | None]) -> None:
    """Close a run; the one it was opened in is the innermost again."""
    try:
        _innermost.reset(token)
    except ValueError:  # left in another context than entered (async frameworks do that)
        _innermost.set(run.parent)
    end(run)
