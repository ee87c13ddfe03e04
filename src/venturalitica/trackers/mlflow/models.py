"""Models at MLflow: what a URI names, its files, and the loading of them.

A URI is resolved before anything is fetched: an alias may name another version a moment later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venturalitica.core.causes import cause, said
from venturalitica.errors import (
    DataError,
    MissingExtra,
    TrackerError,
    TrackerUnreachable,
)
from venturalitica.trackers.links import address, is_http
from venturalitica.trackers.mlflow.client import first_answer, library

SCHEMES = ("models:/", "runs:/")
_NOT_THERE = ("RESOURCE_DOES_NOT_EXIST", "NOT_FOUND")
_NO_RUN = "0" * 32


@dataclass(frozen=True, slots=True)
class Named:
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
