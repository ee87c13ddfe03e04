"""`Ledger`: append a statement, read entries back, hand out bundles."""

from __future__ import annotations

import contextlib
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica.canonical import sha256_hex
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger.bundle import Bundle
from venturalitica.ledger.cache import CacheMissError, TreeCache, read_lines
from venturalitica.ledger.dsse import Envelope, sign_envelope, verify_signature
from venturalitica.ledger.encoding import MAX_LINE, parse_object
from venturalitica.ledger.keys import CHECKPOINTS, PublicKey, carried_keys, carry_keys
from venturalitica.ledger.link import Draft, Link
from venturalitica.ledger.log import Keeper, Log, Tail
from venturalitica.ledger.merkle import leaf_hash, verify_inclusion
from venturalitica.ledger.note import Checkpoint, NoteKey, open_checkpoint, sign_note
from venturalitica.ledger.signing import Signer

if TYPE_CHECKING:
    from venturalitica.ledger.index import Index
    from venturalitica.ledger.outbox import Outbox

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log.

    `envelope` is the line without its newline; `evidence_sha256` is its SHA-256 and names the
    record everywhere outside; `leaf_sha256` is its RFC 6962 leaf hash. `checkpoint` is the signed
    note that covered it when it was read or appended.
    """

    index: int
    leaf_sha256: str
    evidence_sha256: str
    envelope: bytes = field(repr=False)
    statement: dict[str, Any] = field(repr=False)
    checkpoint: str = field(repr=False)


class Ledger:
    """The evidence log of one folder, usually `.venturalitica`.

    Safe to use from threads, from several processes, and across `fork`: it keeps no file open and
    no state of the log between calls.
    """

    def __init__(
        self,
        home: Path,
        *,
        signer: Signer | None = None,
        checkpoint_signer: Signer | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.home = Path(home).absolute()
        self._signer = signer
        self._checkpoint_signer = checkpoint_signer
        self._clock = clock
        self._log = Log(self.home)

    @classmethod
    def open(
        cls,
        home: Path | str,
        *,
        signer: Signer | None = None,
        checkpoint_signer: Signer | None = None,
        create: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Ledger:
        """Open the ledger in `home`.

        With a `signer` it can be appended to: it is made if absent (and `create`), and what a
        killed writer left is settled. Without one it is only read.

        Raises:
            EvidenceError: absent and not to be made, or damaged.
            SigningKeyError: the signer cannot seal checkpoints and no `checkpoint_signer` is given.
        """
        if signer is not None and checkpoint_signer is None:
            checkpoint_signer = _derived(signer)
        ledger = cls(Path(home), signer=signer, checkpoint_signer=checkpoint_signer, clock=clock)
        if not ledger._log.exists() and (signer is None or not create):
            raise EvidenceError(
                f"{ledger.home}: no evidence log here; it begins with the first governed fit, "
                "enforce or 'venturalitica check'"
            )
        if signer is not None:
            ledger._settle()
        return ledger

    @property
    def size(self) -> int:
        """How many entries are sealed."""
        return self.head().size

    @property
    def checkpoint(self) -> str:
        """The signed checkpoint now: what a witness outside keeps."""
        return self._seal()[1].decode("utf-8")

    def head(self) -> Checkpoint:
        """Origin, size and root of the log; its signature has been verified.

        Raises:
            EvidenceError: the checkpoint is gone, altered, or by a key that is not carried here.
        """
        return self._seal()[0]

    def append(self, statement: Mapping[str, Any]) -> Entry:
        """Sign a statement and append it; returns once line and checkpoint are durable.

        `statement` is an in-toto Statement v1 as JSON types, without `predicate.log`, which is
        set here.

        Raises:
            EvidenceError: it cannot be written; the log is as it was.
        """
        signer, checkpoint_signer = self._signers()
        draft = Draft(statement)

        def make_line(tail: Tail) -> bytes:
            payload = draft.payload(self._link(tail, checkpoint_signer))
            return sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()

        try:
            carry_keys(self.home / "keys", (signer.public, checkpoint_signer.public))
            tail, line, seal = self._log.append(make_line, self._keeper())
        except OSError as error:
            raise EvidenceError(
                f"{self.home}: evidence could not be written: {error.strerror or error}. The log "
                "is as it was; free some space or set VENTURALITICA_HOME to a folder that can be "
                "written"
            ) from error
        return _entry(tail.size, line, seal.decode("utf-8"))

    def entry(self, index: int) -> Entry:
        """The entry at `index` (from 0), proven to be the one that the checkpoint seals.

        Raises:
            EvidenceError: there is none, or the log was altered.
        """
        checkpoint, seal, _ = self._seal()
        line, _ = self._proven_line(index, checkpoint)
        return _entry(index, line, seal.decode("utf-8"))

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The entries from `start` on, in order; each is held against the sealed tree.

        Raises (while read):
            EvidenceError: the log was altered.
        """
        checkpoint, seal, _ = self._seal()
        if start >= checkpoint.size:
            return
        note = seal.decode("utf-8")
        if start:
            self._proven_line(start, checkpoint)
        with self._log.fitting_cache(checkpoint) as cache:
            lines = read_lines(self._log.entries, checkpoint.size - start, start=cache.end(start))
            for index, line in enumerate(lines, start):
                self._check_leaf(cache, index, line, checkpoint)
                yield _entry(index, line, note)

    def bundle(self, index: int) -> bytes:
        """The entry with its inclusion proof, checkpoint and keys: verifiable alone, offline.

        Raises:
            EvidenceError: there is no such entry, or the log was altered.
        """
        checkpoint, seal, sealer = self._seal()
        line, proof = self._proven_line(index, checkpoint)
        carried = carried_keys(self.home / "keys")
        names = {item.keyid for item in Envelope.parse(line).signatures} | {sealer.keyid}
        missing = names - carried.keys()
        if missing:
            raise EvidenceError(f"{self.home / 'keys'}: {min(missing)}.pem is missing")
        keys = tuple(carried[name] for name in sorted(names))
        return Bundle(line, index, checkpoint.size, tuple(proof), seal, keys).to_json()

    @property
    def outbox(self) -> Outbox:
        """What trackers have not confirmed."""
        from venturalitica.ledger.outbox import Outbox

        return Outbox(self)

    def index(self, url: str | None = None) -> Index:
        """The projection for questions, caught up with the log; close it after use."""
        from venturalitica.ledger.index import Index

        return Index.open(self, url)

    def _proven_line(self, index: int, checkpoint: Checkpoint) -> tuple[bytes, list[bytes]]:
        if not 0 <= index < checkpoint.size:
            raise EvidenceError(
                f"{self.home}: no entry {index}; the log has {checkpoint.size}, counted from 0"
            )
        with self._log.fitting_cache(checkpoint) as cache:
            try:
                return self._line_and_proof(cache, index, checkpoint)
            except (EvidenceError, CacheMissError):
                cache.rebuild(self._log.entries, checkpoint)
            return self._line_and_proof(cache, index, checkpoint)

    def _check_leaf(
        self, cache: TreeCache, index: int, line: bytes, checkpoint: Checkpoint
    ) -> None:
        tree = cache.tree(checkpoint.size)
        if tree.leaf(index) != leaf_hash(line):
            # The cache or the log: rebuilding tells, since it holds the log against its root.
            cache.rebuild(self._log.entries, checkpoint)
            if tree.leaf(index) != leaf_hash(line):
                raise _altered(self._log.entries, index)

    def _line_and_proof(
        self, cache: TreeCache, index: int, checkpoint: Checkpoint
    ) -> tuple[bytes, list[bytes]]:
        (line,) = read_lines(self._log.entries, 1, start=cache.end(index))
        proof = cache.tree(checkpoint.size).inclusion(index)
        if not verify_inclusion(
            leaf=leaf_hash(line),
            index=index,
            size=checkpoint.size,
            proof=proof,
            root=checkpoint.root,
        ):
            raise _altered(self._log.entries, index)
        return line, proof

    def _seal(self) -> tuple[Checkpoint, bytes, PublicKey]:
        try:
            seal = self._log.seal_bytes()
        except OSError as error:
            raise EvidenceError(
                f"{self._log.checkpoint}: cannot be read: {error.strerror or error}"
            ) from error
        if seal is None:
            raise EvidenceError(
                f"{self._log.checkpoint}: no checkpoint here; there is no evidence log in this "
                "folder, or its checkpoint was removed"
            )
        checkpoint, key = self._read_seal(seal)
        return checkpoint, seal, key

    def _read_seal(self, seal: bytes) -> tuple[Checkpoint, PublicKey]:
        try:
            if self._checkpoint_signer is not None:
                # Nearly always our own key: no need to read the folder of keys.
                with contextlib.suppress(EvidenceError):
                    return _opened(seal, [self._checkpoint_signer.public])
            return _opened(seal, carried_keys(self.home / "keys").values())
        except EvidenceError as error:
            raise EvidenceError(f"{self._log.checkpoint}: {error}") from error

    def _settle(self) -> None:
        try:
            self._log.settle(self._keeper())
        except OSError as error:
            raise EvidenceError(
                f"{self.home}: the evidence log cannot be opened for writing: "
                f"{error.strerror or error}. Set VENTURALITICA_HOME to a folder that can be written"
            ) from error

    def _keeper(self) -> Keeper:
        signer, checkpoint_signer = self._signers()

        def seal(checkpoint: Checkpoint) -> bytes:
            carry_keys(self.home / "keys", (signer.public, checkpoint_signer.public))
            key = NoteKey(checkpoint.origin, checkpoint_signer.public.raw_ed25519())
            return sign_note(checkpoint.text(), key, checkpoint_signer.sign).encode()

        def owns(line: bytes) -> bool:
            return Link.of(_statement(line)).checkpoint_key == checkpoint_signer.keyid

        return Keeper(
            new_origin=lambda: f"venturalitica/log/{uuid.uuid4().hex}",
            seal=seal,
            read_seal=lambda data: self._read_seal(data)[0],
            admit=self._admit,
            owns=owns,
        )

    def _admit(self, line: bytes, tail: Tail) -> None:
        """Raise unless an unsealed line is one of this log's own, in its place."""
        try:
            _check_signatures(line, carried_keys(self.home / "keys"))
            link = Link.of(_statement(line))
            previous = tail.previous.hex() if tail.previous else None
            if (link.origin, link.index, link.previous) != (tail.origin, tail.size, previous):
                raise EvidenceError("it belongs at another place")
        except EvidenceError as error:
            raise EvidenceError(
                f"{self._log.entries}: line {tail.size + 1} was added after the last checkpoint "
                f"and is not ours: {error}. Keep a copy of the file and cut it to {tail.end} bytes"
            ) from error

    def _link(self, tail: Tail, checkpoint_signer: Signer) -> Link:
        return Link(
            origin=tail.origin,
            index=tail.size,
            previous=tail.previous.hex() if tail.previous else None,
            appended_at=self._clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            checkpoint_key=checkpoint_signer.keyid,
        )

    def _signers(self) -> tuple[Signer, Signer]:
        if self._signer is None or self._checkpoint_signer is None:
            raise SigningKeyError(f"{self.home}: the ledger was opened without a signing key")
        return self._signer, self._checkpoint_signer


def _opened(seal: bytes, keys: Iterable[PublicKey]) -> tuple[Checkpoint, PublicKey]:
    publics = {key.raw_ed25519(): key for key in keys if key.algorithm == CHECKPOINTS}
    checkpoint, public = open_checkpoint(seal, publics)
    return checkpoint, publics[public]


def _derived(signer: Signer) -> Signer:
    derive = getattr(signer, "checkpoint_signer", None)
    if derive is None:
        raise SigningKeyError(
            f"{type(signer).__name__} cannot seal checkpoints; "
            "give Ledger.open a checkpoint_signer (Ed25519) as well"
        )
    found: Signer = derive()
    return found


def _check_signatures(line: bytes, keys: Mapping[str, PublicKey]) -> None:
    envelope = Envelope.parse(line, what="the line")
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None or not verify_signature(key.ecdsa(), signature.sig, envelope.signed_bytes()):
            raise EvidenceError("no key of this log signed it")


def _statement(line: bytes) -> dict[str, Any]:
    payload = Envelope.parse(line, what="the line").payload
    return parse_object(payload, what="the statement", limit=MAX_LINE)


def _entry(index: int, line: bytes, checkpoint: str) -> Entry:
    return Entry(index, leaf_hash(line).hex(), sha256_hex(line), line, _statement(line), checkpoint)


def _altered(entries: Path, index: int) -> EvidenceError:
    return EvidenceError(
        f"{entries}: entry {index} is not the one that the checkpoint seals; the log was altered. "
        "Run 'venturalitica verify' to see what changed"
    )
