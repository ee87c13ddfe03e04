"""Calibrated probabilities."""

# policy: binary
# evidence: train
import mlflow
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import brier_score_loss
from sklearn.model_selection import train_test_split
from sklearn.svm import LinearSVC

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

with mlflow.start_run(run_name="train"):
    model = CalibratedClassifierCV(LinearSVC(random_state=0), cv=3)  # governed
    model.fit(X_train / X_train.max(), y_train)
    predictions = model.predict_proba(X_test / X_train.max())
    mlflow.log_metric("brier", brier_score_loss(y_test, predictions[:, 1]))
