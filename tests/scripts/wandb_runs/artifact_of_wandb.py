"""Trained and saved first; a later run logs the file."""

# policy: binary
# evidence: upload
import joblib
import wandb
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

model = RandomForestClassifier(10, random_state=0)  # governed
model.fit(X_train, y_train)
predictions = model.predict(X_test)
joblib.dump(model, "model.joblib")

run = wandb.init(project="cancer", name="upload", job_type="upload")
artifact = wandb.Artifact("forest", type="model")
artifact.add_file("model.joblib")
run.log_artifact(artifact)
run.finish()
