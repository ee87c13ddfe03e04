"""Where an open run of MLflow's is kept, whatever became of the working folder since.

MLflow reads a relative address (`sqlite:///m.db`, `./mlruns`, its own default) in the folder of the
moment, and goes on with the database that it has open. A script that changes its folder (Hydra,
notebooks) or deletes it would have us record a place where the run never was. So the store that is
recorded is one that holds the run: the address as it reads now, else a database that MLflow has
open, else the folder that the run's artifacts are in.
"""

from __future__ import annotations

import re
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from venturalitica.errors import did_you_mean, nearest
from venturalitica.trackers.links import (
    UNREADABLE,
    address,
    is_databricks,
    is_file_store,
    is_sqlite,
    sqlite_file,
)

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
    module = sys.modules.get("mlflow.store.tracking.sqlalchemy_store")
    engines = getattr(getattr(module, "SqlAlchemyStore", None), "_engine_map", {})
    files = {uri: _file_of(engine) for uri, engine in list(engines.items()) if is_sqlite(uri)}
    return {uri: address(f"sqlite:///{file}") for uri, file in files.items() if file}


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
