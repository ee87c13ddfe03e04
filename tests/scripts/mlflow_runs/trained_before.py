"""Trained first; the run comes later and logs the model."""

# policy: binary
# evidence: train
import mlflow
import mlflow.sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

model = make_pipeline(StandardScaler(), LogisticRegression())  # governed
model.fit(X_train, y_train)
predictions = model.predict(X_test)

with mlflow.start_run(run_name="train"):
    mlflow.log_metric("accuracy", model.score(X_test, y_test))
    mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
