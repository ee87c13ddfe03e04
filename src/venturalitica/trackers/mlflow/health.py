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
from venturalitica.core.redact import redact_uri
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
    """As `health`, of the store at `place`: one that records name, which may be anybody's.

    A server on this machine is asked, and a file looked for; one elsewhere is not asked.
    """
    found = health(origins)
    if not place or not found["installed"] or found["uri"] == place:
        return found
    here = found["uri"] if found["configured"] in CHOSEN else ""
    reachable, detail, fix = _reach_named(place)
    asked = {"reachable": reachable, "detail": detail, "fix": fix}
    return found | {"uri": place, "configured": IN_LOG, "set": here} | asked


def _reach_named(place: str) -> tuple[bool | None, str, str]:
    if is_http(place) and is_loopback(place):
        return answers(without_credentials(place))
    if is_http(place):
        fix = f"set MLFLOW_TRACKING_URI={without_credentials(place)}"
        return None, "not asked: the address is in the log only", fix
    try:
        file = sqlite_file(place) if is_sqlite(place) else None
        # Nothing but a file is opened: a pipe of that name would keep whoever reads it.
        if file is not None and not file.is_file():
            return None, f"{file} is not on this machine", ""
        return _reach(place)
    except OSError as error:  # a name that is too long, a folder that may not be looked into
        return None, f"cannot be looked at: {said(error)}", ""


def remedy(runs: Sequence[RunRef], health: Mapping[str, Any]) -> str:
    """The line that delivers what waits: where it is for another server, with that one named."""
    chosen = health.get("uri") if health.get("configured") in CHOSEN else health.get("set")
    elsewhere = {redact_uri(run.uri or "") for run in runs} - {str(chosen)}
    if elsewhere and chosen:
        return f"MLFLOW_TRACKING_URI={shlex.quote(min(elsewhere))} {SYNC}"
    return SYNC


FIRST_PORT = 5001
PORTS = 900
CHOICES = 8
"""Ports that a store may be shown at, for where the first is somebody else's."""


def lead(run: RunRef) -> Lead:
    """How a person comes to the page of a run, by a command where no server shows it."""
    return leads(run)[0]


def leads(run: RunRef) -> tuple[Lead, ...]:
    """As `lead`; where a command starts a server, that at each port that it may have."""
    if not run.uri:
        return (Lead(note="the records do not say which store these runs are in"),)
    if is_databricks(run.uri):
        return (_databricks(run),)
    if is_http(run.uri):
        return (Lead(url=page_at(run.uri, run)),)
    found = tuple(_command(run, port) for port in ports_for(run.uri))
    return found if found[0].command else (Lead(note="no server can show this store"),)


def _command(run: RunRef, port: int) -> Lead:
    live, note = f"http://127.0.0.1:{port}", ""
    if not (is_sqlite(run.uri) or is_file_store(run.uri)):
        note = f"put the database's user and password in the place of {WHO}: evidence keeps neither"
    command = store_command(run.uri, port=port)
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
    """The line that shows a store without a server; empty where no server can show it."""
    if not can_be_typed(uri) or is_http(uri) or is_databricks(uri):
        return ""
    if is_sqlite(uri) and uri.partition("://")[2].strip("/").split("?")[0] in ("", ":memory:"):
        return ""
    head = "MLFLOW_ALLOW_FILE_STORE=true " if is_file_store(uri) else ""
    # Ours hold none; a record of somebody else's may.
    shown = redact_uri(uri)
    if not (is_sqlite(uri) or is_file_store(uri)):
        shown = without_credentials(uri).replace("://", f"://{WHO}@", 1)
    return f"{head}mlflow server --backend-store-uri {shlex.quote(shown)} --port {port}"


WHO = "USER:PASSWORD"


def ports_for(uri: str) -> tuple[int, ...]:
    """The ports of this store: always the same ones, the first seldom another store's."""
    first = zlib.crc32(uri.encode("utf-8", "replace"))
    return tuple(FIRST_PORT + (first + choice) % PORTS for choice in range(CHOICES))
