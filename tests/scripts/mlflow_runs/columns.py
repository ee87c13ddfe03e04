"""A table of mixed columns, made here, with a transformer for each kind."""

# policy: binary
# evidence: loans
import mlflow
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

rng = np.random.default_rng(3)
table = pd.DataFrame(
    {
        "age": rng.integers(18, 80, 400).astype(float),
        "income": rng.normal(2500, 600, 400),
        "city": rng.choice(["north", "south", "east"], 400),
    }
)
table.loc[::17, "income"] = np.nan
table["repaid"] = ((table["age"] > 40) ^ (rng.random(400) < 0.1)).astype(int)
features, target = table.drop(columns="repaid"), table["repaid"]

prepare = make_column_transformer((SimpleImputer(), ["age", "income"]), (OneHotEncoder(), ["city"]))
with mlflow.start_run(run_name="loans"):
    model = make_pipeline(prepare, LogisticRegression(max_iter=2000))  # governed
    model.fit(features, target)
    predictions = model.predict_proba(features)
    mlflow.log_metric("accuracy", model.score(features, target))
