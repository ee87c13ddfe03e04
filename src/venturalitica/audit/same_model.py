"""Whether what a run logs is the model that was audited: by the object, its digest, or its file."""

from __future__ import annotations

import bz2
import io
import logging
import lzma
import pickle
import sys
import weakref
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from msgspec import Struct

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
        """Whether one of the files, or of those in a folder, is the model as it is usually saved;
        none is loaded for that."""
        model = self.object
        return model is not None and any(_holds(file, model) for file in _single(files))


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


def _single(files: Sequence[Path]) -> Iterator[Path]:
    for file in files:
        yield from (one for one in (file.rglob("*") if file.is_dir() else [file]) if one.is_file())


def _holds(file: Path, model: Any) -> bool:
    ways = _WAYS.get(_content(file, 1))
    if ways is None:
        return False
    protocol = _content(file, 2)[-1]
    saved = (data for form in _forms(model) for data in _saved(form, ways, protocol))
    return any(_content(file, len(data) + 1) == data for data in saved)


def _content(file: Path, most: int) -> bytes:
    """The first bytes of a file, of a packed one of what is packed in it; no more is unpacked."""
    with file.open("rb") as stream:
        start = stream.read(2)
        unpacker = _PACKED.get(start)
        if unpacker is None:
            return (start + stream.read(most))[:most]
        # Packed, random bytes become more, by less than that.
        packed = start + stream.read(most + most // 50 + 4096)
    try:
        return bytes(unpacker().decompress(packed, most))
    except (OSError, zlib.error, lzma.LZMAError):  # it only begins like one
        return b""


_PACKED: dict[bytes, Callable[[], Any]] = {
    **{bytes([120, level]): zlib.decompressobj for level in (1, 94, 156, 218)},
    b"\x1f\x8b": partial(zlib.decompressobj, 31),
    b"BZ": bz2.BZ2Decompressor,
    b"\xfd7": lzma.LZMADecompressor,
    b"]\x00": lzma.LZMADecompressor,
}
"""By their first two bytes: files of `joblib.dump(compress=...)`, gzip, bz2 and lzma."""


def _saved(model: Any, ways: Sequence[Callable[[Any, int], Any]], protocol: int) -> Iterator[bytes]:
    """What these ways to save a model write; those that it does not have are left out."""
    for way in ways:
        try:
            yield bytes(way(model, protocol))
        except Exception as error:  # noqa: BLE001 - a way that this model does not have
            log.debug("a model is not saved that way (%s)", type(error).__name__)


def _by_joblib(model: Any, protocol: int) -> bytes:
    stream = io.BytesIO()
    sys.modules["joblib"].dump(model, stream, protocol=protocol)
    return stream.getvalue()


def _booster(model: Any) -> Any:
    return vars(model)["_Booster"]


_WAYS: dict[bytes, Sequence[Callable[[Any, int], Any]]] = {
    b"\x80": (
        pickle.dumps,
        _by_joblib,
        lambda model, protocol: sys.modules["cloudpickle"].dumps(model, protocol),
    ),
    b"t": (lambda model, _: _booster(model).model_to_string().encode(),),  # LightGBM
    b"{": (
        lambda model, _: _booster(model).save_raw("ubj"),  # XGBoost
        lambda model, _: _booster(model).save_raw("json"),
    ),
    b"C": (lambda model, _: model._serialize_model(),),  # CatBoost
}
"""By the first byte that they write; a pickle's second one is its protocol."""
