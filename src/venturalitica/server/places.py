"""Where things lie: one spelling for each location, whichever of MLflow's addresses names it.

`mlflow-artifacts:/0/RUN/artifacts`, `http://server/api/2.0/mlflow-artifacts/artifacts/0/RUN/...`
and the folder that the server keeps them in are the same files. Who writes by one address must not
pass for somebody who writes elsewhere.
"""

from __future__ import annotations

import os
import posixpath
from pathlib import Path
from urllib.parse import unquote, urlsplit

_ROUTE = "/api/2.0/mlflow-artifacts/artifacts/"
_PROXIED = ("mlflow-artifacts", "http", "https")


def place_of(uri: str, path: str = "", *, destination: str | None) -> str:
    """The one spelling of `path` below `uri`.

    Args:
        destination: where the server keeps what it hands through; None if it hands nothing through.

    Raises:
        ValueError: the server has no access to it.
    """
    parts = urlsplit(uri)
    if parts.scheme in _PROXIED:
        if destination is None:
            raise ValueError(f"{parts.scheme}: is handed through by another server")
        return place_of(destination, posixpath.join(_below(parts.path), path), destination=None)
    if parts.scheme in ("", "file"):
        local = unquote(parts.path) if parts.scheme else uri
        # A link that leads into a model's folder is that folder.
        return "file:" + os.path.realpath(Path(local, path))
    whole = posixpath.normpath(posixpath.join("/", parts.path.lstrip("/"), path))
    return f"{parts.scheme.lower()}://{parts.netloc.lower()}{whole}"


def _below(path: str) -> str:
    return path.rpartition(_ROUTE)[2].lstrip("/") if _ROUTE in path else path.lstrip("/")


def overlap(one: str, other: str) -> bool:
    """Whether a change at one place can change what lies at the other."""
    one, other = one.rstrip("/") + "/", other.rstrip("/") + "/"
    return one.startswith(other) or other.startswith(one)


def local(place: str) -> Path | None:
    """The path of a place on a disk of this machine; None for storage elsewhere."""
    return Path(place.removeprefix("file:")) if place.startswith("file:") else None
