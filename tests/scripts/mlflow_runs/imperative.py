"""start_run and end_run, without a block."""

# policy: binary
# evidence: train
import mlflow
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

mlflow.set_experiment("forests")
mlflow.start_run(run_name="train")
mlflow.set_tag("team", "risk")
model = RandomForestClassifier(n_estimators=20, random_state=1)  # governed
model.fit(X_train, y_train)
predictions = model.predict(X_test)
mlflow.log_params(model.get_params())
mlflow.log_metrics({"train": model.score(X_train, y_train), "test": model.score(X_test, y_test)})
mlflow.log_text("some words", "notes/readme.txt")
mlflow.log_dict({"rows": len(X)}, "facts.json")
mlflow.end_run()
