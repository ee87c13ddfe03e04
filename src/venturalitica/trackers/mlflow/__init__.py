"""MLflow: the one room of ours that imports it, and only when a delivery asks for it.

    tracker.py     the tracker itself: which run is open here, and the way to one that is not
    client.py      what MLflow answers, its failures in plain words, where it keeps an open run
    run.py         one run, by id, as a shelf to leave a parcel on
    health.py      what people are told, without importing mlflow: health, the way to a run's page

Everything is written through `MlflowClient` with the run's id and the tracking URI said outright,
never through the fluent API: it may happen in another thread while training goes on and logs, in
another process, and long after the run has ended. Nothing is sent anywhere but to that run.
"""

from __future__ import annotations

from venturalitica.trackers.mlflow.tracker import MlflowTracker

__all__ = ["MlflowTracker"]
