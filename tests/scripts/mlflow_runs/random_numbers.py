"""A model and a script that draw from the global generators."""

# policy: binary
# evidence: chance, bags
import random

import mlflow
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.model_selection import train_test_split

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.3, random_state=0)

np.random.seed(11)
random.seed(11)
with mlflow.start_run(run_name="chance"):
    guess = DummyClassifier(strategy="stratified")  # governed
    guess.fit(X_train, y_train)
with mlflow.start_run(run_name="bags"):
    bags = BaggingClassifier(n_estimators=5)  # governed
    bags.fit(X_train, y_train)
    predictions = [guess.predict(X_test), bags.predict(X_test), np.random.random(len(X_test))]
    mlflow.log_metric("drawn", random.random())
