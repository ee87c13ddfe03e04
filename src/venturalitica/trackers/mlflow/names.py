"""What people called an MLflow experiment or run, told from what MLflow made up itself.

The name of an experiment is not in its run. A local store is read at once. A server is asked by a
thread, which nothing waits for: until it has answered the experiment goes by its id.
"""

from __future__ import annotations

import contextlib
import logging
import re
import sqlite3
import sys
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from venturalitica.core.redact import redacted_traceback
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.links import is_file_store, is_sqlite, sqlite_file
from venturalitica.trackers.mlflow.client import client_at

log = logging.getLogger(__name__)

DEFAULT = ("0", "Default")
"""Id and name of the experiment that every store begins with: nobody's own."""

_RANDOM = re.compile(r"([a-z]+)-([a-z]+)-\d{1,4}")
_WAIT = 0.2
_known: dict[tuple[str, str], str] = {}
_asked: set[tuple[str, str]] = set()


def experiment_name(experiment_id: str, uri: str, door: str) -> str:
    """Its name; empty as long as nobody here knows it.

    Args:
        uri: where the store is, without credentials.
        door: the same, as MLflow is to be asked.
    """
    key = (uri, experiment_id)
    if key not in _known and experiment_id:
        if is_sqlite(uri) or is_file_store(uri):
            return _kept_locally(uri, experiment_id)
        if key not in _asked and experiment_id != DEFAULT[0]:
            _asked.add(key)
            threading.Thread(target=_ask, args=(key, door), daemon=True, name="mlflow-name").start()
    return _known.get(key, "")


def given_names(run: RunRef) -> tuple[str, str]:
    """The names of experiment and run that somebody gave them; of an unnamed one its id."""
    experiment = run.experiment_name.rpartition("/")[2]  # Databricks calls it by a folder's path
    if not experiment and run.experiment_id:
        experiment = f"experiment {run.experiment_id}"
    if run.experiment_id == DEFAULT[0] or experiment == DEFAULT[1]:
        experiment = ""
    return experiment, "" if _made_up(run.run_name) else run.run_name


def _made_up(name: str) -> bool:
    """Whether MLflow drew a run's name, `bold-crab-123`, from its own words."""
    found = _RANDOM.fullmatch(name)
    words = sys.modules.get("mlflow.utils.name_utils")
    nouns, others = (
        getattr(words, f"_GENERATOR_{which}", None) for which in ("NOUNS", "PREDICATES")
    )
    if not found or nouns is None or others is None:
        return bool(found)
    return found[1] in others and found[2] in nouns


def _ask(key: tuple[str, str], door: str) -> None:
    try:
        _known[key] = str(client_at(door).get_experiment(key[1]).name)
    except Exception as error:  # noqa: BLE001 - boundary: a tracker must never break a training run
        log.debug("the name of experiment %s is not known\n%s", key[1], redacted_traceback(error))


def _kept_locally(uri: str, experiment_id: str) -> str:
    if is_file_store(uri):
        folder = Path(unquote(urlsplit(uri).path))
        with contextlib.suppress(OSError, UnicodeDecodeError):
            text = (folder / experiment_id / "meta.yaml").read_text("utf-8")
            found = re.search(r"^name: *(.+?) *$", text, re.M)
            return found[1].strip("'\"") if found else ""
        return ""
    file = sqlite_file(uri)
    if file is None:
        return ""
    # By SQLite itself, and only to read: see `client.place_of`.
    where = f"file:{quote(str(file))}?mode=ro"
    query = "SELECT name FROM experiments WHERE experiment_id = ?"
    with (
        contextlib.suppress(sqlite3.Error),
        closing(sqlite3.connect(where, uri=True, timeout=_WAIT)) as database,
    ):
        row = database.execute(query, (experiment_id,)).fetchone()
        return str(row[0]) if row else ""
    return ""
