"""Where a file is in the repository: what GitHub and GitLab know it by."""

from __future__ import annotations

import os
from pathlib import Path

ROOTS = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR")
"""The checkout, by the variables of GitHub and GitLab; elsewhere it is where `.git` lies."""


def in_repository(path: str | Path) -> str:
    """The path from the root of the repository, with `/`; the bare name of what is not in it.

    A path of this machine is never told: it may name a person, and no tool could find it.
    """
    place = Path(os.path.realpath(path))
    for root in _roots(place):
        if place.is_relative_to(root):
            return place.relative_to(root).as_posix()
    return place.name


def _roots(place: Path) -> list[Path]:
    given = [Path(os.path.realpath(os.environ[name])) for name in ROOTS if os.environ.get(name)]
    git = next((one for one in place.parents if os.path.lexists(one / ".git")), None)
    return [*given, *([git] if git else []), Path(os.path.realpath("."))]
