"""What `mlflow server --app-name venturalitica-gate` starts: MLflow's application, guarded.

`create_app` gives the FastAPI application under uvicorn, as MLflow's own auth does, and the Flask
application under gunicorn and waitress. With `VENTURALITICA_GATE_AUTH=basic-auth` it is the one of
MLflow's basic auth.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import threading
from collections.abc import Callable, Mapping
from typing import Any

from venturalitica.errors import SettingsError
from venturalitica.server.checks import Checks
from venturalitica.server.gate_file import AUTH, gate_path, read_gate
from venturalitica.server.guard import Guard, target
from venturalitica.server.journal import journal
from venturalitica.server.sealed import Stores
from venturalitica.server.turns import Turns
from venturalitica.system.settings import Settings

log = logging.getLogger(__name__)

REGISTRY: Mapping[str, Callable[..., Any]] = {
    "set_registered_model_alias": Guard.set_alias,
    "transition_model_version_stage": Guard.set_stage,
    "rename_registered_model": Guard.rename,
    "create_registered_model": Guard.create_model,
    "delete_registered_model": Guard.remove,
    "delete_model_version": Guard.remove,
    "delete_registered_model_alias": Guard.remove,
    "set_model_version_tag": Guard.version_tag,
    "delete_model_version_tag": Guard.version_tag,
    "set_registered_model_tag": Guard.model_tag,
    "delete_registered_model_tag": Guard.model_tag,
}
TRACKING: Mapping[str, Callable[..., Any]] = {
    "set_tag": Guard.run_key,
    "delete_tag": Guard.run_key,
    "log_metric": Guard.run_key,
    "log_batch": Guard.run_batch,
    "delete_run": Guard.run,
    "delete_experiment": Guard.experiment,
    "delete_logged_model": Guard.logged_model,
    "set_logged_model_tags": Guard.logged_model_tags,
    "delete_logged_model_tag": Guard.logged_model_tags,
}

DATABASES = ("sqlite", "postgresql")

SETTLED = 3.0
"""Seconds after which the lines are out that MLflow writes when it starts."""

WRITES: Mapping[str, Callable[..., str]] = {
    "log_artifact": lambda local_file, artifact_path=None: target(local_file, artifact_path),
    "log_artifacts": lambda local_dir, artifact_path=None: artifact_path or "",
    "log_artifact_from_stream": lambda stream, artifact_file_name, artifact_path=None: target(
        artifact_file_name, artifact_path
    ),
    "log_artifact_from_async_stream": lambda chunks, artifact_file_name, artifact_path=None: target(
        artifact_file_name, artifact_path
    ),
    "delete_artifacts": lambda artifact_path=None: artifact_path or "",
    "create_multipart_upload": lambda local_file, num_parts=1, artifact_path=None: target(
        local_file, artifact_path
    ),
    "complete_multipart_upload": lambda local_file, upload_id, parts=(), artifact_path=None: target(
        local_file, artifact_path
    ),
    "upload_trace_data": lambda trace_data: "",
    "upload_archived_trace_data": lambda trace_data: "",
    "upload_archived_trace_data_bytes": lambda data: "",
    "upload_attachment": lambda attachment_id, content_bytes: "",
}
"""Where each writing method of a store of artifacts writes, of its arguments."""


def create_app() -> Any:
    """The application for `mlflow server`.

    Raises:
        SettingsError: the server is configured in a way that the gate does not cover.
    """
    application = _application()
    _install()
    gate = read_gate(gate_path())
    for problem in gate.problems:
        log.error("gate: %s; no alias is set and no stage given until it is mended", problem)
    log.info("gate: %s (%s), sha256 %s", gate.file, gate.mode, gate.sha256 or "none")
    if gate.problems:
        again = threading.Timer(SETTLED, _tell_again)
        again.daemon = True  # it keeps no server from stopping
        again.start()
    return application


def _tell_again() -> None:
    """Say below MLflow's own lines, set apart, that nothing passes, if that is so still."""
    if problems := read_gate(gate_path()).problems:
        log.error(
            "\nTHE GATE IS CLOSED: no alias is set and no stage given until this is mended; it is "
            "read again at each request\n\n    %s\n    A gate.yaml to begin with is in "
            "docs/gate-server.md; 'venturalitica gate-server lint' checks it.\n",
            "\n    ".join(map(str, problems)),
        )


def _application() -> Any:
    from mlflow.environment_variables import _MLFLOW_SGI_NAME
    from mlflow.server import app as flask

    asked = os.environ.get(AUTH, "")
    if asked == "basic-auth":
        # `mlflow server` makes the administrator for its own name `basic-auth` alone; without its
        # mark, `create_app` does it in each worker, and two that do it at once agree.
        from mlflow.server.auth import create_app as with_auth

        return with_auth(flask)
    if asked:
        raise SettingsError(f"{AUTH}={asked!r}: expected basic-auth, or nothing")
    if _MLFLOW_SGI_NAME.get() != "uvicorn":
        return flask
    from mlflow.server.fastapi_app import create_fastapi_app

    return create_fastapi_app(flask)


def _install() -> None:
    """Put the guard before the stores of this process."""
    from mlflow.server import handlers
    from mlflow.server.constants import ARTIFACTS_DESTINATION_ENV_VAR, SERVE_ARTIFACTS_ENV_VAR
    from mlflow.store.tracking import sqlalchemy_store

    _refuse_what_is_not_covered()
    open_store = handlers.get_artifact_repository
    handed_through = handlers._get_artifact_repo_mlflow_artifacts
    destination = os.environ.get(ARTIFACTS_DESTINATION_ENV_VAR)
    serving = os.environ.get(SERVE_ARTIFACTS_ENV_VAR) == "true"
    registry, tracking = handlers._get_model_registry_store(), handlers._get_tracking_store()
    stores = Stores(registry, tracking, destination if serving else None, open_store)
    folder = Settings.current().home / "gate"
    turns = Turns(folder)
    with turns.turn():
        pass  # a folder that cannot be written, or has no locks, is told now and not by a request
    guard = Guard(gate_path(), stores, Checks(stores, journal), turns)
    for store, methods in ((registry, REGISTRY), (tracking, TRACKING)):
        for name, before in methods.items():
            setattr(store, name, guard.around(before, getattr(store, name)))
    # Each place of the server that opens a store of artifacts, by the name that it opens it with.
    for opener in (handlers, sqlalchemy_store):
        opener.get_artifact_repository = lambda *said, **more: _guarded(
            guard, open_store(*said, **more)
        )
    handlers._get_artifact_repo_mlflow_artifacts = lambda: _guarded(guard, handed_through())


def _refuse_what_is_not_covered() -> None:
    from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
    from mlflow.server import handlers
    from mlflow.server.constants import READ_REPLICA_BACKEND_STORE_URI_ENV_VAR
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore

    if MLFLOW_ENABLE_WORKSPACES.get():
        raise SettingsError("the gate guards a server without workspaces; start it without them")
    if os.environ.get(READ_REPLICA_BACKEND_STORE_URI_ENV_VAR):
        raise SettingsError(
            "the gate asks the database that is written to, and a read replica may be behind it; "
            "start the server without one"
        )
    registry = handlers._get_model_registry_store()
    # MySQL and SQL Server find a row by other spellings of its name (blanks after it, accents), and
    # what is looked up by one of them would not look protected.
    if not isinstance(registry, SqlAlchemyStore) or registry.engine.dialect.name not in DATABASES:
        raise SettingsError(
            "the gate guards a registry in SQLite or PostgreSQL; start the server with "
            "--backend-store-uri sqlite:///… or postgresql://…"
        )


def _guarded(guard: Guard, store: Any) -> Any:
    """A store of artifacts whose writing methods ask first."""
    if getattr(store, "_venturalitica", None) is guard:
        return store
    for name, path_of in WRITES.items():
        method = getattr(store, name, None)
        if method is None:
            continue
        wrap = _asynchronous if asyncio.iscoroutinefunction(method) else _plain
        setattr(store, name, wrap(guard, store.artifact_uri, path_of, method))
    if hasattr(store, "create_presigned_upload_url"):
        store.create_presigned_upload_url = _presigned(
            guard, store.artifact_uri, store.create_presigned_upload_url
        )
    store._venturalitica = guard
    return store


def _presigned(guard: Guard, uri: str, method: Callable[..., Any]) -> Callable[..., Any]:
    """What is uploaded by such an address passes by this server, until the address expires."""

    @functools.wraps(method)
    def create(artifact_path: str, expiration: int = 900) -> Any:
        guard.writing(uri, artifact_path, seconds=expiration).close()
        return method(artifact_path, expiration=expiration)

    return create


def _plain(
    guard: Guard, uri: str, path_of: Callable[..., str], method: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(method)
    def write(*args: Any, **kwargs: Any) -> Any:
        with guard.writing(uri, path_of(*args, **kwargs)):
            return method(*args, **kwargs)

    return write


def _asynchronous(
    guard: Guard, uri: str, path_of: Callable[..., str], method: Callable[..., Any]
) -> Callable[..., Any]:
    @functools.wraps(method)
    async def write(*args: Any, **kwargs: Any) -> Any:
        with await asyncio.to_thread(guard.writing, uri, path_of(*args, **kwargs)):
            return await method(*args, **kwargs)

    return write
