"""What MLflow answers, its failures in plain words, and where it keeps an open run.

It is asked once before anything else. MLflow reads a relative address (`sqlite:///m.db`,
`./mlruns`, its own default) in the folder of the moment, and goes on with the database that it has
open. A script that changes its folder (Hydra, notebooks) or deletes it would have us record a place
where the run never was. So the store that is recorded is one that holds the run: the address as it
reads now, else a database that MLflow has open, else the folder that the run's artifacts are in.
"""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from venturalitica.core.causes import CUT_OFF, cause, said
from venturalitica.errors import (
    MissingExtra,
    TrackerError,
    TrackerUnreachable,
    did_you_mean,
    nearest,
)
from venturalitica.trackers import base
from venturalitica.trackers.links import (
    FILE_STORE_REMEDIES,
    UNREADABLE,
    address,
    is_databricks,
    is_file_store,
    is_http,
    is_loopback,
    is_sqlite,
    origin,
    sqlite_file,
)
from venturalitica.trackers.patience import answer_within

_WAIT = 0.5
"""Seconds to wait for a database that somebody writes to."""


def place_of(run: Any, uri: str) -> str:
    """The address of the store that the run is in; `uri` is the one that MLflow has set now.

    `uri` is empty where MLflow cannot say, since its folder is gone.
    """
    now = address(uri) if uri else UNREADABLE
    if now != UNREADABLE and not (is_sqlite(now) or is_file_store(now)):
        return now
    opened = _opened()
    candidates = (now, *opened.values(), *_folder_of(run))
    found = (one for one in candidates if one != UNREADABLE and _holds(one, run.info))
    return next(found, opened.get(uri, now if uri else _deleted(opened)))


def opened_by(uri: str) -> str:
    """The address of the database that MLflow has open by `uri`; empty where it has none."""
    return _opened().get(uri, "")


def _deleted(opened: Mapping[str, str]) -> str:
    """What MLflow has open and is deleted, the last opened, where its own default is too."""
    files = ((place, sqlite_file(place)) for place in reversed(list(opened.values())))
    return next((place for place, file in files if file and not file.exists()), UNREADABLE)


def _holds(place: str, info: Any) -> bool:
    if is_file_store(place):
        folder = Path(unquote(urlsplit(place).path))
        return Path(folder, info.experiment_id, info.run_id, "meta.yaml").is_file()
    file = sqlite_file(place)
    return file is not None and _has_row(file, info.run_id)


def _has_row(file: Path, run_id: str) -> bool:
    # By SQLite itself: to open and close the file by other means drops the locks that MLflow holds.
    where = f"file:{quote(str(file))}?mode=ro"
    try:
        with closing(sqlite3.connect(where, uri=True, timeout=_WAIT)) as database:
            found = database.execute("SELECT 1 FROM runs WHERE run_uuid = ?", (run_id,))
            return found.fetchone() is not None
    except sqlite3.Error:  # not there, no database, or busy: nothing is shown
        return False


def _opened() -> dict[str, str]:
    """By the URI it was opened with: each SQLite database that MLflow has a connection to.

    The engines are kept in a variable of MLflow's own: a version that has none tells nothing.
    """
    files = {uri: _file_of(engine) for uri, engine in _engines().items() if is_sqlite(uri)}
    return {uri: address(f"sqlite:///{file}") for uri, file in files.items() if file}


def _engines() -> dict[str, Any]:
    """MLflow's connections to databases, by the URI that each was opened with."""
    module = sys.modules.get("mlflow.store.tracking.sqlalchemy_store")
    return dict(getattr(getattr(module, "SqlAlchemyStore", None), "_engine_map", {}))


def _file_of(engine: Any) -> str:
    """The file as SQLite opened it; empty where no connection is free.

    A new connection is not made: it would make an empty database in the folder of the moment.
    """
    checked_in = getattr(engine.pool, "checkedin", lambda: 0)
    if not checked_in():
        return ""
    with engine.connect() as connection:
        for _, name, file in connection.exec_driver_sql("PRAGMA database_list"):
            if name == "main":
                return str(file)
    return ""


def _folder_of(run: Any) -> Iterator[str]:
    """The file store that the artifacts are in, where they are in the run's own folder."""
    inside = f"/{run.info.experiment_id}/{run.info.run_id}/"
    root, found, _ = (run.info.artifact_uri or "").partition(inside)
    if found and is_file_store(root):
        yield address(root)


SCHEMES = ("http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks")
_ADDRESS = re.compile(r"(localhost|\d+(\.\d+){3}|[^/\s]+:\d+)(/\S*)?", re.I)
"""A folder may have dots in its name; it has no port, and is seldom called as an address."""


def doubt(uri: str) -> str:
    """What is wrong with a tracking URI, as a question; empty where it may be meant.

    Credentials in it are left out.
    """
    if uri != uri.strip() or uri.startswith(('"', "'")):
        return "it has quotation marks or blanks around it: did you mean it without them?"
    if not uri or is_databricks(uri) or uri.startswith(("/", ".", "\\", "~")):
        return ""
    if "://" not in uri:
        return _without_scheme(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:  # a bracket that is not closed, say
        return "it cannot be read as an address: expected http://host:port"
    scheme = parts.scheme.partition("+")[0]
    if scheme in ("http", "https") and not parts.netloc:
        return f"it names no server: expected {scheme}://host:port"
    near = nearest(scheme, SCHEMES)
    if scheme not in SCHEMES and near is not None:
        return f"'{scheme}://' is no scheme of MLflow{did_you_mean(f'{scheme}', SCHEMES)}"
    return ""


def _without_scheme(uri: str) -> str:
    rest = re.sub(r"^https?(:/?|//|/)", "", uri, flags=re.I)
    scheme = "https" if uri.lower().startswith("https") else "http"
    host = rest.rpartition("@")[2]
    if rest == uri and (Path(uri).exists() or uri.startswith(("file:", "sqlite:"))):
        return ""
    if not host or (rest == uri and not _ADDRESS.fullmatch(host)):
        return ""
    return f"it is no address of a server: did you mean {scheme}://{host}?"


_NOTHING_THERE = (404, 405, 501)
_UNKNOWN = ("ENDPOINT_NOT_FOUND", "NOT_IMPLEMENTED", "FEATURE_DISABLED")
_STATUS = re.compile(r"failed with error code (\d{3}) != 200")


def library() -> Any:
    """The module; MissingExtra where it is absent."""
    return base.library("mlflow", "MLflow")


@cache
def client_at(door: str) -> Any:
    """The client, made once: by the thread that asks which run is open, not where we deliver.

    Each new one looks for a module that is mostly not there (Spark's). MLflow looks for modules
    under a lock of its own, and imports under it too (`mlflow.models.evaluate`): a thread of ours
    that looks for one meanwhile would stop, and the script with it.

    Raises:
        TrackerUnreachable: its database does not answer.
    """
    mlflow = library()
    _refuse_silent_database(door)
    return mlflow.MlflowClient(tracking_uri=door)


_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def _refuse_silent_database(door: str) -> None:
    """MLflow tries a database that does not answer for minutes; a training would wait for it."""
    try:
        parts = urlsplit(door)
        host, port = parts.hostname, parts.port or _PORTS.get(parts.scheme.split("+")[0])
    except ValueError:
        return  # MLflow says what is wrong with it
    if not host or port is None or is_http(door) or door in _engines():
        return
    try:
        socket.create_connection((host, port), timeout=answer_within()).close()
    except OSError as error:
        raise TrackerUnreachable(
            f"MLflow's database at {address(door)} does not answer ({said(error)}): start it, or "
            "set MLFLOW_TRACKING_URI"
        ) from error


def workspace_here() -> str:
    try:
        from mlflow.utils.workspace_context import get_request_workspace
    except ModuleNotFoundError:  # an MLflow that has no workspaces
        return ""
    return get_request_workspace() or ""


def first_answer(door: str, run_id: str, *, must_exist: bool = True) -> None:
    """Ask for the run once, without the client's retries; TrackerError says what is the matter."""
    try:
        answer = _ask_for(door, run_id)
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


def _ask_for(door: str, run_id: str) -> Any:
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    def ask() -> Any:
        return http_request(
            get_default_host_creds(door),
            "/api/2.0/mlflow/runs/get",
            "GET",
            params={"run_id": run_id},
            max_retries=0,
            timeout=answer_within(),
            raise_on_status=False,
        )

    try:
        return ask()
    except Exception as error:
        # A server may close a connection that lay idle in the pool at the moment we take it (RFC
        # 9112, section 9.3.1): the question is asked again on a new one.
        if cause(error) != CUT_OFF:
            raise
    return ask()


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


def shows(server: str, run_id: str, experiment_id: str) -> bool:
    """Whether an MLflow server answers now that knows this very run, in its experiment.

    Something else may have taken the port, or another store's server; only who knows the run is the
    store's own. Never asked beyond this machine: the run's id is nobody else's business.
    """
    if not is_loopback(server):
        return False
    # Not by a proxy that the environment names, nor where what took the port would have us go:
    # both are other machines.
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Stay())
    place = f"{server}/api/2.0/mlflow/runs/get?run_id={quote(run_id, safe='')}"
    try:
        with direct.open(place, timeout=ANSWER_WITHIN) as answer:
            info = json.loads(answer.read(MOST))["run"]["info"]
        return info["run_id"] == run_id and _is_in(info, experiment_id)
    except (OSError, ValueError, KeyError, TypeError, HTTPException):
        return False


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Go nowhere else: the answer is then an error."""


def _is_in(info: dict[str, Any], experiment_id: str) -> bool:
    return not experiment_id or info["experiment_id"] == experiment_id
