"""Scores by cross-validation, then a fit on all."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score, cross_validate, train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

with mlflow.start_run(run_name="train"):
    model = LogisticRegression(max_iter=5000)  # governed
    scores = cross_val_score(model, X_train, y_train, cv=4)
    mlflow.log_metric("cv", scores.mean())
    both = cross_validate(model, X_train, y_train, cv=3, scoring=("accuracy", "f1"))
    mlflow.log_metrics({name: both[name].mean() for name in ("test_accuracy", "test_f1")})
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
