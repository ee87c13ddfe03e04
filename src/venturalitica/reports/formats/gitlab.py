"""GitLab's code quality report: a list of what is unmet, each with path, line and fingerprint.

GitLab takes each entry for a problem of the code. Passes are in the JUnit report, which it shows
too.
"""

from __future__ import annotations

import json
from typing import Any

from venturalitica.reports.formats.findings import Finding, Findings


def gitlab(found: Findings) -> str:
    """The report, to be stored as UTF-8."""
    each = zip(found.items, found.fingerprints(), strict=True)
    issues = [_issue(one, digest, found) for one, digest in each if one.unmet]
    return json.dumps(issues, indent=2, ensure_ascii=True) + "\n"


def _issue(one: Finding, fingerprint: str, found: Findings) -> dict[str, Any]:
    words = f"{one.words}: " if one.words else ""
    return {
        "description": f"{one.name}: {words}{one.message}",
        "check_name": f"venturalitica-{found.command}-{one.name}",
        "fingerprint": fingerprint,
        "severity": _severity(one),
        # Both are required; what has no file stands at the command that said it.
        "location": {
            "path": one.file or f"venturalitica {found.command}",
            "lines": {"begin": one.line or 1},
        },
    }


def _severity(one: Finding) -> str:
    if one.blocks:
        return "blocker"
    return "major" if one.light == "red" else "minor"
