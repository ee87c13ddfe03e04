"""Where a log lies: its lines, its checkpoint, the inbox, and the cache of its tree."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import MAX_NOTE, Checkpoint
from venturalitica.ledger.log.inbox import Inbox
from venturalitica.ledger.log.tree_cache import TreeCache
from venturalitica.system.files import reading


class LogFiles:
    """The two files of a ledger in `home`, and the cache of their tree."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.folder = home / "log"
        self.entries = self.folder / "entries.jsonl"
        self.checkpoint = self.folder / "checkpoint"
        self.inbox = Inbox(home)

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
                return stream.read(MAX_NOTE + 1)
        except FileNotFoundError:
            return None

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
