"""Erasing: delete what records keep in the vault, and say so in the log.

The order: a mark is laid in `vault/erasing/`, then the erasure is recorded, then the pairs are
deleted, then the mark. Killed in between, the mark is still there, and the next erasure (or the
next writer that `open_ledger` opens) deletes what the log says is erased. So neither an erasure
that the log does not tell of, nor one that it tells of and that did not happen, can stay.

A mark says nothing but that there may be something to finish: the log says what. What lies beside
the log anybody can have put there, and nothing of it is signed in our name.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.contents import Contents
from venturalitica.ledger.carrying.taken import erase_told, taking_alone
from venturalitica.ledger.records.kinds.erasure import (
    Target,
    erasure_statement,
    held_by,
    targets_of,
)
from venturalitica.ledger.records.vault import MAX_TEXT, Pair, Vault
from venturalitica.system.files import sync_folder, write_durably

if TYPE_CHECKING:
    from venturalitica.ledger.carrying.taken import Taken
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry

log = logging.getLogger(__name__)

MARKS = "erasing"


class Erased(Struct, frozen=True):
    """What an erasure did: its record (None where the log told of it already), pairs deleted."""

    entry: Entry | None
    pairs: int


def erase(ledger: Ledger, entries: Iterable[Entry], *, reason: str = "") -> Erased:
    """Delete all that these records keep in the vault, and record that.

    What is gone already, and no record says so, is recorded too.

    Raises:
        EvidenceError: it could not be recorded or deleted; the next call goes on with what is
            recorded.
    """
    vault, pairs = Vault(ledger.home), finish(ledger)
    vault.sweep()
    targets = tuple(_targets(entries, erasures(ledger)))
    if not targets:
        return Erased(None, pairs)
    mark = _mark(vault)
    why = [Pair.of(reason, limit=MAX_TEXT)] if reason else []
    statement = erasure_statement(targets, why[0].reference if why else None)
    entry = ledger.append(statement, pairs=why)
    deleted = sum(vault.erase(digest) for target in targets for digest in target.digests)
    _settle(vault, [mark])
    return Erased(entry, pairs + deleted)


def erase_taken(
    ledger: Ledger, taken: Taken, entries: Iterable[Entry], *, reason: str = ""
) -> Erased:
    """Delete what records of a log that was taken in keep here, and record that in the own log.

    It is not taken again. The machine that wrote them may have it still.

    Raises:
        EvidenceError: as `erase`.
    """
    with taking_alone(ledger.home):
        pairs = erase_told(ledger)
        targets = tuple(_targets(entries, dict.fromkeys(taken.erased, "")))
        if not targets:
            return Erased(None, pairs)
        marks = [_mark(Vault(ledger.home))]
        why = [Pair.of(reason, limit=MAX_TEXT)] if reason else []
        tallies = taken.last.tallies
        if tallies is not None:
            gone = taken.erased.union(*(target.digests for target in targets))
            tallies = Contents.of(taken.home, taken.last.size).came(taken.home, gone)
        said = replace(taken.last, tallies=tallies, erased=targets, taken=0)
        statement = said.statement(datetime.now(UTC), why[0].reference if why else None)
        entry = ledger.append(statement, pairs=why)
        pairs += erase_told(ledger)
        _settle(Vault(ledger.home), marks)
    return Erased(entry, pairs)


def finish(ledger: Ledger) -> int:
    """Delete what the log says is erased and is still there; gives how many pairs that were.

    Raises:
        EvidenceError: the log was altered, or a pair cannot be deleted.
    """
    vault = Vault(ledger.home)
    marks = _marks(vault)
    deleted = sum(map(vault.erase, erasures(ledger))) + erase_told(ledger)
    _settle(vault, marks)
    return deleted


def go_on(ledger: Ledger) -> None:
    """`finish`, for a writer with other things to do: a failure is logged and left to the next."""
    if not _marks(Vault(ledger.home)):
        return
    try:
        pairs = finish(ledger)
    except EvidenceError as error:
        log.warning("an interrupted erasure could not be finished: %s", error)
        return
    if pairs:
        log.info("finished an interrupted erasure: %d pair(s) deleted", pairs)


def erasures(ledger: Ledger) -> dict[str, str]:
    """What the log says is erased: digest -> day. What `verify` cannot read says nothing."""
    from venturalitica.ledger.index.index import Index  # SQLAlchemy, which no `fit` waits for

    with Index.open(ledger) as index:
        places = [row.index for row in index.runs(kind="erasure", newest_first=False)]
    found: dict[str, str] = {}
    for place in places:
        statement = ledger.entry(place).record
        with contextlib.suppress(EvidenceError):
            day = statement.link.appended_at[:10]
            for target in targets_of(statement.predicate):
                found |= dict.fromkeys(target.digests, day)
    return found


def shown(ledger: Ledger, reference: Any) -> str:
    """What to show for a reference: its value, or why there is none.

    Raises:
        EvidenceError: the pair is not the one that was sealed.
    """
    value = Vault(ledger.home).open(reference)
    if value is not None:
        return value
    day = erasures(ledger).get(str(reference["vault"]))
    return f"(erased on {day})" if day else "(not in the vault here)"


def _targets(entries: Iterable[Entry], told: dict[str, str]) -> Iterator[Target]:
    for entry in entries:
        held = held_by(entry.record)
        digests = tuple(digest for digest in held if digest not in told)
        if digests:
            yield Target(entry.index, entry.evidence_sha256, digests)


def _settle(vault: Vault, marks: Iterable[Path]) -> None:
    """Make what was deleted stay deleted, and only then take the marks away."""
    vault.settle()
    for mark in marks:
        try:
            mark.unlink(missing_ok=True)
            sync_folder(mark.parent)
        except OSError as error:
            raise EvidenceError(
                f"{mark}: could not be removed: {error.strerror or error}"
            ) from error


def _mark(vault: Vault) -> Path:
    folder = vault.folder / MARKS
    path = folder / secrets.token_hex(16)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_durably(path, b"", mode=0o600)
        sync_folder(vault.folder)
    except OSError as error:
        raise EvidenceError(f"{folder}: nothing was erased: {error.strerror or error}") from error
    return path


def _marks(vault: Vault) -> list[Path]:
    try:
        return sorted(path for path in (vault.folder / MARKS).iterdir() if not path.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return []
