"""A run for each setting, ended before the next."""

# policy: binary
# evidence: depth-2, depth-4
import wandb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.tree import DecisionTreeClassifier

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

predictions = []
for depth in (2, 4):
    run = wandb.init(project="trees", name=f"depth-{depth}", config={"depth": depth})
    model = DecisionTreeClassifier(max_depth=depth, random_state=0)  # governed
    model.fit(X_train, y_train)
    for step in range(2):
        wandb.log({"step": step, "accuracy": model.score(X_test, y_test)})
    predictions.append(model.predict(X_test))
    wandb.finish()
