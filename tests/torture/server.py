"""A real `mlflow server`, started as the tests start theirs (`tests/conftest.py`)."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any


def started_server(folder: Path) -> Any:
    """A server that answers: its `url`, its `process`, and `stop()`."""
    name = "tests_shared_with_torture"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, Path(__file__).parents[1] / "conftest.py"
        )
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name].started_server(folder)
