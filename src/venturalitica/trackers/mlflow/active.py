"""Which run of MLflow's is open, without importing MLflow: where nobody did, none is."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

from venturalitica.trackers.base import NoRun

_NONE = NoRun("no MLflow run is open: put the training inside 'with mlflow.start_run():'")

_ELSEWHERE = NoRun(
    "an MLflow run is open in another thread only, and a run of MLflow's belongs to the thread "
    "that opened it: open it in this one too, 'with mlflow.start_run(run_id=...):'",
    elsewhere=True,
)


def active() -> Any:
    """The run that is open in this thread, the inner one of nested runs; None where none is."""
    ask = getattr(sys.modules.get("mlflow"), "active_run", None)
    return ask() if ask is not None else None


def no_run() -> NoRun | None:
    """Why there is none; None where nobody imported MLflow."""
    if not hasattr(sys.modules.get("mlflow"), "active_run"):
        return None
    return _ELSEWHERE if _open_elsewhere() else _NONE


def at_end(run_id: str, call: Callable[[], None]) -> None:
    """Have `call` called when a run that is open in this thread ends.

    MLflow has no hook for that, but a table of monitors of the system's load, and tells each when
    its run has ended; of a version that has none, only the end of the process waits for pages.
    """
    fluent = sys.modules.get("mlflow.tracking.fluent")
    monitors = getattr(fluent, "run_id_to_system_metrics_monitor", None)
    stack: Any = getattr(fluent, "_active_run_stack", None)
    if not isinstance(monitors, dict) or stack is None:
        return
    own = monitors.get(run_id)
    if not isinstance(own, _AtEnd) and any(run.info.run_id == run_id for run in stack.get()):
        monitors[run_id] = _AtEnd(call, own)


class _AtEnd:
    """Stands in the place of MLflow's own monitor of a run, which may be None."""

    def __init__(self, call: Callable[[], None], own: Any) -> None:
        self._call, self._own = call, own

    def finish(self) -> None:
        if self._own is not None:
            self._own.finish()
        self._call()


def _open_elsewhere() -> bool:
    """Whether another living thread has a run open.

    MLflow keeps a stack of runs for each thread, those of threads that ended too, in a variable of
    its own: a version that has none tells nothing. A living thread that was given the number of one
    that ended with a run open is taken for it.
    """
    fluent = sys.modules.get("mlflow.tracking.fluent")
    stacks = getattr(getattr(fluent, "_active_run_stack", None), "get_all_thread_values", None)
    if stacks is None:
        return False
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
    return any(stack for thread, stack in stacks().items() if thread in others)
