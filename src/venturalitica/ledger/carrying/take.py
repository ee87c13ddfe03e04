"""Taking in what another machine carried: all of it is verified first, then kept, then recorded.

The order: a copy under `logs/.new.…`, verified there; the whole log renamed to
`logs/<name>/<size>/`; the record that names it; the folder of before deleted. Killed in between,
the folder that the newest record names still stands, and the next taking goes on.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.verification import Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.contents import Contents
from venturalitica.ledger.carrying.continuation import Fit, fit_of
from venturalitica.ledger.carrying.parcel import Received, receive
from venturalitica.ledger.carrying.taken import LOGS, Taken, folders_of, taken_logs, taking_alone
from venturalitica.ledger.formats.public_key import carried_keys, carry_keys, short
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.log.tail import read_parts
from venturalitica.ledger.records.foreign.carried import Carried
from venturalitica.ledger.records.placement import Entry
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.ledger.verify.verify import verify_ledger
from venturalitica.system.files import sync_folder, write_new

NEEDED = ("log", "keys", "signatures", "chain", "statements", "tree", "checkpoint")
"""Steps of a verification that must have held: one that could not be made proves nothing."""

Progress = Callable[[int, int], None]


class Taking(Struct, frozen=True, kw_only=True):
    """What came of it: the log as it is now, how many entries and tallies were new.

    `entry` is the record of it; None where all had been taken before. `left` are tallies that no
    parcel brought, `erased` those that were deleted here before and were not taken again.
    """

    log: Carried
    new: int
    tallies: int
    left: int
    erased: int
    entry: Entry | None


def take(
    ledger: Ledger, source: Path, *, keys: Mapping[str, Any], progress: Progress | None = None
) -> Taking:
    """Take in what was carried in the folder `source`; nothing is changed where it is refused.

    Args:
        ledger: the team's own, open for writing.
        keys: whose logs are admitted, as arguments of `verify_ledger`: `trusted_keys`, else
            `known_keys`.
        progress: called with (entries verified, entries in all).

    Raises:
        EvidenceError: it does not verify, no admitted key signed it, it does not continue what was
            taken of the same log before, or it cannot be written.
    """
    source = Path(source).absolute()
    with taking_alone(ledger.home), _stage(ledger.home) as stage, _words(stage, source):
        received = receive(source, stage / "parcel")
        if received.head.origin == ledger.head().origin:
            raise EvidenceError(
                f"{source}: it is of the very log that it is to be taken into ({ledger.home}). "
                "Take it into the team's: run this in the team's folder, or name that: "
                "VENTURALITICA_HOME=TEAM/.venturalitica venturalitica take "
                f"{shlex.quote(str(source))} --signers FILE"
            )
        fit = fit_of(received, taken_logs(ledger))
        if fit.before is not None and not fit.restores and fit.size <= fit.before.last.size:
            return _again(ledger, fit.before, received)
        return _taken(ledger, fit, stage, keys, progress)


def _taken(
    ledger: Ledger, fit: Fit, stage: Path, keys: Mapping[str, Any], progress: Progress | None
) -> Taking:
    home = stage / "home"
    received, before = fit.received, fit.before
    _write_log(home, fit)
    contents = Contents.of(home, fit.size)
    tallies = _keep_tallies(home, fit, contents)
    _admit(verify_ledger(home, progress=progress, **keys), keys)
    gone = frozenset[str]() if before is None else before.erased
    sync_folder(home)
    last = Carried(
        origin=received.head.origin,
        key=before.last.key if before else contents.key,
        size=fit.size,
        root=received.head.root.hex(),
        checkpoint=received.note.decode("utf-8"),
        signers=contents.signers,
        latest=contents.latest,
        tallies=contents.came(home, gone),
        taken=fit.size - (before.last.size if before else 0),
    )
    place = ledger.home / LOGS / last.name
    place.mkdir(parents=True, exist_ok=True)
    named = place / str(last.size)
    if os.path.lexists(named):  # a killed taking left it, or it is not the one that was taken
        named.rename(stage / "old")
    home.rename(named)
    for folder in (place, place.parent, ledger.home):
        sync_folder(folder)
    if before is not None and before.last.size == last.size:
        entry = _more(ledger, Taken(named, before.last, before.records, ""), contents)
    else:
        entry = ledger.append(last.statement(datetime.now(UTC)))
    _remove_others(named)
    return Taking(
        log=last,
        new=last.taken,
        tallies=tallies,
        left=len(contents.kept - gone) - len(Vault(named).digests() & contents.kept),
        erased=len(gone & contents.kept),
        entry=entry,
    )


def _write_log(home: Path, fit: Fit) -> None:
    """The whole log as it is now: what was taken before, then what is new."""
    folder = home / "log"
    folder.mkdir(parents=True)
    descriptor = os.open(folder / "entries.jsonl", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(descriptor, "wb") as stream:
        if fit.before is not None and fit.old:
            for part in read_parts(fit.before.home / "log" / "entries.jsonl", 0, fit.old):
                stream.write(part.line + b"\n")
        for part in fit.received.parts():
            if part.index >= fit.old:
                stream.write(part.line + b"\n")
            elif part.index + part.count > fit.old:
                raise EvidenceError(
                    f"entries {part.index} to {part.index + part.count - 1} were pruned there, "
                    f"{fit.old} of this log were taken before: what is new among them is gone, "
                    "and nothing after it can be taken"
                )
        stream.flush()
        os.fsync(stream.fileno())
    write_new(folder / "checkpoint", fit.received.note, mode=0o644)
    sync_folder(folder)
    carry_keys(home / "keys", carried_keys(fit.received.folder / "keys").values())
    if fit.before is not None and fit.old:
        carry_keys(home / "keys", carried_keys(fit.before.home / "keys").values())


def _keep_tallies(home: Path, fit: Fit, contents: Contents) -> int:
    """Lay the tallies into the log's own vault; gives how many are new. None that was erased."""
    received, before = fit.received, fit.before
    vault, old = Vault(home), Vault(before.home) if before and fit.old else None
    wanted = contents.kept - (before.erased if before else frozenset())
    new = 0
    for digest in received.tallies:
        pair = received.tally(digest)
        if digest not in contents.kept | contents.erased:
            raise EvidenceError(
                f"{received.folder / 'tallies' / digest}.json: no record of this log names it: "
                "somebody put it there; take it out, or carry it again"
            )
        if digest in wanted:
            vault.keep(Pair(digest, pair))
            new += old is None or not old.holds(digest)
    for digest in wanted - vault.digests() if old else ():
        data = old.pair(digest) if old else None
        if data is not None:
            vault.keep(Pair(digest, data))
    return new


def _more(ledger: Ledger, taken: Taken, contents: Contents) -> Entry | None:
    """Record that more tallies came with a log than was on record; None where none did."""
    known, came = taken.last.tallies, contents.came(taken.home, taken.erased)
    if known is None or came == known or came.count + contents.pruned < known.count:
        return None  # fewer is what somebody removed: no record may make that right
    more = replace(taken.last, tallies=came, taken=0, erased=())
    return ledger.append(more.statement(datetime.now(UTC)))


def _again(ledger: Ledger, before: Taken, received: Received) -> Taking:
    """All of it was taken before; tallies that are not here yet are kept now."""
    contents = Contents.of(before.home, before.last.size)
    vault, new = Vault(before.home), 0
    for digest in received.tallies:
        data = received.tally(digest)
        if digest in contents.kept - before.erased and not vault.holds(digest):
            vault.keep(Pair(digest, data))
            new += 1
    entry = _more(ledger, before, contents)
    _remove_others(before.home)
    return Taking(
        log=before.last,
        new=0,
        tallies=new,
        left=len(contents.kept - before.erased - vault.digests()),
        erased=len(before.erased & contents.kept),
        entry=entry,
    )


def _admit(found: Verification, keys: Mapping[str, Any]) -> None:
    """Raise unless it verifies, and keys that are admitted signed it."""
    for step in found.steps:
        if step.name == "trust" and step.ok is not True and not _forged(found):
            raise EvidenceError(
                f"not admitted: {step.detail.removeprefix('not checked: ')}. Expected a key "
                f"{_admitted(keys)}: give the file of its public keys with --signers (its owner "
                "writes it with 'venturalitica keys export')"
            )
        if step.ok is False or (step.ok is None and step.name in NEEDED):
            place = f" (entry {step.index})" if step.index is not None else ""
            raise EvidenceError(
                f"it does not verify: {step.name}{place}: {step.detail}. Nothing was taken; carry "
                "it again from the machine that wrote it"
            )


def _forged(found: Verification) -> bool:
    """Whether something else is wrong, which says more than that nobody knows the key."""
    return any(step.ok is False and step.name != "trust" for step in found.steps)


def _admitted(keys: Mapping[str, Any]) -> str:
    pinned = keys.get("trusted_keys")
    if pinned is None:
        return "of your own, or of VENTURALITICA_TRUSTED_KEYS"
    named = pinned if isinstance(pinned, Mapping) else [key.keyid for key in pinned]
    return f"among {', '.join(short(keyid) for keyid in list(named)[:4])}"


def _remove_others(named: Path) -> None:
    """The log of before, and what killed takings left beside it."""
    for folder in folders_of(named.parent):
        if folder.name != named.name:
            shutil.rmtree(folder)
    sync_folder(named.parent)


@contextmanager
def _stage(home: Path) -> Iterator[Path]:
    """A folder of our own, gone in the end; what killed takings left is removed first."""
    for left in (home / LOGS).glob(".new.*"):
        shutil.rmtree(left)
    stage = home / LOGS / f".new.{secrets.token_hex(8)}"
    stage.mkdir(mode=0o700)
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


@contextmanager
def _words(stage: Path, source: Path) -> Iterator[None]:
    """What is said of a copy is said of the folder that it was made of."""
    try:
        yield
    except EvidenceError as error:
        said = str(error)
        for copy in ("parcel", "home"):
            said = said.replace(str(stage / copy), str(source))
        whole = said if said.startswith(str(source)) else f"{source}: {said}"
        raise type(error)(whole) from error
    except OSError as error:
        raise EvidenceError(
            f"{source}: could not be taken in: {error.strerror or error}. Nothing that was taken "
            "before is lost; free some space, and take it again"
        ) from error
