"""A model that the caller names and does not hand over: `models:/credit/3`, `runs:/ID/model`, a
folder. Its files are fetched, digested and loaded; the record is about these files.

A name with predictions beside it names what is no files, an endpoint: the record says that it is a
name and no digest.
"""

from __future__ import annotations

import logging
import os
import tempfile
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from venturalitica.audit.audit import conduct, open_runs
from venturalitica.audit.measure import Request, with_predictions
from venturalitica.audit.result import Audit
from venturalitica.audit.trained_before import share_trained_on
from venturalitica.core.manifest import METHOD, Manifest
from venturalitica.core.redact import redact_name
from venturalitica.errors import BindingError, DataError, did_you_mean
from venturalitica.frameworks.pyfunc import raw
from venturalitica.provenance.model import model_facts
from venturalitica.provenance.model_files import ModelFolder, Progress
from venturalitica.system.settings import working_folder
from venturalitica.trackers.mlflow.models import (
    SCHEMES,
    Named,
    fetch,
    flavors,
    load,
    resolved,
)

log = logging.getLogger(__name__)

ANSWERS = ("prediction", "score")


def conduct_named(
    request: Request,
    name: str | os.PathLike[str],
    *,
    may_load: bool = True,
    progress: Progress | None = None,
) -> Audit:
    """Judge the model of that name: ask it where it has files, else take what the caller gives.

    Args:
        name: `models:/NAME/VERSION`, `runs:/ID/PATH`, a folder, or any name of a model whose
            predictions are given.
        may_load: False refuses to load it, which runs what is in its files.
        progress: called with the bytes digested so far and the bytes there are.

    Raises:
        BindingError: predictions are given for files, which are asked themselves.
        DataError: there is no such folder, it is no model, or it cannot be loaded or asked.
        TrackerError: MLflow has no such model, or failed.
        MissingExtra: MLflow is not installed.
        ControlBlocked: as `conduct`.
    """
    text = os.fspath(name)
    remote = text.startswith(SCHEMES)
    if not remote and not os.path.lexists(text):
        _refuse_unanswered(text, request)
        return conduct(replace(request, described=facts_of_name(text)))
    _refuse_answered(text, request)
    with tempfile.TemporaryDirectory(prefix="venturalitica-model-") as place:
        found = resolved(text) if remote else Named(Path(text).resolve().name)
        folder = fetch(found.uri, Path(place)) if remote else Path(text)
        files = ModelFolder(folder, progress=progress)
        _refuse_load(text, files, may_load)
        model = load(files.path)
        asked = with_predictions(replace(request, model=model, trackers=open_runs()))
        # A folder of the user's may have been written to since it was digested.
        files.check()
        asked = replace(asked, training_share=share_trained_on(asked, files.manifest))
        return conduct(replace(asked, described=facts_of_files(model, files.manifest, found)))


def facts_of_files(model: Any, manifest: Manifest, named: Named) -> dict[str, Any]:
    """The `model` part of a statement on files: their manifest, and class and parameters of what
    they were loaded as."""
    inside = raw(model)
    found = dict(model_facts(model if inside is None else inside) or {})
    return found | {
        "sha256": manifest.root,
        "serialization": METHOD,
        "note": "",
        "identity": "files",
        "name": redact_name(named.uri),
        "files": manifest.to_json(),
        "logged": dict(named.facts) or None,
    }


def facts_of_name(name: str) -> dict[str, Any]:
    """The `model` part of a statement on what is no files."""
    return {
        "class": "",
        "parameters": {},
        "sha256": None,
        "serialization": None,
        "note": "a name that the caller gave, and no digest: nobody can tell by it what answered",
        "identity": "name",
        "name": redact_name(name),
    }


def _refuse_unanswered(name: str, request: Request) -> None:
    if request.reported or {*request.bindings} & {*ANSWERS}:
        return
    known = [item.name for item in Path(name).absolute().parent.glob("*") if item.is_dir()]
    raise DataError(
        f"model={redact_name(name)!r}: there is no such folder (looked from {working_folder()})"
        f"{did_you_mean(Path(name).name, known)}. Expected models:/NAME/VERSION, runs:/ID/PATH or "
        "a folder; a model that is no files (an endpoint) is named beside its predictions: "
        "prediction=..."
    )


def _refuse_answered(name: str, request: Request) -> None:
    given = next((role for role in ANSWERS if role in request.bindings), None)
    if given is not None:
        raise BindingError(
            f"model={redact_name(name)!r} names files, which are asked for their own predictions, "
            f"and {given}= gives others: leave one of them out"
        )


def _refuse_load(name: str, files: ModelFolder, may_load: bool) -> None:
    way = flavors(files.path)
    if not may_load:
        found = files.manifest
        raise DataError(
            f"{redact_name(name)} is not loaded, as --no-load says: that would run what is in its "
            f"files (flavour {way}, {len(found.files)} files, root {found.root}). Without "
            "--no-load it is loaded"
        )
    log.warning(
        "loading %s (flavour %s) runs code that its files bring or name: load only what comes from "
        "people you trust",
        *(redact_name(name), way),
    )
