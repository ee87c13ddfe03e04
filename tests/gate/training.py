"""Trains in runs of the server in MLFLOW_TRACKING_URI; prints the versions that it registers.

`python training.py NAME KIND...` with kinds `green`, `red` (its control fails) and `bare` (nobody
judged it): one version of the registered model each, in that order.
"""

from __future__ import annotations

import json
import sys
import warnings
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import venturalitica as vl


def main(name: str, kinds: list[str]) -> None:
    made = []
    for seed, kind in enumerate(kinds):
        random = np.random.default_rng(seed)
        truth = random.integers(0, 2, 400)
        rows = pd.DataFrame({"x": 0.7 * truth + random.random(400), "z": random.random(400)})
        judged = 1 - truth[200:] if kind == "red" else truth[200:]
        with mlflow.start_run() as run:
            model: Any = LogisticRegression()
            if kind != "bare":
                model = vl.wrap(model, policy="policy.yaml")
                model.fit(rows[:200], truth[:200], audit_data=(rows[200:], judged))
            else:
                model.fit(rows, truth)
            info = mlflow.sklearn.log_model(
                model, name="model", registered_model_name=name, pip_requirements=[]
            )
        version = str(info.registered_model_version)
        made.append(
            {"kind": kind, "version": version, "run": run.info.run_id, "model": info.model_id}
        )
    print(json.dumps(made))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1], sys.argv[2:])
