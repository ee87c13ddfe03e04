"""MLflow evaluates a table of predictions."""

# policy: binary
# evidence: train
import mlflow
import mlflow.models
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

model = LogisticRegression(max_iter=5000)  # governed
with mlflow.start_run(run_name="train"):
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
    table = X_test.iloc[:, :3].assign(truth=y_test, said=predictions)
    mlflow.models.evaluate(
        data=table,
        targets="truth",
        predictions="said",
        model_type="classifier",
        evaluators="default",
        evaluator_config={"log_explainer": False, "log_model_explainability": False},
    )
