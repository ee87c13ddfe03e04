"""report_page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica._version import __version__

if TYPE_CHECKING:
    pass


def delivered_page(statement: Mapping[str, Any], *, evidence_sha256: str) -> bytes:
    """The page of a record as it goes to its tracker: what the statement alone says.

    Raises:
        EvidenceError: it is no audit and no run, or of a format newer than this version knows.
    """
    from venturalitica.reports.html.page import render_report

    return render_report(statement, evidence_sha256=evidence_sha256, build=build()).encode()


@cache
def build() -> str:
    """Version and digest of the code that draws pages: another build draws another page."""
    package = Path(__file__).parents[1]
    files = [
        package / "core" / "verdict.py",
        package / "core" / "text.py",
        *sorted((package / "reports").rglob("*.py")),
    ]
    digest = sha256()
    for file in files:
        digest.update(file.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:16]}"
