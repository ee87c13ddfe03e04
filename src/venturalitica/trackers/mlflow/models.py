"""Models at MLflow: what a URI names, its files, and the loading of them.

A URI is resolved before anything is fetched: an alias may name another version a moment later.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.causes import cause, said
from venturalitica.core.gate import Alias
from venturalitica.core.manifest import MAX_FILES
from venturalitica.errors import (
    DataError,
    MissingExtra,
    TrackerError,
    TrackerUnreachable,
)
from venturalitica.trackers.base import LoggedModel
from venturalitica.trackers.haul import below
from venturalitica.trackers.links import address, is_http
from venturalitica.trackers.mlflow.client import client_at, first_answer, library
from venturalitica.trackers.mlflow.run import artifacts_at

_log = logging.getLogger(__name__)

SCHEMES = ("models:/", "runs:/")
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_NO_RUN = "0" * 32


class Named(Struct, frozen=True):
    """What a URI names: itself with the version said outright, and what MLflow knows of it."""

    uri: str
    facts: Mapping[str, str] = field(default_factory=dict)


def resolved(uri: str) -> Named:
    """The model that `models:/…` or `runs:/…` names now.

    Raises:
        TrackerError: MLflow knows no such model, or failed.
        TrackerUnreachable: it does not answer.
        MissingExtra: MLflow is not installed.
    """
    mlflow = library()
    with _translated(uri):
        door = str(mlflow.get_tracking_uri())
        if is_http(door):
            # One short question first: the client itself asks a dead server for minutes.
            first_answer(door, _NO_RUN, must_exist=False)
        known = {"tracker": "mlflow", "uri": address(door)}
        if uri.startswith("runs:/"):
            run_id = uri.removeprefix("runs:/").partition("/")[0]
            mlflow.MlflowClient().get_run(run_id)
            return Named(uri, known | {"run_id": run_id})
        return _in_registry(mlflow, uri, known)


def only_model(uri: str) -> str:
    """`runs:/ID` as the one model that the run logged; any other URI as it is.

    Raises:
        TrackerError: the run logged none, or several; they are listed.
    """
    run_id, _, path = uri.removeprefix("runs:/").partition("/")
    if not uri.startswith("runs:/") or path:
        return uri
    mlflow = library()
    with _translated(uri):
        door = str(mlflow.get_tracking_uri())
        if is_http(door):
            first_answer(door, _NO_RUN, must_exist=False)
        found = logged_in(door, run_id)
    if len(found) != 1:
        names = ", ".join(f"models:/{one.model_id} ({one.name})" for one in found)
        raise TrackerError(f"run {run_id} logged {len(found)} models ({names or 'none'}): name one")
    return f"models:/{found[0].model_id}"


def _in_registry(mlflow: Any, uri: str, known: Mapping[str, str]) -> Named:
    from mlflow.store.artifact.models_artifact_repo import ModelsArtifactRepository
    from mlflow.store.artifact.utils.models import get_model_name_and_version

    whole, inner = ModelsArtifactRepository.split_models_uri(uri)
    client = mlflow.MlflowClient()
    found = get_model_name_and_version(client, whole)
    if len(found) == 1:
        model = client.get_logged_model(found[0])
        return Named(
            uri, _texts(known, model_id=found[0], name=model.name, run_id=model.source_run_id)
        )
    name, number = found
    version = client.get_model_version(name, number)
    facts = _texts(
        known,
        name=name,
        version=version.version,
        model_id=getattr(version, "model_id", None),
        run_id=version.run_id,
    )
    return Named("/".join(filter(None, (f"models:/{name}/{version.version}", inner))), facts)


def aliases_of(names: Iterable[str]) -> tuple[Alias, ...]:
    """Every alias of these registered models, as it stands now; of one that is gone, none.

    Raises:
        TrackerError: MLflow failed.
        TrackerUnreachable: it does not answer.
        MissingExtra: MLflow is not installed.
    """
    found: list[Alias] = []
    mlflow = library()
    for name in names:
        with _translated(name):
            door = str(mlflow.get_tracking_uri())
            if is_http(door):
                first_answer(door, _NO_RUN, must_exist=False)
            try:
                model = mlflow.MlflowClient().get_registered_model(name)
            except mlflow.exceptions.MlflowException as error:
                if error.error_code in _NOT_THERE:
                    continue
                raise
            found += [Alias(name, alias, str(number)) for alias, number in model.aliases.items()]
    return tuple(found)


def set_alias(named: Named, alias: str) -> None:
    """Give a version its alias, where it is still what was judged, and read it back.

    Raises:
        TrackerError: the version was changed meanwhile, or MLflow failed.
        TrackerUnreachable: it does not answer.
    """
    name, number = named.facts["name"], named.facts["version"]
    client = library().MlflowClient()
    with _translated(named.uri):
        if dict(resolved(f"models:/{name}/{number}").facts) != dict(named.facts):
            raise TrackerError(
                f"{named.uri} was changed while it was judged; '{alias}' was not set: ask again"
            )
        client.set_registered_model_alias(name, alias, number)
        found = client.get_model_version_by_alias(name, alias).version
        if str(found) != number:
            raise TrackerError(f"'{alias}' of {name} is version {found}, set was {number}")


def _texts(known: Mapping[str, str], **facts: Any) -> dict[str, str]:
    return {**known, **{name: str(value) for name, value in facts.items() if value}}


def fetch(uri: str, folder: Path) -> Path:
    """Fetch the files of a model into an empty folder; gives the folder that they lie in.

    Never without a folder: MLflow would hand out the store's own files, and write into them.

    Raises:
        TrackerError: there are none, or MLflow failed.
        TrackerUnreachable: it does not answer.
    """
    mlflow = library()
    with _translated(uri):
        return Path(mlflow.artifacts.download_artifacts(uri, dst_path=str(folder)))


def flavors(folder: Path) -> str:
    """How the files say they are loaded, for people: `sklearn (cloudpickle)`.

    Raises:
        DataError: they are no model of MLflow's.
        MissingExtra: MLflow is not installed.
    """
    library()
    from mlflow.models import Model

    try:
        found = Model.load(str(folder)).flavors
    except Exception as error:
        raise DataError(
            f"{folder.name}: the folder is no model of MLflow's, which has a file MLmodel "
            f"({said(error)}); save it with mlflow.<flavor>.save_model or log_model"
        ) from error
    pyfunc = found.get("python_function")
    if pyfunc is None:
        raise DataError(
            f"{folder.name}: the model has no flavour python_function (it has "
            f"{', '.join(sorted(found)) or 'none'}), by which mlflow.pyfunc would load it"
        )
    named = [name for name in found if name != "python_function"] or [str(pyfunc["loader_module"])]
    ways = [found.get(name, {}).get("serialization_format") for name in named]
    return ", ".join(f"{n} ({way})" if way else n for n, way in zip(named, ways, strict=True))


def load(folder: Path) -> Any:
    """Load the model by `mlflow.pyfunc`. This runs what is in its files.

    Raises:
        DataError: it cannot be loaded here.
    """
    mlflow = library()
    before = sys.dont_write_bytecode
    # The model's own code is imported from its folder, where nothing may appear.
    sys.dont_write_bytecode = True
    try:
        return mlflow.pyfunc.load_model(str(folder))
    except Exception as error:
        raise DataError(
            f"the model cannot be loaded here ({type(error).__name__}: {said(error)}); install "
            "what its requirements.txt names"
        ) from error
    finally:
        sys.dont_write_bytecode = before


def logged_in(door: str, run_id: str) -> list[LoggedModel]:
    """The models that a run logged and whose files are complete, oldest first."""
    client = client_at(door)
    outputs = client.get_run(run_id).outputs
    ids = dict.fromkeys(one.model_id for one in outputs.model_outputs) if outputs else {}
    found = [client.get_logged_model(model_id) for model_id in ids]
    found.sort(key=lambda model: model.creation_timestamp)
    return [
        LoggedModel(name=model.name, model_id=model.model_id, version=_versions(model.tags))
        for model in found
        if str(model.status) == "READY"
    ]


def _versions(tags: Mapping[str, str]) -> str:
    """`credit/3`, where the model was registered under a name."""
    try:
        listed = json.loads(tags.get("mlflow.modelVersions", "[]"))
        return ", ".join(f"{one['name']}/{one['version']}" for one in listed)
    except (ValueError, KeyError, TypeError):
        return ""


def fetch_logged(door: str, model: LoggedModel, folder: Path) -> LoggedModel:
    """Fetch the files of a logged model one by one into an empty folder."""
    from mlflow.models import Model

    place = client_at(door).get_logged_model(model.model_id)
    _take(artifacts_at(place.artifact_location, door), folder)
    try:
        created = Model.load(str(folder)).utc_time_created
        made = datetime.fromisoformat(str(created)).replace(tzinfo=UTC)
    except Exception as error:  # noqa: BLE001 - a file of the user's may hold anything
        _log.debug("the model does not say when it was made (%s)", said(error))
        return model
    return replace(model, made_at=made)


def _take(store: Any, folder: Path) -> None:
    """Every file of a store; a listing comes from a server, and leads nowhere but below `folder`.

    Not by `download_artifacts`: it works on a pool of threads, and the interpreter waits for such a
    pool when it ends, however long a silent server takes.
    """
    waiting: list[str | None] = [None]
    taken = 0
    while waiting:
        for item in store.list_artifacts(waiting.pop()):
            taken += 1
            if taken > MAX_FILES:
                raise TrackerError(f"the model lists more than {MAX_FILES:,} files")
            file = below(folder, item.path)
            if item.is_dir:
                waiting.append(item.path)
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            store._download_file(item.path, str(file))


@contextmanager
def _translated(uri: str) -> Iterator[None]:
    try:
        yield
    except (TrackerError, MissingExtra):
        raise
    except Exception as error:
        where = f"MLflow at {address(str(library().get_tracking_uri()))}"
        if cause(error):
            raise TrackerUnreachable(
                f"{where} does not answer ({said(error)}): start it, or set MLFLOW_TRACKING_URI"
            ) from error
        if getattr(error, "error_code", "") in _NOT_THERE:
            raise TrackerError(
                f"{where} has no model '{uri}' ({said(error)}); is MLFLOW_TRACKING_URI the server "
                "that has it?"
            ) from error
        raise TrackerError(f"{where} did not give '{uri}': {said(error)}") from error
