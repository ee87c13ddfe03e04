"""What cannot be governed is refused at wrap, and says what to do instead."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

import venturalitica as vl


class Slotted:
    __slots__ = ("__weakref__", "level")

    def __init__(self, level: int = 0) -> None:
        self.level = level

    def fit(self, X: Any, y: Any) -> Slotted:
        self.level = len(X)
        return self

    def predict(self, X: Any) -> list[int]:
        return [1] * len(X)


class NoReference:
    __slots__ = ()

    def fit(self, X: Any, y: Any) -> NoReference:
        return self

    def predict(self, X: Any) -> list[int]:
        return [1] * len(X)


class Final(LogisticRegression):  # type: ignore[misc]
    def __init_subclass__(cls, **named: Any) -> None:
        raise TypeError("Final is final")


class Proxy:
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(LogisticRegression(), name)


class Uncopied(LogisticRegression):  # type: ignore[misc]
    def __getstate__(self) -> Any:
        raise NotImplementedError("custom objects cannot be saved")


class Single(LogisticRegression):  # type: ignore[misc]
    def __copy__(self) -> Any:
        return self


def own_method() -> Any:
    model = LogisticRegression()
    model.fit = lambda X, y: model
    return model


@pytest.mark.parametrize(
    ("model", "said"),
    [
        (RandomForestClassifier, r"RandomForestClassifier is a class: write vl\.wrap\(RandomF"),
        (PCA(), "PCA has no 'predict'"),
        (object(), "object has no 'fit'"),
        ("model", "the model comes first"),
        (NoReference(), r"NoReference cannot be wrapped: .*__weakref__"),
        (Final(), "Final cannot be wrapped: Final is final"),
        (Proxy(), "hands 'fit' on to another object"),
        (own_method(), "its own 'fit' attribute"),
        (Uncopied(), r"raises NotImplementedError.*vl\.enforce\(test_df, model=model, policy="),
        (Single(), r"does not give another object.*vl\.enforce\(test_df, model=model, policy="),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_what_cannot_be_governed_is_refused(model: Any, said: str, policy: str) -> None:
    with pytest.raises(TypeError, match=said):
        vl.wrap(model, policy=policy)


def test_slots_are_no_hindrance(policy: str, evidence: Any) -> None:
    bare = Slotted(3)
    model = vl.wrap(bare, policy=policy)
    assert model.fit([[1], [2]], [1, 1]) is model
    assert (model.level, bare.level) == (2, 3)
    assert len(evidence()) == 1
    assert type(vl.unwrap(model)) is Slotted
    assert vl.unwrap(model).level == 2


def test_a_model_need_not_be_hashable_or_comparable(policy: str, X: Any, y: Any) -> None:
    class Strange(LogisticRegression):  # type: ignore[misc]
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> Any:
            raise RuntimeError("not comparable")

    model = vl.wrap(Strange(), policy=policy)
    assert model.fit(X, y) is model


def test_nothing_is_kept_alive(policy: str) -> None:
    from venturalitica.wrapping import registry

    model = vl.wrap(LogisticRegression(), policy=policy)
    gone, key = weakref.ref(model), id(model)
    assert key in registry._kept
    del model
    gc.collect()
    assert gone() is None
    assert key not in registry._kept
