"""Autologging, in a run of the user."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

mlflow.autolog(log_models=False, silent=True)
with mlflow.start_run(run_name="train"):
    model = GaussianNB()  # governed
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
    mlflow.log_metric("mine", model.score(X_test, y_test))
