"""What `doctor` says of the trackers: whether each is there, set up, and answers."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from venturalitica.causes import said
from venturalitica.examination.finding import Finding, State


def trackers() -> Iterator[Finding]:
    """One finding for each tracker but the one that lives in a process."""
    from venturalitica.trackers import trackers as known

    for tracker in known():
        if tracker.name == "memory":
            continue
        try:
            yield _tracker(tracker.name, tracker.health(origins()))
        except Exception as error:  # noqa: BLE001 - another package's tracker may fail in any way
            text = f"its health could not be asked: {said(error)}"
            yield Finding("Trackers", tracker.name, "broken", text)


def origins() -> dict[str, str]:
    """Variable -> `.env`, for those that came from there."""
    from venturalitica.settings import origin_of

    return {name: ".env" for name in os.environ if origin_of(name) == ".env"}


def _tracker(name: str, health: Mapping[str, Any]) -> Finding:
    """Absent or not asked is a note; asked, and not there, is broken."""
    fix = str(health.get("fix") or "")
    if not health.get("installed"):
        return Finding("Trackers", name, "note", "not installed", fix)
    parts = [str(health.get("version") or "")]
    uri, configured = health.get("uri"), health.get("configured")
    if uri:
        parts.append(f"{uri} ({configured})" if configured else str(uri))
    if health.get("detail"):
        parts.append(str(health["detail"]))
    reachable = health.get("reachable")
    state: State = "broken" if reachable is False else "note" if reachable is None else "ok"
    if state == "ok" and fix:
        state = "note"
    return Finding("Trackers", name, state, "; ".join(part for part in parts if part), fix)
