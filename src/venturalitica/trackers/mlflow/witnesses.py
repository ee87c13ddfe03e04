"""Checkpoints of a log that MLflow's runs have kept."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from venturalitica.trackers.claims import ROOT
from venturalitica.trackers.kept import SUFFIX, kept_in
from venturalitica.trackers.mlflow.answer import library

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
    client = library().MlflowClient(tracking_uri=door)
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

    client = library().MlflowClient(tracking_uri=door)
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
