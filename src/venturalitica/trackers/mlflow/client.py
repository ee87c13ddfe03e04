"""What MLflow answers: asked once before anything else, and its failures in plain words."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from venturalitica.core.causes import cause, said
from venturalitica.errors import MissingExtra, TrackerError, TrackerUnreachable
from venturalitica.trackers.base import answer_within
from venturalitica.trackers.links import (
    FILE_STORE_REMEDIES,
    address,
    is_databricks,
    is_file_store,
    is_http,
    is_loopback,
    is_sqlite,
    origin,
    sqlite_file,
)

_NOTHING_THERE = (404, 405, 501)
_UNKNOWN = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED")
_STATUS = re.compile(r"failed with error code (\d{3}) != 200")


def library() -> Any:
    """The module; MissingExtra with the line that installs it where it is absent."""
    try:
        import mlflow
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        raise MissingExtra("MLflow", "mlflow") from None
    return mlflow


def workspace_here() -> str:
    try:
        from mlflow.utils.workspace_context import get_request_workspace
    except ModuleNotFoundError:  # an MLflow that has no workspaces
        return ""
    return get_request_workspace() or ""


def first_answer(door: str, run_id: str, *, must_exist: bool = True) -> None:
    """Ask for the run once, without the client's retries; TrackerError says what is the matter."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    try:
        answer = http_request(
            get_default_host_creds(door),
            "/api/2.0/mlflow/runs/get",
            "GET",
            params={"run_id": run_id},
            max_retries=0,
            timeout=answer_within(),
            raise_on_status=False,
        )
    except Exception as error:
        raise TrackerUnreachable(explain(error, run_id, address(door))) from error
    trouble = {
        401: "asks who we are: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, "
        "or MLFLOW_TRACKING_TOKEN",
        403: "does not let these credentials see the run",
        404: f"has no run '{run_id}'; is MLFLOW_TRACKING_URI another server than the run's?",
        429: "has too much to do just now (429)",
    }.get(answer.status_code)
    if answer.status_code == 404 and not must_exist:
        return
    if trouble is None and answer.status_code >= 500:
        trouble = f"is in trouble of its own ({answer.status_code})"
    if trouble is not None:
        busy = answer.status_code == 429 or answer.status_code >= 500
        kind = TrackerUnreachable if busy else TrackerError
        raise kind(f"the MLflow server at {address(door)} {trouble}")


def is_missing(error: Exception) -> bool:
    """Whether the server has nothing at that address: it is older, or not MLflow's own.

    A proxy's or another server's own words (`{"detail": "Not Found"}`) come without a code of
    MLflow's; answers of 429 and above do not get here so: MLflow's client repeats the question.
    """
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if status in _NOTHING_THERE or getattr(error, "error_code", "") in _UNKNOWN:
        return True
    words = getattr(error, "json", None)
    foreign = isinstance(words, dict) and not words.get("error_code")
    found = _STATUS.search(str(error))
    return foreign or bool(found and int(found[1]) in _NOTHING_THERE)


def refuse_foreign_credentials(uri: str, current: str) -> None:
    """Evidence may come from anywhere; the address in it must not draw credentials to itself."""
    from mlflow.utils.credentials import get_default_host_creds

    creds = get_default_host_creds(uri)
    if not any((creds.username, creds.password, creds.token, creds.auth, creds.aws_sigv4)):
        return
    if not is_http(current) or origin(current) != origin(uri):
        raise TrackerError(
            f"the run is at {uri}, and the MLflow credentials of this process may be for another "
            f"server: set MLFLOW_TRACKING_URI={uri} to say that they are for this one"
        )


def must_exist_already(door: str) -> None:
    """MLflow makes a database that is missing: a run would be sought in an empty one."""
    file = sqlite_file(door)
    if file is not None and not file.exists():
        raise TrackerError(
            f"the MLflow database {file} is not there; was it moved? Put it back, or set "
            "MLFLOW_TRACKING_URI to where it is now"
        )


@contextmanager
def translated(run_id: str, uri: str) -> Iterator[None]:
    """Every failure of MLflow's becomes a TrackerError that says what to do next."""
    try:
        yield
    except (TrackerError, MissingExtra):
        raise
    except Exception as error:
        raise TrackerError(explain(error, run_id, uri)) from error


def explain(error: Exception, run_id: str, uri: str) -> str:
    text = said(error)
    if "MLFLOW_ALLOW_FILE_STORE" in str(error):
        return FILE_STORE_REMEDIES
    where = f"MLflow at {address(uri)}" if uri else "MLflow"
    if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return f"{where} has no run '{run_id}' ({text}); was it deleted, or made elsewhere?"
    if cause(error):
        return f"{where} does not answer ({text}): start it, or set MLFLOW_TRACKING_URI"
    if uri and not (is_http(uri) or is_sqlite(uri) or is_file_store(uri) or is_databricks(uri)):
        return f"{where} failed; if it wants a password, set MLFLOW_TRACKING_URI in full ({text})"
    return f"{where} failed: {text}"


ANSWER_WITHIN = 2.0
MOST = 16 * 1024 * 1024


def shows(server: str, run_id: str) -> bool:
    """Whether the server answers now, and knows this very run.

    Something else may have taken the port; only who knows the run is the store's own server. Never
    asked beyond this machine: the run's id is nobody else's business.
    """
    if not is_loopback(server):
        return False
    # Not by a proxy that the environment names: it is another machine.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    place = f"{server}/api/2.0/mlflow/runs/get?run_id={quote(run_id, safe='')}"
    try:
        with direct.open(place, timeout=ANSWER_WITHIN) as answer:
            found = json.loads(answer.read(MOST))
        return bool(found["run"]["info"]["run_id"] == run_id)
    except (OSError, ValueError, KeyError, TypeError):
        return False
