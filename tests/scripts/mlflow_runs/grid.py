"""A grid search of a pipeline, inside the run."""

# policy: binary
# evidence: grid
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

pipe = Pipeline([("scale", StandardScaler()), ("svc", SVC())])
with mlflow.start_run(run_name="grid"):
    grid = GridSearchCV(
        pipe, {"svc__C": [0.5, 1.0], "svc__kernel": ["linear", "rbf"]}, cv=3
    )  # governed
    grid.fit(X_train, y_train)
    mlflow.log_params(grid.best_params_)
    mlflow.log_metric("cv", grid.best_score_)
    predictions = grid.predict(X_test)
