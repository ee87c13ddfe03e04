"""What an export remembers of the pages that it made, so that the next one makes only what is new.

It lies beside the evidence, not with the pages: whoever changes a page does not change what is
remembered of it. It has a line per page, written as the pages are: an export that was interrupted
goes on where it ended. The page of a record is kept where its stamp is the same: the
record itself as the log holds it now, what is known of it since (light, doubt, receipts, what
waits), its neighbours, what is known of others that tried the same, and the number of all records
that are about other records or about keys.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import msgspec
from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.ledger.index.queries import JUDGED, light_of
from venturalitica.system.files import write_durably

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow
    from venturalitica.ledger.index.queries import Known
    from venturalitica.ui.reader import Reading

FOLDER = "sites"
_RECORD = re.compile(r"/runs/(\d+)(?:/download/[a-z]+)?\Z")


class Made(Struct, frozen=True, kw_only=True):
    """A page that was made. `links` are the addresses that it leads to, `left_out` those that had
    no file; an empty `stamp` says that it is to be made again."""

    address: str
    file: str
    sha256: str
    stamp: str
    links: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def entry_of(address: str) -> int | None:
    """The record that an address is the page of, or a download of; None for any other."""
    found = _RECORD.match(address)
    return int(found[1]) if found else None


class Memory:
    """What earlier exports into a folder made."""

    def __init__(self, folder: Path, path: Path, pages: Mapping[str, Made]) -> None:
        self._folder, self._path, self._pages = folder, path, dict(pages)
        self.names = {address: page.file for address, page in pages.items()}

    @classmethod
    def read(cls, folder: Path, home: Path) -> Memory:
        """What is remembered of a folder; a line that names a file elsewhere is passed over.

        Args:
            folder: the folder of the export.
            home: the folder of the evidence.
        """
        digest = hashlib.sha256(os.fsencode(folder.resolve())).hexdigest()
        path = home / FOLDER / f"{digest[:32]}.jsonl"
        pages: dict[str, Made] = {}
        try:
            lines = path.read_bytes().splitlines()
        except OSError:
            lines = []
        for line in lines:
            with contextlib.suppress(msgspec.DecodeError):
                page = msgspec.json.decode(line, type=Made)
                parts = Path(page.file).parts
                if parts and ".." not in parts and not Path(page.file).is_absolute():
                    pages[page.address] = page
        return cls(folder, path, pages)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was made in this folder."""
        return not self._pages

    def fitting(self, address: str, stamp: str) -> Made | None:
        """The page as it was made, where it has this stamp and its file is still the same."""
        page = self._pages.get(address)
        if page is None or page.stamp != stamp:
            return None
        try:
            data = (self._folder / page.file).read_bytes()
        except OSError:
            return None
        return page if hashlib.sha256(data).hexdigest() == page.sha256 else None

    @contextlib.contextmanager
    def going_on(self) -> Iterator[Callable[[Made], None]]:
        """Gives what remembers a page, at once; beside evidence that is only to be read, nothing is
        remembered."""
        with contextlib.ExitStack() as stack:
            stream: BinaryIO | None = None
            with contextlib.suppress(OSError):
                self._path.parent.mkdir(exist_ok=True)
                stream = stack.enter_context(self._path.open("ab"))
                # The end of a line may be missing, where an export was interrupted.
                stream.write(b"\n")

            def remember(page: Made) -> None:
                self._pages[page.address] = page
                if stream is not None:
                    stream.write(msgspec.json.encode(page) + b"\n")
                    stream.flush()

            yield remember

    def forget_others(self, wanted: Collection[str]) -> None:
        """Remove what earlier exports made and this one has no page for, where it is as they made
        it; the memory is written anew without it."""
        for address, page in list(self._pages.items()):
            if address in wanted:
                continue
            if self.fitting(address, page.stamp) is not None:
                (self._folder / page.file).unlink()
            del self._pages[address]
        lines = b"".join(msgspec.json.encode(page) + b"\n" for page in self._pages.values())
        if self._path.is_file():
            write_durably(self._path, lines)


def stamps_of(reading: Reading, entries: Sequence[int]) -> dict[int | None, str]:
    """Of each of these records what its page depends on, as a digest."""
    known = reading.known()
    shared = (__version__, reading.ledger.head().origin, known.refuted, _others(reading))
    keys = sorted(known.signers) if known.signers is not None else None
    rows = {row.index: row for row in reading.index.runs()}
    beside = _neighbours(rows.values())
    tried = _tried(rows.values(), known)
    waiting, found = reading.waiting(), dict[int | None, str]()
    for entry, line in reading.ledger.chosen(sorted(entries)):
        row = rows[entry]
        facts = (
            *(shared, keys, hashlib.sha256(line).hexdigest(), beside.get(entry)),
            *(light_of(row, known), known.doubt(row), known.begun, waiting.get(entry)),
            *(reading.desk.deliveries.of_entry(entry), reading.approvals().get(entry)),
            reading.notes().get(entry),
            tried.get(row.run_id, ()),
        )
        found[entry] = hashlib.sha256(repr(facts).encode()).hexdigest()
    return found


def _others(reading: Reading) -> tuple[int, int]:
    """How many records are about other records or keys, and the last: each may change any page."""
    rows = [row.index for row in reading.index.runs() if row.kind not in JUDGED]
    return len(rows), max(rows, default=-1)


def _tried(
    rows: Collection[RunRow], known: Known
) -> dict[str, tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]]:
    """By run: of which records of its name, and of those of its data, more is known than they say.

    Its page shows the lights of earlier ones (`run_before`).
    """
    apart = {*known.waiting, *known.faults}
    named: dict[str, list[int]] = {}
    of_data: dict[str, list[int]] = {}
    judged: dict[str, set[str]] = {}
    for row in rows:
        if row.data:
            judged.setdefault(row.run_id, set()).add(row.data)
    for row in rows:
        if row.index in apart:
            named.setdefault(row.name, []).append(row.index)
            for data in judged.get(row.run_id, ()):
                of_data.setdefault(data, []).append(row.index)
    return {
        row.run_id: (
            tuple(named.get(row.name, ())),
            tuple(tuple(of_data.get(one, ())) for one in sorted(judged.get(row.run_id, ()))),
        )
        for row in rows
    }


def _neighbours(rows: Collection[RunRow]) -> dict[int, tuple[int | None, int | None]]:
    """The runs of the same pipeline before and after each, as its page names them."""
    last: dict[tuple[object, ...], int] = {}
    before: dict[int, int | None] = {}
    after: dict[int, int] = {}
    for row in sorted(rows, key=lambda row: row.index):
        key = (row.policy_name, row.name, row.experiment, row.kind)
        before[row.index] = last.get(key)
        if key in last:
            after[last[key]] = row.index
        last[key] = row.index
    return {entry: (before[entry], after.get(entry)) for entry in before}
