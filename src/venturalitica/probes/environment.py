"""Python and the packages installed beside it.

Every installed distribution is recorded, not only those that are imported: what a lazily imported
backend does to a number cannot be told from `sys.modules`. Names and versions are read off the
names of the metadata folders, which takes about a millisecond for hundreds of packages where
`importlib.metadata` takes a third of a second.
"""

from __future__ import annotations

import os
import platform
import re
import sys
from typing import Any

_METADATA = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_known: dict[tuple[str, int], dict[str, str]] = {}


def environment() -> dict[str, Any]:
    """`python`, `implementation`, `platform`, `packages` (normalised name -> version, sorted)."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "packages": installed_packages(),
    }


def installed_packages() -> dict[str, str]:
    """The distributions on `sys.path`, the first of a name counting, as for imports."""
    found: dict[str, str] = {}
    for folder in dict.fromkeys(sys.path):
        for name, version in _packages_in(folder or ".").items():
            found.setdefault(name, version)
    return dict(sorted(found.items()))


def _packages_in(folder: str) -> dict[str, str]:
    try:
        key = (folder, os.stat(folder).st_mtime_ns)  # noqa: PTH116 - called for every entry
        # No lock: a child forked while another thread held it would wait for ever. A dictionary's
        # own operations are atomic, and looking twice does no harm.
        known = _known.get(key)
        if known is not None:
            return known
        names = os.listdir(folder)  # noqa: PTH208 - called for every entry
    except OSError:
        return {}
    found: dict[str, str] = {}
    for name in sorted(names):
        match = _METADATA.fullmatch(name)
        if match is not None:
            found[_normalised(match["name"])] = match["version"]
    _known[key] = found
    return found


def _normalised(name: str) -> str:
    """As the Python packaging specification writes names: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()
