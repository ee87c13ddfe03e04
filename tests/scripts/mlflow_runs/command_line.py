"""A main function with arguments."""

# policy: multiclass
# evidence: wine
import argparse

import mlflow
from sklearn.datasets import load_wine
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import train_test_split


def parse_args():
    parser = argparse.ArgumentParser()
    parser.add_argument("--trees", type=int, default=15)
    parser.add_argument("--depth", type=int, default=None)
    return parser.parse_args()


def main():
    args = parse_args()
    X, y = load_wine(return_X_y=True, as_frame=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=1)
    with mlflow.start_run(run_name="wine"):
        mlflow.log_params(vars(args))
        model = RandomForestClassifier(args.trees, max_depth=args.depth)  # governed
        model.fit(X_train, y_train)
        mlflow.log_metric("accuracy", model.score(X_test, y_test))
        return model.predict_proba(X_test)


if __name__ == "__main__":
    predictions = main()
