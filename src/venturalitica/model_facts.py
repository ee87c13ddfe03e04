"""What the evidence says of a model: class, parameters, and the digest of its pickled bytes.

Nothing here is a secret or a raw row: long values are cut, arrays and tables are their shapes,
memory addresses are left out, and parameters whose names speak of credentials are withheld.
"""

from __future__ import annotations

import hashlib
import math
import pickle
import re
from collections.abc import Callable, Mapping
from typing import Any

from venturalitica.redact import MARK, redact_text
from venturalitica.wrapping.plain import plain_value

SERIALIZATION = "pickle protocol 5"
TEXT_LIMIT = 200
ITEM_LIMIT = 20
DEPTH_LIMIT = 4
EXACT_INTEGER = 2**53
"""Larger integers have no exact JSON number (RFC 8785); they are written as text."""

REDACTED_LIMIT = 2 * TEXT_LIMIT
"""How much of a long text is looked through for credentials before it is cut."""

_SECRET = re.compile(
    r"(^|_)(pass(word|phrase|wd)?|pwd|secret|token|credentials?|auth|(api|access|private|secret)_?key)$",
    re.IGNORECASE,
)
"""The end of a name decides: `hf_token` holds one, `token_pattern` and `max_tokens` do not."""

_ADDRESS = re.compile(r" at 0x[0-9A-Fa-f]+")


def describe_model(model: Any) -> dict[str, Any]:
    """The `model` part of an evidence statement, JSON types only.

    Args:
        model: a fitted model; of a governed one the plain model is described.

    Returns:
        `class` (dotted), `parameters` (name to JSON scalar or short text), `sha256` of what
        `pickle.dump(vl.unwrap(model), file, protocol=5)` writes or None where it cannot be pickled,
        `serialization`, and `note`, which then says why.
    """
    plain = plain_value(model)
    kind = type(plain)
    sha256, note = _digest(plain)
    return {
        "class": f"{kind.__module__}.{kind.__qualname__}",
        "parameters": describe_parameters(plain),
        "sha256": sha256,
        "serialization": SERIALIZATION if sha256 else None,
        "note": note,
    }


def describe_parameters(model: Any) -> dict[str, Any]:
    """`get_params()` as JSON scalars and short texts, sorted by name; {} where there is none."""
    read = getattr(model, "get_params", None)
    if not callable(read):
        return {}
    try:
        found = read()
    except Exception as error:  # noqa: BLE001  the user's own get_params: its failure is a fact
        return {"(unreadable)": f"get_params() raised {type(error).__name__}"}
    if not isinstance(found, Mapping):
        return {}
    return {str(name): describe_value(found[name], str(name)) for name in sorted(found, key=str)}


def describe_value(value: Any, name: str = "") -> Any:
    """A JSON scalar as it is; anything else as a short text without addresses or contents."""
    if _SECRET.search(name.rpartition("__")[2]) and value is not None:
        return MARK
    scalar = _as_python_scalar(value)
    if scalar is None or isinstance(scalar, bool):
        return scalar
    if isinstance(scalar, int):
        return scalar if abs(scalar) <= EXACT_INTEGER else str(scalar)
    if isinstance(scalar, float):
        return scalar if math.isfinite(scalar) else str(scalar)
    if isinstance(scalar, str):
        return _short(scalar)
    return _short(_outline(value, DEPTH_LIMIT))


def _as_python_scalar(value: Any) -> Any:
    """A numpy scalar as its Python twin; the value itself otherwise."""
    if getattr(value, "shape", None) == () and callable(getattr(value, "item", None)):
        return value.item()
    return value


def _outline(value: Any, depth: int) -> str:
    """One line on a value: containers item by item, tables by shape, objects by class."""
    if isinstance(value, str | bytes | int | float | complex | bool) or value is None:
        return repr(value)
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    shape = getattr(value, "shape", None)
    if isinstance(shape, tuple):
        if shape == ():
            return repr(_as_python_scalar(value))
        return f"{type(value).__name__} of shape {shape}"
    if isinstance(value, Mapping):
        return _listing("{", "}", value.items(), depth, _pair)
    if _is_secret_pair(value):
        return repr(type(value)((value[0], MARK)))
    for kind, opening, closing in ((list, "[", "]"), (tuple, "(", ")"), (set, "{", "}")):
        if isinstance(value, kind):
            items = sorted(value, key=repr) if isinstance(value, set) else value
            return _listing(opening, closing, items, depth, _outline)
    if callable(value) and hasattr(value, "__qualname__"):
        return f"{getattr(value, '__module__', '')}.{value.__qualname__}"
    return _object_outline(value)


def _listing(
    opening: str, closing: str, items: Any, depth: int, render: Callable[[Any, int], str]
) -> str:
    found = list(items)
    if depth == 0:
        return f"{opening}{len(found)} items{closing}"
    shown = [render(item, depth - 1) for item in found[:ITEM_LIMIT]]
    if len(found) > ITEM_LIMIT:
        shown.append(f"... {len(found)} in all")
    return f"{opening}{', '.join(shown)}{closing}"


def _is_secret_pair(value: Any) -> bool:
    """`("password", "x")`: a step or option given as a pair."""
    return (
        isinstance(value, list | tuple)
        and len(value) == 2
        and isinstance(value[0], str)
        and value[1] is not None
        and _SECRET.search(value[0]) is not None
    )


def _pair(item: tuple[Any, Any], depth: int) -> str:
    name, value = item
    if isinstance(name, str) and _SECRET.search(name) and value is not None:
        return f"{name!r}: {MARK!r}"
    return f"{_outline(name, depth)}: {_outline(value, depth)}"


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


def _short(text: str) -> str:
    clean = redact_text(_ADDRESS.sub("", text[:REDACTED_LIMIT]))
    return clean if len(text) <= TEXT_LIMIT else f"{clean[: TEXT_LIMIT - 3]}..."


class _Sha256Writer:
    """A file that keeps nothing of what is written but its SHA-256."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()

    def write(self, data: bytes | bytearray | memoryview) -> int:
        view = memoryview(data)
        self.digest.update(view)
        return view.nbytes


def _digest(model: Any) -> tuple[str | None, str]:
    """SHA-256 of the model's pickle stream, and why there is none."""
    writer = _Sha256Writer()
    try:
        pickle.Pickler(writer, protocol=5).dump(model)
    except Exception as error:  # noqa: BLE001  any class may refuse to pickle, in its own way
        return None, f"cannot be pickled ({type(error).__name__}): {_short(str(error))}"
    return writer.digest.hexdigest(), ""
