"""The logs that were taken in: `logs/<name>/<size>/`, each a ledger's folder of its own.

The newest record of kind `carried` says which of them is meant, and up to which entry: a folder
that no record names is what a killed taking left, and is not read. The record is written after the
folder, and the folder before it is deleted after the record, so that one of both always stands.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.encoding import is_hash, marks_in_base64
from venturalitica.core.record import CARRIED, KINDS
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError, listed
from venturalitica.ledger.carrying.contents import Contents
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.public_key import carried_keys, short
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.records.foreign.carried import Carried
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.verify.about import about_all
from venturalitica.ledger.verify.check_records import many
from venturalitica.ledger.verify.read_log import Witness
from venturalitica.ledger.verify.verify import verify_ledger
from venturalitica.system.files import locked

if TYPE_CHECKING:
    from venturalitica.core.verdict import About
    from venturalitica.ledger.index.index import Index

LOGS = "logs"
STEP = "carried"
_MARKS = marks_in_base64(CARRIED.encode())


class Taken(Struct, frozen=True):
    """A log that was taken in: what the newest record says of it, and all the records' entries.

    `recorded_by` is the key of the own log that the newest record names as its signer.
    """

    home: Path
    last: Carried
    records: tuple[tuple[int, Carried], ...]
    recorded_by: str

    @property
    def name(self) -> str:
        """What it is called here."""
        return self.last.name

    @property
    def erased(self) -> frozenset[str]:
        """The pairs that were deleted here; they are not taken again."""
        return frozenset[str]().union(*(one.digests for _, one in self.records))

    @property
    def entry(self) -> int:
        """The record that says how far it was taken."""
        return self.records[-1][0]

    def ledger(self) -> Kept:
        """The log, to read.

        Raises:
            EvidenceError: it is gone, or not the one that was taken.
        """
        if not (self.home / "log").is_dir():
            raise EvidenceError(
                f"{self.home}: the log {self.name}, taken in entry {self.entry} "
                f"({self.last.size} entries), is gone: it was removed since. Take it again: "
                "'venturalitica take' with what its machine carried"
            )
        found = Kept(self)
        head = found.head()
        if (head.origin, head.size, head.root.hex()) != (
            self.last.origin,
            self.last.size,
            self.last.root,
        ):
            raise EvidenceError(
                f"{self.home}: it is not the log that entry {self.entry} says was taken "
                f"({self.last.size} entries, root {self.last.root[:16]}), but one of {head.size} "
                f"entries, root {head.root.hex()[:16]}"
            )
        return found


class Kept(Ledger):
    """A log that was taken in, to read."""

    def __init__(self, taken: Taken) -> None:
        super().__init__(taken.home)
        self.taken = taken

    @property
    def own(self) -> Ledger:
        """The ledger that took it in."""
        return Ledger.open(self.home.parents[2])

    def admitted(self) -> dict[str, bytes]:
        """The keys that signed it and were admitted, id -> PEM; worth what the record of that is.

        Raises:
            EvidenceError: one of its keys is not the one that its name says.
        """
        keys = carried_keys(self.home / "keys")
        named = (keys[keyid] for keyid in self.taken.last.signers if keyid in keys)
        return {key.keyid: key.pem.encode("ascii") for key in named}


def taken_logs(ledger: Ledger, index: Index | None = None) -> dict[str, Taken]:
    """The logs that were taken into a ledger, by what they are called there.

    Args:
        index: says where their records are, so that they alone are read; each is read from the log.

    Raises:
        EvidenceError: the log was altered.
    """
    if index is None:
        lines = ledger.lines()
    else:
        rows = index.runs(kind=KINDS[CARRIED], newest_first=False)
        lines = ledger.chosen([row.index for row in rows])
    found: dict[str, Taken] = {}
    for place, one, key in _read(lines):
        before = found[one.name].records if one.name in found else ()
        home = ledger.home / LOGS / one.name / str(one.size)
        found[one.name] = Taken(home, one, (*before, (place, one)), key)
    return found


def _read(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Carried, str]]:
    for place, line in lines:
        if not any(mark in line for mark in _MARKS):
            continue
        with contextlib.suppress(EvidenceError):  # `verify` says what is wrong with it
            record = statement_of(line)
            if record.predicate_type == CARRIED and record.understood:
                yield place, Carried.of(record.predicate), record.link.record_key


def indexed_logs(ledger: Ledger) -> list[Taken]:
    """The logs that were taken in, found by the index.

    Raises:
        EvidenceError: the log was altered.
    """
    from venturalitica.ledger.index.index import Index  # SQLAlchemy, which no `fit` waits for

    if not (ledger.home / LOGS).is_dir():
        return []
    with Index.open(ledger) as index:
        return list(taken_logs(ledger, index).values())


def readable_logs(ledger: Ledger) -> Iterator[tuple[Taken, Kept]]:
    """The logs that were taken in, and are here as they were taken, the one with the newest record
    first; `verify` tells of the others.

    Raises:
        EvidenceError: the own log was altered.
    """
    for taken in sorted(indexed_logs(ledger), key=lambda one: one.last.latest, reverse=True):
        with contextlib.suppress(EvidenceError):
            yield taken, taken.ledger()


@contextlib.contextmanager
def taking_alone(home: Path) -> Iterator[None]:
    """One taking or erasing of taken logs at a time."""
    folder = home / LOGS
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with locked(folder / ".lock", create=True, required=False):
            yield
    except OSError as error:
        raise EvidenceError(f"{folder}: {error.strerror or error}") from error


def vaults_of(ledger: Ledger) -> list[Vault]:
    """The vaults of the logs that were taken in; what is in them is named by its digest."""
    return [Vault(taken.home) for taken, _ in readable_logs(ledger)]


def taken_steps(home: Path) -> tuple[list[Step], About | None]:
    """What `verify` says of the logs that were taken into the ledger in `home`, where any was; and
    what those say that verify.

    Each is verified whole: against the checkpoints that the records name, by the keys that were
    admitted then.
    """
    try:
        ledger = Ledger.open(home)
        logs = taken_logs(ledger)
    except EvidenceError as error:
        lies = (home / LOGS).is_dir()
        return [Step(STEP, None, f"not checked: {error}")] if lies else [], None
    found = [_verified(taken) for taken in logs.values()]
    faults = [one for one in found if isinstance(one, Step)]
    about = about_all(one for one in found if not isinstance(one, Step))
    return faults or _held(logs), about


def _held(logs: Mapping[str, Taken]) -> list[Step]:
    """What is said of logs without a fault."""
    if not logs:
        return []
    entries = sum(taken.last.size for taken in logs.values())
    keys = listed(sorted({short(taken.last.key) for taken in logs.values()}), 3)
    those = f"{many(len(logs), 'log')} with {many(entries, 'entry', 'entries')}"
    held = f"{those}, as they were taken in; of key {keys}"
    lacking, first = _unsaid(logs.values())
    if not lacking:
        return [Step(STEP, True, held)]
    said = f"not checked: {many(lacking, 'value')} not in the vault (first: of the log {first})"
    unsure = "they were not carried, or were deleted: its record is older than those that say"
    return [Step(STEP, None, f"{said}: {unsure}; {held}")]


def _verified(taken: Taken) -> Step | About | None:
    """What a log that was taken in says, or what is wrong with it."""
    try:
        admitted = taken.ledger().admitted()
        seen = [Witness(f"entry {place}", one.checkpoint) for place, one in taken.records]
        found = verify_ledger(taken.home, trusted_keys=admitted, witnesses=seen)
        detail = _wrong(taken, found)
    except EvidenceError as error:
        detail = str(error)
    return Step(STEP, False, detail, taken.entry) if detail else found.about


def _wrong(taken: Taken, found: Verification) -> str:
    """What is wrong with a log that was taken in; empty where nothing is."""
    if found.fault is not None:
        return f"the log {taken.name}: {found.fault.name}: {found.fault.detail}"
    vault = Vault(taken.home)
    back = next(filter(vault.holds, sorted(taken.erased)), "")
    if back:
        return (
            f"the log {taken.name}: pair {back[:16]} was erased here, and it is there again: an "
            "erasure was interrupted ('venturalitica erase' finishes it), or it was put back"
        )
    return _tallies_wrong(taken)


def _tallies_wrong(taken: Taken) -> str:
    """Which tallies of it came and are not here; empty where none, or where no record says."""
    contents, said = Contents.of(taken.home, taken.last.size), taken.last.tallies
    if said is None or contents.came(taken.home, taken.erased) == said:
        fewer = max(contents.fewer(taken.home, taken.erased, one) for _, one in taken.records)
        if not fewer:
            return ""
        return _removed(taken, contents, fewer)
    fewer = said.count - contents.came(taken.home, taken.erased).count
    if fewer > 0:
        return _removed(taken, contents, fewer)
    return (
        f"the log {taken.name}: its tallies are not the {said.count} that entry {taken.entry} says "
        "came with it: a taking was interrupted, or they were put there; take it again"
    )


def _removed(taken: Taken, contents: Contents, fewer: int) -> str:
    missing = contents.missing(taken.home, taken.erased)
    first = f" (the first that is not here is of its entry {contents.places[missing[0]]})"
    return (
        f"the log {taken.name}: {many(fewer, 'tally', 'tallies')} that came with it "
        f"{'is' if fewer == 1 else 'are'} not here{first if missing else ''}: removed since, and "
        "no record says 'erased'. Take it again: 'venturalitica take' with what its machine carried"
    )


def _unsaid(logs: Iterable[Taken]) -> tuple[int, str]:
    """How many tallies are not here of logs of which no record says which came; of which first."""
    found = [
        (len(Contents.of(one.home, one.last.size).missing(one.home, one.erased)), one.name)
        for one in logs
        if one.last.tallies is None
    ]
    lacking = [(count, name) for count, name in found if count]
    return sum(count for count, _ in lacking), lacking[0][1] if lacking else ""


def erase_told(ledger: Ledger) -> int:
    """Delete of taken logs what records say was erased, in folders half taken too; gives how many.

    Raises:
        EvidenceError: the log was altered, or a pair cannot be deleted.
    """
    if not (ledger.home / LOGS).is_dir():
        return 0
    deleted = 0
    for taken in taken_logs(ledger).values():
        for folder in folders_of(taken.home.parent):
            vault = Vault(folder)
            deleted += sum(map(vault.erase, filter(is_hash, taken.erased)))
            vault.settle()
    return deleted


def folders_of(place: Path) -> list[Path]:
    """What lies in the folder of one log: the log, and what killed takings left."""
    try:
        return [path for path in place.iterdir() if path.is_dir() and not path.is_symlink()]
    except FileNotFoundError:
        return []
