"""A stack, and what its parts say."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import ExtraTreesClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

with mlflow.start_run(run_name="train"):
    model = StackingClassifier(
        [("tree", DecisionTreeClassifier(max_depth=2)), ("trees", ExtraTreesClassifier(10))],
        LogisticRegression(),
        cv=3,
    )  # governed
    model.fit(X_train, y_train)
    predictions = model.predict(X_test)
    for name, part in model.named_estimators_.items():
        mlflow.log_metric(name, part.score(X_test.to_numpy(), y_test))
