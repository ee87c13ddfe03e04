"""Which run of MLflow's is open, without importing MLflow: where nobody did, none is."""

from __future__ import annotations

import sys
import threading
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
