"""Style sheet and scripts, read once: only what is named here is served, whatever is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).with_name("static")
CSS, JS = "text/css; charset=utf-8", "text/javascript; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Asset:
    """One file: its bytes and what they are."""

    data: bytes = field(repr=False)
    media_type: str

    @property
    def version(self) -> str:
        """Changes when the bytes do."""
        return hashlib.sha256(self.data).hexdigest()[:12]


@cache
def assets() -> Mapping[str, Asset]:
    """By name."""
    from venturalitica.reports.style import page_style

    style = page_style().encode() + b"\n" + (FOLDER / "app.css").read_bytes()
    scripts = {name: (FOLDER / name).read_bytes() for name in SCRIPTS}
    return {"app.css": Asset(style, CSS)} | {
        name: Asset(data, JS) for name, data in scripts.items()
    }


SCRIPTS = ("htmx.min.js", "times.js", "live.js")


@cache
def versions() -> Mapping[str, str]:
    """The version of each."""
    return {name: asset.version for name, asset in assets().items()}
