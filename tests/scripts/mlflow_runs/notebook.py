"""The cells of a notebook: all models first, then a run for each."""

# policy: binary
# evidence: logistic, trees
import mlflow
import mlflow.sklearn
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

# In [2]
first = LogisticRegression(max_iter=5000)  # governed
first.fit(X_train, y_train)
# In [3]
second = ExtraTreesClassifier(n_estimators=10, random_state=3)  # governed
second.fit(X_train, y_train)
# In [4]
predictions = []
for name, model in (("trees", second), ("logistic", first)):
    with mlflow.start_run(run_name=name):
        mlflow.log_metric("accuracy", model.score(X_test, y_test))
        mlflow.sklearn.log_model(
            model,
            name="model",
            pip_requirements=["scikit-learn"],
            serialization_format="cloudpickle",
        )
    predictions.append(model.predict(X_test))
