"""Keras 3, whatever computes for it: wrap the model, and its `fit` is audited.

KERAS_BACKEND=torch python examples/keras_fit.py
"""

from pathlib import Path

import keras
from made_loans import FEATURES, TEST, TRAIN

import venturalitica as vl

POLICY = Path(__file__).with_name("loans_policy.yaml")

keras.utils.set_random_seed(0)
model = keras.Sequential(
    [
        keras.layers.Input((len(FEATURES),)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy")
model = vl.wrap(model, policy=POLICY)

X, X_test = (table[FEATURES].to_numpy(dtype="float32") for table in (TRAIN, TEST))
model.fit(
    X,
    TRAIN["repaid"],
    epochs=5,
    verbose=0,
    audit_data=(X_test, TEST["repaid"]),
    gender=TEST["gender"],
)
model.save("loans.keras")

audit = vl.enforce(TEST, policy=POLICY, model=model, features=FEATURES)
for verdict in audit:
    print(f"{verdict.control}: {verdict.status} ({verdict.value:.3f})")
