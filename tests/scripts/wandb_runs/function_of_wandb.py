"""A training function, called with settings as a sweep does."""

# policy: multiclass
# evidence: small, large
import wandb
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import train_test_split

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X[:800], y[:800], random_state=0)
predictions: list = []


def train(settings):
    with wandb.init(project="digits", name=settings["name"], config=settings) as run:
        model = LogisticRegression(C=run.config["C"], max_iter=300)  # governed
        model.fit(X_train, y_train)
        said = model.predict(X_test)
        run.log({"f1": f1_score(y_test, said, average="macro")})
        predictions.append(said)


for settings in ({"name": "small", "C": 0.01}, {"name": "large", "C": 1.0}):
    train(settings)
