"""The state of the git repository that holds the code: its commit, no diff, no file names."""

from __future__ import annotations

import logging
import os
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from venturalitica.core.redact import redact_uri

log = logging.getLogger(__name__)

PATIENCE = 1.0
"""Seconds for all of it; a huge working tree then has an unknown `dirty`."""

_STATUS = ("status", "--porcelain=v2", "--branch", "--untracked-files=no")
_HEAD = ("rev-parse", "HEAD")
_BRANCH = ("symbolic-ref", "--short", "--quiet", "HEAD")
_REMOTES = ("config", "--get-regexp", r"^remote\..*\.url$")


def git(path: Path | str) -> dict[str, Any] | None:
    """The state of the repository that holds `path`; None outside one, or without git.

    `commit` (None before the first), `branch` (None when detached), `dirty` (whether a tracked
    file differs from the commit; None if that took too long), `remote` (its address without
    credentials, or None).
    """
    deadline, path = time.monotonic() + PATIENCE, Path(path)
    try:
        repository = _repository(path)
        facts = None if repository is None else _facts(path, deadline)
        if repository is None or facts is None:
            return None
        return facts | {"remote": _remote_of(repository, path, deadline)}
    except (OSError, ValueError) as error:
        log.debug("git state not recorded: %s", error)
        return None


def _repository(path: Path) -> Path | None:
    """What git finds first on its way up: a folder, or a file that names one elsewhere. Looked for
    here, since each process that says that there is none costs a millisecond."""
    place = path.absolute()
    found = (folder / ".git" for folder in (place, *place.parents))
    return next((one for one in found if os.path.lexists(one)), None)


def _remote_of(repository: Path, path: Path, deadline: float) -> str | None:
    """Asked again where the settings of the repository have changed, or lie elsewhere."""
    try:
        found = (repository / "config").stat()
    except OSError:
        return _remote(path, deadline)
    settings = (str(repository), found.st_ino, found.st_size, found.st_mtime_ns)
    known = _remotes.get(settings)
    if known is None:
        known = (_remote(path, deadline),)
        if time.monotonic() < deadline:
            _remotes[settings] = known
    return known[0]


_remotes: dict[tuple[str, int, int, int], tuple[str | None]] = {}


def _facts(path: Path, deadline: float) -> dict[str, Any] | None:
    # Most of the time for the status, the rest for the fallback and the remote.
    status = _git(path, _STATUS, deadline - 0.4 * PATIENCE)
    if status is not None:
        return _from_status(status)
    commit = _git(path, _HEAD, deadline)
    if commit is None:
        return None
    branch = _git(path, _BRANCH, deadline)
    return {"commit": commit.strip(), "branch": (branch or "").strip() or None, "dirty": None}


def _from_status(text: str) -> dict[str, Any]:
    heads: dict[str, str] = {}
    dirty = False
    for line in text.splitlines():
        if line.startswith("# branch."):
            name, _, value = line.removeprefix("# branch.").partition(" ")
            heads[name] = value
        elif line and not line.startswith("#"):
            dirty = True
    commit, branch = heads.get("oid"), heads.get("head")
    return {
        "commit": None if commit == "(initial)" else commit,
        "branch": None if branch == "(detached)" else branch,
        "dirty": dirty,
    }


def _remote(path: Path, deadline: float) -> str | None:
    found: dict[str, str] = {}
    for line in (_git(path, _REMOTES, deadline) or "").splitlines():
        key, _, address = line.partition(" ")
        found.setdefault(key.removeprefix("remote.").removesuffix(".url"), address)
    chosen = found.get("origin") or next(iter(found.values()), "")
    return redact_uri(chosen) if chosen else None


def _git(path: Path, arguments: tuple[str, ...], deadline: float) -> str | None:
    """The output of git, or None where it fails, is absent or takes too long."""
    left = deadline - time.monotonic()
    if left <= 0:
        return None
    # A repository's own settings can name programs; the file monitor is the one that `status` runs.
    command = ["git", "-C", str(path), "-c", "core.fsmonitor=false", *arguments]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=left,
            env=_plain_environment(os.environ),
            check=False,
        )
    except (subprocess.TimeoutExpired, FileNotFoundError, PermissionError, NotADirectoryError):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None


def _plain_environment(environ: Mapping[str, str]) -> dict[str, str]:
    # These would point git at another repository than the one that holds the code.
    other = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE")
    kept = {name: value for name, value in environ.items() if name not in other}
    return kept | {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
