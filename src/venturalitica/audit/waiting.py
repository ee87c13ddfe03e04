"""Audits for which no run of a tracker was open: they wait for the run that logs their model.

Evidence is in the ledger by then. In its own process the audited model is known again when a run
logs it: by the object itself, or what shares all that it learned, then by its digest, or its file.
Then the audit is attached to that run. With `VENTURALITICA_ATTACH=next-run` the next run that opens
takes what waits. What waits still at the end of the process is named in one line.

W&B's scripts often train before `wandb.init`, which ends the run of the model before: its evidence
then goes to that one, and to the new run too where nobody wrote anything more to the first.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.audit.attachment import attach
from venturalitica.audit.model_ties import attached_to
from venturalitica.audit.project import open_ledger
from venturalitica.audit.result import near, tell
from venturalitica.audit.same_model import KnownModel, inside
from venturalitica.core.causes import said
from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.errors import listed
from venturalitica.ledger.lifecycle.ties import attachments
from venturalitica.ledger.records.kinds.attachment import How
from venturalitica.system.settings import Settings
from venturalitica.trackers import Which, answer, listen, no_runs, watch
from venturalitica.trackers.base import RunRef, Written

if TYPE_CHECKING:
    from venturalitica.audit.result import Audit
    from venturalitica.ledger import Entry

log = logging.getLogger(__name__)

MOST = 1_000
"""Audits of one process, the latest, that wait for a run."""


class _Audited(Struct, eq=False):
    """An audit on record, its model, and the runs that it was attached to."""

    entry: int
    home: Path
    model: KnownModel
    process: int = field(default_factory=os.getpid)
    runs: list[RunRef] = field(default_factory=list)


class _Placed(Struct, frozen=True):
    """An audit at a run of W&B's that may not be the one it belongs to, and what was in it then."""

    audited: _Audited
    run: RunRef
    written: Written


_waiting: list[_Audited] = []
_placed: list[_Placed] = []
_late: set[str] = set()
"""Ids of runs that opened right after a training: the next training there is not theirs."""
_trained_outside = [False]
"""Whether the last training was audited with no run open, and none was opened since."""

_lock = threading.RLock()
_here = threading.local()


def _renew_in_child() -> None:
    global _lock
    _lock = threading.RLock()


os.register_at_fork(after_in_child=_renew_in_child)


class Training(Struct):
    """What happens at trackers while a model trains: runs that open, what was written before."""

    before: tuple[RunRef, ...]
    written: dict[str, Written]
    opened: list[RunRef] = field(default_factory=list)

    @property
    def runs(self) -> tuple[RunRef, ...]:
        """Those that were open before; of a tracker that had none then, the first that opened."""
        return joined(self.before, self.opened)


def joined(before: Sequence[RunRef], after: Sequence[RunRef]) -> tuple[RunRef, ...]:
    """The runs of before; of a tracker that had none then, the first of those after."""
    known = {run.tracker for run in before}
    first: dict[str, RunRef] = {}
    for run in after:
        first.setdefault(run.tracker, run)
    return (*before, *(run for name, run in first.items() if name not in known))


@contextmanager
def training(model: Any, before: tuple[RunRef, ...]) -> Iterator[Training]:
    """Within the block `model` trains: what was audited of it before is another model then."""
    listen(_LISTENER)
    watch()
    with _lock:
        for one in _waiting:
            one.model.trains_again(model)
    counted = {run.run_id: _written(run) for run in before}
    seen = Training(before, {run_id: found for run_id, found in counted.items() if found})
    stack = _trainings_here()
    stack.append(seen)
    try:
        yield seen
    finally:
        stack.remove(seen)


def _trainings_here() -> list[Training]:
    if not hasattr(_here, "trainings"):
        _here.trainings = []
    return _here.trainings  # type: ignore[no-any-return]


def wait(entry: Entry, home: Path, model: Any) -> bool:
    """Have an audit wait for the run that logs its model; whether one may come.

    Args:
        model: the very object that the caller holds; only a weak reference to it is kept.
    """
    if model is None and not _next_run():
        return False
    listen(_LISTENER)
    watch()
    with _lock:
        _waiting[:] = [*_waiting, _audited(entry, home, model)][-MOST:]
    _trained_outside[0] = entry.record.run.source == "fit"
    return bool(no_runs(()))


def place(audit: Audit, model: Any, seen: Training) -> None:
    """Take note of an audit of a training that went to open runs, which may be replaced yet."""
    if audit.entry is None:
        return
    for run in (delivery.run for delivery in audit.deliveries):
        before, now = seen.written.get(run.run_id), _written(run)
        if before is None or now is None:
            continue
        with _lock:  # what was brought here from another run is where it belongs, then
            _placed[:] = [
                one for one in _placed if one.run.run_id != run.run_id or len(one.audited.runs) == 1
            ]
        early = run.run_id in _late or (before.values and now.values == before.values)
        if early:
            audited = _audited(audit.entry, Settings.for_recording().home, model)
            audited.runs.append(run)
            with _lock:
                _placed.append(_Placed(audited, run, now))


def _audited(entry: Entry, home: Path, model: Any) -> _Audited:
    return _Audited(entry.index, home, KnownModel.of(entry.record.model, model))


class _Listener:
    """Hears what trackers tell of this process."""

    def opened(self, which: Which) -> None:
        run = which()
        if run is None:
            return
        for seen in _trainings_here():
            seen.opened.append(run)
        with _lock:
            early = [one for one in _placed if one.run.tracker == run.tracker]
            _placed[:] = [one for one in _placed if one not in early]
            mine = [one for one in _waiting if not one.runs]
        if _trained_outside[0] and not _trainings_here():
            _late.add(run.run_id)
        _trained_outside[0] = False
        for one in early:
            _replace(one, run)
        if _next_run():
            for audited in mine:
                _attach(audited, run, "next run")

    def logged(self, which: Which, objects: Sequence[Any], files: Sequence[Path]) -> None:
        with _lock:
            mine = list(_waiting)
        if not mine:
            return
        candidates = list(inside(objects))
        found = [one for one in mine if one.model.is_among(candidates)]
        found = found or [one for one in mine if one.model.has_digest_of(candidates)]
        found = found or [one for one in mine if files and one.model.was_saved(files)]
        if found and (run := which()) is not None:
            for audited in found:
                _attach(audited, run, "model logged")


_LISTENER = _Listener()


def _next_run() -> bool:
    return Settings.current().attach == "next-run"


def _written(run: RunRef) -> Written | None:
    found: Written | None = answer(run.tracker, "written", run)
    return found


def _replace(one: _Placed, run: RunRef) -> None:
    """The run of an audit may have given way to another before anything more was written to it."""
    now = _written(one.run)
    if now is None or now.open or run.run_id == one.run.run_id:
        if now is not None and now.open:
            with _lock:
                _placed.append(one)
        return
    if now.everything != one.written.everything:
        return
    if not _attach(one.audited, run, "run replaced", superseded=(one.run,)):
        return
    tell(
        "%s run %s gave way to %s before anything more was written to it: the evidence of entry %d "
        "is at the new run too, and superseded at the first",
        *(one.run.tracker, one.run.run_id, run.run_id, one.audited.entry),
    )
    _late.add(run.run_id)
    if (there := _written(run)) is not None:
        with _lock:
            _placed.append(replace(one, run=run, written=there))


def _attach(audited: _Audited, run: RunRef, how: How, *, superseded: Sequence[RunRef] = ()) -> bool:
    """Attach it, once for a run; what fails is said, and never the training's trouble."""
    with _lock:
        if any(run.run_id == one.run_id for one in audited.runs):
            return False
        audited.runs.append(run)
    try:
        settings = replace(Settings.for_recording(), home=audited.home)
        entry = open_ledger(settings, create=False).entry(audited.entry)
        attached_to(entry.evidence_sha256, run)
        done = attach(entry, run, how, settings=settings, superseded=superseded)
        fault = done.record.fault or done.record.waiting
    except Exception as error:  # noqa: BLE001 - see the docstring
        log.debug("no run was attached\n%s", redacted_traceback(error))
        fault = redact_text(said(error))
    if fault:
        with _lock:
            audited.runs.remove(run)
        log.warning(
            "the evidence of entry %d was not attached to the %s run %s (%s); "
            "'venturalitica attach %d %s' does it",
            *(audited.entry, run.tracker, run.run_id, fault, audited.entry, run.run_id),
        )
    elif not superseded:
        what = "which logs its model" if how == "model logged" else "which opened next"
        place = run.url or run.run_id
        tell("evidence %d: %s run %s, %s", audited.entry, run.tracker, place, what)
    return not fault


def _say_what_waits() -> None:
    """At the end of the process: one line for what no run took."""
    waiting = [one for one in _waiting if one.process == os.getpid() and not one.runs]
    for home in {one.home for one in waiting}:
        left = sorted({one.entry for one in waiting if one.home == home} - _taken(home, waiting))
        if left and no_runs(()):
            entries = f"entr{'ies' if left[1:] else 'y'} {listed(map(str, left))}"
            tell(
                "no run of a tracker took the evidence of %s: it is in %s; 'venturalitica attach "
                "%d RUN' brings it to one",
                *(entries, near(home), left[0]),
            )


def _taken(home: Path, waiting: Sequence[_Audited]) -> set[int]:
    """What another process, one that was forked say, has attached meanwhile."""
    first = min(one.entry for one in waiting if one.home == home)
    try:
        from venturalitica.ledger import Ledger

        return {made.entry for _, made in attachments(Ledger.open(home), start=first)}
    except Exception as error:  # noqa: BLE001 - the process ends; nothing of it may fail
        log.debug("the log was not asked\n%s", redacted_traceback(error))
        return set()


atexit.register(_say_what_waits)
