"""Amounts, a run for each strength of the penalty."""

# policy: amounts
# evidence: alpha-0.01, alpha-0.1
import mlflow
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet
from sklearn.metrics import mean_absolute_error, r2_score
from sklearn.model_selection import train_test_split

X, y = load_diabetes(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=42)
for alpha in (0.01, 0.1):
    with mlflow.start_run(run_name=f"alpha-{alpha}"):
        model = ElasticNet(alpha=alpha, l1_ratio=0.5, random_state=42)  # governed
        model.fit(X_train, y_train)
        predictions = model.predict(X_test)
        mlflow.log_param("alpha", alpha)
        mlflow.log_metric("mae", mean_absolute_error(y_test, predictions))
        mlflow.log_metric("r2", r2_score(y_test, predictions))
