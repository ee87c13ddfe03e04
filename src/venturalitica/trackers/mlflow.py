"""MLflow: the one file of ours that imports it.

Everything is written through `MlflowClient` with the run's id and the tracking URI said outright,
never through the fluent API: it may happen in another thread while training goes on and logs, in
another process, and long after the run has ended. Nothing is sent anywhere but to that run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from venturalitica.errors import MissingExtra, TrackerError, TrackerUnreachable
from venturalitica.trackers import mlflow_health
from venturalitica.trackers.base import DataRef, Parcel, Receipt, RunRef
from venturalitica.trackers.claims import ROOT, SNAPSHOTS, Claim
from venturalitica.trackers.kept import SUFFIX, kept_in
from venturalitica.trackers.locks import one_at_a_time
from venturalitica.trackers.note import with_section
from venturalitica.trackers.publish import VALUE_LIMIT, Point, publish
from venturalitica.trackers.uris import (
    FILE_STORE_REMEDIES,
    address,
    is_databricks,
    is_file_store,
    is_http,
    is_sqlite,
    origin,
    redact,
    run_url,
    sqlite_file,
)

ANSWER_WITHIN = 1.5
"""Seconds that a server has for the first answer; the client by itself retries for minutes."""

_BATCH = 100
_MAX_ARTIFACT = 256 * 1024 * 1024
_NOTE = "mlflow.note.content"
_DIGEST_LENGTH = 36
_ONE_BY_ONE = 100
"""Runs asked for singly when checkpoints are gathered, the latest ones that a log names."""

_ORIGIN = re.compile(r"venturalitica/log/[0-9a-f]{32}")


class MlflowTracker:
    """MLflow, whatever stands behind its tracking URI: SQLite, a folder, a server, Databricks."""

    name = "mlflow"

    def __init__(self) -> None:
        # Addresses that runs of this process were reached at, with the credentials they had.
        self._doors: dict[str, str] = {}

    def installed(self) -> bool:
        return "mlflow" in sys.modules or importlib.util.find_spec("mlflow") is not None

    def active_run(self) -> RunRef | None:
        mlflow = sys.modules.get("mlflow")
        active = getattr(mlflow, "active_run", None)
        run = active() if active is not None else None
        if mlflow is None or run is None:
            return None
        door = mlflow.get_tracking_uri()
        uri = address(door)
        if not is_sqlite(door):
            self._doors[uri] = door
        workspace = _workspace()
        return RunRef(
            tracker=self.name,
            run_id=run.info.run_id,
            uri=uri,
            experiment_id=run.info.experiment_id,
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

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        with _translated(run.run_id, run.uri):
            door = self._door(run.uri, run.extra.get("workspace", ""))
            with one_at_a_time(f"mlflow {run.uri} {run.run_id}"):
                return publish(_RunShelf(door, run.run_id), run, parcel)

    def fetch(self, run_id: str, *, uri: str = "") -> dict[str, bytes]:
        """Our artifacts at the run, and our tags as `tags/<key>`."""
        with _translated(run_id, uri):
            shelf = _RunShelf(self._door(uri, ""), run_id)
            found = shelf.everything()
        if not found:
            raise TrackerError(
                f"run '{run_id}' holds no evidence of ours; "
                "'venturalitica sync' delivers what waits"
            )
        return found

    def checkpoints(self, runs: Sequence[RunRef], *, origin: str) -> Mapping[str, str]:
        """Those of every run in the experiments of `runs`, deleted ones too."""
        first = runs[0]
        with _translated(first.run_id, first.uri):
            door = self._door(first.uri, first.extra.get("workspace", ""))
            if is_http(door):
                _first_answer(door, first.run_id, must_exist=False)
            experiments = sorted({run.experiment_id for run in runs if run.experiment_id})
            found, seen = _checkpoints(door, experiments, origin)
            rest = [run.run_id for run in runs if run.run_id not in seen][-_ONE_BY_ONE:]
            return found | _checkpoints_at(door, rest, origin)

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """See the protocol; `origins` says for each variable where it came from (".env")."""
        return mlflow_health.health(origins or {})

    def _door(self, uri: str, workspace: str) -> str:
        """The URI to reach `uri` by, with the credentials that belong to it and no others."""
        current: str = _mlflow().get_tracking_uri()
        if not uri or address(current) == uri:
            door = current
        else:
            door = self._doors.get(uri, uri)
            if door == uri and is_http(uri):
                _refuse_foreign_credentials(uri, current)
        if is_sqlite(door):
            _must_exist(door)
        if workspace and workspace != _workspace():
            raise TrackerError(
                f"the run is in the MLflow workspace '{workspace}' and this process is in "
                f"'{_workspace() or 'default'}': set MLFLOW_WORKSPACE={workspace}"
            )
        return door


class _RunShelf:
    """One run, by id, through the client."""

    def __init__(self, door: str, run_id: str) -> None:
        if is_http(door):
            _first_answer(door, run_id)
        self._door = door
        self._id = run_id
        self._client = _mlflow().MlflowClient(tracking_uri=door)
        self._run = self._client.get_run(self._id)
        if self._run.info.lifecycle_stage == "deleted":
            raise TrackerError(
                f"the MLflow run '{run_id}' was deleted: 'mlflow runs restore --run-id {run_id}' "
                "brings it back, then 'venturalitica sync'"
            )
        self._fresh = True
        self._files = _artifacts(self._run.info.artifact_uri, door)

    def tags(self) -> Mapping[str, str]:
        if not self._fresh:
            self._run = self._client.get_run(self._id)
        self._fresh = False
        return dict(self._run.data.tags)

    def put_tags(self, tags: Mapping[str, str]) -> Sequence[str]:
        from mlflow.entities import RunTag

        return self._put(
            [RunTag(key, value) for key, value in tags.items()],
            lambda batch: self._client.log_batch(self._id, tags=batch),
        )

    def has(self, path: str) -> bool:
        return self._list(path.rsplit("/", 1)[0]).get(path) is not None

    def read(self, path: str) -> bytes:
        with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
            # Not `download_artifacts`: it works on a pool of threads, and the interpreter waits for
            # such a pool when it ends, however long a silent server takes.
            file = Path(folder) / "file"
            self._files._download_file(path, str(file))
            return file.read_bytes()

    def write(self, files: Mapping[str, bytes]) -> None:
        with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
            for path, data in files.items():
                file = Path(folder) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
                # One by one: of cloud stores `log_artifacts` works on a pool of threads too.
                self._files.log_artifact(str(file), path.rpartition("/")[0])

    def put_points(self, points: Sequence[Point], *, again: bool) -> Sequence[str]:
        from mlflow.entities import Metric

        new = [point for point in points if not (again and self._has(point))]
        return self._put(
            [Metric(self._key(point), point.value, point.at, point.step) for point in new],
            lambda batch: self._client.log_batch(self._id, metrics=batch),
        )

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        from mlflow.entities import InputTag

        present: dict[tuple[str, str], str] = {}
        for known in self._run.inputs.dataset_inputs:
            context = {tag.key: tag.value for tag in known.tags}.get("mlflow.data.context", "")
            present[known.dataset.name, known.dataset.digest] = context
        new = []
        for item in data:
            name, digest = item.name or item.context or "data", item.sha256[:_DIGEST_LENGTH]
            if present.get((name, digest), item.context) != item.context:
                # MLflow keeps one context for a name and digest: the second gets its own name.
                name = f"{name} ({item.context})"
            if (name, digest) not in present:
                present[name, digest] = item.context
                new.append(_dataset_input(item, name, digest, InputTag))
        return self._put(new, lambda batch: self._client.log_inputs(self._id, batch))

    def put_section(self, key: str, text: str) -> None:
        present = self._run.data.tags.get(_NOTE, "")
        wanted = with_section(present, key, text, limit=VALUE_LIMIT)
        if wanted != present:
            self._client.set_tag(self._id, _NOTE, wanted)

    def put_extras(self, parcel: Parcel, claim: Claim) -> None:
        """MLflow has no more than that."""

    def everything(self) -> dict[str, bytes]:
        """Every artifact of ours, and every tag of ours as `tags/<key>`."""
        found = {
            f"tags/{key}": value.encode()
            for key, value in self.tags().items()
            if key == ROOT or key.startswith(f"{ROOT}.")
        }
        folders = [ROOT, SNAPSHOTS]
        while folders:
            for path, size in self._list(folders.pop()).items():
                if size is None:
                    folders.append(path)
                elif size > _MAX_ARTIFACT:
                    raise TrackerError(f"{path} of the run is {size} bytes: no evidence of ours")
                else:
                    found[path] = self.read(path)
        return found

    def _list(self, folder: str) -> dict[str, int | None]:
        """Path -> size of what is in a folder; a folder within it has no size."""
        listing = self._files.list_artifacts(folder)
        return {item.path: None if item.is_dir else item.file_size or 0 for item in listing}

    def _has(self, point: Point) -> bool:
        key = self._key(point)
        return key in self._run.data.metrics and any(
            old.step == point.step and old.value == point.value
            for old in self._client.get_metric_history(self._id, key)
        )

    def _key(self, point: Point) -> str:
        """A file store keeps each metric in a file of its name, so no name can be a folder too."""
        if point.part and is_file_store(self._door):
            return f"{point.control} {point.part.replace('/', ' ')}"
        return point.key

    def _put(self, items: Sequence[Any], send: Callable[[list[Any]], None]) -> list[str]:
        """Send in batches; where one is refused, item by item, so that one costs no other."""
        from mlflow.exceptions import MlflowException

        refused: list[str] = []
        for start in range(0, len(items), _BATCH):
            batch = list(items[start : start + _BATCH])
            try:
                send(batch)
            except MlflowException as error:
                if not _is_refusal(error):
                    raise
                if len(batch) == 1:
                    refused.append(_name(batch[0]))
                else:
                    for item in batch:
                        refused += self._put([item], send)
        return refused


def _checkpoints(
    door: str, experiments: Sequence[str], origin: str
) -> tuple[dict[str, str], set[str]]:
    """The checkpoints of runs whose first record is of this log, and the ids of these runs."""
    from mlflow.entities import ViewType

    found: dict[str, str] = {}
    seen: set[str] = set()
    if not experiments or not _ORIGIN.fullmatch(origin):  # a log may come from anybody
        return found, seen
    client = _mlflow().MlflowClient(tracking_uri=door)
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


def _checkpoints_at(door: str, run_ids: Sequence[str], origin: str) -> dict[str, str]:
    """The checkpoints of these very runs, whose first record may be of another log."""
    from mlflow.exceptions import MlflowException

    client = _mlflow().MlflowClient(tracking_uri=door)
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


def _dataset_input(item: DataRef, name: str, digest: str, tag: Callable[[str, str], Any]) -> Any:
    from mlflow.entities import Dataset, DatasetInput

    source = {"tags": {"venturalitica.source": redact(item.source) or item.context}}
    dataset = Dataset(
        name=name[:500],
        digest=digest,
        source_type="code",
        source=json.dumps(source),
        profile=json.dumps({"num_rows": item.rows, "columns": list(item.columns)[:500]}),
    )
    tags = [tag("mlflow.data.context", item.context), tag(f"{ROOT}.sha256", item.sha256)]
    return DatasetInput(dataset, tags)


def _name(item: Any) -> str:
    return str(item.dataset.name if hasattr(item, "dataset") else item.key)


def _is_refusal(error: Any) -> bool:
    """Whether the server would refuse the same again: a key or value, not its own trouble."""
    return error.error_code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE")


def _mlflow() -> Any:
    """The module; MissingExtra with the line that installs it where it is absent."""
    try:
        import mlflow
    except ModuleNotFoundError as error:
        if error.name != "mlflow":
            raise
        raise MissingExtra("MLflow", "mlflow") from None
    return mlflow


def _artifacts(artifact_uri: str, door: str) -> Any:
    """Where the run's artifacts are, asked directly: the client asks for the run at every file."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.tracking.artifact_utils import add_databricks_profile_info_to_artifact_uri

    uri = add_databricks_profile_info_to_artifact_uri(artifact_uri, door)
    return get_artifact_repository(uri, tracking_uri=door)


def _workspace() -> str:
    try:
        from mlflow.utils.workspace_context import get_request_workspace
    except ModuleNotFoundError:  # an MLflow that has no workspaces
        return ""
    return get_request_workspace() or ""


def _first_answer(door: str, run_id: str, *, must_exist: bool = True) -> None:
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
            timeout=ANSWER_WITHIN,
            raise_on_status=False,
        )
    except Exception as error:
        raise TrackerUnreachable(_explain(error, run_id, address(door))) from error
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


def _refuse_foreign_credentials(uri: str, current: str) -> None:
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


def _must_exist(door: str) -> None:
    """MLflow makes a database that is missing: a run would be sought in an empty one."""
    file = sqlite_file(door)
    if file is not None and not file.exists():
        raise TrackerError(
            f"the MLflow database {file} is not there; was it moved? Put it back, or set "
            "MLFLOW_TRACKING_URI to where it is now"
        )


@contextmanager
def _translated(run_id: str, uri: str) -> Iterator[None]:
    """Every failure of MLflow's becomes a TrackerError that says what to do next."""
    try:
        yield
    except (TrackerError, MissingExtra):
        raise
    except Exception as error:
        raise TrackerError(_explain(error, run_id, uri)) from error


def _explain(error: Exception, run_id: str, uri: str) -> str:
    text = redact(" ".join(str(error).split()))[:600]
    if "MLFLOW_ALLOW_FILE_STORE" in text:
        return FILE_STORE_REMEDIES
    where = f"MLflow at {address(uri)}" if uri else "MLflow"
    if getattr(error, "error_code", "") == "RESOURCE_DOES_NOT_EXIST":
        return f"{where} has no run '{run_id}' ({text}); was it deleted, or made elsewhere?"
    if is_http(uri) and ("timeout" in text.lower() or "connection" in text.lower()):
        return f"{where} does not answer; start it, or set MLFLOW_TRACKING_URI ({text})"
    if uri and not (is_http(uri) or is_sqlite(uri) or is_file_store(uri) or is_databricks(uri)):
        return f"{where} failed; if it wants a password, set MLFLOW_TRACKING_URI in full ({text})"
    return f"{where} failed: {text}"
