"""The tracker itself: the run that is open, and the way to one that is not."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from venturalitica.errors import TrackerError
from venturalitica.trackers.base import NoRun, Parcel, Receipt, RunRef
from venturalitica.trackers.kept import kept_in
from venturalitica.trackers.locks import one_at_a_time
from venturalitica.trackers.publish import publish
from venturalitica.trackers.uris import without_credentials
from venturalitica.trackers.wandb import account, active
from venturalitica.trackers.wandb.opening import fetch, lies_here, opened, path_of, translated
from venturalitica.trackers.wandb.run import RunShelf


class WandbTracker:
    """Weights & Biases, the runs open in this process."""

    name = "wandb"

    def __init__(self) -> None:
        # What this process set at each run: asked while it is busy, W&B answers with nothing.
        self._known: dict[str, dict[str, str]] = {}

    def installed(self) -> bool:
        return "wandb" in sys.modules or importlib.util.find_spec("wandb") is not None

    def active_run(self) -> RunRef | None:
        run = active.active()
        if run is None:
            return None
        return RunRef(
            tracker=self.name,
            run_id=run.id,
            uri=without_credentials(run.settings.base_url),
            experiment_name=run.project or "",
            run_name=run.name or "",
            # Asked of an offline run, W&B prints a warning at the user.
            url=None if run.offline else run.url,
            extra={
                "entity": run.entity or "",
                "project": run.project or "",
                "folder": str(active.folder_of(run)),
                "offline": bool(run.offline),
            },
        )

    def no_run(self) -> NoRun | None:
        return active.no_run()

    def doubt(self) -> str:
        """What is wrong with W&B's variables, as a question; nothing where nobody uses W&B."""
        return account.doubt() if "wandb" in sys.modules else ""

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        with translated(run), one_at_a_time(f"wandb {run.uri} {run.run_id}"):
            if lies_here(run, parcel.evidence_sha256):
                digests = parcel.evidence_sha256, parcel.policy_sha256
                return Receipt(self.name, run.run_id, *digests, kept=account.kept(run))
            with opened(run) as live:
                known = self._known.setdefault(run.run_id, {})
                receipt = publish(RunShelf(live, known), run, parcel)
                # Its client has it, and no server: what that means is said, not "delivered".
                return replace(receipt, kept=account.kept(run)) if live.offline else receipt

    def fetch(self, run_id: str, *, uri: str = "") -> dict[str, bytes]:
        """Our files at the run, and our summary keys as `tags/<key>`.

        `run_id` is `entity/project/id`, `project/id`, the id of the run that is open, or the path
        of an offline run's folder (which is read as it stands, without its summary).
        """
        with translated(RunRef(self.name, run_id, uri)):
            found = fetch(run_id, uri)
        if not found:
            raise TrackerError(
                f"W&B run '{run_id}' holds no evidence of ours; "
                "'venturalitica sync' delivers what waits"
            )
        return found

    def files(self, run: RunRef) -> dict[str, bytes]:
        """From the server, or from the folder of an offline run."""
        with translated(run):
            return fetch(path_of(run), run.uri)

    def checkpoints(self, runs: Sequence[RunRef], *, origin: str) -> Mapping[str, str]:
        """Those of the runs themselves: from the server, or from the folder of an offline run."""
        found: dict[str, str] = {}
        trouble: TrackerError | None = None
        for run in runs:
            try:
                files = self.files(run)
            except TrackerError as error:
                trouble = error
                continue
            found |= kept_in(files, f"W&B run {run.run_id}", origin=origin)
        if trouble is not None and not found:
            raise trouble
        return found

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """See the protocol; `origins` says for each variable where it came from (".env")."""
        return account.health(origins or {})
