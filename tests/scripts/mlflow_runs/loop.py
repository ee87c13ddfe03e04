"""A run for each model, one after another."""

# policy: binary
# evidence: run-0, run-1
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

predictions = []
for number, alpha in enumerate((1e-4, 1e-3)):
    with mlflow.start_run(run_name=f"run-{number}"):
        model = SGDClassifier(alpha=alpha, random_state=number)  # governed
        model.fit(X_train, y_train)
        for step in range(3):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        predictions.append(model.predict(X_test))
