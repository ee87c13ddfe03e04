"""The inbox: where writers agree on each next entry, on a file system that has no locks.

`inbox/<index>.<turn>.json` holds one signed line, made for that place in the log. It appears whole
or not at all (temporary file, fsync, `link`), and `link` lets exactly one writer have a name: so
which line is entry 7 is decided once, for all, whichever machines they are on. What follows (the
line at its offset of the log, the checkpoint) any writer can then do, or do again, with the same
bytes. Nobody holds anything, so nobody has to find out whether a holder has died.

A file that is no line of this log for that place decides nothing: it is said, left where it is, and
the next turn (`7.1.json`) decides. Decided lines are kept for a day after they are sealed, for
writers that stood still meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from venturalitica.core.encoding import MAX_LINE
from venturalitica.core.record import Statement
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import Envelope, verify_signature
from venturalitica.ledger.formats.public_key import PublicKey, short
from venturalitica.ledger.log.tail import NotOursError
from venturalitica.system.files import open_plain, sync_folder, write_new

log = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 3600
"""How long a decided line stays after it was sealed, by the file system's own clock."""

MAX_TURNS = 64
_NAME = re.compile(r"(\d{1,15})\.(\d{1,2})\.json")
# FAT answers EPERM, FUSE mounts ENOSYS, EOPNOTSUPP or EMLINK: one name for a file is all they have.
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV)


class Decision(Struct, frozen=True):
    """What the inbox says of one place: the line that has it, or None, and the next free turn."""

    line: bytes | None
    turn: int


class Inbox:
    """The inbox of a ledger's folder; where the folder `inbox` exists, every writer uses it."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "inbox"

    def make(self) -> None:
        """From now on all writers of this log agree by the inbox."""
        self.folder.mkdir(parents=True, exist_ok=True)
        sync_folder(self.folder.parent)

    def path(self, index: int, turn: int) -> Path:
        """The file of one turn for one place."""
        return self.folder / f"{index:012d}.{turn}.json"

    def decision(self, index: int, admit: Callable[[bytes], None]) -> Decision:
        """Which line is entry `index`; `admit` raises `NotOursError` for one that cannot be.

        Raises:
            OSError: a file cannot be read, so that it is not known.
            EvidenceError: every turn is taken by files that are not ours.
        """
        for turn in range(MAX_TURNS):
            path = self.path(index, turn)
            try:
                line = _line_in(path)
                admit(line)
            except FileNotFoundError:
                return Decision(None, turn)
            except NotOursError as error:
                log.warning("%s is not ours and is left alone: %s", path, error)
            else:
                return Decision(line, turn)
        raise EvidenceError(
            f"{self.folder}: {MAX_TURNS} files claim to be entry {index} and none is; somebody "
            "else writes there. Move them away, and run 'venturalitica verify'"
        )

    def claim(self, index: int, turn: int, line: bytes) -> bool:
        """Try to make `line` entry `index`; False where another writer was quicker.

        Raises:
            OSError: the disk is full, read-only or failing.
            EvidenceError: the file system has no hard links either.
        """
        path = self.path(index, turn)
        temporary = self.folder / f".{secrets.token_hex(8)}"
        try:
            write_new(temporary, line + b"\n", mode=0o644)
            with contextlib.suppress(FileExistsError):
                _link(temporary, path)
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()
        # A network file system may make the link, lose the answer, ask again and be told that the
        # name is taken: what stands there tells, not the answer.
        if not self.holds(index, turn, line):
            return False
        sync_folder(self.folder)  # or a power cut could undo what the caller is told is decided
        return True

    def holds(self, index: int, turn: int, line: bytes) -> bool:
        """Whether a turn is this very line's."""
        try:
            return _line_in(self.path(index, turn)) == line
        except (FileNotFoundError, NotOursError):
            return False

    def withdraw(self, index: int, turn: int) -> None:
        """Take a claim back, for a place that the log has long filled."""
        self.path(index, turn).unlink(missing_ok=True)

    def waiting(self, size: int) -> list[Path]:
        """The files for places at and after `size`: not yet in the log, or not yet sealed."""
        return [path for index, path in self._claims() if index >= size]

    def strangers(self) -> list[Path]:
        """What lies here and is no claim by its name."""
        claims = {path for _, path in self._claims()}
        return [
            path
            for path in self._files()
            if path not in claims and not re.fullmatch(r"\.[0-9a-f]{16}", path.name)
        ]

    def tidy(self, size: int) -> None:
        """Remove what was sealed a day before the newest file, and what killed writers left."""
        with contextlib.suppress(OSError):
            sealed = {path for index, path in self._claims() if index < size}
            ages = {path: path.lstat().st_mtime for path in self._files()}
            # Files against files: this machine's clock and the server's may be hours apart.
            limit = max(ages.values(), default=0.0) - KEPT_SECONDS
            for path, changed in ages.items():
                if changed < limit and (path in sealed or path.name.startswith(".")):
                    path.unlink(missing_ok=True)

    def _claims(self) -> Iterator[tuple[int, Path]]:
        for path in self._files():
            named = _NAME.fullmatch(path.name)
            if named is not None:
                yield int(named[1]), path

    def _files(self) -> list[Path]:
        try:
            return sorted(self.folder.iterdir())
        except (FileNotFoundError, NotADirectoryError):
            return []


def _line_in(path: Path) -> bytes:
    """The line that a file of the inbox holds.

    Raises:
        NotOursError: it is a link, a pipe, too long, or not one line; nothing of it was obeyed.
        FileNotFoundError, OSError: it is absent, or cannot be read.
    """
    try:
        # A link laid here by others would have any file of this machine read into the log.
        descriptor = open_plain(path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ELOOP, errno.EISDIR, errno.ENXIO):
            raise NotOursError("it is not a regular file") from error
        raise
    with os.fdopen(descriptor, "rb") as stream:
        if os.fstat(descriptor).st_size > MAX_LINE + 1:
            raise NotOursError(f"it is longer than {MAX_LINE} bytes")
        data = stream.read(MAX_LINE + 2)
    # Two lines would enter the log under one claim, the second for a place nobody decided.
    if data.count(b"\n") != 1 or not data.endswith(b"\n"):
        raise NotOursError("it is not one line")
    return data[:-1]


def read_claim(path: Path) -> tuple[int, bytes]:
    """The place that a file claims, and its line; for readers, who obey nothing of it.

    Raises:
        NotOursError: it is not a file that a writer of ours leaves.
        OSError: it is gone, or cannot be read.
    """
    named = _NAME.fullmatch(path.name)
    if named is None:
        raise NotOursError("its name is not one of ours")
    return int(named[1]), _line_in(path)


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if error.errno in _NO_LINKS:
            raise EvidenceError(
                f"{path.parent}: this file system has neither locks nor hard links "
                f"({error.strerror}); set VENTURALITICA_HOME to a folder on a local disk"
            ) from error
        raise


def inbox_step(inbox: Inbox, size: int, keys: Mapping[str, PublicKey]) -> Step | None:
    """The step `inbox` over a log of `size` sealed entries; None where there is no inbox."""
    if not inbox.folder.is_dir():
        return None
    waiting, odd = 0, [(path, "its name is not one of ours") for path in inbox.strangers()]
    for path in inbox.waiting(size):
        try:
            _check(path, keys)
            waiting += 1
        except FileNotFoundError:
            continue  # withdrawn while we looked
        except OSError as error:
            odd.append((path, f"it cannot be read: {error.strerror}"))
        except EvidenceError as error:
            odd.append((path, str(error)))
    return _told(waiting, odd)


def decided(inbox: Inbox, index: int, found: bytes, keys: Mapping[str, PublicKey]) -> bool:
    """Whether bytes behind the sealed entries are the lines, or the beginning of the lines, that
    the inbox has decided for the places from `index` on."""
    while found:
        line = _decision(inbox, index, keys)
        if line is None:
            return False
        piece = line + b"\n"
        if not piece.startswith(found[: len(piece)]):
            return False
        found, index = found[len(piece) :], index + 1
    return True


def _decision(inbox: Inbox, index: int, keys: Mapping[str, PublicKey]) -> bytes | None:
    for turn in range(MAX_TURNS):
        try:
            return _check(inbox.path(index, turn), keys)
        except OSError:
            return None
        except EvidenceError:
            continue
    return None


def _told(waiting: int, odd: list[tuple[Path, str]]) -> Step:
    parts = []
    if waiting:
        subject = "1 statement waits" if waiting == 1 else f"{waiting} statements wait"
        parts.append(f"{subject} there; the next writer or 'venturalitica sync' takes it in")
    if odd:
        path, reason = odd[0]
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        parts.append(f"{path.name!r}{more} is not ours and is left alone: {reason}")
    if parts:
        return Step("inbox", None, "not checked: " + "; ".join(parts))
    return Step("inbox", True, "nothing waits there")


def _check(path: Path, keys: Mapping[str, PublicKey]) -> bytes:
    """The line of a file, which is a record for the place it claims, signed by keys of this log."""
    index, line = read_claim(path)
    envelope = Envelope.parse(line, what="it")
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None:
            raise NotOursError(f"its key {short(signature.keyid)!r} is not among the keys here")
        if not verify_signature(key.ecdsa(), signature.sig, envelope.signed_bytes()):
            raise NotOursError("its signature does not verify")
    # A sealed line of this log, copied under another name, would be taken in a second time.
    if Statement.read(envelope.payload).link.index != index:
        raise NotOursError("it was signed for another place")
    return line
