"""What was carried, as it comes from another machine: nothing of it is believed, all is bounded.

Each file is read once, through no link, into a folder of our own; what is verified there is what
is kept, whatever happens to the place it came from.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct

from venturalitica.core.encoding import MAX_LINE, is_hash, is_place, parse_object
from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.carry import (
    CHECKPOINT,
    ENTRIES,
    FORMAT,
    KEYS,
    LOG,
    MANIFEST,
    TALLIES,
)
from venturalitica.ledger.formats.checkpoint import MAX_NOTE, Checkpoint, parse_note
from venturalitica.ledger.formats.public_key import MAX_KEY_FILE
from venturalitica.ledger.log.tail import Part, read_parts
from venturalitica.ledger.records.vault import sealed
from venturalitica.system.files import open_plain

MAX_MANIFEST = 4096
MAX_LOG = 16 * 1024**3
"""Bytes of lines in one parcel."""
MOST_FILES = 1_000_000
MOST_KEYS = 1_000
_SHOWN = 80
_CHUNK = 1 << 20


class Received(Struct, frozen=True, kw_only=True):
    """What lies in `folder`, copied: entries `start` to `head.size` of a log, the note that seals
    them, tallies by digest. Only their form was looked at."""

    folder: Path
    start: int
    head: Checkpoint
    note: bytes
    tallies: tuple[str, ...]

    @property
    def entries(self) -> Path:
        """The lines."""
        return self.folder / LOG / ENTRIES

    def parts(self) -> Iterator[Part]:
        """The lines, in order; a head of pruned entries may begin before `start`.

        Raises (while read):
            EvidenceError: there are fewer or more of them than are said.
        """
        done = 0
        for part in read_parts(self.entries, self.start, self.head.size):
            done += part.length
            yield part
        left = self.entries.stat().st_size - done
        if left:
            raise EvidenceError(
                f"{self.entries}: {left} bytes come after the {self.head.size} entries that the "
                "checkpoint seals: something was added; carry it again"
            )

    def tally(self, digest: str) -> bytes:
        """The pair of a tally, as it is sealed.

        Raises:
            EvidenceError: it is another than its name says.
        """
        path = self.folder / TALLIES / f"{digest}.json"
        data = path.read_bytes()
        if sealed(data, str(path))[0] != digest:
            raise EvidenceError(
                f"{path}: its value is not the one that was sealed under this name: it was edited; "
                "carry it again"
            )
        return data


def receive(source: Path, folder: Path) -> Received:
    """Copy what was carried in `source` to the new `folder`, as far as it has the right form.

    Raises:
        EvidenceError: something is missing, of another format, too large, or not what belongs here.
        OSError: the copy cannot be written.
    """
    if not source.is_dir():
        raise EvidenceError(
            f"{source}: no such folder; expected what 'venturalitica carry' wrote ({MANIFEST}, "
            f"{LOG}/, {KEYS}/, {TALLIES}/)"
        )
    found = dict(_names(source))
    if MANIFEST not in found:
        raise EvidenceError(
            f"{source}: holds no {MANIFEST}, so it is not what 'venturalitica carry' wrote; name "
            "that very folder (an artifact may be unpacked one level deeper)"
        )
    start, size, origin = _manifest(source / MANIFEST)
    odd = [name for name in found if name not in (MANIFEST, LOG, KEYS, TALLIES)]
    if odd:
        raise _stray(source / odd[0])
    _copy_log(source / LOG, folder / LOG)
    _copy_keys(source / KEYS, folder / KEYS)
    tallies = _copy_tallies(source / TALLIES, folder / TALLIES) if TALLIES in found else ()
    note = (folder / LOG / CHECKPOINT).read_bytes()
    try:
        head = Checkpoint.parse(parse_note(note).text)
    except EvidenceError as error:
        raise EvidenceError(f"{source / LOG / CHECKPOINT}: {error}") from error
    if (head.origin, head.size) != (origin, size) or start > size:
        raise EvidenceError(
            f"{source / MANIFEST}: it names the log {origin[:_SHOWN]!r} with {size} entries, from "
            f"{start} on, the checkpoint {head.origin[:_SHOWN]!r} with {head.size}: one of both "
            "was edited"
        )
    return Received(folder=folder, start=start, head=head, note=note, tallies=tallies)


def _manifest(path: Path) -> tuple[int, int, str]:
    said = parse_object(_bytes(path, MAX_MANIFEST), what=str(path), limit=MAX_MANIFEST)
    if said.get("format") != FORMAT:
        raise EvidenceError(
            f"{path}: it is of format {str(said.get('format'))[:_SHOWN]!r}; expected {FORMAT!r}. "
            "Carry it with this version, or take it with the one that wrote it"
        )
    start, size, origin = (said.get(name) for name in ("start", "size", "origin"))
    if not is_place(start) or not is_place(size) or not isinstance(origin, str):
        raise EvidenceError(
            f"{path}: 'start', 'size' or 'origin' is missing or malformed; carry it again"
        )
    return int(str(start)), int(str(size)), origin


def _copy_log(source: Path, folder: Path) -> None:
    found = dict(_names(source))
    for name in (ENTRIES, CHECKPOINT):
        if name not in found:
            raise EvidenceError(f"{source / name}: is missing; carry it again")
    for name in found:
        if name not in (ENTRIES, CHECKPOINT):
            raise _stray(source / name)
    _copy(source / ENTRIES, folder / ENTRIES, MAX_LOG)
    _copy(source / CHECKPOINT, folder / CHECKPOINT, MAX_NOTE)


def _copy_keys(source: Path, folder: Path) -> None:
    found = dict(_names(source))
    if not found or len(found) > MOST_KEYS:
        raise EvidenceError(f"{source}: holds {len(found)} keys; expected 1 to {MOST_KEYS}")
    for name in found:
        if not (name.endswith(".pem") and is_hash(name.removesuffix(".pem"))):
            raise _stray(source / name)
        _copy(source / name, folder / name, MAX_KEY_FILE)


def _copy_tallies(source: Path, folder: Path) -> tuple[str, ...]:
    digests = []
    for name in dict(_names(source)):
        digest = name.removesuffix(".json")
        if not (name.endswith(".json") and is_hash(digest)):
            raise _stray(source / name)
        _copy(source / name, folder / name, MAX_LINE - 1, mode=0o600)
        digests.append(digest)
    return tuple(sorted(digests))


def _names(folder: Path) -> Iterator[tuple[str, None]]:
    """The names in a folder, which is no link and holds none."""
    try:
        if folder.is_symlink():
            raise EvidenceError(f"{folder}: is a link; expected the folder itself")
        with os.scandir(folder) as found:
            for number, one in enumerate(found):
                if one.is_symlink():
                    raise EvidenceError(
                        f"{folder}: {one.name[:_SHOWN]!r} is a link; expected the file itself: "
                        "nothing is read through a link that came from another machine"
                    )
                if number >= MOST_FILES:
                    raise EvidenceError(f"{folder}: holds more than {MOST_FILES} files")
                yield one.name, None
    except OSError as error:
        raise EvidenceError(
            f"{folder}: {error.strerror or error}; expected a folder of what 'venturalitica carry' "
            "wrote"
        ) from error


def _stray(path: Path) -> EvidenceError:
    return EvidenceError(
        f"{path.parent}: {path.name[:_SHOWN]!r} is nothing that 'venturalitica carry' writes: "
        "somebody put it there; take it out, or carry it again"
    )


def _opened(path: Path) -> BinaryIO:
    try:
        return os.fdopen(open_plain(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")
    except OSError as error:
        raise EvidenceError(f"{path}: cannot be read: {error.strerror or error}") from error


def _too_large(path: Path, limit: int) -> EvidenceError:
    return EvidenceError(f"{path}: is larger than the {limit:,} bytes that are read of such a file")


def _bytes(path: Path, limit: int) -> bytes:
    with _opened(path) as stream:
        data = stream.read(limit + 1)
    if len(data) > limit:
        raise _too_large(path, limit)
    return data


def _copy(source: Path, to: Path, limit: int, *, mode: int = 0o644) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    done = 0
    descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    with os.fdopen(descriptor, "wb") as out, _opened(source) as stream:
        while chunk := stream.read(_CHUNK):
            done += len(chunk)
            if done > limit:
                raise _too_large(source, limit)
            out.write(chunk)
