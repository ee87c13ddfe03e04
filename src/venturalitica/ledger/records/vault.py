"""The vault: what may be personal, kept beside the log so that it can be erased.

A person's name or comment, and the tally of an audit: its small cells may speak of one person.

A record holds only `{"vault": SHA-256(salt || value)}`. The pair is a file of its own,
`vault/<that digest>.json`:

    {"format": "venturalitica/vault/v1", "salt": 32 random bytes in base64, "value": the text}

The salt is what makes erasing final: a name could be guessed from its bare digest, a salted one
cannot once the salt is gone. The record, its signature and the tree never change by it.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import (
    MAX_LINE,
    VAULT,
    canonical_json,
    decode_base64,
    encode_base64,
    is_hash,
    is_reference,
    parse_object,
)
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.system.files import open_plain, sync_folder, write_durably, write_new

FORMAT = "venturalitica/vault/v1"
SALT = 32
MAX_TEXT = 64 * 1024
"""Longest text of a person, in bytes of UTF-8: a name or a comment, not a document."""
MAX_VALUE = MAX_LINE // 2
"""Longest value of any kind, in bytes of UTF-8: a tally, which in JSON takes some more."""

KEY = "log.key"
"""The file of the log's own secret, beside the pairs; it is never published."""

HOUR = 3600.0
_FIELDS = {"format", "salt", "value"}


class Pair(Concise, frozen=True):
    """A value and its salt, ready to be kept: `data` is the file, `digest` its name."""

    unsaid = frozenset({"data"})

    digest: str
    data: bytes

    @classmethod
    def of(cls, value: str, *, limit: int = MAX_VALUE) -> Pair:
        """Seal a value with a new salt: what is equal cannot be told from records.

        Raises:
            EvidenceError: it is longer than `limit` bytes, or no Unicode text.
        """
        data, salt = _encoded(value, what="the value", limit=limit), secrets.token_bytes(SALT)
        pair = {"format": FORMAT, "salt": encode_base64(salt), "value": value}
        return cls(hashlib.sha256(salt + data).hexdigest(), canonical_json(pair))

    @property
    def reference(self) -> dict[str, str]:
        """What to put into the record."""
        return {VAULT: self.digest}


class Vault:
    """The vault of the ledger in `home`; it is made when the first value is sealed."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "vault"

    @contextlib.contextmanager
    def keeping(self, pairs: Sequence[Pair]) -> Iterator[None]:
        """Pairs are there before the record that refers to them, which is written inside."""
        for pair in pairs:
            self.keep(pair)
        try:
            yield
        except SigningKeyError:
            # Nothing was signed, so nothing can refer to them. After other faults something may.
            for pair in pairs:
                self.erase(pair.digest)
            raise

    def keep(self, pair: Pair) -> dict[str, str]:
        """Write a pair, durably: before the record that refers to it. Gives the reference.

        Raises:
            EvidenceError: it cannot be written.
        """
        try:
            self._make()
            write_durably(self.path(pair.digest), pair.data, mode=0o600)
        except OSError as error:
            raise EvidenceError(
                f"{self.folder}: what a record keeps there could not be written: "
                f"{error.strerror or error}. Nothing was recorded; free some space or set "
                "VENTURALITICA_HOME to a folder that can be written"
            ) from error
        return pair.reference

    def open(self, reference: Mapping[str, Any]) -> str | None:
        """The value of a reference, or None where it was erased, or was never here.

        Raises:
            EvidenceError: the pair is not the one that was sealed, or cannot be read.
        """
        digest = digest_of(reference)
        data = self._read(digest)
        return None if data is None else opened(data, digest, str(self.path(digest)))

    def pair(self, digest: str) -> bytes | None:
        """The file of a pair, salt and all, for who may have both; None where it is not here.

        Raises:
            EvidenceError: the pair is not the one that was sealed, or cannot be read.
        """
        data = self._read(digest)
        if data is not None:
            opened(data, digest, str(self.path(digest)))
        return data

    def holds(self, digest: str) -> bool:
        """Whether anything lies in the place of a pair."""
        return os.path.lexists(self.path(digest))

    def digests(self) -> set[str]:
        """What the vault holds: a value is kept before its record, which then may not be written.

        Raises:
            EvidenceError: the folder cannot be read.
        """
        try:
            return {path.stem for path in self.folder.iterdir() if is_hash(path.stem)}
        except FileNotFoundError:
            return set()
        except OSError as error:
            raise EvidenceError(f"{self.folder}: {error.strerror or error}") from error

    def erase(self, digest: str) -> bool:
        """Delete one pair for good; False where it was gone already.

        Raises:
            EvidenceError: it could not be deleted.
        """
        try:
            self.path(digest).unlink()
        except FileNotFoundError:
            return False
        except OSError as error:
            raise EvidenceError(
                f"{self.path(digest)}: could not be deleted: {error.strerror or error}"
            ) from error
        return True

    def sweep(self) -> None:
        """Remove what writers that were killed left half sealed: it may hold a value, too.

        A file of the last hour may be one that another writer is about to give its name.
        """
        with contextlib.suppress(OSError):
            for path in self.folder.glob(".*.json.*"):
                if path.lstat().st_mtime < time.time() - HOUR:
                    path.unlink()

    def settle(self) -> None:
        """Make what was deleted stay deleted, a power cut or not."""
        with contextlib.suppress(FileNotFoundError):
            sync_folder(self.folder)

    def path(self, digest: str) -> Path:
        """Where a pair lies."""
        if not is_hash(digest):
            raise EvidenceError(f"{str(digest)[:80]!r} names nothing in a vault: expected SHA-256")
        return self.folder / f"{digest}.json"

    def key(self) -> bytes:
        """The log's own secret, 32 random bytes; it is made when it is first asked for.

        Digests of data are recorded under it (HMAC, RFC 2104): a bare one of a few rows can be
        found by trying. An auditor who is to compare data with records gets it by hand.

        Raises:
            EvidenceError: it cannot be read or made, or is none.
        """
        place = self.folder / KEY
        try:
            if not place.exists():
                self._make()
                self._make_key(place)
            with os.fdopen(open_plain(place, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                said = stream.read(1024)
        except OSError as error:
            raise EvidenceError(f"{place}: {error.strerror or error}") from error
        found = decode_base64(said.decode("ascii", "replace").strip(), what=str(place))
        if len(found) != SALT:
            raise EvidenceError(f"{place}: holds {len(found)} bytes; expected {SALT} in base64")
        return found

    def _make_key(self, place: Path) -> None:
        drawn = place.with_name(f".{KEY}.{secrets.token_hex(8)}")
        write_new(drawn, encode_base64(secrets.token_bytes(SALT)).encode() + b"\n", mode=0o600)
        try:
            # One writer wins; the others read what it wrote.
            os.link(drawn, place)
        except FileExistsError:
            return
        finally:
            drawn.unlink()
        sync_folder(self.folder)

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = self.folder / ".gitignore"
        if not ignore.exists():
            # What git has seen once can no longer be erased.
            write_durably(ignore, b"*\n")
            sync_folder(self.folder.parent)

    def _read(self, digest: str) -> bytes | None:
        path = self.path(digest)
        try:
            # A link would be read here, and only the link would be erased later.
            with os.fdopen(open_plain(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as stream:
                return stream.read(MAX_LINE)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise EvidenceError(f"{path}: cannot be read: {error.strerror or error}") from error


def key_in(home: Path) -> bytes | None:
    """The own secret of the log in `home`, where it is here and can be read; it is not made."""
    vault = Vault(home)
    if not (vault.folder / KEY).is_file():
        return None
    with contextlib.suppress(EvidenceError):
        return vault.key()
    return None


def digest_of(reference: Mapping[str, Any]) -> str:
    """The digest that a reference holds.

    Raises:
        EvidenceError: it is no reference.
    """
    if not is_reference(reference):
        raise EvidenceError('not a reference to the vault: expected {"vault": SHA-256}')
    return str(reference[VAULT])


def references(value: Any) -> Iterator[str]:
    """The digests of all references in a JSON value, in the order in which they stand."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if is_reference(item):
            yield str(item[VAULT])
        elif isinstance(item, Mapping):
            waiting.extend(reversed(list(item.values())))
        elif isinstance(item, list | tuple):
            waiting.extend(reversed(item))


def _encoded(value: str, *, what: str, limit: int = MAX_VALUE) -> bytes:
    try:
        data = value.encode("utf-8")
    except UnicodeEncodeError:
        raise EvidenceError(f"{what} is not Unicode text (a lone surrogate)") from None
    if len(data) > limit:
        raise EvidenceError(f"{what} is {len(data)} bytes long; the vault holds {limit}")
    return data


def opened(data: bytes, digest: str, path: str) -> str:
    """The value of a pair's file, wherever it lies; `path` names it.

    Raises:
        EvidenceError: it is not the one that was sealed.
    """
    found, value = sealed(data, path)
    if found != digest:
        raise EvidenceError(f"{path}: its value is not the one that the record was signed with")
    return value


def sealed(data: bytes, path: str) -> tuple[str, str]:
    """The digest that a pair's file is sealed under, and its value; `path` names it.

    Raises:
        EvidenceError: it is no pair.
    """
    pair = parse_object(data, what=path, limit=MAX_LINE - 1)
    value = pair.get("value")
    if pair.keys() != _FIELDS or pair["format"] != FORMAT or not isinstance(value, str):
        raise EvidenceError(f"{path}: not a pair of the vault ({FORMAT})")
    salt = decode_base64(pair["salt"], what=f"{path}: its salt")
    encoded = _encoded(value, what=f"{path}: its value")
    if len(salt) != SALT:
        raise EvidenceError(f"{path}: its value is not the one that the record was signed with")
    return hashlib.sha256(salt + encoded).hexdigest(), value
