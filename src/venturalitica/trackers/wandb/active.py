"""Which runs of W&B's are open, without importing W&B: where nobody did, none is.

`wandb.run` is the run that `wandb.init()` made; those of `reinit="create_new"` stand beside it, or
alone, and are in W&B's own list of open runs only. That list is no public interface: where a
version has none, `wandb.run` is all that is known.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from venturalitica.trackers.base import NoRun, Written

_log = logging.getLogger(__name__)

_NONE = NoRun("no W&B run is open", block="with wandb.init():")

_DISABLED = NoRun("W&B is disabled, and nothing is kept of its run: unset WANDB_MODE")

_SEVERAL = NoRun(
    "several W&B runs are open, and W&B does not say which of them this thread opened: have one "
    "open at a time, or train in the main thread, which takes the one opened last",
    elsewhere=True,
)

_reopened: set[str] = set()
"""Ids of runs that a delivery of ours has open just now: no training of the user's is in them."""

_said: set[frozenset[str]] = set()

_ours: ContextVar[bool] = ContextVar("venturalitica_writes_to_wandb", default=False)

_values: Counter[str] = Counter()
_settings: Counter[str] = Counter()
"""By run id: how often somebody but us wrote values, and how often settings."""

_WRITERS = {
    "_partial_history_callback": _values,
    "_summary_update_callback": _values,
    "_log_artifact": _values,
    "save": _values,
    "_config_callback": _settings,
}
"""Methods of W&B's run through which all is written that a user writes; most are not public."""


def open_runs() -> list[Any]:
    """Every run that is open in this process, the one opened last at the end."""
    wandb = sys.modules.get("wandb")
    first = getattr(wandb, "run", None)
    listed = _listed()
    runs = listed if first is None or any(run is first for run in listed) else [first, *listed]
    return [run for run in runs if run.id not in _reopened and not run.disabled]


def active() -> Any:
    """The run that evidence of this thread belongs to, or None.

    One that is open alone is everybody's, as `wandb.run` is. Of several, W&B does not know which
    thread opened which: the main thread takes the last, and says so; a pool's thread takes none,
    since it might be its neighbour's.
    """
    runs = open_runs()
    if len(runs) < 2:
        return runs[0] if runs else None
    if threading.current_thread() is not threading.main_thread():
        return None
    _say_which(runs)
    return runs[-1]


def find(run_id: str) -> Any:
    """The open run of that id, or None."""
    return next((run for run in open_runs() if run.id == run_id), None)


def no_run() -> NoRun | None:
    """Why `active` gives none; None where nobody imported W&B."""
    wandb = sys.modules.get("wandb")
    if wandb is None:
        return None
    if len(open_runs()) > 1:
        return _SEVERAL
    return _DISABLED if getattr(getattr(wandb, "run", None), "disabled", False) else _NONE


def folder_of(run: Any) -> Path:
    """The run's folder, also where `WANDB_DIR` is relative and the working folder is another now.

    W&B's own log file in it was opened when the run was, and knows its whole path.
    """
    folder = Path(run.settings.sync_dir)
    if folder.is_absolute():
        return folder
    for handler in logging.getLogger("wandb").handlers:
        found = Path(getattr(handler, "baseFilename", "")).parent.parent
        if found.name == folder.name:
            return found
    return folder.absolute()


def files_of(run: Any) -> Path:
    """Where the run's files lie."""
    files = Path(run.dir)
    return files if files.is_absolute() else folder_of(run) / files.name


def at_end(run_id: str, call: Callable[[], None]) -> None:
    """Have `call` called when an open run ends, before its files are closed.

    By a list of W&B's that is no public interface: where a version has none, a page that was not
    there when the run ended is never uploaded, and that is said.
    """
    run = find(run_id)
    hooks = getattr(run, "_teardown_hooks", None)
    if not isinstance(hooks, list) or any(hook.call is call for hook in hooks):
        return
    from wandb.sdk.wandb_run import TeardownHook, TeardownStage

    hooks.append(TeardownHook(call, TeardownStage.EARLY))


@contextmanager
def reopening(run_id: str) -> Iterator[None]:
    """Within the block, a run of that id is open for a delivery of ours only."""
    _reopened.add(run_id)
    try:
        yield
    finally:
        _reopened.discard(run_id)


@contextmanager
def writing() -> Iterator[None]:
    """Within the block, what this thread writes to runs is ours."""
    token = _ours.set(True)
    try:
        yield
    finally:
        _ours.reset(token)


def watch(
    opened: Callable[[Any], None],
    logged: Callable[[Any, Any], None],
    saved: Callable[[Any, Any], None],
) -> None:
    """Count what is written to runs from now on, and hear of runs, artifacts and files; once.

    Args:
        opened: called with each run that is opened, by the user.
        logged: called with a run and an artifact that it has just logged.
        saved: called with a run and what its `save` gave: the paths of files.
    """
    run = getattr(sys.modules.get("wandb.sdk.wandb_run"), "Run", None)
    setup = getattr(sys.modules.get("wandb.sdk.wandb_setup"), "_WandbSetup", None)
    if run is None or setup is None or hasattr(run, _WATCHED):
        return
    setattr(run, _WATCHED, True)
    told = {"_log_artifact": logged, "save": saved}
    for name, counter in _WRITERS.items():
        if callable(bare := getattr(run, name, None)):
            setattr(run, name, _counting(bare, counter, told.get(name)))
    if callable(bare := getattr(setup, "add_active_run", None)):
        setup.add_active_run = _telling(bare, opened)


_WATCHED = "_venturalitica_watched"


def _counting(
    bare: Callable[..., Any],
    counter: Counter[str],
    tell: Callable[[Any, Any], None] | None,
) -> Callable[..., Any]:
    @functools.wraps(bare)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        counter[self.id] += not _ours.get()
        answer = bare(self, *args, **kwargs)
        if tell is not None and not _ours.get():
            tell(self, answer)
        return answer

    return method


def _telling(bare: Callable[..., Any], opened: Callable[[Any], None]) -> Callable[..., Any]:
    @functools.wraps(bare)
    def add_active_run(self: Any, run: Any, *args: Any, **kwargs: Any) -> Any:
        answer = bare(self, run, *args, **kwargs)
        if run.id not in _reopened and not run.disabled:
            opened(run)
        return answer

    return add_active_run


def written(run_id: str) -> Written | None:
    """What was counted of a run; None where nobody has begun to count."""
    if not hasattr(getattr(sys.modules.get("wandb.sdk.wandb_run"), "Run", None), _WATCHED):
        return None
    values = _values[run_id]
    return Written(values, values + _settings[run_id], open=find(run_id) is not None)


def _listed() -> list[Any]:
    setup = getattr(sys.modules.get("wandb.sdk.wandb_setup"), "_singleton", None)
    # In a forked child it is still the parent's, whose runs are not open here.
    if getattr(setup, "_pid", None) != os.getpid():
        return []
    return list(getattr(setup, "_active_runs", ()))


def _say_which(runs: list[Any]) -> None:
    ids = frozenset(run.id for run in runs)
    if ids in _said:
        return
    _said.add(ids)
    _log.warning(
        "%d W&B runs are open: evidence goes to the one opened last, %s, and not to %s",
        len(runs),
        runs[-1].id,
        ", ".join(run.id for run in runs[:-1]),
    )
