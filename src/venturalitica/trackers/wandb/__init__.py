"""Weights & Biases: the one room of ours that imports it, and only when a delivery asks for it.

    tracker.py     the tracker itself; a run of the server's opened again, and what is kept at a run
    active.py      which runs are open in this process, or why none is
    run.py         one open run as a shelf to leave a parcel on; artifacts, the table of verdicts
    health.py      mode, login, server, uploads, a run's page: known without importing wandb

Evidence goes to the run that is open, online or offline, without touching its history or steps:
files into the run's own folder, artifacts, and summary keys. W&B's client keeps all of it in the
run's transaction log and uploads it by itself, or when the user types `wandb sync`.

`run.save` would only link to a file outside, and an edit before the upload would change history:
bytes are copied into the run's folder first.
"""

from __future__ import annotations

from venturalitica.trackers.wandb.tracker import WandbTracker

__all__ = ["WandbTracker"]
