"""Tracking URIs that cannot be meant, and what probably is: MLflow takes some for folders."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from venturalitica.errors import did_you_mean, nearest
from venturalitica.trackers.uris import is_databricks

SCHEMES = ("http", "https", "file", "sqlite", "postgresql", "mysql", "mssql", "databricks")
_ADDRESS = re.compile(r"(localhost|\d+(\.\d+){3}|[^/\s]+:\d+)(/\S*)?", re.I)
"""A folder may have dots in its name; it has no port, and is seldom called as an address."""


def doubt(uri: str) -> str:
    """What is wrong with a tracking URI, as a question; empty where it may be meant.

    Credentials in it are left out.
    """
    if uri != uri.strip() or uri.startswith(('"', "'")):
        return "it has quotation marks or blanks around it: did you mean it without them?"
    if not uri or is_databricks(uri) or uri.startswith(("/", ".", "\\", "~")):
        return ""
    if "://" not in uri:
        return _without_scheme(uri)
    try:
        parts = urlsplit(uri)
    except ValueError:  # a bracket that is not closed, say
        return "it cannot be read as an address: expected http://host:port"
    scheme = parts.scheme.partition("+")[0]
    if scheme in ("http", "https") and not parts.netloc:
        return f"it names no server: expected {scheme}://host:port"
    near = nearest(scheme, SCHEMES)
    if scheme not in SCHEMES and near is not None:
        return f"'{scheme}://' is no scheme of MLflow{did_you_mean(f'{scheme}', SCHEMES)}"
    return ""


def _without_scheme(uri: str) -> str:
    rest = re.sub(r"^https?(:/?|//|/)", "", uri, flags=re.I)
    scheme = "https" if uri.lower().startswith("https") else "http"
    host = rest.rpartition("@")[2]
    if rest == uri and (Path(uri).exists() or uri.startswith(("file:", "sqlite:"))):
        return ""
    if not host or (rest == uri and not _ADDRESS.fullmatch(host)):
        return ""
    return f"it is no address of a server: did you mean {scheme}://{host}?"
