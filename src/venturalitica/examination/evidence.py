"""What `doctor` says of the evidence: the log, what waits for a tracker, the inbox."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError, VenturaliticaError
from venturalitica.examination.finding import Finding

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger
    from venturalitica.settings import Settings

AREA = "Evidence"
LOOKED_AT = 1_000
"""Records that are asked by which rules they were judged, the last ones."""


def evidence(settings: Settings) -> Iterator[Finding]:
    """One finding for each part; looking changes nothing but the index, which is a copy."""
    from venturalitica.ledger import Ledger

    home = settings.home
    unusable = _unusable(home)
    if unusable is not None:
        yield unusable
        return
    try:
        ledger = Ledger.open(home)
        yield _log(home, ledger.size)
        yield from _older_rules(ledger)
        yield _outbox(ledger)
        if (home / "inbox").is_dir():
            yield _inbox(home, ledger.waiting)
    except VenturaliticaError as error:
        yield Finding(AREA, "ledger", "broken", str(error), "venturalitica verify")


def _unusable(home: Path) -> Finding | None:
    if not home.exists():
        return _absent_home(home)
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        fix = f"ls -ld '{home}', or set VENTURALITICA_HOME to a folder that can be written"
        return Finding(AREA, "ledger", "broken", f"{home} is no folder that can be written", fix)
    if not (home / "log").exists():
        text = f"{home} holds no log yet; the first audit begins it"
        return Finding(AREA, "ledger", "note", text)
    return None


def _absent_home(home: Path) -> Finding:
    parent = next((folder for folder in home.parents if folder.exists()), home.parent)
    if os.access(parent, os.W_OK | os.X_OK):
        return Finding(AREA, "ledger", "note", "not there yet; the first audit makes it")
    fix = "set VENTURALITICA_HOME to a folder that can be written"
    return Finding(AREA, "ledger", "broken", f"{home} cannot be made: {parent} is read-only", fix)


def _log(home: Path, size: int) -> Finding:
    entries = "1 entry" if size == 1 else f"{size:,} entries"
    if _ends_whole(home / "log" / "entries.jsonl"):
        text = f"{entries}; 'venturalitica verify' checks them all"
        return Finding(AREA, "ledger", "ok", text)
    text = f"{entries} sealed; after them a torn line, which nobody was told is written"
    return Finding(AREA, "ledger", "note", text, "nothing to do: the next record takes it away")


def _older_rules(ledger: Ledger) -> Iterator[Finding]:
    """Green by rules that have become stricter since: the same model may be amber or red now."""
    start = max(0, ledger.size - LOOKED_AT)
    predicates = [entry.statement["predicate"] for entry in ledger.entries(start)]
    green = [p for p in predicates if p.get("kind") == "audit" and p.get("light") == "green"]
    older = sum(1 for predicate in green if not predicate.get("judging"))
    if older:
        text = (
            f"{older} of the last {len(predicates):,} records are green by the rules of an earlier "
            "version; judged now they may be amber or red (rows trained on, copies, labels nearly "
            "equal, rules that cannot fail)"
        )
        fix = "audit again for a light by today's rules; docs/upgrade.md says what changed and why"
        yield Finding(AREA, "older rules", "note", text, fix)


def _ends_whole(entries: Path) -> bool:
    """Whether the log ends in a whole line; a writer at work just now may leave half a one."""
    try:
        with entries.open("rb") as stream:
            if stream.seek(0, os.SEEK_END) == 0:
                return True
            stream.seek(-1, os.SEEK_END)
            return stream.read(1) == b"\n"
    except OSError as error:
        raise EvidenceError(f"{entries}: {error.strerror or error}") from error


def _outbox(ledger: Ledger) -> Finding:
    waiting = ledger.outbox.pending()
    if not waiting:
        return Finding(AREA, "outbox", "ok", "nothing waits")
    oldest = waiting[0]
    where = ", ".join(
        f"{count} for {name}"
        for name, count in sorted(Counter(item.tracker for item in waiting).items())
    )
    text = f"{len(waiting)} waiting for a tracker ({where}); the oldest is entry {oldest.index}"
    ended = ledger.entry(oldest.index).statement["predicate"].get("run", {}).get("ended_at", "")
    if ended:
        text += f" of {ended}"
    kept = [item for item in waiting if item.kept]
    if kept:
        text += f"; {len(kept)} of them with an offline run: {kept[-1].last_error}"
    failures = [item for item in waiting if item.last_error and not item.kept]
    if failures:
        text += f"; the last answer was: {failures[-1].last_error}"
    return Finding(AREA, "outbox", "note", text, "venturalitica sync")


def _inbox(home: Path, waiting: int) -> Finding:
    folder = home / "inbox"
    if not waiting:
        text = f"nothing waits in {folder}: writers agree by it, without locks"
        return Finding(AREA, "inbox", "ok", text)
    text = f"{waiting} in {folder} not in the log yet; the next record takes them in"
    return Finding(AREA, "inbox", "note", text, "venturalitica sync")
