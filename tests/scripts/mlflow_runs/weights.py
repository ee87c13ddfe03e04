"""Weights for rows, and numpy throughout."""

# policy: binary
# evidence: weighted
import mlflow
import numpy as np
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression

X, y = make_classification(600, 8, weights=[0.8], random_state=4)
weights = np.where(y == 1, 4.0, 1.0)
with mlflow.start_run(run_name="weighted"):
    model = LogisticRegression()  # governed
    model.fit(X, y, sample_weight=weights)
    predictions = model.predict(X)
    mlflow.log_metric("positives", float(predictions.mean()))
