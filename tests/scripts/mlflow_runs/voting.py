"""A vote of three."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

members = [
    ("lr", LogisticRegression(max_iter=5000)),
    ("nb", GaussianNB()),
    ("rf", RandomForestClassifier(10, random_state=0)),
]
with mlflow.start_run(run_name="train"):
    model = VotingClassifier(members, voting="soft")  # governed
    model.fit(X_train, y_train)
    predictions = model.predict_proba(X_test)
    mlflow.log_metric("accuracy", model.score(X_test, y_test))
