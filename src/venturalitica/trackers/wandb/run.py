"""One open run of W&B's as a shelf to leave a parcel on."""

from __future__ import annotations

import glob
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from venturalitica.trackers.base import DataRef, Parcel
from venturalitica.trackers.claims import ROOT, Claim
from venturalitica.trackers.keys import encode
from venturalitica.trackers.publish import Point
from venturalitica.trackers.wandb.active import files_of
from venturalitica.trackers.wandb.artifacts import log_evidence, log_policy, put_table


class RunShelf:
    """One open run."""

    def __init__(self, run: Any, known: dict[str, str]) -> None:
        self._run = run
        self._known = known

    def tags(self) -> Mapping[str, str]:
        # `_as_dict` asks once; the public way asks again for every key.
        summary = self._run.summary._as_dict()
        return self._known | {key: text for key, text in summary.items() if isinstance(text, str)}

    def put_tags(self, tags: Mapping[str, str]) -> Sequence[str]:
        if tags:
            self._run.summary.update(dict(tags))
            self._known.update(tags)
        return ()

    def has(self, path: str) -> bool:
        file = files_of(self._run) / path
        return file.is_file() and not file.is_symlink()

    def read(self, path: str) -> bytes:
        return (files_of(self._run) / path).read_bytes()

    def write(self, files: Mapping[str, bytes]) -> None:
        folder = files_of(self._run)
        for path, data in files.items():
            _copy(folder / path, data)
            self._run.save(glob.escape(str(folder / path)), base_path=str(folder), policy="now")

    def put_points(self, points: Sequence[Point], *, again: bool) -> Sequence[str]:
        # A summary has one value for a key: a later audit's stands beside the first.
        values = {
            point.key if point.step == 0 else f"{point.key} @{point.step}": point.value
            for point in points
        }
        if values:
            self._run.summary.update(values)
        return ()

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        return self.put_tags(
            {
                f"{ROOT}.data.{encode(item.context)}.{item.sha256[:12]}": json.dumps(
                    {
                        "name": item.name,
                        "context": item.context,
                        "sha256": item.sha256,
                        "rows": item.rows,
                    }
                )
                for item in data
            }
        )

    def put_section(self, key: str, text: str) -> None:
        """A W&B run's notes are the user's alone; what we have to say is in the report."""

    def put_extras(self, parcel: Parcel, claim: Claim) -> None:
        if parcel.policy_bytes is not None:
            self.put_tags(log_policy(self._run, parcel, claim, self.tags()))
        log_evidence(self._run, parcel, claim)
        put_table(self._run, parcel, claim)


def _copy(file: Path, data: bytes) -> None:
    """A file of its own in the run's folder, never a link to somebody's."""
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".venturalitica-")
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    Path(temporary).replace(file)
