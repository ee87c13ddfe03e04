"""What `doctor` says about MLflow, without importing it: that alone would take seconds."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from venturalitica.core.causes import said
from venturalitica.core.origin import install_line
from venturalitica.trackers.links import (
    FILE_STORE_REMEDIES,
    address,
    is_databricks,
    is_file_store,
    is_http,
    is_sqlite,
    sqlite_file,
    without_credentials,
)
from venturalitica.trackers.mlflow.places import doubt

ANSWER_WITHIN = 2.0


def health(origins: Mapping[str, str]) -> dict[str, Any]:
    """Version, tracking URI and where it comes from, whether it answers, and the exact fix."""
    version = _version()
    if version is None:
        return _facts(None, "", "", None, "not installed", install_line("mlflow"))
    uri, configured = _configuration(origins)
    question = doubt(uri)
    if question:
        fix = "set MLFLOW_TRACKING_URI to what is meant, or unset it"
        return _facts(version, configured, "", False, f"MLFLOW_TRACKING_URI: {question}", fix)
    reachable, detail, fix = _reach(uri)
    return _facts(version, configured, address(uri), reachable, detail, fix)


def _facts(
    version: str | None, configured: str, uri: str, reachable: bool | None, detail: str, fix: str
) -> dict[str, Any]:
    return {
        "tracker": "mlflow",
        "installed": version is not None,
        "version": version,
        "configured": configured,
        "uri": uri,
        "reachable": reachable,
        "detail": detail,
        "fix": fix,
    }


def _version() -> str | None:
    for name in ("mlflow", "mlflow-skinny"):
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return None


def _configuration(origins: Mapping[str, str]) -> tuple[str, str]:
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if uri:
        return uri, origins.get("MLFLOW_TRACKING_URI", "environment")
    if any(Path("mlruns").glob("[0-9]*/meta.yaml")):
        return "./mlruns", "default (./mlruns holds experiments)"
    return "sqlite:///mlflow.db", "default"


def _reach(uri: str) -> tuple[bool | None, str, str]:
    if is_databricks(uri):
        return None, "Databricks is not asked here", ""
    if is_http(uri):
        return answers(without_credentials(uri))
    if is_sqlite(uri):
        file = sqlite_file(uri)
        if file is not None and not file.exists():
            return None, f"{file} is not there yet; the first run makes it", ""
        if file is not None and not _is_database(file):
            return False, f"{file} is no database", "move it away, or set MLFLOW_TRACKING_URI"
        return True, "a database file of this machine", ""
    if is_file_store(uri):
        if os.environ.get("MLFLOW_ALLOW_FILE_STORE", "").lower() in ("true", "1"):
            folder = Path(unquote(urlsplit(address(uri)).path))
            if folder.is_dir():
                return True, "a folder of this machine", ""
            return None, f"{folder} is not there yet; the first run makes it", ""
        return False, "a folder, which today's MLflow refuses", FILE_STORE_REMEDIES
    return None, "a database; it is not asked here", ""


def _is_database(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            return stream.read(16) in (b"", b"SQLite format 3\0")
    except OSError:
        return False


def answers(uri: str) -> tuple[bool, str, str]:
    """Whether the server at `uri` answers now, what it said, and what to do if it does not."""
    request = urllib.request.Request(f"{uri}/health")
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as answer:
            return True, f"answered {answer.status}", ""
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            fix = "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD (or _TOKEN)"
            return True, f"answered {error.code}: it wants credentials", fix
        return False, f"answered {error.code}", f"look at the log of the server at {uri}"
    except (OSError, ValueError) as error:
        fix = f"start the server, or point MLFLOW_TRACKING_URI elsewhere; now it is {uri}"
        return False, f"does not answer: {said(error)}", fix
