"""What the evidence says of a model: class, parameters, and the digest of its pickled bytes.

Nothing here is a secret or a raw row: `frameworks/parameters.py` says what of a parameter is shown.
"""

from __future__ import annotations

import hashlib
import pickle
from typing import Any

from venturalitica.frameworks.parameters import describe_parameters, describe_text
from venturalitica.wrapping.plain import plain_value

SERIALIZATION = "pickle protocol 5"


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
        return (
            None,
            f"cannot be pickled ({type(error).__name__}): {describe_text(str(error), model)}",
        )
    return writer.digest.hexdigest(), ""
