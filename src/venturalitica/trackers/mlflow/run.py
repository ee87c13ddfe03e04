"""One run of MLflow's, by id, as a shelf to leave a parcel on."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from venturalitica.errors import TrackerError
from venturalitica.trackers.base import ROOT, DataRef
from venturalitica.trackers.haul import Haul
from venturalitica.trackers.layout import SNAPSHOTS
from venturalitica.trackers.links import is_file_store, is_http, redact
from venturalitica.trackers.mlflow.client import client_at, first_answer, is_missing
from venturalitica.trackers.publish import VALUE_LIMIT, Point, Shelf, with_section

_BATCH = 100
_NOTE = "mlflow.note.content"
_DIGEST_LENGTH = 36


class RunShelf(Shelf):
    """One run, by id, through the client."""

    def __init__(self, door: str, run_id: str) -> None:
        if is_http(door):
            first_answer(door, run_id)
        self._door = door
        self._id = run_id
        self._client = client_at(door)
        self._run = self._client.get_run(self._id)
        if self._run.info.lifecycle_stage == "deleted":
            raise TrackerError(
                f"the MLflow run '{run_id}' was deleted: 'mlflow runs restore --run-id {run_id}' "
                "brings it back, then 'venturalitica sync'"
            )
        self._fresh = True
        self._files = artifacts_at(self._run.info.artifact_uri, door)

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
            lambda tag: self._client.set_tag(self._id, tag.key, tag.value),
        )

    def has(self, path: str) -> bool:
        try:
            return self._list(path.rsplit("/", 1)[0]).get(path) is not None
        except Exception as error:
            if is_missing(error):  # a store that lists nothing: what is there is written again
                return False
            raise

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
            lambda one: self._client.log_metric(
                self._id, one.key, one.value, one.timestamp, one.step
            ),
        )

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        from mlflow.entities import InputTag

        present: dict[tuple[str, str], str] = {}
        for known in self._run.inputs.dataset_inputs if self._run.inputs else ():
            context = {tag.key: tag.value for tag in known.tags}.get("mlflow.data.context", "")
            present[known.dataset.name, known.dataset.digest] = context
        new = []
        for item in data:
            name, digest = item.name or item.context or "data", item.digest[:_DIGEST_LENGTH]
            if present.get((name, digest), item.context) != item.context:
                # MLflow keeps one context for a name and digest: the second gets its own name.
                name = f"{name} ({item.context})"
            if (name, digest) not in present:
                present[name, digest] = item.context
                new.append(_dataset_input(item, name, digest, InputTag))
        return self._put(new, lambda batch: self._client.log_inputs(self._id, batch))

    def put_section(self, key: str, text: str) -> Sequence[str]:
        present = self._run.data.tags.get(_NOTE, "")
        wanted = with_section(present, key, text, limit=VALUE_LIMIT)
        return self.put_tags({_NOTE: wanted}) if wanted != present else ()

    def everything(self) -> dict[str, bytes]:
        """Every artifact of ours, and every tag of ours as `tags/<key>`."""
        found = {
            f"tags/{key}": value.encode()
            for key, value in self.tags().items()
            if key == ROOT or key.startswith(f"{ROOT}.")
        }
        haul, folders = Haul(), [ROOT, SNAPSHOTS]
        while folders:
            folder = folders.pop()
            for path, size in self._list(folder).items():
                haul.admit(path, size, folder=folder)
                if size is None:
                    folders.append(path)
                else:
                    found[path] = self.read(path)
        return found

    def _list(self, folder: str) -> dict[str, int | None]:
        """Path -> size of what is in a folder; a folder within it has no size."""
        listing = self._files.list_artifacts(folder)
        return {item.path: None if item.is_dir else item.file_size or 0 for item in listing}

    def _has(self, point: Point) -> bool:
        key = self._key(point)
        if key not in self._run.data.metrics:
            return False
        try:
            history = self._client.get_metric_history(self._id, key)
        except Exception as error:
            if is_missing(error):  # the same value of the same moment is one to MLflow
                return False
            raise
        return any(old.step == point.step and old.value == point.value for old in history)

    def _key(self, point: Point) -> str:
        """A file store keeps each metric in a file of its name, so no name can be a folder too."""
        if point.part and is_file_store(self._door):
            return f"{point.control} {point.part.replace('/', ' ')}"
        return point.key

    def _put(
        self,
        items: Sequence[Any],
        send: Callable[[list[Any]], None],
        send_one: Callable[[Any], None] | None = None,
    ) -> list[str]:
        """Send in batches; where one is refused, item by item, so that one costs no other.

        A server that does not know the request at all is asked by `send_one`, where there is one;
        what it cannot take then is refused, and costs nothing else.
        """
        from mlflow.exceptions import MlflowException

        refused: list[str] = []
        for start in range(0, len(items), _BATCH):
            batch = list(items[start : start + _BATCH])
            try:
                send(batch)
            except MlflowException as error:
                missing = is_missing(error)
                if not (missing or _is_refusal(error)):
                    raise
                if missing and send_one is not None:
                    refused += self._put(batch, _one_by_one(send_one))
                elif missing or len(batch) == 1:
                    refused += map(_name, batch)
                else:
                    for item in batch:
                        refused += self._put([item], send, send_one)
        return refused


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
    tags = [tag("mlflow.data.context", item.context), tag(f"{ROOT}.data_digest", item.digest)]
    return DatasetInput(dataset, tags)


def _one_by_one(send_one: Callable[[Any], None]) -> Callable[[list[Any]], None]:
    def send(batch: list[Any]) -> None:
        for item in batch:
            send_one(item)

    return send


def _name(item: Any) -> str:
    return f"input {item.dataset.name}" if hasattr(item, "dataset") else str(item.key)


def _is_refusal(error: Any) -> bool:
    """Whether the server would refuse the same again: a key or value, not its own trouble."""
    return error.error_code in ("INVALID_PARAMETER_VALUE", "BAD_REQUEST", "INVALID_STATE")


def artifacts_at(artifact_uri: str, door: str) -> Any:
    """Where artifacts are, asked directly: the client asks for the run at every file."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
    from mlflow.tracking.artifact_utils import add_databricks_profile_info_to_artifact_uri

    uri = add_databricks_profile_info_to_artifact_uri(artifact_uri, door)
    return get_artifact_repository(uri, tracking_uri=door)
