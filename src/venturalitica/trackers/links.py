"""The way to a run for people: its page, or the exact command that makes a page of it.

A record may come from anybody, so nothing in it is believed to be an address, and a command to copy
has every recorded word quoted for the shell.
"""

from __future__ import annotations

import os
import shlex
import zlib
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from venturalitica.core.redact import MARK, redact_text
from venturalitica.core.text import is_web_address, visible
from venturalitica.trackers.base import RunRef

FIRST_PORT = 5001
PORTS = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """The way to one run; what is not there is empty.

    `url` is a page that a server shows. Where there is none, `command` starts one and `live` is the
    address at which that one will answer. `note` says what else there is to know.
    """

    url: str = ""
    command: str = ""
    live: str = ""
    note: str = ""


def lead(run: RunRef, *, databricks_host: str = "") -> Lead:
    """How a person comes to the page of a run."""
    # A record may say null where ours say nothing.
    run = replace(
        run, uri=run.uri or "", run_id=run.run_id or "", experiment_id=run.experiment_id or ""
    )
    if run.tracker == "mlflow":
        return _mlflow(run, databricks_host)
    if run.url and is_web_address(run.url):
        return Lead(url=run.url)
    if run.tracker == "wandb":
        return _wandb(run)
    if run.tracker == "memory":
        return Lead(note="the run was kept in the memory of its process, and is gone with it")
    return Lead(note=f"{run.tracker or 'this tracker'} names no page of the run")


def page_at(live: str, run: RunRef) -> str:
    """The run's page at a server of MLflow's."""
    found = run_url(
        live,
        quote(run.experiment_id, safe=""),
        quote(run.run_id, safe=""),
        workspace=str(run.extra.get("workspace") or ""),
    )
    return found if found and is_web_address(found) else ""


def store_command(uri: str, *, port: int) -> str:
    """The line that shows a store without a server; empty where no server can show it.

    `uri` is as evidence keeps it, without user and password.
    """
    if not _can_be_typed(uri) or is_http(uri) or is_databricks(uri):
        return ""
    if is_sqlite(uri) and uri.partition("://")[2].strip("/").split("?")[0] in ("", ":memory:"):
        return ""
    head = "MLFLOW_ALLOW_FILE_STORE=true " if is_file_store(uri) else ""
    shown = uri if is_sqlite(uri) or is_file_store(uri) else uri.replace("://", f"://{WHO}@", 1)
    return f"{head}mlflow server --backend-store-uri {shlex.quote(shown)} --port {port}"


WHO = "USER:PASSWORD"


def port_for(uri: str) -> int:
    """A port for this store: always the same, and seldom another store's."""
    return FIRST_PORT + zlib.crc32(uri.encode("utf-8", "replace")) % PORTS


def is_loopback(uri: str) -> bool:
    """Whether a server is on this machine: it may be asked without anybody else hearing of it."""
    host = origin(uri)[1]
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _mlflow(run: RunRef, databricks_host: str) -> Lead:
    if is_databricks(run.uri):
        return _databricks(run, databricks_host)
    if is_http(run.uri):
        return Lead(url=page_at(run.uri, run))
    port = port_for(run.uri)
    command = store_command(run.uri, port=port)
    if not command:
        return Lead(note="no server can show this store")
    live = f"http://127.0.0.1:{port}"
    if is_sqlite(run.uri) or is_file_store(run.uri):
        return Lead(command=command, live=live)
    note = f"put the database's user and password in the place of {WHO}: evidence keeps neither"
    return Lead(command=command, live=live, note=note)


def _databricks(run: RunRef, host: str) -> Lead:
    found = run_url(
        run.uri,
        quote(run.experiment_id, safe=""),
        quote(run.run_id, safe=""),
        databricks_host=host,
    )
    for url in (run.url, found):
        if url and is_web_address(url):
            return Lead(url=url)
    return Lead(note="set DATABRICKS_HOST, and the run's page is linked")


def _wandb(run: RunRef) -> Lead:
    folder = run.extra.get("folder")
    if run.extra.get("offline") and isinstance(folder, str) and folder and _can_be_typed(folder):
        return Lead(
            command=f"wandb sync {shlex.quote(folder)}",
            note="the run was offline: this uploads it, and 'venturalitica sync' adds the rest",
        )
    return Lead(note="W&B named no page of the run")


def _can_be_typed(text: str) -> bool:
    """Whether what is copied is what is seen: no control characters, nothing that turns around."""
    whole = text and "\n" not in text and "\t" not in text and not text.startswith("-")
    return bool(whole) and visible(text) == text and not text.startswith(UNREADABLE)


FILE_STORE_REMEDIES = (
    "MLflow no longer opens a file store (a folder such as ./mlruns) by itself. Either move to a "
    "database: 'mlflow migrate-filestore' copies what is there, then set "
    "MLFLOW_TRACKING_URI=sqlite:///mlflow.db; or keep the folder: set MLFLOW_ALLOW_FILE_STORE=true"
)

UNREADABLE = "unreadable:"
"""What is shown in the place of a URI that is none; it may stand in a record of anybody's."""

_DATABRICKS = ("databricks", "databricks-uc", "uc")


def is_http(uri: str) -> bool:
    """Whether `uri` is a tracking server."""
    return _split(uri).scheme in ("http", "https")


def is_sqlite(uri: str) -> bool:
    """Whether `uri` is an SQLite database in a file."""
    return _split(uri).scheme.split("+")[0] == "sqlite"


def is_databricks(uri: str) -> bool:
    """Whether `uri` names a Databricks workspace, perhaps with a profile."""
    return uri in _DATABRICKS or _split(uri).scheme in _DATABRICKS


def is_file_store(uri: str) -> bool:
    """Whether `uri` is a folder: `./mlruns`, `file:./mlruns`, `file:///srv/mlruns`, empty."""
    return not is_databricks(uri) and _split(uri).scheme in ("", "file")


def address(uri: str) -> str:
    """`uri` as evidence keeps it: absolute, so that any process finds it; no credentials."""
    try:
        return _address(uri)
    except (ValueError, OSError):  # NUL, half a surrogate pair; a working folder that is gone
        return UNREADABLE


def _address(uri: str) -> str:
    if is_databricks(uri):
        return uri
    if is_file_store(uri):
        # Not `resolve`, which raises where links lead in a circle.
        return Path(os.path.realpath(_folder(uri) or "mlruns")).as_uri()
    if is_sqlite(uri):
        return _absolute_sqlite(uri)
    return without_credentials(uri)


def without_credentials(uri: str) -> str:
    """`uri` without user, password, query and fragment, all of which may hold secrets."""
    parts = _split(uri)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))


def redact(text: str) -> str:
    """A message of somebody else's without the credentials that URIs in it may hold."""
    return redact_text(text).replace(MARK, "***")


def origin(uri: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: where credentials go."""
    parts = _split(uri)
    try:
        port = parts.port
    except ValueError:  # no number, or none of a port: nobody's address
        return "", "", None
    port = port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").lower(), port


def sqlite_file(uri: str) -> Path | None:
    """The file of an SQLite URI, None for one in memory."""
    rest = uri.split("://", 1)[1].removeprefix("/").split("?", 1)[0]
    if rest in ("", ":memory:"):
        return None
    plain, decoded = Path(rest), Path(unquote(rest))
    return decoded if not plain.exists() and decoded.exists() else plain


def run_url(
    uri: str, experiment_id: str, run_id: str, *, workspace: str = "", databricks_host: str = ""
) -> str | None:
    """The page of the run for people, None where no server shows one."""
    if is_databricks(uri):
        if not databricks_host:
            return None
        host = databricks_host if "://" in databricks_host else f"https://{databricks_host}"
        return f"{host.rstrip('/')}/ml/experiments/{experiment_id}/runs/{run_id}"
    if not is_http(uri):
        return None
    query = f"?workspace={quote(workspace, safe='')}" if workspace not in ("", "default") else ""
    return f"{without_credentials(uri)}/#/experiments/{experiment_id}/runs/{run_id}{query}"


def _split(uri: str) -> SplitResult:
    try:
        return urlsplit(uri)
    except ValueError:  # a bracket that is not closed, letters that only look like a host
        return urlsplit(UNREADABLE)


def _folder(uri: str) -> str:
    if not uri.startswith("file:"):
        return uri
    parts = _split(uri)
    return unquote(parts.path)


def _absolute_sqlite(uri: str) -> str:
    head, _, rest = uri.partition("://")
    path, mark, query = rest.removeprefix("/").partition("?")
    if path in ("", ":memory:") or path.startswith("file:"):
        return uri
    return f"{head}:///{os.path.abspath(path)}{mark}{query}"  # noqa: PTH100 - keep links as named
