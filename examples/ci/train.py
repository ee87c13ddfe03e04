"""A job's training: audited, logged and registered in one run of the server in MLFLOW_TRACKING_URI.

python train.py [model_policy.yaml] [--noise 0.0]
"""

import argparse

import mlflow
import numpy
import pandas
from sklearn.linear_model import LogisticRegression

import venturalitica as vl

options = argparse.ArgumentParser()
options.add_argument("policy", nargs="?", default="model_policy.yaml")
options.add_argument("--noise", type=float, default=0.0, help="share of labels that are chance")
given = options.parse_args()

draw = numpy.random.default_rng(7)
paid = draw.integers(0, 2, 4000)
rows = pandas.DataFrame({"income": 0.7 * paid + draw.random(4000), "age": draw.random(4000)})
told = numpy.where(draw.random(4000) < given.noise, draw.integers(0, 2, 4000), paid)

mlflow.set_experiment("credit")
with mlflow.start_run():
    model = vl.wrap(LogisticRegression(), policy=given.policy)
    model.fit(rows[:2000], told[:2000], audit_data=(rows[2000:], told[2000:]))
    logged = mlflow.sklearn.log_model(
        vl.unwrap(model), name="model", registered_model_name="credit", pip_requirements=[]
    )
print(f"version {logged.registered_model_version}")
