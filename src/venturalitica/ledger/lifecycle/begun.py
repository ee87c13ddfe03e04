"""Runs that began and have no end on record: killed, still under way, or nobody here knows.

Each process keeps a sign of life for each of its monitors in `running/`, which the kernel takes
back when the process is no more (`system.alive`). It is no evidence and can be deleted: then a run
without an end is one of which nothing more is known.
"""

from __future__ import annotations

from pathlib import Path

from venturalitica.system.alive import Life, life_at

UNDER_WAY = "under way"
STOPPED = "did not end"
NO_END = "begun, no end on record"
_STATES = {Life.HERE: UNDER_WAY, Life.GONE: STOPPED, Life.UNKNOWN: NO_END}


def sign_of_life(home: Path, run_id: str) -> Path:
    """Where the process of a run keeps its sign of life."""
    return home / "running" / run_id


def state_of(home: Path, run_id: str) -> str:
    """What is known of a run that has no end on record."""
    # A record may come from anybody, and its run's id be a path.
    if not (run_id.isascii() and run_id.isalnum()):
        return NO_END
    return _STATES[life_at(sign_of_life(home, run_id))]
