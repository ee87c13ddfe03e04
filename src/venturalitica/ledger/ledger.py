"""`Ledger`: append a statement, read entries back, hand out bundles."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from venturalitica.core.link import Link
from venturalitica.core.record import ROTATION
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError, SigningKeyError
from venturalitica.ledger.formats.bundle import Bundle, Proven
from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, open_checkpoint, sign_note
from venturalitica.ledger.formats.dsse import (
    Envelope,
    sign_envelope,
    signed_by,
    signers_of,
    statement_of,
)
from venturalitica.ledger.formats.public_key import (
    CHECKPOINTS,
    RECORDS,
    PublicKey,
    carried_keys,
    carry_keys,
    wrong_sealer,
)
from venturalitica.ledger.log.append import Log
from venturalitica.ledger.log.key_history import (
    announce,
    check_unsealed,
    lineage_of,
    refuse_retired,
)
from venturalitica.ledger.log.log_files import ProvenLines
from venturalitica.ledger.log.proven_again import ProvenPlaces
from venturalitica.ledger.log.tail import Keeper, NotOursError, Tail, UnconfirmedError
from venturalitica.ledger.records.placement import Draft, Entry, entry_of
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.ledger.signing.signer import Signer, derived

_NAMED: set[tuple[Path, bytes]] = set()
"""The checkpoint whose last record was found to name its key: bytes, of which that stays true."""


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
        self._proven = ProvenLines(self._log)

    @classmethod
    def open(
        cls,
        home: Path | str,
        *,
        signer: Signer | None = None,
        checkpoint_signer: Signer | None = None,
        create: bool = True,
        settle: bool = True,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Ledger:
        """Open the ledger in `home`.

        With a `signer` it can be appended to: it is made if absent (and `create`), and what a
        killed writer left is settled (not `settle`: by the append that follows).

        Raises:
            EvidenceError: absent and not to be made, or damaged.
            SigningKeyError: the signer cannot seal checkpoints and no `checkpoint_signer` is given.
        """
        if signer is not None and checkpoint_signer is None:
            checkpoint_signer = derived(signer)
        ledger = cls(Path(home), signer=signer, checkpoint_signer=checkpoint_signer, clock=clock)
        if not ledger._asked(ledger._log.exists) and (signer is None or not create):
            raise EvidenceError(
                f"{ledger.home}: no evidence log here; it begins with the first governed fit, "
                "enforce or 'venturalitica check'"
            )
        if signer is not None and (settle or not ledger._log.checkpoint.exists()):
            ledger._settle()  # without a checkpoint, another process may be making it now
        return ledger

    @property
    def size(self) -> int:
        """How many entries are sealed."""
        return self.head().size

    @property
    def signer_id(self) -> str:
        """Id of the key that signs here.

        Raises:
            SigningKeyError: the ledger was opened without one.
        """
        return self._signers()[0].keyid

    @property
    def checkpoint(self) -> str:
        """The signed checkpoint now: what a witness outside keeps."""
        return self._seal()[1].decode("utf-8")

    def head(self) -> Checkpoint:
        """Origin, size and root of the log, as signed by the key that its last record names.

        Raises:
            EvidenceError: the checkpoint is gone, altered, or by another key.
        """
        return self._seal()[0]

    def append(
        self,
        statement: Mapping[str, Any],
        *,
        cosigners: Sequence[Signer] = (),
        pairs: Sequence[Pair] = (),
        late: Callable[[Tail], Mapping[str, Any]] | None = None,
    ) -> Entry:
        """Sign a statement and append it; returns once line and checkpoint are durable.

        `statement` is an in-toto Statement v1 as JSON types, without `predicate.log`, which is
        set here. `cosigners` sign the same bytes besides the ledger's own signer. Where that one
        followed a retired key of the same user, the log is told first (`key_history`). `pairs`, to
        which the statement refers, are in the vault before it is in the log. `late` gives what the
        predicate says besides, when its place is known: nobody else appends until it is there.

        Raises:
            RetiredKeyError: the log has retired one of the keys.
            EvidenceWaiting: there are no locks here, and it waits in the inbox (`lockless`).
            EvidenceError: it cannot be written; the log is as it was.
        """
        signer, checkpoint_signer = self._signers()
        draft = Draft(statement)

        def make_line(tail: Tail) -> bytes:
            signers = (signer, *cosigners)
            refuse_retired(self._log.entries, [item.keyid for item in signers], tail.end)
            payload = draft.payload(self._link(tail, checkpoint_signer), late and late(tail))
            others = [(item.keyid, item.sign) for item in cosigners]
            envelope = sign_envelope(
                payload, keyid=signer.keyid, sign=signer.sign, cosigners=others
            )
            return envelope.to_json()

        new_key = False
        try:
            if draft.predicate_type != ROTATION:
                new_key = announce(self.append, self._log.entries, signer)
            publics = [item.public for item in (signer, checkpoint_signer, *cosigners)]
            carry_keys(self.home / "keys", publics)
            with Vault(self.home).keeping(pairs):
                tail, line, seal = self._log.append(make_line, self._keeper())
        except UnconfirmedError as error:
            raise EvidenceError(
                f"{self.home}: the disk failed while evidence was written, and does not say how "
                f"much of it stands: {error.strerror or error}. The next writer completes or drops "
                "it; see to the disk, and run 'venturalitica verify'"
            ) from error
        except OSError as error:
            raise EvidenceError(
                f"{self.home}: evidence could not be written: {error.strerror or error}. The log "
                "is as it was; free some space or set VENTURALITICA_HOME to a folder that can be "
                "written"
            ) from error
        return entry_of(tail.size, line, seal.decode("utf-8"), new_key=new_key)

    def entry(self, index: int) -> Entry:
        """The entry at `index` (from 0), proven to be the one that the checkpoint seals.

        Raises:
            EvidenceError: there is none, or the log was altered.
            EntryPruned: its retention had passed and it was pruned.
        """
        checkpoint, seal, _ = self._seal()
        line, _ = self._proven.line(index, checkpoint)
        return entry_of(index, line, seal.decode("utf-8"))

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """The entries from `start` on, in order; each is held against the sealed tree.

        Pruned ones are passed over.

        Raises (while read):
            EvidenceError: the log was altered.
        """
        checkpoint, seal, _ = self._seal()
        note = seal.decode("utf-8")
        for index, line in self._proven.lines(start, checkpoint):
            yield entry_of(index, line, note)

    def lines(self, start: int = 0) -> Iterator[tuple[int, bytes]]:
        """Index and envelope of what `entries` gives, for who reads them in another way."""
        yield from self._proven.lines(start, self.head())

    def chosen(
        self, indexes: Iterable[int], places: ProvenPlaces | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Index and envelope of some entries, held against one reading of the checkpoint.

        The pruned and those that are not there are passed over; `places` remembers where they lie.

        Raises (while read):
            EvidenceError: the log was altered.
        """
        yield from self._proven.chosen(indexes, self.head(), places)

    def leaf(self, index: int) -> str:
        """The leaf hash at `index`, proven; that of a pruned entry too.

        Raises:
            EvidenceError: there is none, or the log was altered.
        """
        part, _ = self._proven.part(index, self._seal()[0])
        return part.leaves()[index - part.index].hex()

    def bundle(self, index: int) -> bytes:
        """The entry with its inclusion proof, checkpoint and keys: verifiable alone, offline.

        Raises:
            EvidenceError: there is no such entry, or the log was altered.
            EntryPruned: its retention had passed and it was pruned.
        """
        checkpoint, seal, sealer = self._seal()
        line, proof = self._proven.line(index, checkpoint)
        carried = carried_keys(self.home / "keys")
        lineage = self._lineage(line, index, checkpoint, carried)
        signed = (line, *(item.envelope for item in lineage))
        names = {keyid for one in signed for keyid in signers_of(one)} | {sealer.keyid}
        missing = names - carried.keys()
        if missing:
            raise EvidenceError(f"{self.home / 'keys'}: {min(missing)}.pem is missing")
        keys = tuple(carried[name] for name in sorted(names))
        return Bundle(line, index, checkpoint.size, tuple(proof), seal, keys, lineage).to_json()

    def _lineage(
        self, line: bytes, index: int, checkpoint: Checkpoint, carried: Mapping[str, PublicKey]
    ) -> tuple[Proven, ...]:
        """The rotations that tie the keys of the record and of the checkpoint to earlier ones."""
        if sum(key.algorithm == RECORDS for key in carried.values()) < 2:
            return ()
        last, _ = self._proven.line(checkpoint.size - 1, checkpoint)
        with self._log.fitting_cache(checkpoint) as cache:
            end = cache.end(checkpoint.size)
        keyids = sorted({*signers_of(line), *signers_of(last)})
        found = lineage_of(self._log.entries, keyids, end)
        places = [rotation.index for rotation in found if rotation.index != index]
        proven = [(place, *self._proven.line(place, checkpoint)) for place in places]
        return tuple(Proven(one, place, tuple(proof)) for place, one, proof in proven)

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
        self._check_sealer(checkpoint, seal, key)
        return checkpoint, seal, key

    def _check_sealer(self, checkpoint: Checkpoint, seal: bytes, key: PublicKey) -> None:
        """Raise unless the last record names the key that sealed the log.

        Whoever can write to the folder can lay a key of his own into `keys/`, and seal with it
        whatever he made of the log.
        """
        if not checkpoint.size or (self.home, seal) in _NAMED:
            return
        if self._last_sealer(checkpoint) != key.keyid:
            wrong = wrong_sealer(key.keyid)
            raise EvidenceError(
                f"{self._log.checkpoint}: {wrong}. Run 'venturalitica verify' to see what changed"
            )
        _NAMED.clear()
        _NAMED.add((self.home, seal))

    def _last_sealer(self, checkpoint: Checkpoint) -> str:
        """The key that the last record names which can be read; one that cannot hides no other."""
        for index in reversed(range(checkpoint.size)):
            part, _ = self._proven.part(index, checkpoint)
            with contextlib.suppress(EvidenceError):
                if part.head is None:
                    return statement_of(part.line).link.checkpoint_key
        return ""

    def _read_seal(self, seal: bytes) -> tuple[Checkpoint, PublicKey]:
        try:
            if self._checkpoint_signer is not None:
                # Nearly always our own key: no need to read the folder of keys.
                with contextlib.suppress(EvidenceError):
                    return _opened(seal, [self._checkpoint_signer.public])
            return _opened(seal, carried_keys(self.home / "keys").values())
        except EvidenceError as error:
            raise EvidenceError(f"{self._log.checkpoint}: {error}") from error

    @property
    def waiting(self) -> int:
        """How many statements stand in the inbox and are not sealed yet (`lockless`)."""
        return len(self._log.inbox.waiting(self.size)) if self._log.has_inbox() else 0

    def _asked(self, exists: Callable[[], bool]) -> bool:
        try:
            return exists()
        except OSError as error:
            raise EvidenceError(
                f"{self.home}: cannot be looked into: {error.strerror or error}"
            ) from error

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
            return statement_of(line).link.checkpoint_key == checkpoint_signer.keyid

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
            signed_by(Envelope.parse(line, what="the line"), carried_keys(self.home / "keys"))
            link = statement_of(line).link
            previous = tail.previous.hex() if tail.previous else None
            if (link.origin, link.index, link.previous) != (tail.origin, tail.size, previous):
                raise EvidenceError("it belongs at another place")
            check_unsealed(line, self._log.entries, tail.end)
        except EvidenceError as error:
            if isinstance(error.__cause__, OSError):
                raise  # the disk says nothing about whose line it is
            raise NotOursError(
                f"{self._log.entries}: line {tail.size + 1} was added after the last checkpoint "
                f"and is not ours: {error}. Keep a copy of the file and cut it to {tail.end} bytes"
            ) from error

    def _link(self, tail: Tail, checkpoint_signer: Signer) -> Link:
        return Link(
            origin=tail.origin,
            index=tail.size,
            previous=tail.previous.hex() if tail.previous else None,
            appended_at=timestamp(self._clock()),
            checkpoint_key=checkpoint_signer.keyid,
            record_key=self._signers()[0].keyid,
        )

    def _signers(self) -> tuple[Signer, Signer]:
        if self._signer is None or self._checkpoint_signer is None:
            raise SigningKeyError(f"{self.home}: the ledger was opened without a signing key")
        return self._signer, self._checkpoint_signer


def _opened(seal: bytes, keys: Iterable[PublicKey]) -> tuple[Checkpoint, PublicKey]:
    publics = {key.raw_ed25519(): key for key in keys if key.algorithm == CHECKPOINTS}
    checkpoint, public = open_checkpoint(seal, publics)
    return checkpoint, publics[public]
