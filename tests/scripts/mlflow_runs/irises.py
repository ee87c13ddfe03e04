"""Three kinds of flowers."""

# policy: multiclass
# evidence: irises
import mlflow
from sklearn.datasets import load_iris
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import classification_report

X, y = load_iris(return_X_y=True)
with mlflow.start_run(run_name="irises"):
    model = LinearDiscriminantAnalysis()  # governed
    model.fit(X, y)
    predictions = model.predict(X)
    report = classification_report(y, predictions, output_dict=True)
    mlflow.log_metrics({f"f1-{kind}": report[kind]["f1-score"] for kind in ("0", "1", "2")})
