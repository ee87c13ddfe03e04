"""What an audit is called that nobody named and no monitor is around."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from venturalitica.core.redact import redact_name
from venturalitica.trackers.base import RunRef

NOTEBOOK = "notebook"
_OF_SOURCES = {"fit": "training"}


def audit_name(source: str, trackers: Sequence[RunRef]) -> str:
    """The tracker's experiment, else its run, else the script; where there is none, the source.

    Names that a tracker made up are nobody's: each run would be a pipeline of its own.
    """
    from venturalitica.trackers import answer

    given = [answer(run.tracker, "given_names", run) for run in trackers]
    experiments, runs = zip(*given, strict=True) if given else ((), ())
    found = next((name for name in (*experiments, *runs) if name), "")
    # `check` is our own script, whose name says nothing.
    return redact_name(found) or (source == "check" and source) or script() or source_name(source)


def source_name(source: str) -> str:
    """What an audit is called by how it was made alone."""
    return _OF_SOURCES.get(source, source)


def script() -> str:
    """The file that Python was started with, without its folder; empty where there is none."""
    if "ipykernel" in sys.modules:
        return NOTEBOOK
    main = sys.modules.get("__main__")
    file = getattr(main, "__file__", None)
    if not isinstance(file, str):
        return ""
    if Path(file).name != "__main__.py":
        return redact_name(Path(file).name)
    # `python -m package`: its folder's name.
    return redact_name(getattr(getattr(main, "__spec__", None), "parent", "") or "")
