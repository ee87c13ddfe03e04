"""A worker thread for each run."""

# policy: binary
# evidence: soft, hard
import threading

import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import RidgeClassifier
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

predictions: list = []


def work(name, alpha):
    with mlflow.start_run(run_name=name):
        model = RidgeClassifier(alpha=alpha)  # governed
        model.fit(X_train, y_train)
        mlflow.log_metric("accuracy", model.score(X_test, y_test))
        predictions.append(model.predict(X_test))


for name, alpha in (("soft", 10.0), ("hard", 0.1)):
    thread = threading.Thread(target=work, args=(name, alpha))
    thread.start()
    thread.join()
