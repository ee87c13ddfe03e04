"""A tracker that lives in this process: for tests, notebooks and those who write a tracker.

tracker = MemoryTracker()
with tracker.start_run("training") as run:
    ...
tracker.runs[run.run_id].artifacts["policy_snapshot/model_policy.yaml"]
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from venturalitica._version import __version__
from venturalitica.errors import TrackerError
from venturalitica.trackers.base import DataRef, Lead, Parcel, Receipt, RunRef, Tracker
from venturalitica.trackers.publish import (
    VALUE_LIMIT,
    Point,
    Shelf,
    publish,
    publish_page,
    with_section,
)


@dataclass
class MemoryRun(Shelf):
    """What one run holds. It is a `Shelf` itself."""

    name: str = ""
    stored_tags: dict[str, str] = field(default_factory=dict)
    points: list[Point] = field(default_factory=list)
    artifacts: dict[str, bytes] = field(default_factory=dict)
    inputs: list[DataRef] = field(default_factory=list)
    description: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def tags(self) -> Mapping[str, str]:
        return dict(self.stored_tags)

    def put_tags(self, tags: Mapping[str, str]) -> Sequence[str]:
        self.stored_tags.update(tags)
        return ()

    def read(self, path: str) -> bytes:
        return self.artifacts[path]

    def write(self, files: Mapping[str, bytes]) -> None:
        self.artifacts.update(files)

    def put_points(self, points: Sequence[Point], *, again: bool) -> Sequence[str]:
        self.points.extend(point for point in points if point not in self.points)
        return ()

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        self.inputs.extend(item for item in data if item not in self.inputs)
        return ()

    def put_section(self, key: str, text: str) -> Sequence[str]:
        self.description = with_section(self.description, key, text, limit=VALUE_LIMIT)
        return ()


class MemoryTracker(Tracker):
    """Runs kept in `runs`, by id. The open run is the one of the current thread or task."""

    name = "memory"

    def __init__(self) -> None:
        self.runs: dict[str, MemoryRun] = {}
        self._at_end: dict[str, Callable[[], None]] = {}
        self._open: ContextVar[tuple[str, ...]] = ContextVar(f"open-{id(self)}", default=())

    @contextmanager
    def start_run(self, name: str = "") -> Iterator[RunRef]:
        """Open a run, within the one that is open where there is one."""
        run_id = uuid.uuid4().hex
        self.runs[run_id] = MemoryRun(name)
        token = self._open.set((*self._open.get(), run_id))
        try:
            yield RunRef(self.name, run_id, run_name=name)
        finally:
            self._open.reset(token)
            self._at_end.pop(run_id, lambda: None)()

    def active_run(self) -> RunRef | None:
        stack = self._open.get()
        return RunRef(self.name, stack[-1], run_name=self.runs[stack[-1]].name) if stack else None

    def lasts(self) -> bool:
        return False

    def lead(self, run: RunRef) -> Lead:
        return Lead(note="the run was kept in the memory of its process, and is gone with it")

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        shelf = self._run(run.run_id)
        with shelf.lock:
            return publish(shelf, run, parcel)

    def deliver_page(self, run: RunRef, parcel: Parcel) -> None:
        shelf = self._run(run.run_id)
        with shelf.lock:
            publish_page(shelf, parcel)

    def run_named(self, text: str) -> RunRef | None:
        found = self.runs.get(text)
        return None if found is None else RunRef(self.name, text, run_name=found.name)

    def before_end(self, run: RunRef, call: Callable[[], None]) -> None:
        if run.run_id in self._open.get():
            self._at_end[run.run_id] = call

    def files(self, run: RunRef) -> dict[str, bytes]:
        kept = self._run(run.run_id)
        with kept.lock:
            tags = {f"tags/{key}": value.encode() for key, value in kept.stored_tags.items()}
            return {**kept.artifacts, **tags}

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        known = {"version": __version__, "configured": "always", "uri": "memory:"}
        detail = f"{len(self.runs)} run(s) in this process"
        return {**super().health(origins), **known, "reachable": True, "detail": detail}

    def _run(self, run_id: str) -> MemoryRun:
        run = self.runs.get(run_id)
        if run is None:
            raise TrackerError(
                f"no run '{run_id}' in this process; a run of the memory tracker ends with the "
                "process that opened it"
            )
        return run
