"""Checkpoints of a log that a tracker's run has kept, wherever in it they are."""

from __future__ import annotations

from collections.abc import Mapping

from venturalitica.errors import EvidenceError
from venturalitica.ledger.encoding import parse_object
from venturalitica.trackers.claims import ROOT

SUFFIX = ".checkpoint"


def is_checkpoint_key(key: str) -> bool:
    """Whether a tag (or summary key) of this name holds a checkpoint of ours."""
    return key.startswith(f"{ROOT}.") and key.endswith(SUFFIX)


def kept_in(files: Mapping[str, bytes], where: str, *, origin: str) -> dict[str, str]:
    """The checkpoints of the log `origin` among what `Tracker.fetch` gave: place -> signed note.

    Both the tags and the bundles hold some: a run that was never uploaded has only files.
    """
    found: dict[str, str] = {}
    for path, data in files.items():
        note = _of_tag(path, data) or _of_bundle(path, data)
        if note.startswith(f"{origin}\n"):
            found[f"{where} ({path.removeprefix('tags/')})"] = note
    return found


def _of_tag(path: str, data: bytes) -> str:
    is_tag = path.startswith("tags/") and is_checkpoint_key(path.removeprefix("tags/"))
    return data.decode("utf-8", "replace") if is_tag else ""


def _of_bundle(path: str, data: bytes) -> str:
    if not path.endswith(".json"):
        return ""
    try:
        note = parse_object(data, what="the bundle").get("checkpoint")
    except EvidenceError:
        return ""
    return note if isinstance(note, str) else ""
