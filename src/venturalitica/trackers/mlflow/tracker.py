"""The tracker itself: which run is open, and the way to a run that is not."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from venturalitica.errors import TrackerError
from venturalitica.system.files import one_at_a_time
from venturalitica.trackers.base import (
    ROOT,
    SUFFIX,
    Lead,
    LoggedModel,
    NoRun,
    Parcel,
    Receipt,
    RunRef,
    Tracker,
    kept_in,
)
from venturalitica.trackers.links import (
    UNREADABLE,
    address,
    is_file_store,
    is_http,
    is_sqlite,
    run_url,
)
from venturalitica.trackers.mlflow import health, hooks, models, names
from venturalitica.trackers.mlflow.client import (
    client_at,
    doubt,
    first_answer,
    library,
    must_exist_already,
    opened_by,
    place_of,
    refuse_foreign_credentials,
    shows,
    translated,
    workspace_here,
)
from venturalitica.trackers.mlflow.run import RunShelf
from venturalitica.trackers.publish import publish, publish_page

_ONE_BY_ONE = 100
"""Runs asked for singly when checkpoints are gathered, the latest ones that a log names."""


class MlflowTracker(Tracker):
    """MLflow, whatever stands behind its tracking URI: SQLite, a folder, a server, Databricks."""

    name = "mlflow"

    def title(self) -> str:
        return "MLflow"

    def __init__(self) -> None:
        # Addresses that runs of this process were reached at, with the credentials they had.
        self._doors: dict[str, str] = {}

    def installed(self) -> bool:
        return "mlflow" in sys.modules or importlib.util.find_spec("mlflow") is not None

    def active_run(self) -> RunRef | None:
        run = _active()
        return None if run is None else self._ref(run)

    def watch(self) -> None:
        if hasattr(sys.modules.get("mlflow"), "active_run"):
            hooks.install(self._ref, self._of_id)

    def find_run(self, text: str) -> RunRef | None:
        named = self.run_named(text)
        if named is None:
            return None
        with translated(named.run_id, _current()):
            return self._of_id(named.run_id)

    def _of_id(self, run_id: str) -> RunRef:
        active = _active()
        if active is not None and active.info.run_id == run_id:
            return self._ref(active)
        door = _current()
        if is_http(door):
            first_answer(door, run_id)
        return self._ref(client_at(door).get_run(run_id))

    def _ref(self, run: Any) -> RunRef:
        door = _current()
        if door:
            # Made by this thread; what keeps it from being made is the delivery's to say.
            with contextlib.suppress(Exception):
                client_at(door)
        uri = place_of(run, door)
        if not (is_sqlite(uri) or is_file_store(uri)):
            self._doors[uri] = door
        workspace = workspace_here()
        return RunRef(
            tracker=self.name,
            run_id=run.info.run_id,
            uri=uri,
            experiment_id=run.info.experiment_id,
            experiment_name=names.experiment_name(run.info.experiment_id, uri, door),
            run_name=run.info.run_name or "",
            url=run_url(
                door,
                run.info.experiment_id,
                run.info.run_id,
                workspace=workspace,
                databricks_host=os.environ.get("DATABRICKS_HOST", ""),
            ),
            extra={"workspace": workspace} if workspace else {},
        )

    def given_names(self, run: RunRef) -> tuple[str, str]:
        return names.given_names(run)

    def no_run(self) -> NoRun | None:
        if not hasattr(sys.modules.get("mlflow"), "active_run"):
            return None
        return _ELSEWHERE if _open_elsewhere() else _NONE

    def last_run(self) -> RunRef | None:
        """The run that was open last in this thread, and may have ended; nobody is asked.

        `mlflow.last_active_run` asks the server, which may keep a training waiting for minutes.
        """
        fluent = sys.modules.get("mlflow.tracking.fluent")
        kept = getattr(fluent, "_last_active_run_id", None)
        run_id = kept.get() if kept is not None else None
        if not isinstance(run_id, str):
            return None
        door = _current()
        uri = opened_by(door) or (address(door) if door else UNREADABLE)
        if not (is_sqlite(uri) or is_file_store(uri)):
            self._doors[uri] = door
        return RunRef(tracker=self.name, run_id=run_id, uri=uri)

    def doubt(self) -> str:
        """What is wrong with MLFLOW_TRACKING_URI, as a question; none where MLflow is unused."""
        uri = os.environ.get("MLFLOW_TRACKING_URI", "") if "mlflow" in sys.modules else ""
        question = doubt(uri)
        return f"MLFLOW_TRACKING_URI: {question}" if question else ""

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        with self._shelf(run) as shelf:
            return publish(shelf, run, parcel)

    def deliver_page(self, run: RunRef, parcel: Parcel) -> None:
        with self._shelf(run) as shelf:
            publish_page(shelf, parcel)

    def before_end(self, run: RunRef, call: Callable[[], None]) -> None:
        """See the protocol.

        MLflow has no hook for that, but a table of monitors of the system's load, and tells each
        when its run has ended; of a version that has none, only the end of the process waits.
        """
        fluent = sys.modules.get("mlflow.tracking.fluent")
        monitors = getattr(fluent, "run_id_to_system_metrics_monitor", None)
        stack: Any = getattr(fluent, "_active_run_stack", None)
        if not isinstance(monitors, dict) or stack is None:
            return
        own, here = monitors.get(run.run_id), {one.info.run_id for one in stack.get()}
        if run.run_id in here and not isinstance(own, _AtEnd):
            monitors[run.run_id] = _AtEnd(call, own)

    @contextmanager
    def _shelf(self, run: RunRef) -> Iterator[RunShelf]:
        with translated(run.run_id, run.uri):
            door = self._door(run.uri, run.extra.get("workspace", ""))
            with one_at_a_time(f"mlflow {run.uri} {run.run_id}"):
                yield RunShelf(door, run.run_id)

    def files(self, run: RunRef) -> dict[str, bytes]:
        with translated(run.run_id, run.uri):
            door = self._door(run.uri, run.extra.get("workspace", ""))
            return RunShelf(door, run.run_id).everything()

    def logged_models(self, run: RunRef) -> Sequence[LoggedModel]:
        with translated(run.run_id, run.uri):
            door = self._door(run.uri, run.extra.get("workspace", ""))
            if is_http(door):
                first_answer(door, run.run_id)
            return models.logged_in(door, run.run_id)

    def fetch_model(self, run: RunRef, model: LoggedModel, folder: Path) -> LoggedModel:
        with translated(run.run_id, run.uri):
            door = self._door(run.uri, run.extra.get("workspace", ""))
            return models.fetch_logged(door, model, folder)

    def checkpoints(self, runs: Sequence[RunRef], *, origin: str) -> Mapping[str, str]:
        """Those of every run in the experiments of `runs`, deleted ones too."""
        first = runs[0]
        with translated(first.run_id, first.uri):
            door = self._door(first.uri, first.extra.get("workspace", ""))
            if is_http(door):
                first_answer(door, first.run_id, must_exist=False)
            experiments = sorted({run.experiment_id for run in runs if run.experiment_id})
            found, seen = checkpoints_in(door, experiments, origin)
            rest = [run.run_id for run in runs if run.run_id not in seen][-_ONE_BY_ONE:]
            return found | checkpoints_at(door, rest, origin)

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return health.health(origins or {})

    def health_at(self, place: str, origins: Mapping[str, str]) -> Mapping[str, Any]:
        return health.health_at(place, origins)

    def remedy(self, runs: Sequence[RunRef], found: Mapping[str, Any]) -> str:
        return health.remedy(runs, found)

    def lead(self, run: RunRef) -> Lead:
        return health.lead(run)

    def leads(self, run: RunRef) -> Sequence[Lead]:
        return health.leads(run)

    def shows(self, live: str, run: RunRef) -> bool:
        return shows(live, run.run_id, run.experiment_id)

    def run_named(self, text: str) -> RunRef | None:
        """By 32 digits, or as MLflow's own `runs:/<id>`."""
        found = _RUN_ID.fullmatch(text)
        return RunRef(self.name, found[1]) if found else None

    def _door(self, uri: str, workspace: str) -> str:
        """The URI to reach `uri` by, with the credentials that belong to it and no others."""
        current = _current()
        if is_sqlite(uri or current):
            must_exist_already(uri or current)
        door = self._way_to(uri, current)
        if workspace and workspace != workspace_here():
            raise TrackerError(
                f"the run is in the MLflow workspace '{workspace}' and this process is in "
                f"'{workspace_here() or 'default'}': set MLFLOW_WORKSPACE={workspace}"
            )
        return door

    def _way_to(self, uri: str, current: str) -> str:
        here = address(current)
        # In a folder that is gone MLflow opens nothing anew; what it has open still works.
        kept_open = here == UNREADABLE and opened_by(current) == uri
        if not uri or here == uri or kept_open:
            return current
        door = self._doors.get(uri, uri)
        if door == uri and is_http(uri):
            refuse_foreign_credentials(uri, current)
        return door


def _current() -> str:
    """The tracking URI as MLflow says it; empty where that depends on a folder that is gone."""
    try:
        return str(library().get_tracking_uri())
    except FileNotFoundError:
        return ""


_RUN_ID = re.compile(r"(?:runs:/)?([0-9a-f]{32})")
_ORIGIN = re.compile(r"venturalitica/log/[0-9a-f]{32}")


def checkpoints_in(
    door: str, experiments: Sequence[str], origin: str
) -> tuple[dict[str, str], set[str]]:
    """The checkpoints of runs whose first record is of this log, and the ids of these runs."""
    from mlflow.entities import ViewType

    found: dict[str, str] = {}
    seen: set[str] = set()
    if not experiments or not _ORIGIN.fullmatch(origin):  # a log may come from anybody
        return found, seen
    client = client_at(door)
    for key in (f"{ROOT}{SUFFIX}", f"{ROOT}.run{SUFFIX}"):
        query, token = f"tags.`{key}` LIKE '{origin}%'", None
        while True:
            page = client.search_runs(
                list(experiments), query, ViewType.ALL, max_results=1000, page_token=token
            )
            for run in page:
                seen.add(run.info.run_id)
                found |= _kept_at(run, origin)
            token = page.token
            if not token:
                break
    return found, seen


def checkpoints_at(door: str, run_ids: Sequence[str], origin: str) -> dict[str, str]:
    """The checkpoints of these very runs, whose first record may be of another log."""
    from mlflow.exceptions import MlflowException

    client = client_at(door)
    found: dict[str, str] = {}
    for run_id in run_ids:
        try:
            found |= _kept_at(client.get_run(run_id), origin)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
    return found


def _kept_at(run: Any, origin: str) -> dict[str, str]:
    tags = {f"tags/{name}": text.encode() for name, text in run.data.tags.items()}
    return kept_in(tags, f"MLflow run {run.info.run_id}", origin=origin)


_NONE = NoRun(
    "no MLflow run is open",
    block="with mlflow.start_run():",
)

_ELSEWHERE = NoRun(
    "an MLflow run is open in another thread only, and a run of MLflow's belongs to the thread "
    "that opened it: open it in this one too, 'with mlflow.start_run(run_id=...):'",
    elsewhere=True,
)


def _active() -> Any:
    """The run that is open in this thread, the inner one of nested runs; None where none is."""
    ask = getattr(sys.modules.get("mlflow"), "active_run", None)
    return ask() if ask is not None else None


class _AtEnd:
    """Stands in the place of MLflow's own monitor of a run, which may be None."""

    def __init__(self, call: Callable[[], None], own: Any) -> None:
        self._call, self._own = call, own

    def finish(self) -> None:
        if self._own is not None:
            self._own.finish()
        self._call()


def _open_elsewhere() -> bool:
    """Whether another living thread has a run open.

    MLflow keeps a stack of runs for each thread, those of threads that ended too, in a variable of
    its own: a version that has none tells nothing. A living thread that was given the number of one
    that ended with a run open is taken for it.
    """
    fluent = sys.modules.get("mlflow.tracking.fluent")
    stacks = getattr(getattr(fluent, "_active_run_stack", None), "get_all_thread_values", None)
    if stacks is None:
        return False
    others = {thread.ident for thread in threading.enumerate()} - {threading.get_ident()}
    return any(stack for thread, stack in stacks().items() if thread in others)
