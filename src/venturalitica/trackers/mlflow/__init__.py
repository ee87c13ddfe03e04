"""MLflow: the one room of ours that imports it, and only when a delivery asks for it.

    tracker.py     the tracker itself, and the way to a run that is not open
    active.py      which run is open here, or why none is
    places.py      where an open run is kept, whatever became of the working folder
    run.py         one run, by id, as a shelf to leave a parcel on
    answer.py      what the server answers, and its failures in plain words
    witnesses.py   checkpoints that runs have kept
    health.py      what `doctor` says, without importing mlflow

Everything is written through `MlflowClient` with the run's id and the tracking URI said outright,
never through the fluent API: it may happen in another thread while training goes on and logs, in
another process, and long after the run has ended. Nothing is sent anywhere but to that run.
"""

from __future__ import annotations

from venturalitica.trackers.mlflow.tracker import MlflowTracker

__all__ = ["MlflowTracker"]
