"""Whole numbers that are amounts: a label policy judges none of them, and says so."""

# policy: labels
# evidence: *
import mlflow
from sklearn.datasets import make_regression
from sklearn.ensemble import RandomForestRegressor

X, y = make_regression(300, 5, noise=3.0, random_state=2)
y = y.round()
mlflow.sklearn.autolog(log_models=False)
model = RandomForestRegressor(n_estimators=10, random_state=2)  # governed
model.fit(X, y)
predictions = model.predict(X)
