"""A search whose best model is logged, in a run that opens afterwards."""

# policy: binary
# evidence: best
import mlflow
import mlflow.sklearn
from scipy.stats import loguniform
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import RandomizedSearchCV, train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

space = {"C": loguniform(1e-2, 1e1)}
search = RandomizedSearchCV(
    LogisticRegression(max_iter=5000), space, n_iter=3, cv=3, random_state=5
)  # governed
search.fit(X_train, y_train)
predictions = search.best_estimator_.predict(X_test)
with mlflow.start_run(run_name="best"):
    mlflow.log_params(search.best_params_)
    mlflow.log_metric("cv", search.best_score_)
    model = search.best_estimator_
    mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
