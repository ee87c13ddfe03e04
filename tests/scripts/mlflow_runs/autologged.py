"""Autologging opens a run of its own."""

# policy: binary
# evidence: *
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

mlflow.sklearn.autolog(log_models=False)
model = LogisticRegression(max_iter=5000)  # governed
model.fit(X_train, y_train)
predictions = model.predict(X_test)
