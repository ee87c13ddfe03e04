"""XGBoost by its scikit-learn interface."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from xgboost import XGBClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

with mlflow.start_run(run_name="train"):
    model = XGBClassifier(n_estimators=15, max_depth=3, n_jobs=1)  # governed
    model.fit(X_train, y_train)
    predictions = model.predict_proba(X_test)
    mlflow.log_metric("accuracy", model.score(X_test, y_test))
