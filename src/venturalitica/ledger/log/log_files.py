"""Where a log lies: lines, checkpoint, inbox, the cache of its tree; and its lines, each proven."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from venturalitica.errors import EntryPruned, EvidenceError
from venturalitica.ledger.formats.checkpoint import MAX_NOTE, Checkpoint
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.formats.merkle import Proofs, verify_inclusion
from venturalitica.ledger.log.proven_again import ProvenPlaces
from venturalitica.ledger.log.tail import CacheMissError, Part, TreeCache, read_parts, unreadable
from venturalitica.system.files import reading

if TYPE_CHECKING:
    from venturalitica.ledger.log.inbox import Inbox


class LogFiles:
    """The two files of a ledger in `home`, and the cache of their tree."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "log"
        self.entries = self.folder / "entries.jsonl"
        self.checkpoint = self.folder / "checkpoint"

    @cached_property
    def inbox(self) -> Inbox:
        """Where writers agree on a file system that has no locks; hardly a log has one."""
        from venturalitica.ledger.log.inbox import Inbox

        return Inbox(self.home)

    def has_inbox(self) -> bool:
        """Whether this log has ever been written without locks."""
        return (self.home / "inbox").is_dir()

    def exists(self) -> bool:
        """Whether there is anything of a log here."""
        return self.entries.exists() or self.checkpoint.exists()

    def cache(self) -> TreeCache:
        """The tree's hashes and the lines' offsets."""
        return TreeCache(self.home / "cache")

    def seal_bytes(self) -> bytes | None:
        """The checkpoint's bytes, or None where there is none."""
        try:
            with reading(self.checkpoint) as stream:
                return stream.read(MAX_NOTE + 1)  # a giant in its place is refused, not read
        except FileNotFoundError:
            return None

    def stream(self) -> BinaryIO:
        """The lines, open for reading.

        Raises:
            EvidenceError: they cannot be read.
        """
        try:
            return reading(self.entries)
        except OSError as error:
            raise unreadable(self.entries, error) from error

    @contextmanager
    def fitting_cache(self, checkpoint: Checkpoint) -> Iterator[TreeCache]:
        """The cache, rebuilt first if it does not give the checkpoint's root."""
        with self.cache() as cache:
            if not cache.fits(checkpoint):
                cache.rebuild(self.entries, checkpoint)
            yield cache

    def entries_gone(self) -> EvidenceError:
        """What to say of a log without its lines."""
        return EvidenceError(
            f"{self.entries} is gone, though its checkpoint is there; restore it from a "
            "copy, or move the whole folder away to begin a new log"
        )

    def checkpoint_gone(self) -> EvidenceError:
        """What to say of lines without a checkpoint."""
        return EvidenceError(
            f"{self.checkpoint} is gone, though the log has entries; restore it from a copy "
            "or a tracker, or move the whole folder away to begin a new log"
        )


class ProvenLines:
    """The lines of a log; none is given that the checkpoint does not seal."""

    def __init__(self, files: LogFiles) -> None:
        self._files = files

    def line(self, index: int, checkpoint: Checkpoint) -> tuple[bytes, list[bytes]]:
        """The envelope of entry `index`, and its proof.

        Raises:
            EvidenceError: there is none, or the log was altered.
            EntryPruned: its retention had passed and it was pruned.
        """
        part, proof = self.part(index, checkpoint)
        if part.head is not None:
            when = self._pruned_on(part.head.record, checkpoint)
            raise EntryPruned(
                f"{self._files.home}: entry {index} was pruned{when}: its retention had passed, as "
                f"entry {part.head.record} says. Its place is still proven; its contents are gone"
            )
        return part.line, proof

    def _pruned_on(self, record: int, checkpoint: Checkpoint) -> str:
        with contextlib.suppress(EvidenceError):
            part, _ = self.part(record, checkpoint)
            return f" on {statement_of(part.line).link.appended_at[:10]}"
        return ""

    def part(self, index: int, checkpoint: Checkpoint) -> tuple[Part, list[bytes]]:
        """The line or head that has entry `index`, and the proof of that entry.

        Raises:
            EvidenceError: there is none, or the log was altered.
        """
        if not 0 <= index < checkpoint.size:
            raise EvidenceError(
                f"{self._files.home}: no entry {index}; the log has {checkpoint.size}, "
                "counted from 0"
            )
        with self._files.fitting_cache(checkpoint) as cache:
            try:
                return self._part_and_proof(cache, index, checkpoint)
            except (EvidenceError, CacheMissError):
                cache.rebuild(self._files.entries, checkpoint)
            return self._part_and_proof(cache, index, checkpoint)

    def _parts(
        self, cache: TreeCache, index: int, checkpoint: Checkpoint, proofs: Proofs
    ) -> Iterator[Part]:
        """The lines from entry `index` on, each proven under the checkpoint's root.

        The cache may be wrong, and a pruning may replace log and cache while they are read: where
        a line does not fit, the cache is made again (which holds the log against its root), once.
        """
        tried = -1
        while index < checkpoint.size:
            try:
                start = cache.end(index)
                for part in read_parts(self._files.entries, index, checkpoint.size, start=start):
                    self._check_leaves(part, checkpoint, proofs)
                    yield part
                    index = part.index + part.count
            except (EvidenceError, CacheMissError):
                if tried == index:
                    raise
                tried = index
                cache.rebuild(self._files.entries, checkpoint)

    def _check_leaves(self, part: Part, checkpoint: Checkpoint, proofs: Proofs) -> None:
        for index, leaf in enumerate(part.leaves(), part.index):
            # The head of pruned entries says how many it stands for: it may reach past the seal.
            if index >= checkpoint.size or not proofs.holds(index, leaf):
                raise _altered(self._files.entries, index)

    def _part_and_proof(
        self, cache: TreeCache, index: int, checkpoint: Checkpoint
    ) -> tuple[Part, list[bytes]]:
        start = cache.end(index)
        (part,) = read_parts(self._files.entries, index, index + 1, start=start)
        proof = cache.tree(checkpoint.size).inclusion(index)
        if not verify_inclusion(
            leaf=part.leaves()[index - part.index],
            index=index,
            size=checkpoint.size,
            proof=proof,
            root=checkpoint.root,
        ):
            raise _altered(self._files.entries, index)
        return part, proof

    def lines(self, start: int, checkpoint: Checkpoint) -> Iterator[tuple[int, bytes]]:
        """Index and envelope of the entries from `start` on; pruned ones are passed over."""
        for part in self.parts(start, checkpoint):
            if part.head is None:
                yield part.index, part.line

    def parts(self, start: int, checkpoint: Checkpoint) -> Iterator[Part]:
        """The lines from entry `start` on, heads of pruned entries too, as they stand in the log.

        Raises (while read):
            EvidenceError: the log was altered.
        """
        with self._files.fitting_cache(checkpoint) as cache:
            proofs = Proofs(cache.tree(checkpoint.size), checkpoint.root)
            yield from self._parts(cache, start, checkpoint, proofs)

    def chosen(
        self, indexes: Iterable[int], checkpoint: Checkpoint, places: ProvenPlaces | None = None
    ) -> Iterator[tuple[int, bytes]]:
        """Index and envelope of some entries; those that are not there are passed over.

        `places` remembers where they lie, for who asks for them again.
        """
        places = ProvenPlaces() if places is None else places
        with self._files.fitting_cache(checkpoint) as cache, self._files.stream() as stream:
            tree = cache.tree(checkpoint.size)
            places.now_under(checkpoint, tree)
            proofs = Proofs(tree, checkpoint.root)
            for index in indexes:
                if not 0 <= index < checkpoint.size:
                    continue
                line = places.line(index, stream)
                if line is not None:
                    yield index, line
                    continue
                part = next(self._parts(cache, index, checkpoint, proofs))
                if part.head is None:
                    places.remember(index, cache.end(index), part.line)
                    yield part.index, part.line


def _altered(entries: Path, index: int) -> EvidenceError:
    return EvidenceError(
        f"{entries}: entry {index} is not the one that the checkpoint seals; the log was altered. "
        "Run 'venturalitica verify' to see what changed"
    )
