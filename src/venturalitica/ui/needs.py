"""The libraries of the extra `ui`: all there, or the line that installs them."""

from __future__ import annotations

import importlib

from venturalitica.errors import MissingExtra

LIBRARIES = {
    "starlette": "Starlette",
    "jinja2": "Jinja2",
    "uvicorn": "uvicorn",
    "python_multipart": "python-multipart",
}


def require() -> None:
    """Import them.

    Raises:
        MissingExtra: one is not installed.
    """
    for module, name in LIBRARIES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            raise MissingExtra(name, "ui") from None
