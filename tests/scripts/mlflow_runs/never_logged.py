"""Trained first; the run that comes later logs numbers alone."""

# policy: binary
# evidence: -
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

model = DecisionTreeClassifier(max_depth=3, random_state=0)  # governed
model.fit(X_train, y_train)
predictions = model.predict(X_test)
with mlflow.start_run(run_name="numbers"):
    mlflow.log_metric("accuracy", model.score(X_test, y_test))
