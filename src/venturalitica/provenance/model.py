"""A model as facts: class, parameters, digest; without secrets, rows or addresses in memory.

A value is withheld if its name speaks of a secret, if it looks like one, or if it repeats one that
stands elsewhere in the same model. In doubt it is withheld: a parameter can be asked for later, a
signed and uploaded password cannot be taken back.
"""

from __future__ import annotations

import hashlib
import logging
import math
import pickle
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import canonical_json
from venturalitica.core.redact import WITHHELD, redact_fact, redacted_traceback
from venturalitica.core.secret_names import (
    is_environment,
    is_label,
    is_secret_name,
    is_weakly_secret_name,
)

log = logging.getLogger(__name__)

TEXT_LIMIT = 200
ITEM_LIMIT = 20
SEARCH_LIMIT = 5 * ITEM_LIMIT
"""How many items of a container are looked through for secrets that stand elsewhere too."""

DEPTH_LIMIT = 4
EXACT_INTEGER = 2**53
"""Larger integers have no exact JSON number (RFC 8785); they are written as text."""

READ_LIMIT = 20 * TEXT_LIMIT
"""How much of a long text is looked through for secrets before it is cut."""

SHORTEST_SECRET = 6
"""What is shorter repeats by chance: `auth="auto"` must not withhold every `"auto"`."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")
_ENVIRONMENT_LIMIT = 1_000
_VALUE = re.compile(r"(?i)(?:\w+_)?val(?:ue)?s?|content|data|default|text|string|v")
_PART = re.compile(r"[^\s'\",;()\[\]{}=&:@/]+")


def describe_parameters(model: Any) -> dict[str, Any]:
    """`get_params()` as JSON scalars and short texts, sorted by name; {} where there is none."""
    found = parameters_of(model)
    if isinstance(found, str):
        return {"(unreadable)": found}
    describe = Describer(frozenset(_secrets(found)))
    told = _names_a_secret(found.items())
    return {
        str(name): describe.value(found[name], _told_name(_own_name(str(name), found), told))
        for name in sorted(found, key=str)
    }


def parameters_of(model: Any) -> Mapping[Any, Any] | str:
    """What `get_params()` gives, or why it gives nothing; empty where there is no such method."""
    read = getattr(model, "get_params", None)
    if not callable(read):
        return {}
    try:
        found = read()
    except Exception as error:  # noqa: BLE001  the user's own get_params: its failure is a fact
        return f"get_params() raised {type(error).__name__}"
    return found if isinstance(found, Mapping) else {}


def describe_text(text: str, model: Any) -> str:
    """A message about a model, short and without the secrets that its parameters hold."""
    found = parameters_of(model)
    known = {} if isinstance(found, str) else found
    return Describer(frozenset(_secrets(known))).short(text)


class Describer(Struct, frozen=True):
    """Describes the values of one model, of which these texts are secrets wherever they stand."""

    secrets: frozenset[str]

    def value(self, value: Any, name: str) -> Any:
        """A JSON scalar, or one short line."""
        if _is_withheld(name, value):
            return WITHHELD
        scalar = _as_python_scalar(value)
        if scalar is None or isinstance(scalar, bool):
            return scalar
        if isinstance(scalar, int | float):
            return WITHHELD if str(scalar) in self.secrets else _number(scalar)
        return self.short(scalar if isinstance(scalar, str) else self._outline(value, DEPTH_LIMIT))

    def short(self, text: str) -> str:
        """At most 200 characters, without secrets and addresses in memory."""
        cut = _ADDRESS.sub("", text[:READ_LIMIT])
        for secret in sorted(self.secrets, key=len, reverse=True):
            cut = cut.replace(secret, WITHHELD)
        clean = redact_fact(cut)
        whole = len(clean) <= TEXT_LIMIT and len(text) <= READ_LIMIT
        return clean if whole else f"{clean[: TEXT_LIMIT - 3]}..."

    def _outline(self, value: Any, depth: int) -> str:
        """One line on a value: containers item by item, tables by shape, objects by class."""
        if isinstance(value, bytes | bytearray | memoryview):
            # Nobody can tell a key from a bitmap here.
            return f"{type(value).__name__} of length {len(value)}"
        if isinstance(value, str | int | float | complex) or value is None:
            return repr(value)
        if isinstance(value, type):
            return f"{value.__module__}.{value.__qualname__}"
        shape = getattr(value, "shape", None)
        if isinstance(shape, tuple):
            outer = f"{type(value).__name__} of shape {shape}"
            return outer if shape else repr(_as_python_scalar(value))
        if _is_container(value):
            return self._container(value, depth)
        if callable(value) and hasattr(value, "__qualname__"):
            return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
        return _object_outline(value)

    def _container(self, value: Any, depth: int) -> str:
        opening, closing = _brackets(value)
        if depth == 0:
            return f"{opening}{len(value)} items{closing}"
        # Lazily: it may be a list of a million names.
        shown = [render(item, depth - 1) for render, item in islice(self._parts(value), ITEM_LIMIT)]
        shown += [f"... {len(value)} in all"] if len(value) > ITEM_LIMIT else []
        return f"{opening}{', '.join(shown)}{closing}"

    def _parts(self, value: Any) -> Iterator[tuple[Callable[[Any, int], str], Any]]:
        named = _named_items(value)
        if named is not None:
            told = _names_a_secret(_named_items(value) or ())
            return ((self._pair, (*item, told)) for item in named)
        ordered = sorted(value, key=repr) if isinstance(value, Set) else value
        return ((self._item, item) for item in _after_names(ordered))

    def _pair(self, item: tuple[Any, Any, bool], depth: int) -> str:
        name, value, told = item
        own = _told_name(_text_of(name), told)
        shown = WITHHELD if _is_withheld(own, value) else self._outline(value, depth)
        return f"{self._outline(name, depth)}: {shown}"

    def _item(self, item: tuple[Any, Any], depth: int) -> str:
        name, value = item
        return WITHHELD if _is_withheld(name, value) else self._outline(value, depth)


def _own_name(name: str, found: Mapping[Any, Any]) -> str:
    """`clf__C` without the steps of a composition: a step may be called "tokens" or "key"."""
    parts = name.split("__")
    for count in range(len(parts) - 1, 0, -1):
        if callable(getattr(found.get("__".join(parts[:count])), "get_params", None)):
            return "__".join(parts[count:])
    return name


def _is_withheld(name: str, value: Any) -> bool:
    """Whether the name says that the value is a secret, or the value is a whole environment."""
    return _is_told(name, value) or (
        isinstance(value, Mapping)
        and is_environment(name, map(_text_of, islice(value, _ENVIRONMENT_LIMIT)))
    )


def _is_told(name: str, value: Any) -> bool:
    """Whether the name says that the value is a secret. A switch, and nothing, are none."""
    if value is None or isinstance(value, bool) or callable(getattr(value, "get_params", None)):
        return False
    if is_secret_name(name):
        return True
    return not isinstance(_as_python_scalar(value), int | float) and is_weakly_secret_name(name)


def _names_a_secret(items: Iterable[tuple[Any, Any]]) -> bool:
    """Whether one field says that another is a secret: `{"name": "password", "value": "x"}`."""
    return any(
        isinstance(value, str | bytes)
        and is_label(_text_of(name))
        and (is_secret_name(_text_of(value)) or is_weakly_secret_name(_text_of(value)))
        for name, value in islice(items, SEARCH_LIMIT)
    )


def _told_name(name: str, told: bool) -> str:
    """The name of a field; that of a secret where a field beside it says so."""
    return "secret" if told and _VALUE.fullmatch(name) else name


def _secrets(found: Mapping[Any, Any]) -> Iterator[str]:
    """The texts in these values that are secrets, to be withheld wherever else they stand."""
    told = _names_a_secret(found.items())
    for name, value in found.items():
        own = _told_name(_own_name(_text_of(name), found), told)
        for secret in _secrets_in(value, _is_told(own, value), DEPTH_LIMIT):
            if len(secret) >= SHORTEST_SECRET:
                yield secret


def _secrets_in(value: Any, secret: bool, depth: int) -> Iterator[str]:
    if _is_container(value):
        for name, item in islice(_items(value), SEARCH_LIMIT if depth else 0):
            yield from _secrets_in(item, secret or _is_told(name, item), depth - 1)
    elif isinstance(value, str | bytes | bytearray | int | float) and not isinstance(value, bool):
        text = _text_of(value)
        yield from [text] if secret else _taken_out(text)


def _taken_out(text: str) -> set[str]:
    """The words of a text that do not survive in its description: its secrets."""
    cut = text[:READ_LIMIT]
    clean = redact_fact(cut)
    return set() if clean == cut else set(_PART.findall(cut)) - set(_PART.findall(clean))


def _is_container(value: Any) -> bool:
    if isinstance(value, str | bytes | bytearray | memoryview | range):
        return False
    return isinstance(value, Mapping | Set | Sequence)


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    """Name and value of each item of a container; the name is empty where there is none."""
    named = _named_items(value)
    if named is not None:
        told = _names_a_secret(_named_items(value) or ())
        yield from ((_told_name(_text_of(name), told), item) for name, item in named)
    else:
        yield from _after_names(value)


def _named_items(value: Any) -> Iterator[tuple[Any, Any]] | None:
    """Those of a mapping and of a named tuple, whose fields would be lost as positions."""
    if isinstance(value, Mapping):
        return iter(value.items())
    fields = getattr(value, "_fields", None)
    return zip(fields, value, strict=False) if isinstance(fields, tuple) else None


def _after_names(values: Any) -> Iterator[tuple[str, Any]]:
    """Each item with the text before it: `("password", "x")`, `["--token", "x"]`."""
    name = ""
    for value in values:
        # Weak names name only in a pair: in a list of columns, "license" stands before any other.
        yield name if is_secret_name(name) or len(values) == 2 else "", value
        # The value of a secret is not the name of the next: `("password", "key", "note", 1)`.
        name = value if isinstance(value, str) and not is_secret_name(name) else ""


def _text_of(value: Any) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    return str(value)


def _number(number: float) -> int | float | str:
    if isinstance(number, int):
        return number if abs(number) <= EXACT_INTEGER else str(number)
    return number if math.isfinite(number) else str(number)


def _as_python_scalar(value: Any) -> Any:
    """A numpy scalar as its Python twin; the value itself otherwise."""
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        return value.item()
    return value


def _brackets(value: Any) -> tuple[str, str]:
    if isinstance(value, Set | Mapping) or hasattr(value, "_fields"):
        return "{", "}"
    return ("(", ")") if isinstance(value, tuple) else ("[", "]")


def _object_outline(value: Any) -> str:
    """A nested estimator by its class (its parameters are listed apart); others by short repr."""
    kind = type(value)
    has_repr = any("__repr__" in vars(base) for base in kind.__mro__ if base is not object)
    if callable(getattr(value, "get_params", None)) or not has_repr:
        return f"{kind.__module__}.{kind.__qualname__}"
    try:
        return repr(value)
    except Exception as error:  # noqa: BLE001  the user's own __repr__: its failure is a fact
        return f"{kind.__qualname__} (repr raised {type(error).__name__})"


Weights = Callable[[Any], Sequence[tuple[str, Any]] | None]
"""Name and array of each weight of a model; None where its pickle stands for it."""


def model_facts(model: Any, weights: Weights | None = None) -> Mapping[str, Any] | None:
    """`describe_model`, or what can be said of a model that cannot be described.

    Args:
        model: as of `describe_model`.
        weights: gives the weights of a model whose pickle is another each time.
    """
    if model is None:
        return None
    try:
        found = weights(model) if weights is not None else None
        return describe_model(model) if found is None else _by_weights(model, found)
    except Exception as error:  # noqa: BLE001 - a fact that is missing is said
        log.warning("the model could not be described\n%s", redacted_traceback(error))
        return _facts(model, {}, None, f"could not be described ({type(error).__name__})")


SERIALIZATION = "pickle protocol 5"


def describe_model(model: Any) -> dict[str, Any]:
    """The `model` part of an evidence statement, JSON types only.

    Args:
        model: a fitted model, plain at every depth.

    Returns:
        `class` (dotted), `parameters` (name to JSON scalar or short text), `sha256` of what
        `pickle.dump(vl.unwrap(model), file, protocol=5)` writes or None where it cannot be pickled,
        `serialization`, `note`, which then says why, and `identity`: `pickle`, or None without it.
    """
    sha256, note = _digest(model)
    return _facts(model, describe_parameters(model), sha256, note)


def _facts(
    model: Any, parameters: Mapping[str, Any], sha256: str | None, note: str
) -> dict[str, Any]:
    kind = type(model)
    return {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "parameters": parameters,
        "sha256": sha256,
        "serialization": SERIALIZATION if sha256 else None,
        "note": note,
        "identity": "pickle" if sha256 else None,
    }


BY_WEIGHTS = "weights v1"


def _by_weights(model: Any, weights: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """The facts with a digest over name, type, shape and bytes of each weight, in their order."""
    digest = hashlib.sha256()
    for name, array in weights:
        digest.update(canonical_json([name, array.dtype.str, list(array.shape)]) + b"\n")
        digest.update(array.tobytes())
    found = _facts(model, describe_parameters(model), digest.hexdigest(), "")
    return found | {"serialization": BY_WEIGHTS, "identity": "weights"}


class _Sha256Writer:
    """A file that keeps nothing of what is written but its SHA-256."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes | bytearray | memoryview) -> int:
        view = memoryview(data)
        self.digest.update(view)
        return view.nbytes


def model_digest(model: Any) -> str | None:
    """The `sha256` of `describe_model`."""
    return _digest(model)[0]


def _digest(model: Any) -> tuple[str | None, str]:
    """SHA-256 of the model's pickle stream, and why there is none."""
    writer = _Sha256Writer()
    try:
        pickle.Pickler(writer, protocol=5).dump(model)
    except Exception as error:  # noqa: BLE001  any class may refuse to pickle, in its own way
        return (
            None,
            f"cannot be pickled ({type(error).__name__}): {describe_text(str(error), model)}",
        )
    return writer.digest.hexdigest(), ""
