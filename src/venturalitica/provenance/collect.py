"""What surrounds an audit: environment, hardware, git, CI, and the model that was judged."""

from __future__ import annotations

import hashlib
import logging
import pickle
import threading
from collections.abc import Callable, Mapping
from typing import Any

from venturalitica.core.redact import redacted_traceback
from venturalitica.frameworks.parameters import describe_parameters, describe_text
from venturalitica.system.settings import Settings
from venturalitica.wrapping.wrap import plain_value

log = logging.getLogger(__name__)


class Surroundings:
    """Environment, hardware and git, looked up on a thread while the rows are counted."""

    def __init__(self, settings: Settings) -> None:
        self._facts: dict[str, Any] = {}
        self._root = settings.project_root
        self._thread = threading.Thread(target=self._look, name="venturalitica-probes", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        from venturalitica.provenance import ci, environment, git, hardware

        probes: dict[str, Callable[[], Any]] = {
            "environment": environment,
            "hardware": hardware,
            "git": lambda: git(self._root),
            "ci": ci,
        }
        for name, probe in probes.items():
            try:
                self._facts[name] = probe()
            except Exception as error:  # noqa: BLE001 - a fact that is missing is said
                log.warning("%s could not be recorded\n%s", name, redacted_traceback(error))
                self._facts[name] = {"error": type(error).__name__}

    def facts(self) -> dict[str, Any]:
        """What was found; waits for the look-up, which bounds itself."""
        self._thread.join()
        return {
            **self._facts["environment"],
            "hardware": self._facts["hardware"],
            "git": self._facts["git"],
            # Left out where there is none, as in records from before it was looked for.
            **({"ci": self._facts["ci"]} if self._facts["ci"] else {}),
        }


def model_facts(model: Any) -> Mapping[str, Any] | None:
    if model is None:
        return None

    try:
        return describe_model(model)
    except Exception as error:  # noqa: BLE001 - a fact that is missing is said
        log.warning("the model could not be described\n%s", redacted_traceback(error))
        kind = type(model)
        return {
            "class": f"{kind.__module__}.{kind.__qualname__}",
            "parameters": {},
            "sha256": None,
            "serialization": None,
            "note": f"could not be described ({type(error).__name__})",
        }


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
