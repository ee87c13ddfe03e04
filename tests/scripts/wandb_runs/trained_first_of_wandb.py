"""Eight lines that train first and open the run then."""

# policy: binary
# evidence: -, run-1, run-2
import wandb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import BernoulliNB, GaussianNB

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

predictions = []
for number, smoothing in enumerate((1e-9, 1e-6, 1e-3)):
    model = GaussianNB(var_smoothing=smoothing)  # governed
    model.fit(X_train, y_train)
    wandb.init(project="bayes", name=f"run-{number}", reinit="finish_previous")
    wandb.log({"accuracy": model.score(X_test, y_test)})
    predictions.append(model.predict(X_test))
wandb.finish()
print(BernoulliNB.__name__)
