"""Whether what a run logs is the model that was audited: by the object, its digest, or its file."""

from __future__ import annotations

import io
import logging
import pickle
import sys
import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.json_values import Json, text
from venturalitica.frameworks.sklearn import is_estimator, parts
from venturalitica.provenance.model import model_digest

log = logging.getLogger(__name__)

LEARNED = ("best_estimator_", "_Booster")
"""Attributes that hold all that a model learned; logged alone, it is that model."""


class KnownModel(Struct):
    """An audited model, which is not kept alive: its class, its digest, and a weak reference."""

    kind: str
    sha256: str
    reference: weakref.ref[Any] | None

    @classmethod
    def of(cls, described: Json, model: Any) -> KnownModel:
        """By what its record says of it, and by the object that the caller holds."""
        try:
            reference = None if model is None else weakref.ref(model)
        except TypeError:  # a class with slots: its digest is left
            reference = None
        return cls(text(described.get("class")), text(described.get("sha256")), reference)

    @property
    def object(self) -> Any:
        """The model; None where nobody holds it any more."""
        return self.reference() if self.reference is not None else None

    def trains_again(self, model: Any) -> None:
        """An object that is trained again is another model: what was audited of it is not it."""
        if self.object is model:
            self.reference = None

    def is_among(self, values: Sequence[Any]) -> bool:
        """Whether one of them is the very model, a shallow copy of it, or all that it learned."""
        model = self.object
        return model is not None and any(_is(model, value) for value in values)

    def has_digest_of(self, values: Sequence[Any]) -> bool:
        """Whether one of them is, byte for byte, the model that was audited."""
        if not self.sha256:
            return False
        forms = (form for value in values if _kind(value) == self.kind for form in _forms(value))
        return any(model_digest(form) == self.sha256 for form in forms)

    def was_saved(self, files: Sequence[Path]) -> bool:
        """Whether one of the files is the model as it is usually saved; none is loaded for that."""
        model = self.object
        if model is None:
            return False
        found = {sha256_hex(file.read_bytes()) for file in files if file.is_file()}
        return any(sha256_hex(data) in found for form in _forms(model) for data in _saved(form))


def inside(objects: Sequence[Any]) -> Iterator[Any]:
    """The objects, the estimators in them, and what a class of the user's holds (`PythonModel`)."""
    for value in objects:
        yield value
        if is_estimator(value):
            yield from parts(value)
        elif callable(getattr(value, "predict", None)):
            for held in list(getattr(value, "__dict__", {}).values()):
                yield held
                yield from parts(held) if is_estimator(held) else ()


def _is(model: Any, value: Any) -> bool:
    if model is value:
        return True
    mine, other = getattr(model, "__dict__", {}), getattr(value, "__dict__", {})
    if value is not None and any(mine.get(name) is value for name in LEARNED):
        return True
    return (  # as `vl.unwrap` and `copy.copy` give it
        isinstance(model, type(value))
        and bool(mine)
        and mine.keys() == other.keys()
        and all(other[name] is held for name, held in mine.items())
    )


def _kind(value: Any) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _forms(model: Any) -> Iterator[Any]:
    """A model as it is, and as whoever loads it gets it: a governed one is plain then."""
    yield model
    try:
        yield pickle.loads(pickle.dumps(model))
    except Exception as error:  # noqa: BLE001 - any class may refuse, in its own way
        log.debug("a model has no other form (%s)", type(error).__name__)


def _saved(model: Any) -> Iterator[bytes]:
    """What usual ways to save a model write; those that it does not have are left out."""
    booster: Any = getattr(model, "__dict__", {}).get("_Booster")
    joblib: Any = sys.modules.get("joblib")
    cloudpickle: Any = sys.modules.get("cloudpickle")

    def by_joblib() -> bytes:
        stream = io.BytesIO()
        joblib.dump(model, stream)
        return stream.getvalue()

    ways: list[Callable[[], bytes]] = [
        *(partial(pickle.dumps, model, number) for number in range(2, pickle.HIGHEST_PROTOCOL + 1)),
        by_joblib,
        lambda: cloudpickle.dumps(model),
        lambda: booster.model_to_string().encode(),  # LightGBM
        lambda: booster.save_raw("ubj"),  # XGBoost
        lambda: booster.save_raw("json"),
        lambda: model._serialize_model(),  # CatBoost
    ]
    for way in ways:
        try:
            yield bytes(way())
        except Exception as error:  # noqa: BLE001 - a way that this model does not have
            log.debug("a model is not saved that way (%s)", type(error).__name__)
