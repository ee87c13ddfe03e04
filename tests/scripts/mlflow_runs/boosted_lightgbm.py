"""LightGBM by its scikit-learn interface, logged in its own flavour."""

# policy: binary
# evidence: train
import mlflow
import mlflow.lightgbm
from lightgbm import LGBMClassifier
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

model = LGBMClassifier(n_estimators=15, num_leaves=7, verbose=-1, n_jobs=1)  # governed
model.fit(X_train, y_train, eval_set=[(X_test, y_test)])
predictions = model.predict_proba(X_test)
with mlflow.start_run(run_name="train"):
    mlflow.log_metric("accuracy", model.score(X_test, y_test))
    mlflow.lightgbm.log_model(model, name="model", pip_requirements=["lightgbm"])
