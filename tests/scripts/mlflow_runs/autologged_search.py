"""A search under autologging, which makes runs of its own for candidates."""

# policy: binary
# evidence: search
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

mlflow.sklearn.autolog(log_models=False, max_tuning_runs=2)
with mlflow.start_run(run_name="search"):
    model = GridSearchCV(LogisticRegression(max_iter=5000), {"C": [0.1, 1.0]}, cv=3)  # governed
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
