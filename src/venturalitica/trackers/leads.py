"""The way to a run for people: its page, or the exact command that makes a page of it.

A record may come from anybody, so nothing in it is believed to be an address, and a command to copy
has every recorded word quoted for the shell.
"""

from __future__ import annotations

import shlex
import zlib
from dataclasses import dataclass, replace
from ipaddress import ip_address
from urllib.parse import quote

from venturalitica.reports.markup import is_web_address, visible
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.uris import (
    UNREADABLE,
    is_databricks,
    is_file_store,
    is_http,
    is_sqlite,
    origin,
    run_url,
)

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
