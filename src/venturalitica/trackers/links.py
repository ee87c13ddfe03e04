"""Addresses of trackers: what kind they are of, as evidence keeps them, and what may be typed.

A record may come from anybody, so nothing in it is believed to be an address.
"""

from __future__ import annotations

import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit, urlunsplit

from venturalitica.core.redact import MARK, redact_text
from venturalitica.core.text import visible


def is_loopback(uri: str) -> bool:
    """Whether a server is on this machine: it may be asked without anybody else hearing of it."""
    host = origin(uri)[1]
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def can_be_typed(text: str) -> bool:
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
