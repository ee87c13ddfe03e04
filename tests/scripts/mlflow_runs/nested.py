"""A parent and a run in it for each setting."""

# policy: binary
# evidence: rate-0.05, rate-0.1, rate-0.2
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

predictions = []
with mlflow.start_run(run_name="parent"):
    for rate in (0.05, 0.1, 0.2):
        with mlflow.start_run(run_name=f"rate-{rate}", nested=True):
            model = GradientBoostingClassifier(
                learning_rate=rate, n_estimators=10, random_state=0
            )  # governed
            model.fit(X_train, y_train)
            mlflow.log_param("rate", rate)
            mlflow.log_metric("accuracy", model.score(X_test, y_test))
            predictions.append(model.predict(X_test))
    mlflow.log_metric("tried", 3)
