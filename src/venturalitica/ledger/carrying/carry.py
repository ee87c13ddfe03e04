"""Carrying: a log's new records and their tallies, in a folder that another machine takes in.

    OUT/carried.json          format, which log, from which entry on
    OUT/log/entries.jsonl     the lines from there on, byte for byte
    OUT/log/checkpoint        which log, how many lines in all, which root: signed by its key
    OUT/keys/<id>.pem         the public keys that signed something there
    OUT/tallies/<digest>.json the tallies of these records, apart from them: each can be deleted

What else the vault holds (names, comments, bare digests of data, the log's own secret) stays where
it is. Nothing is signed for it: the log's own signatures cover each line and the whole.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from venturalitica.core.encoding import canonical_json
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import (
    MAX_NOTE,
    Checkpoint,
    parse_note,
)
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.public_key import carried_keys, carry_keys
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.log.log_files import LogFiles, ProvenLines
from venturalitica.ledger.records.vault import Vault
from venturalitica.system.files import reading, sync_folder, write_new

FORMAT = "venturalitica/carried/v1"
MANIFEST, LOG, KEYS, TALLIES = "carried.json", "log", "keys", "tallies"
ENTRIES, CHECKPOINT = "entries.jsonl", "checkpoint"

Progress = Callable[[int, int], None]


class Parcel(Struct, frozen=True, kw_only=True):
    """What was written: entries `start` to `size` of a log, and of how many tallies there were.

    `left` are tallies that the vault does not hold any more.
    """

    folder: Path
    origin: str
    start: int
    size: int
    root: str
    tallies: int
    left: int


def carry(home: Path, out: Path, *, since: str = "", progress: Progress | None = None) -> Parcel:
    """Write what a log has since an earlier checkpoint into the new folder `out`.

    The folder is there whole or not at all.

    Args:
        home: the ledger's folder.
        since: a checkpoint of this log (its file, or a folder carried before), or how many entries
            were carried before; empty for all that there is.
        progress: called with (entries done, entries in all).

    Raises:
        EvidenceError: there is no log, it was altered, `since` is no part of it, or `out` is there.
    """
    ledger = Ledger.open(home)
    out = Path(out).absolute()
    if os.path.lexists(out) and not (
        out.is_dir() and not out.is_symlink() and not any(out.iterdir())
    ):
        raise EvidenceError(
            f"{out}: is there already, and what lies there would not be told from what is "
            "carried; give the name of a new or empty folder"
        )
    seal = ledger.checkpoint.encode("utf-8")
    head = Checkpoint.parse(parse_note(seal).text)
    start = _start(ledger, since, head) if since else 0
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for folder in (temporary, *(temporary / name for name in (LOG, KEYS, TALLIES))):
            folder.mkdir()
        tallies, left = _write(ledger.home, temporary, start, head, progress)
        write_new(temporary / LOG / CHECKPOINT, seal, mode=0o644)
        carry_keys(temporary / KEYS, carried_keys(ledger.home / "keys").values())
        said = {"format": FORMAT, "origin": head.origin, "start": start, "size": head.size}
        write_new(temporary / MANIFEST, canonical_json(said) + b"\n", mode=0o644)
        for folder in (temporary / LOG, temporary / KEYS, temporary / TALLIES, temporary):
            sync_folder(folder)
        temporary.rename(out)
        sync_folder(out.parent)
    except OSError as error:
        raise EvidenceError(f"{out}: could not be written: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(temporary)
    return Parcel(
        folder=out,
        origin=head.origin,
        start=start,
        size=head.size,
        root=head.root.hex(),
        tallies=tallies,
        left=left,
    )


def _start(ledger: Ledger, since: str, head: Checkpoint) -> int:
    """The first entry that an earlier checkpoint does not seal."""
    if since.isascii() and since.isdecimal() and len(since) < 16:
        start = int(since)
        if start > head.size:
            raise EvidenceError(
                f"--since {start}: this log has {head.size} entries; it is another one, or was cut"
            )
        return start
    path = Path(since)
    path = path / LOG / CHECKPOINT if path.is_dir() else path
    try:
        with reading(path) as stream:
            seen = Checkpoint.parse(parse_note(stream.read(MAX_NOTE + 1)).text)
    except OSError as error:
        raise EvidenceError(
            f"--since {since}: {error.strerror or error}; expected a checkpoint of this log, a "
            "folder that was carried before, or a number of entries"
        ) from error
    except EvidenceError as error:
        raise EvidenceError(f"--since {path}: {error}") from error
    if seen.origin != head.origin:
        raise EvidenceError(
            f"--since {path}: it is a checkpoint of the log {seen.origin[:80]!r}, this is "
            f"{head.origin!r}: leave it out to carry all that there is"
        )
    files = LogFiles(ledger.home)
    with files.fitting_cache(head) as cache:
        if seen.size > head.size or cache.tree(seen.size).root() != seen.root:
            raise EvidenceError(
                f"--since {path}: this log of {head.size} entries did not grow out of the "
                f"{seen.size} that it seals: another copy of the log was written on; run "
                "'venturalitica verify'"
            )
    return seen.size


def _write(
    home: Path, folder: Path, start: int, head: Checkpoint, progress: Progress | None
) -> tuple[int, int]:
    """Write lines and tallies; gives how many tallies, and how many are not in the vault."""
    vault, tallies, left = Vault(home), 0, 0
    with (folder / LOG / ENTRIES).open("xb") as stream:
        for part in ProvenLines(LogFiles(home)).parts(start, head):
            stream.write(part.line + b"\n")
            digest = "" if part.head else statement_of(part.line).tally_kept
            pair = vault.pair(digest) if digest else None
            if pair is not None and not (folder / TALLIES / f"{digest}.json").exists():
                write_new(folder / TALLIES / f"{digest}.json", pair, mode=0o600)
            tallies += pair is not None
            left += bool(digest) and pair is None
            if progress is not None:
                progress(part.index + part.count - start, head.size - start)
        stream.flush()
        os.fsync(stream.fileno())
    return tallies, left
