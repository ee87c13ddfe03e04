"""A project whose training registered a model, with its evidence at the run."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit import delivery

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.60"}
  - {id: recall, metric: recall, must: ">= 0.40"}
"""


@contextmanager
def trained(
    mlflow: Any, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SimpleNamespace]:
    """A project whose training registered a model, with its evidence at the run."""
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / ".venturalitica"))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "100")  # however busy the machine is
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    place = mlflow.create_experiment("credit", artifact_location=f"{tmp_path}/artifacts")
    draw = np.random.default_rng(1)
    truth = draw.integers(0, 2, 1500)
    table = pd.DataFrame({"x": 0.7 * truth + draw.random(1500), "z": draw.random(1500)})
    with warnings.catch_warnings(), mlflow.start_run(experiment_id=place) as run:
        warnings.simplefilter("ignore")
        model = vl.wrap(LogisticRegression(), policy="model_policy.yaml")
        model.fit(table[:900], truth[:900], audit_data=(table[900:], truth[900:]))
        mlflow.sklearn.log_model(
            vl.unwrap(model),
            name="model",
            registered_model_name="credit",
            pip_requirements=[],
            serialization_format="cloudpickle",
        )
    delivery.settle()
    yield SimpleNamespace(client=mlflow.MlflowClient(), run=run.info.run_id, folder=tmp_path)
    mlflow.set_tracking_uri(None)
