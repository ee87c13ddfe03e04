"""Data sets logged as inputs of the run."""

# policy: binary
# evidence: train
import mlflow
import mlflow.data
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

frame = X_train.assign(target=y_train)
dataset = mlflow.data.from_pandas(
    frame, source="https://example.org/cancer.csv", targets="target", name="cancer"
)
with mlflow.start_run(run_name="train"):
    mlflow.log_input(dataset, context="training")
    model = LogisticRegression(max_iter=5000)  # governed
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
    mlflow.log_metric("accuracy", model.score(X_test, y_test), dataset=dataset)
