"""What surrounds an audit: environment, hardware, git, CI, and the model that was judged."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from venturalitica.redact import redacted_traceback
from venturalitica.settings import Settings

log = logging.getLogger(__name__)


class Surroundings:
    """Environment, hardware and git, looked up on a thread while the rows are counted."""

    def __init__(self, settings: Settings) -> None:
        self._facts: dict[str, Any] = {}
        self._root = settings.project_root
        self._thread = threading.Thread(target=self._look, name="venturalitica-probes", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        from venturalitica.probes import ci, environment, git, hardware

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
    from venturalitica.model_facts import describe_model

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
