"""One run around it all, as in most tutorials."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

with mlflow.start_run(run_name="train"):
    model = LogisticRegression(C=0.5, max_iter=5000)  # governed
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
    mlflow.log_param("C", 0.5)
    mlflow.log_metric("accuracy", accuracy_score(y_test, predictions))
