"""One pass over a log: every line is read once, and each step of the verification told after."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from msgspec import Struct, field

from venturalitica.core.encoding import MAX_LINE
from venturalitica.core.link import Link
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import Checkpoint, open_checkpoint, parse_note
from venturalitica.ledger.formats.merkle import RunningRoot, head_at
from venturalitica.ledger.formats.public_key import (
    CHECKPOINTS,
    PublicKey,
    carried_keys,
    short,
    wrong_sealer,
)
from venturalitica.ledger.log.inbox import decided, inbox_step
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.verify.check_records import Findings, many
from venturalitica.ledger.verify.history import chronicles
from venturalitica.ledger.verify.trust import NO_WITNESS
from venturalitica.system.files import reading, shared

Progress = Callable[[int, int], None]


class Witness(Struct, frozen=True):
    """A checkpoint that somebody outside kept: who, and the signed note."""

    name: str
    note: str

    def data(self) -> bytes:
        """The note's bytes. What is no Unicode text becomes "?", which no signature covers."""
        return self.note.encode("utf-8", "replace")


class Reading(Struct, dict=True):
    """One pass over a log."""

    log: LogFiles
    witnesses: Sequence[Witness]
    soon: str = "9999"
    tsa_roots: Sequence[bytes] = ()
    nothing: Step | None = None
    keys_step: Step = field(default_factory=lambda: Step("keys", None, "not read"))
    findings: Findings = field(default_factory=lambda: Findings({}))
    sealed: Checkpoint | EvidenceError = field(default_factory=lambda: EvidenceError("not read"))
    sealer: PublicKey | None = None
    lines: int = 0
    pruned: int = 0
    torn: str = ""
    roots: dict[int, bytes] = field(default_factory=dict)
    last: Link | None = None
    _keys: dict[str, PublicKey] = field(default_factory=dict)

    def run(self, progress: Progress | None) -> None:
        """Read keys, checkpoint and lines; `nothing` says so where there are none."""
        with shared(self.log.entries):
            stream, size, seal = self._snapshot()
        if stream is None:
            return
        with stream:
            self._read(stream, size, seal, progress)

    def _read(
        self, stream: BinaryIO, size: int, seal: bytes | None, progress: Progress | None
    ) -> None:
        self._read_keys()
        self._open_seal(seal)
        held = chronicles(self.log.home, self.tsa_roots)
        self.findings = Findings(self._keys, soon=self.soon, chronicles=held)
        if isinstance(self.sealed, Checkpoint):
            self.findings.origin = self.sealed.origin
        self._read_log(stream, size, progress)

    def _snapshot(self) -> tuple[BinaryIO | None, int, bytes | None]:
        """The log open for reading, its size, and the checkpoint; `nothing` says why not.

        A pruning puts another file in the log's place: what was opened is read on, but must be the
        file that the checkpoint belongs to.
        """
        try:
            stream, seal = self._opened()
        except OSError as error:
            self.nothing = Step("log", False, f"{self.log.folder}: {error.strerror}")
            return None, 0, None
        size = os.fstat(stream.fileno()).st_size if stream else None
        if size:
            return stream, size, seal
        if stream is not None:
            stream.close()
        if size is None and seal is None:
            self.nothing = Step("log", False, f"no evidence log in {self.log.home}")
        else:
            self.nothing = Step("log", False, _empty(self.log, size, seal))
        return None, 0, seal

    def _opened(self) -> tuple[BinaryIO | None, bytes | None]:
        while True:
            try:
                stream = reading(self.log.entries)
            except FileNotFoundError:
                return None, self.log.seal_bytes()
            try:
                seal = self.log.seal_bytes()
                if _is_at(stream, self.log.entries):
                    return stream, seal
            except OSError:
                stream.close()
                raise
            stream.close()

    def _read_keys(self) -> None:
        try:
            self._keys = carried_keys(self.log.home / "keys")
        except EvidenceError as error:
            self.keys_step = Step("keys", False, str(error))
            return
        if not self._keys:
            self.keys_step = Step("keys", False, "no public key lies beside the log (keys/*.pem)")
        else:
            names = ", ".join(f"{k.algorithm} {short(k.keyid)}" for k in self._keys.values())
            self.keys_step = Step("keys", True, f"beside the log: {names}")

    def _open_seal(self, seal: bytes | None) -> None:
        publics = {
            key.raw_ed25519(): key for key in self._keys.values() if key.algorithm == CHECKPOINTS
        }
        if seal is None:
            self.sealed = EvidenceError("the checkpoint is gone")
            return
        try:
            self.sealed, public = open_checkpoint(seal, publics)
            self.sealer = publics[public]
        except EvidenceError as error:
            self.sealed = error

    def _read_log(self, stream: BinaryIO, size: int, progress: Progress | None) -> None:
        wanted = self._wanted_sizes()
        total = self.sealed.size if isinstance(self.sealed, Checkpoint) else 0
        tree = RunningRoot()
        for line in self._lines(stream, size):
            for leaf in self._leaves(line):
                tree.append(leaf)
                self.lines += 1
                if self.lines in wanted:
                    self.roots[self.lines] = tree.root()
                    if self.lines == total:
                        self.last = self.findings.link
            if progress is not None:
                progress(self.lines, max(total, self.lines))

    def _leaves(self, line: bytes) -> tuple[bytes, ...]:
        """Read a line; gives the leaf hash of its record, or those of the entries it is head of."""
        head = head_at(line, self.lines)
        if head is None:
            return (self.findings.read(line, self.lines),)
        self.findings.pass_over(head)
        self.pruned += head.count
        return head.leaves

    def _wanted_sizes(self) -> set[int]:
        sizes = {self.sealed.size} if isinstance(self.sealed, Checkpoint) else set()
        for witness in self.witnesses:
            try:
                sizes.add(Checkpoint.parse(parse_note(witness.data()).text).size)
            except EvidenceError:
                continue  # its own step says what is wrong with it
        return sizes

    def _lines(self, stream: BinaryIO, size: int) -> Iterator[bytes]:
        """The whole lines in the first `size` bytes; what is not one is kept in `torn`."""
        done = 0
        try:
            while done < size and not self._waits(stream, size - done):
                # A line without an end would be read into memory whole.
                line = stream.readline(min(MAX_LINE + 2, size - done))
                if not line.endswith(b"\n"):
                    self.torn = f"{len(line)} bytes after entry {self.lines} are not a line"
                    return
                done += len(line)
                yield line[:-1]
        except OSError as error:
            self.torn = f"it cannot be read: {error.strerror}"

    def _waits(self, stream: BinaryIO, rest: int) -> bool:
        """Whether all that comes after the sealed entries is what the inbox has decided.

        Writers that have no locks seal a line some time after it is in the log.
        """
        if not isinstance(self.sealed, Checkpoint) or self.lines != self.sealed.size:
            return False
        if not self.log.has_inbox():
            return False
        here = stream.tell()
        found = stream.read(min(rest, MAX_LINE))
        stream.seek(here)
        return decided(self.log.inbox, self.lines, found, self._keys)

    def inbox_step(self) -> Step | None:
        """What waits in the inbox, where there is one."""
        size = self.sealed.size if isinstance(self.sealed, Checkpoint) else self.lines
        if not self._keys:
            self._read_keys()
        try:
            return inbox_step(self.log.inbox, size, self._keys)
        except OSError as error:
            return Step("inbox", None, f"not checked: it cannot be read: {error.strerror}")

    def log_step(self) -> Step:
        if self.torn:
            return Step(
                "log",
                False,
                f"{self.torn}: a writer was killed (the next append drops what it left), "
                "or something was added",
                self.lines,
            )
        pruned = f", {self.pruned} of them pruned" if self.pruned else ""
        return Step(
            "log",
            True,
            f"{many(self.lines, 'entry', 'entries')} in {self.log.entries.name}{pruned}",
        )

    def tree_step(self) -> Step:
        if isinstance(self.sealed, EvidenceError):
            return Step("tree", None, "not checked: there is no checkpoint that can be trusted")
        size = self.sealed.size
        if self.lines < size:
            detail = f"the log has {self.lines} entries, its checkpoint seals {size}: some were cut"
            return Step("tree", False, detail, self.lines)
        if self.roots.get(size) != self.sealed.root:
            bad = min((index for index, _ in self.findings.faults.values()), default=None)
            detail = "the entries do not give the checkpoint's root: at least one was altered"
            return Step("tree", False, detail, bad)
        if self.lines > size:
            detail = (
                f"{self.lines - size} entries come after the {size} that the checkpoint seals: a "
                "writer was killed before it sealed them (the next append does), or they were added"
            )
            return Step("tree", False, detail, size)
        return Step(
            "tree",
            True,
            f"root over {many(size, 'entry', 'entries')}: {self.sealed.root.hex()[:16]}…",
        )

    def checkpoint_step(self) -> Step:
        if isinstance(self.sealed, EvidenceError):
            return Step("checkpoint", False, str(self.sealed))
        if self.sealer is None or self.last is None:
            return Step("checkpoint", False, "no record that can be read names its key")
        if self.last.checkpoint_key != self.sealer.keyid:
            return Step("checkpoint", False, wrong_sealer(self.sealer.keyid))
        return Step("checkpoint", True, f"signed by key {short(self.sealer.keyid)}")

    def witness_steps(self) -> list[Step]:
        if not self.witnesses:
            return [Step("witnesses", None, NO_WITNESS)]
        return [self._witness_step(witness) for witness in self.witnesses]

    def _witness_step(self, witness: Witness) -> Step:
        publics = [key.raw_ed25519() for key in self._keys.values() if key.algorithm == CHECKPOINTS]
        try:
            seen, _ = open_checkpoint(witness.data(), publics)
        except EvidenceError as error:
            return Step("witnesses", False, f"{witness.name}: {error}")
        if seen.origin != self.findings.origin:
            return Step("witnesses", False, f"{witness.name}: it saw another log, {seen.origin}")
        if seen.size > self.lines:
            detail = f"{witness.name} saw {seen.size} entries, the log has {self.lines}: it was cut"
            return Step("witnesses", False, detail, self.lines)
        if seen.size and self.roots.get(seen.size) != seen.root:
            detail = f"{witness.name} saw other entries among the first {seen.size}"
            return Step("witnesses", False, detail)
        return Step(
            "witnesses", True, f"grew out of the {seen.size} entries that {witness.name} saw"
        )


def _is_at(stream: BinaryIO, path: Path) -> bool:
    """Whether the open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except FileNotFoundError:
        return True  # it was removed, not replaced: what is open is all there is


def _empty(log: LogFiles, size: int | None, seal: bytes | None) -> str:
    if size is None:
        return f"{log.entries} is gone, though its checkpoint is there"
    if seal is None:
        return f"{log.entries} is empty, and there is no checkpoint"
    return f"{log.entries} is empty: there is no evidence here"
