"""One door to every tracker for the contract suite: open a run, and look at it from outside.

What is looked at is read by means that are not ours: MLflow's own client, and for W&B the run's
transaction log itself, which is all that `wandb sync` would ever upload.
"""

from __future__ import annotations

import hashlib
import json
import struct
import tempfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from venturalitica.core.verdict import GroupValue, Interval, Verdict
from venturalitica.trackers.base import DataRef, Page, Parcel, Receipt, RunRef
from venturalitica.trackers.publish import Point as Point


@dataclass
class Seen:
    """What stands at a run. `points` are (key, value, step), sorted."""

    tags: dict[str, str] = field(default_factory=dict)
    points: list[tuple[str, float, int]] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    inputs: list[tuple[str, str]] = field(default_factory=list)


class MemoryWorld:
    def __init__(self, tracker):
        self.tracker = tracker

    def open(self):
        return self.tracker.start_run("training")

    def look(self, ref: RunRef) -> Seen:
        run = self.tracker.runs[ref.run_id]
        return Seen(
            dict(run.stored_tags),
            sorted((point.key, point.value, point.step) for point in run.points),
            dict(run.artifacts),
            sorted((item.context, item.digest) for item in run.inputs),
        )


class MlflowWorld:
    def __init__(self, tracker, mlflow):
        self.tracker, self.mlflow = tracker, mlflow

    @contextmanager
    def open(self) -> Iterator[RunRef]:
        with self.mlflow.start_run():
            yield self.tracker.active_run()

    def look(self, ref: RunRef) -> Seen:
        client = self.mlflow.MlflowClient(tracking_uri=ref.uri)
        run = client.get_run(ref.run_id)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(client.download_artifacts(ref.run_id, "", folder))
            artifacts = {
                file.relative_to(root).as_posix(): file.read_bytes()
                for file in root.rglob("*")
                if file.is_file()
            }
        points = [
            (key, point.value, point.step)
            for key in run.data.metrics
            for point in client.get_metric_history(ref.run_id, key)
        ]
        inputs = []
        for item in run.inputs.dataset_inputs:
            tags = {tag.key: tag.value for tag in item.tags}
            inputs.append((tags["mlflow.data.context"], tags["venturalitica.data_digest"]))
        return Seen(dict(run.data.tags), sorted(points), artifacts, sorted(inputs))


class WandbWorld:
    def __init__(self, tracker, wandb):
        self.tracker, self.wandb = tracker, wandb

    @contextmanager
    def open(self) -> Iterator[RunRef]:
        run = self.wandb.init(project="contract")
        try:
            yield self.tracker.active_run()
        finally:
            run.finish()

    def look(self, ref: RunRef) -> Seen:
        folder = Path(ref.extra["folder"])
        records = finished_log(next(folder.glob("*.wandb")))
        summary = summary_of(records)
        paths = [item.path for record in records for item in record.files.files]
        ours = [path for path in paths if path.startswith(("venturalitica/", "policy_snapshot/"))]
        assert len(ours) == len(set(ours)), "a file was handed over twice"
        inputs = [
            json.loads(value)
            for key, value in summary.items()
            if key.startswith("venturalitica.data.")
        ]
        return Seen(
            {key: value for key, value in summary.items() if isinstance(value, str)},
            sorted(
                (key.partition(" @")[0], float(value), int(key.partition(" @")[2] or 0))
                for key, value in summary.items()
                if key.startswith("venturalitica/") and isinstance(value, int | float)
            ),
            {path: (folder / "files" / path).read_bytes() for path in ours},
            sorted((item["context"], item["digest"]) for item in inputs),
        )


def finished_log(file: Path) -> list:
    """The records of a run that has finished: W&B's service writes the last ones a moment later."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        records = read_log(file)
        if records and records[-1].WhichOneof("record_type") == "exit":
            return records
        time.sleep(0.05)
    raise AssertionError(f"{file} has no end")


def read_log(file: Path) -> list:
    """The whole records of a `.wandb` file: LevelDB's log format around protobuf messages.

    Another process may be writing it, so reading ends at the first chunk that is not there in full
    or whose checksum does not hold: what the service has yet to write. Not an end for a test: that
    is the exit record, which `finished_log` waits for.
    """
    from wandb.proto import wandb_internal_pb2

    data, records, pending, at = file.read_bytes(), [], b"", 7
    while at < len(data):
        left = 32768 - at % 32768
        if left < 7:
            at += left
            continue
        checksum, length, kind = struct.unpack("<IHB", data[at : at + 7].ljust(7, b"\0"))
        chunk = data[at + 7 : at + 7 + length]
        if len(chunk) < length or zlib.crc32(bytes([kind]) + chunk) != checksum:
            break
        pending += chunk
        at += 7 + length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(pending)
            records.append(record)
            pending = b""
    return records


def summary_of(records) -> dict:
    """The summary after all updates."""
    summary = {}
    for record in records:
        for item in record.summary.update:
            summary[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
    return summary


def verdict(control="accuracy", **changes) -> Verdict:
    fields = {
        "status": "passed",
        "reason": "0.75 meets >= 0.70",
        "metric": "accuracy",
        "must": ">= 0.70",
        "value": 0.75,
        "interval": Interval(0.71, 0.79),
        "conclusive": True,
        "n": 1000,
    }
    return Verdict(control=control, **{**fields, **changes})


def parity(control="gender-parity", **changes) -> Verdict:
    fields = {
        "status": "failed",
        "reason": "0.74 does not meet >= 0.80",
        "value": 0.74,
        "interval": Interval(0.66, 0.83),
        "conclusive": False,
        "across": ("gender",),
        "groups": (GroupValue("male", 690, 0.72), GroupValue("female", 310, 0.53)),
    }
    return verdict(control, **{**fields, **changes})


def parcel(
    number=1,
    *,
    policy=b"policy: credit-scoring\nversion: '1.2'\n",
    filename="model_policy.yaml",
    verdicts=None,
    **changes,
) -> Parcel:
    """A parcel like those that delivery makes; `number` makes its evidence its own."""
    evidence = json.dumps({"envelope": f"envelope {number}", "checkpoint": "one"}).encode()
    digest = None if policy is None else hashlib.sha256(policy).hexdigest()
    fields = {
        "evidence": evidence,
        "evidence_sha256": hashlib.sha256(f"envelope {number}".encode()).hexdigest(),
        "kind": "audit",
        "name": "training",
        "light": "red",
        "verdicts": (verdict(), parity()) if verdicts is None else tuple(verdicts),
        "policy_name": "credit-scoring" if policy else "",
        "policy_version": "1.2" if policy else "",
        "policy_sha256": digest or "",
        "policy_filename": filename if policy else "",
        "policy_bytes": policy,
        "page": Page(lambda: f"<p>report {number}</p>"),
        "description": f"**credit-scoring 1.2**: red ({number})",
        "data": (data("audit"),),
        "checkpoint": f"venturalitica/log\n{number}\nroot=\n\n— key sig\n",
    }
    return Parcel(**{**fields, **changes})


def leave(tracker, run, one) -> Receipt:
    """All of a parcel, its page too."""
    receipt = tracker.deliver(run, one)
    tracker.deliver_page(run, one)
    return receipt


def closed_monitor(number=100, **changes) -> Parcel:
    fields = {"kind": "run", "verdicts": (), "data": (), "policy": None, "light": "grey"}
    return parcel(number, **{**fields, **changes})


def data(context, content=b"rows", name="audit") -> DataRef:
    digest = hashlib.sha256(content).hexdigest()
    return DataRef(name, context, digest, 1000, ("Attribute9", "class"))
