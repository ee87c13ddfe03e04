"""What people are told of MLflow, without importing it: its health, and the way to a run's page.

Importing it would take seconds. A command to copy has every recorded word quoted for the shell.
"""

from __future__ import annotations

import os
import shlex
import urllib.error
import urllib.request
import zlib
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from venturalitica.core.causes import said
from venturalitica.core.origin import install_line
from venturalitica.core.text import is_web_address
from venturalitica.trackers.base import CHOSEN, IN_LOG, SYNC, Lead, RunRef
from venturalitica.trackers.links import (
    FILE_STORE_REMEDIES,
    address,
    can_be_typed,
    is_databricks,
    is_file_store,
    is_http,
    is_loopback,
    is_sqlite,
    run_url,
    sqlite_file,
    without_credentials,
)
from venturalitica.trackers.mlflow.client import doubt

ANSWER_WITHIN = 2.0


def health(origins: Mapping[str, str]) -> dict[str, Any]:
    """Version, tracking URI and where it comes from, whether it answers, and the exact fix."""
    version = _version()
    if version is None:
        return _facts(None, "", "", None, "not installed", install_line("mlflow"))
    uri, configured = _configuration(origins)
    question = doubt(uri)
    if question:
        fix = "set MLFLOW_TRACKING_URI to what is meant, or unset it"
        return _facts(version, configured, "", False, f"MLFLOW_TRACKING_URI: {question}", fix)
    reachable, detail, fix = _reach(uri)
    return _facts(version, configured, address(uri), reachable, detail, fix)


def _facts(
    version: str | None, configured: str, uri: str, reachable: bool | None, detail: str, fix: str
) -> dict[str, Any]:
    return {
        "tracker": "mlflow",
        "installed": version is not None,
        "version": version,
        "configured": configured,
        "uri": uri,
        "reachable": reachable,
        "detail": detail,
        "fix": fix,
    }


def _version() -> str | None:
    for name in ("mlflow", "mlflow-skinny"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _configuration(origins: Mapping[str, str]) -> tuple[str, str]:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if uri:
        return uri, origins.get("MLFLOW_TRACKING_URI", "environment")
    if any(Path("mlruns").glob("[0-9]*/meta.yaml")):
        return "./mlruns", "default (./mlruns holds experiments)"
    return "sqlite:///mlflow.db", "default"


def _reach(uri: str) -> tuple[bool | None, str, str]:
    if is_databricks(uri):
        return None, "Databricks is not asked here", ""
    if is_http(uri):
        return answers(without_credentials(uri))
    if is_sqlite(uri):
        file = sqlite_file(uri)
        if file is not None and not file.exists():
            return None, f"{file} is not there yet; the first run makes it", ""
        if file is not None and not _is_database(file):
            return False, f"{file} is no database", "move it away, or set MLFLOW_TRACKING_URI"
        return True, "a database file of this machine", ""
    if is_file_store(uri):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
            folder = Path(unquote(urlsplit(address(uri)).path))
            if folder.is_dir():
                return True, "a folder of this machine", ""
            return None, f"{folder} is not there yet; the first run makes it", ""
        return False, "a folder, which today's MLflow refuses", FILE_STORE_REMEDIES
    return None, "a database; it is not asked here", ""


def _is_database(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(16) in (b"", b"SQLite format 3\0")
    except OSError:
        return False


def answers(uri: str) -> tuple[bool, str, str]:
    """Whether the server at `uri` answers now, what it said, and what to do if it does not."""
    request = urllib.request.Request(f"{uri}/health")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as answer:
            return True, f"answered {answer.status}", ""
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            fix = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or _TOKEN)"
            return True, f"answered {error.code}: it wants credentials", fix
        return False, f"answered {error.code}", f"look at the log of the server at {uri}"
    except (OSError, ValueError) as error:
        fix = f"start the server, or point MLFLOW_TRACKING_URI elsewhere; now it is {uri}"
        return False, f"does not answer: {said(error)}", fix


def health_at(place: str, origins: Mapping[str, str]) -> dict[str, Any]:
    """As `health`; where nothing is set up, of the address that the log names last.

    A server on this machine is asked; one elsewhere is not: the address may be anybody's.
    """
    found = health(origins)
    if found.get("configured") in CHOSEN or not is_http(place):
        return found
    if is_loopback(place):
        reachable, detail, fix = answers(place)
    else:
        fix = f"set MLFLOW_TRACKING_URI={place}"
        reachable, detail = None, "not asked: the address is in the log only"
    asked = {"reachable": reachable, "detail": detail, "fix": fix}
    return found | {"uri": place, "configured": IN_LOG} | asked


def remedy(runs: Sequence[RunRef], health: Mapping[str, Any]) -> str:
    """The line that delivers what waits: where it is for another server, with that one named."""
    elsewhere = {run.uri or "" for run in runs} - {str(health.get("uri"))}
    if elsewhere and health.get("configured") in CHOSEN:
        return f"MLFLOW_TRACKING_URI={shlex.quote(min(elsewhere))} {SYNC}"
    return SYNC


FIRST_PORT = 5001
PORTS = 900


def lead(run: RunRef) -> Lead:
    """How a person comes to the page of a run, by a command where no server shows it."""
    if is_databricks(run.uri):
        return _databricks(run)
    if is_http(run.uri):
        return Lead(url=page_at(run.uri, run))
    port = port_for(run.uri)
    command = store_command(run.uri, port=port)
    if not command:
        return Lead(note="no server can show this store")
    live, note = f"http://127.0.0.1:{port}", ""
    if not (is_sqlite(run.uri) or is_file_store(run.uri)):
        note = f"put the database's user and password in the place of {WHO}: evidence keeps neither"
    return Lead(command=command, live=live, page=page_at(live, run), note=note)


def _databricks(run: RunRef) -> Lead:
    found = run_url(
        run.uri,
        quote(run.experiment_id, safe=""),
        quote(run.run_id, safe=""),
        databricks_host=os.environ.get("DATABRICKS_HOST", ""),
    )
    for url in (run.url, found):
        if url and is_web_address(url):
            return Lead(url=url)
    return Lead(note="set DATABRICKS_HOST, and the run's page is linked")


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
    if not can_be_typed(uri) or is_http(uri) or is_databricks(uri):
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
