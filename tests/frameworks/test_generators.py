"""Models that draw when they predict: the user's own draws are those without an audit."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import torch

import venturalitica as vl

pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation")  # of Keras itself


class Drawing:
    """Trains nothing; its predictions are drawn from the global generators of both libraries."""

    def fit(self, X: Any, y: Any) -> Drawing:
        return self

    def predict(self, X: Any) -> Any:
        drawn = torch.rand(len(X)).numpy()
        more = keras.ops.convert_to_numpy(keras.random.uniform((len(X),)))
        return (drawn + more > 1).astype(int)


def test_the_global_generators_are_put_back(policy: str, X: Any, loans: Any, evidence: Any) -> None:
    def after(model: Any) -> list[Any]:
        keras.utils.set_random_seed(3)
        keras.random.uniform((1,))  # from here on Keras has a global generator
        model.fit(X, loans["class"].to_numpy())
        return [
            torch.rand(2).tolist(),
            keras.ops.convert_to_numpy(keras.random.uniform((2,))).tolist(),
            np.random.random(),
        ]

    assert after(vl.wrap(Drawing(), policy=policy)) == after(Drawing())
    assert evidence()[-1]["verdicts"][0]["value"] is not None
