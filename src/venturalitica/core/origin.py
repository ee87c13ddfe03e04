"""Where this package came from, and the line that installs it from there again.

On the Python package index the name `venturalitica` is another project's: whoever is told to
install it from there runs a stranger's code. So every hint asks here, and no line leads to the
index. A checkout knows itself; of what is installed pip and others keep the address (PEP 610,
`direct_url.json`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from msgspec import Struct

from venturalitica.core.redact import redact_uri

NAME = "venturalitica"


class Origin(Struct, frozen=True):
    """A `path` of this machine, or an `address` as pip takes it after `@`; neither if unknown."""

    path: str = ""
    address: str = ""

    def install_line(self, extra: str) -> str:
        """The line to type that installs this very package with an extra, or what to do instead."""
        if not self.path and not self.address:
            return (
                f"install this project from its source with the extra '{extra}' "
                "(on the package index its name is another project's)"
            )
        return f"pip install {_quoted(self.path or NAME, extra, self.address)}"

    def requirement(self, extra: str) -> str:
        """The line for a requirements file that works elsewhere too; empty where there is none."""
        elsewhere = self.address and "file:" not in self.address
        return f"{NAME}[{extra}] @ {self.address}" if elsewhere else ""


def install_line(extra: str) -> str:
    """The line that installs this package with `extra` from where it came from.

    Returns:
        `pip install "/path/to/checkout[extra]"` or `pip install "name[extra] @ git+https://…"`;
        a sentence where the origin is not known, e.g. after an installation from an index.
    """
    return origin().install_line(extra)


@cache
def origin() -> Origin:
    """Where the code that runs came from."""
    package = Path(__file__).resolve().parents[1]
    return checkout_of(package) or _installed_from(package)


def checkout_of(package: Path) -> Origin | None:
    """The source tree that a package folder lies in, if it is one of this project's."""
    root = package.parent.parent
    project = root / "pyproject.toml"
    if package.parent.name != "src" or not project.is_file():
        return None
    named = f'name = "{NAME}"' in project.read_text(encoding="utf-8", errors="replace")
    return Origin(path=str(root)) if named else None


def _installed_from(package: Path) -> Origin:
    from importlib import metadata

    try:
        found = metadata.distribution(NAME)
        ours = Path(str(found.locate_file(NAME))).resolve() == package
        # A distribution of that name may be the other project's, beside code run from elsewhere.
        return origin_of(found.read_text("direct_url.json") or "") if ours else Origin()
    except (metadata.PackageNotFoundError, OSError):
        return Origin()


def origin_of(direct_url: str) -> Origin:
    """The origin that a `direct_url.json` tells; unknown where it is absent, broken or gone."""
    try:
        told = json.loads(direct_url)
        return _told(told, str(told["url"]))
    except (ValueError, KeyError, TypeError):
        return Origin()


def _told(told: Mapping[str, Any], url: str) -> Origin:
    below = f"#subdirectory={told['subdirectory']}" if told.get("subdirectory") else ""
    # Presigned addresses hold their secret in the query, which is of no use for long anyway.
    clean = redact_uri(url).partition("?")[0].partition("#")[0]
    if "://" not in clean:
        return Origin()
    if "vcs_info" in told:
        kept = told["vcs_info"]
        revision = kept.get("commit_id") or kept.get("requested_revision")
        return Origin(address=f"{kept['vcs']}+{clean}{f'@{revision}' if revision else ''}{below}")
    if urlsplit(url).scheme != "file":
        return Origin(address=f"{clean}{below}")
    path = Path(unquote(urlsplit(url).path), str(told.get("subdirectory") or ""))
    return Origin(path=str(path)) if path.exists() else Origin()


def _quoted(source: str, extra: str, address: str) -> str:
    import shlex

    text = f"{source}[{extra}] @ {address}" if address else f"{source}[{extra}]"
    return shlex.quote(text) if set(text) & set('"$`\\!') else f'"{text}"'
