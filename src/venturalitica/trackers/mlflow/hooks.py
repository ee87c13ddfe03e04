"""Hears of MLflow, in this process, that a run opens and that a run logs a model.

By `ActiveRun`, which every way to open a run makes one of, `Model.log`, by which every flavour
logs, and the client's `log_artifact` and `log_artifacts`, which may be given the file of a model.
Where a version has none of them, nothing is heard: the evidence waits, and that is said.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from venturalitica.trackers import tell_logged, tell_opened
from venturalitica.trackers.base import RunRef

_OURS = "_venturalitica"


def install(ref: Callable[[Any], RunRef], of_id: Callable[[str], RunRef]) -> None:
    """Hear from now on; a second time changes nothing.

    Args:
        ref: a run of MLflow's as ours.
        of_id: the run of an id.
    """
    fluent = sys.modules.get("mlflow.tracking.fluent")
    opened = getattr(fluent, "ActiveRun", None)
    if opened is not None and not hasattr(opened.__init__, _OURS):
        opened.__init__ = _telling_opened(opened.__init__, ref)
    # A part of the library that is loaded already; `Model` may be read late, by an attribute.
    models = sys.modules.get("mlflow.models.model")
    model = getattr(models, "Model", None)
    log = vars(model).get("log") if model is not None else None
    if isinstance(log, classmethod) and not hasattr(log.__func__, _OURS):
        model.log = classmethod(_telling_logged(log.__func__, of_id))  # type: ignore[union-attr]
    client = getattr(sys.modules.get("mlflow.tracking.client"), "MlflowClient", None)
    for name in ("log_artifact", "log_artifacts"):
        bare = getattr(client, name, None)
        if bare is not None and not hasattr(bare, _OURS):
            setattr(client, name, _telling_files(bare, of_id))


def _telling_opened(bare: Callable[..., None], ref: Callable[[Any], RunRef]) -> Callable[..., None]:
    @functools.wraps(bare)
    def init(self: Any, *args: Any, **kwargs: Any) -> None:
        bare(self, *args, **kwargs)
        tell_opened(lambda: ref(self))

    setattr(init, _OURS, True)
    return init


def _telling_logged(bare: Callable[..., Any], of_id: Callable[[str], RunRef]) -> Callable[..., Any]:
    @functools.wraps(bare)
    def log(cls: Any, *args: Any, **kwargs: Any) -> Any:
        info = bare(cls, *args, **kwargs)
        run_id = getattr(info, "run_id", None)
        objects = [value for value in (*args, *kwargs.values()) if not isinstance(value, str)]
        tell_logged(lambda: of_id(run_id) if run_id else None, objects)
        return info

    setattr(log, _OURS, True)
    return log


def _telling_files(bare: Callable[..., Any], of_id: Callable[[str], RunRef]) -> Callable[..., Any]:
    @functools.wraps(bare)
    def log(self: Any, run_id: str, *args: Any, **kwargs: Any) -> Any:
        answer = bare(self, run_id, *args, **kwargs)
        given = args[0] if args else kwargs.get("local_path", kwargs.get("local_dir"))
        tell_logged(lambda: of_id(run_id), files=[Path(given)] if given else [])
        return answer

    setattr(log, _OURS, True)
    return log
