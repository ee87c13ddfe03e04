"""What `doctor` says of the evidence: the log, what waits for a tracker, the inbox."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from venturalitica.core.json_values import Json, integer, items, mappings
from venturalitica.core.policy import MIN_CELL
from venturalitica.errors import EvidenceError, VenturaliticaError

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger
    from venturalitica.ledger import Signer as Signing
    from venturalitica.ledger.lifecycle.keys import Use
    from venturalitica.ledger.outbox import Undelivered
    from venturalitica.system.settings import Settings


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
        yield from _told_of_few(ledger)
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
    records = [entry.record for entry in ledger.entries(start)]
    green = [one for one in records if one.kind == "audit" and one.light == "green"]
    older = sum(not one.judging for one in green)
    if older:
        text = (
            f"{older} of the last {len(records):,} records are green by the rules of an earlier "
            "version; judged now they may be amber or red (rows trained on, copies, labels nearly "
            "equal, rules that cannot fail)"
        )
        fix = "audit again for a light by today's rules; docs/upgrade.md says what changed and why"
        yield Finding(AREA, "older rules", "note", text, fix)


def _told_of_few(ledger: Ledger) -> Iterator[Finding]:
    """Records from before format 3, which hold their counts and bare digests of data, signed."""
    start = max(0, ledger.size - LOOKED_AT)
    records = [entry.record for entry in ledger.entries(start)]
    few = [record for record in records if record.counted and _holds_few(record.tally or {})]
    bare = [record for record in records if any(item.get("sha256") for item in record.data)]
    if not few and not bare:
        return
    delivered = sum(bool(record.trackers) for record in records if record in few or record in bare)
    text = (
        f"of the last {len(records):,} records {len(few):,} hold counts of fewer than {MIN_CELL} "
        f"rows, and {len(bare):,} bare digests of data, as records before format 3 did; "
        f"{delivered:,} name a tracker's run, which has a copy. They are signed and stay"
    )
    fix = (
        "'venturalitica prune' takes out those whose time is up; VENTURALITICA_HOME=<new folder> "
        "begins a new log; delete copies at the tracker (docs/privacy.md)"
    )
    yield Finding(AREA, "small counts", "note", text, fix)


def _holds_few(tally: Json) -> bool:
    tables = [*mappings(tally.get("tables")), *mappings(tally.get("scores"))]
    cells = [items(cell) for table in tables for cell in items(table.get("cells"))]
    return any(cell and 0 < (integer(cell[-1]) or 0) < MIN_CELL for cell in cells)


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
    from venturalitica.ledger import Outbox

    due = Outbox(ledger).waiting(pages=True)
    waiting = [item for item in due if not item.confirmed]
    if not due:
        return Finding(AREA, "outbox", "ok", "nothing waits")
    if not waiting:
        text = f"no evidence waits; {len(due)} report page(s) are not at their runs"
        return Finding(AREA, "outbox", "note", text, "venturalitica sync")
    oldest = waiting[0]
    where = ", ".join(
        f"{count} for {name}"
        for name, count in sorted(Counter(item.tracker for item in waiting).items())
    )
    text = f"{len(waiting)} waiting for a tracker ({where}); the oldest is entry {oldest.index}"
    ended = ledger.entry(oldest.index).record.run.ended_at
    if ended:
        text += f" of {ended}"
    kept = [item for item in waiting if item.kept]
    if kept:
        text += f"; {len(kept)} of them with an offline run: {kept[-1].last_error}"
    failures = [item for item in waiting if item.last_error and not item.kept]
    if failures:
        text += f"; the last answer was: {failures[-1].last_error}"
    return Finding(AREA, "outbox", "note", text, outbox_fix(waiting))


def outbox_fix(waiting: Sequence[Undelivered]) -> str:
    """The line to type; where offline runs alone wait, what uploads the oldest: `sync` cannot."""
    from venturalitica.audit.parcel import run_ref
    from venturalitica.trackers import answer
    from venturalitica.trackers.base import SYNC

    if not waiting or not all(item.kept for item in waiting):
        return SYNC
    return str(answer(waiting[0].tracker, "remedy", [run_ref(waiting[0].run)], {}) or SYNC)


def _inbox(home: Path, waiting: int) -> Finding:
    folder = home / "inbox"
    if not waiting:
        text = f"nothing waits in {folder}: writers agree by it, without locks"
        return Finding(AREA, "inbox", "ok", text)
    text = f"{waiting} in {folder} not in the log yet; the next record takes them in"
    return Finding(AREA, "inbox", "note", text, "venturalitica sync")


State = Literal["ok", "note", "broken"]


class Finding(Struct, frozen=True):
    """One thing looked at. `note` is no fault: something absent that nobody asked for yet."""

    area: str
    subject: str
    state: State
    text: str
    fix: str = ""


class Signer(Struct, frozen=True):
    """A key that signed something here. `last` and `first` are entries; None for a seal's key."""

    keyid: str
    algorithm: str
    signs: str
    whose: str
    first: int | None = None
    last: int | None = None


OWN = "your own"
STRANGER = "first seen here: compare its id with one you got another way"


def signers(home: Path, own: Collection[str] | None) -> tuple[Signer, ...]:
    """The keys that signed records, by their first entry, then the one that sealed the log.

    Args:
        own: ids of the reader's own keys (`verification.own_keys`); None while they are asked for.

    Raises:
        EvidenceError: keys or log cannot be read.
    """
    from venturalitica.ledger.lifecycle.keys import used_in

    found = [
        Signer(use.key.keyid, use.key.algorithm, "records", _whose(use, own), use.first, use.last)
        for use in used_in(home)
    ]
    return (*found, *_sealers(home, own))


def whose(keyid: str, own: Collection[str] | None) -> str:
    """Whether a key is the reader's own; nobody knows while `own` is None."""
    if own is None:
        return "not known yet: your signer is being asked"
    return OWN if keyid in own else STRANGER


def new_key(home: Path, signer: Signing | None) -> Iterator[Finding]:
    """A finding where others signed the log, and the user's key (None: none is there) never did.

    Raises:
        EvidenceError: keys or log cannot be read.
    """
    from venturalitica.ledger.lifecycle.keys import used_in
    from venturalitica.ledger.signing.signer import predecessors

    used = {use.key.keyid for use in used_in(home)}
    own = (signer, *predecessors(signer)) if signer is not None else ()
    if not used or any(key.keyid in used for key in own):
        return
    text = (
        f"new key: the log in {home} was signed by {_listed(sorted(used))}, never by yours; the "
        "next audit says so and is amber"
    )
    fix = "put the old key back if it was yours; 'venturalitica keys show' lists who signed"
    yield Finding("Signing key", "new key", "note", text, fix)


def _listed(keyids: list[str]) -> str:
    from venturalitica.ledger.formats.public_key import short

    more = f" and {len(keyids) - 3} more" if len(keyids) > 3 else ""
    return ", ".join(map(short, keyids[:3])) + more


def _whose(use: Use, own: Collection[str] | None) -> str:
    who = whose(use.key.keyid, own)
    if use.new:
        who = f"new key in entry {use.first}, which no earlier key introduces; {who}"
    if use.retired_in is None:
        return who
    return f"retired in entry {use.retired_in}; {who}"


def _sealers(home: Path, own: Collection[str] | None) -> tuple[Signer, ...]:
    from venturalitica.ledger.formats.checkpoint import MAX_NOTE, open_checkpoint
    from venturalitica.ledger.formats.public_key import CHECKPOINTS, carried_keys
    from venturalitica.system.files import reading

    publics = {
        key.raw_ed25519(): key
        for key in carried_keys(home / "keys").values()
        if key.algorithm == CHECKPOINTS
    }
    path = home / "log" / "checkpoint"
    try:
        with reading(path) as stream:
            note = stream.read(MAX_NOTE + 1)
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror or error}") from error
    _, public = open_checkpoint(note, publics)
    key = publics[public]
    return (Signer(key.keyid, key.algorithm, "the checkpoint", whose(key.keyid, own)),)
