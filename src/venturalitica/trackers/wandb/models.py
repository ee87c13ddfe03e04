"""Models that a run of W&B's logs, as artifacts of type `model`: which, and their files.

W&B removes what it staged once it is uploaded, and an offline run keeps a list of it only. So in
the process that logs, the files are opened as soon as W&B has them, and read when somebody asks.
Another process asks the server.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica.core.manifest import MAX_FILES
from venturalitica.errors import TrackerError
from venturalitica.trackers.base import LoggedModel
from venturalitica.trackers.haul import below
from venturalitica.trackers.wandb import active

MOST_OPEN = 100
"""Files that are held open; a process may often open no more than 1,024 in all."""


class _Logged(Struct, frozen=True):
    model: LoggedModel
    files: dict[str, int]
    """Name in the artifact -> an open file."""


_logged: dict[str, list[_Logged]] = {}
"""By the id of the run that logged it in this process."""


def watch(run_id: str) -> None:
    """Note, from now on, each model that an open run logs."""
    if active.find(run_id) is not None:
        _logged.setdefault(run_id, [])


def note(run_id: str, artifact: Any) -> None:
    """Note an artifact that a run has just logged, where it is a model and the run is watched."""
    if run_id in _logged and is_model(artifact):
        with contextlib.suppress(Exception):  # not the training's trouble: the server is asked then
            _note(run_id, artifact)


def files_of(artifact: Any) -> list[Path]:
    """The files that were added to an artifact, as W&B has staged them."""
    entries = dict(artifact.manifest.entries).values()
    return [Path(one.local_path) for one in entries if one.local_path]


def _note(run_id: str, artifact: Any) -> None:
    held = sum(len(one.files) for run in _logged.values() for one in run)
    entries = dict(artifact.manifest.entries)
    if held + len(entries) > MOST_OPEN or not all(one.local_path for one in entries.values()):
        return
    files: dict[str, int] = {}
    try:
        for name, entry in entries.items():
            files[str(name)] = os.open(entry.local_path, os.O_RDONLY)
    except BaseException:
        _close(files)
        raise
    _logged[run_id].append(_Logged(_named(artifact, datetime.now(UTC)), files))


def logged_in(run_id: str) -> list[LoggedModel]:
    """Those that this process saw, oldest first."""
    return [one.model for one in _logged.get(run_id, ())]


def logged_at(run: Any) -> list[LoggedModel]:
    """Those that a run of W&B's public interface has, oldest first."""
    found = [
        _named(one, _moment(one.created_at)) for one in run.logged_artifacts() if is_model(one)
    ]
    return sorted(found, key=lambda one: one.made_at or datetime.max.replace(tzinfo=UTC))


def take(run_id: str, model: LoggedModel, folder: Path) -> bool:
    """Copy the files of a model that this process saw into an empty folder; False if it did not."""
    for one in _logged.get(run_id, ()):
        if one.model.model_id == model.model_id and one.files:
            for name, descriptor in one.files.items():
                with (
                    os.fdopen(os.dup(descriptor), "rb") as source,
                    _room_for(folder, name).open("wb") as target,
                ):
                    shutil.copyfileobj(source, target, 1 << 20)
            _close(one.files)
            return True
    return False


def fetch(run: Any, model: LoggedModel, folder: Path) -> None:
    """Fetch the files of a model from the server, one by one: W&B's own way works on a pool.

    Raises:
        TrackerError: the run has no such model, or lists what is no file of it.
    """
    artifact = next(
        (one for one in run.logged_artifacts() if is_model(one) and _id(one) == model.model_id),
        None,
    )
    if artifact is None:
        raise TrackerError(f"the run has no model {model.model_id} any more")
    names = list(artifact.manifest.entries)
    if len(names) > MAX_FILES:
        raise TrackerError(f"the model lists {len(names)} files: no model of anybody's")
    for name in names:
        _room_for(folder, str(name))
        artifact.get_entry(name).download(root=str(folder), skip_cache=True)


def _room_for(folder: Path, name: str) -> Path:
    file = below(folder, name)
    file.parent.mkdir(parents=True, exist_ok=True)
    return file


def is_model(artifact: Any) -> bool:
    """Whether it is of type `model`."""
    return str(artifact.type).casefold() == "model"


def _named(artifact: Any, made_at: datetime | None) -> LoggedModel:
    name, _, version = str(artifact.name).partition(":")
    return LoggedModel(name=name, model_id=_id(artifact), version=version or "", made_at=made_at)


def _id(artifact: Any) -> str:
    """The same before and after it is uploaded, when the server gives it an id and a version."""
    return f"{str(artifact.name).partition(':')[0]}/{artifact.digest}"


def _moment(text: Any) -> datetime | None:
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _close(files: dict[str, int]) -> None:
    for descriptor in files.values():
        os.close(descriptor)
    files.clear()
