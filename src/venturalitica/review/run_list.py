"""The list of what is on record, newest first: a portion at a time, each held against the log.

Of the receipts only as many are read, from the end, as the records that are shown ask for; of the
log, for their sign-offs, what came after them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.json_values import Json
from venturalitica.core.record import is_tracker_run
from venturalitica.ledger import Index
from venturalitica.ledger.index.cross_check import Held
from venturalitica.ledger.index.queries import Known, light_of
from venturalitica.ledger.lifecycle.approve import LateSignOffs
from venturalitica.ledger.lifecycle.ties import attached_by_record, runs_of
from venturalitica.ledger.receipts import NewestReceipts
from venturalitica.review.record_page import known_here

if TYPE_CHECKING:
    from venturalitica.core.verdict import Light
    from venturalitica.ledger import Ledger, RunRow
    from venturalitica.ledger.records.kinds.approval import Approval

PORTION = 500


class Listed(Struct, frozen=True):
    """A record of the list, what is known of it, its last sign-off, how many notes
    there are on it, and the runs it belongs to."""

    row: RunRow
    known: Known
    approval: Approval | None = None
    notes: int = 0
    trackers: tuple[Json, ...] = ()

    @property
    def waits(self) -> bool:
        """Whether a tracker has not confirmed the record yet."""
        return self.row.index in self.known.waiting

    @property
    def begun(self) -> str:
        """What is known of a run that has no end on record; empty for any other record."""
        return self.known.begun.get(self.row.index, "")

    @property
    def light(self) -> Light:
        """The worse of the recorded light and what is known since."""
        return light_of(self.row, self.known)

    @property
    def doubt(self) -> str:
        """Why it is not the recorded one, but for what waits, or did not end."""
        return self.known.doubt(self.row) if self.light != self.row.light else ""


class RunList:
    """The records that fit, newest first; iterating reads them as they are asked for.

    `edited` says, once it is known, that the index had to be made again.

    Args:
        filters: as `Index.runs` takes them, without `limit`, `before` and `begun`.
        light: the light to show; None for all.
        most: so many are looked for at once; fewer where no more will be asked for.
    """

    def __init__(
        self, ledger: Ledger, filters: Mapping[str, Any], light: str | None, *, most: int = PORTION
    ) -> None:
        self._ledger, self._filters, self._light = ledger, filters, light
        # By its light perhaps one in many fits.
        self._size = PORTION if light else min(most, PORTION)
        self._known, self._held = known_here(ledger), Held()
        self._receipts = NewestReceipts(ledger.home / "receipts.jsonl")
        self._signed = LateSignOffs(ledger)
        self.edited = ""

    def __iter__(self) -> Iterator[Listed]:
        """Each record once the log bears out what is said of it.

        Raises:
            EvidenceError: the log was altered.
        """
        before: int | None = None
        while True:
            (rows, fitting), edited = self._held.shown(
                # Red now, where it does not verify: asked for by its light, another list fits.
                partial(self._portion, before),
                lambda found: [([listed.row for listed in found[1]], None)],
                lambda rows, verdicts: self._held.are_recorded(self._ledger, None, rows, verdicts),
                self._make_again,
            )
            self.edited = self.edited or edited
            yield from fitting
            if len(rows) < self._size:
                return
            before = rows[-1].index

    def _make_again(self) -> None:
        with Index.open(self._ledger) as index:
            index.rebuild()

    def _portion(self, before: int | None) -> tuple[Sequence[RunRow], list[Listed]]:
        with Index.open(self._ledger) as index:
            rows = index.runs(
                **self._filters, begun=self._known.begun, before=before, limit=self._size
            )
            made = attached_by_record(self._ledger, index)
        runs = {
            row.index: runs_of(row.trackers, made.get((row.index, row.evidence_sha256), ()))
            for row in rows
        }
        due = {
            (row.index, str(run["tracker"]), str(run["run_id"]), row.evidence_sha256)
            for row in rows
            for run in filter(is_tracker_run, runs[row.index])
        }
        waiting = frozenset(entry for entry, *_ in self._receipts.not_confirmed(due))
        known = replace(self._known, waiting=waiting, faults=self._held.faults)
        lit = [row for row in rows if self._light in (None, light_of(row, known))]
        entries = [row.index for row in lit]
        signed, noted = self._signed.last(entries), self._signed.notes(entries)
        return rows, [
            Listed(r, known, signed.get(r.index), noted.get(r.index, 0), runs[r.index]) for r in lit
        ]
