"""Where the counts of a record are: in the record itself (format 1), or in the vault of its log."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from venturalitica.core.encoding import VAULT, parse_object
from venturalitica.core.policy import MIN_CELL, Policy
from venturalitica.core.record import ERASURE, Statement
from venturalitica.core.tally import Tally
from venturalitica.errors import EvidenceError, VenturaliticaError
from venturalitica.ledger.records.chronicle import Record
from venturalitica.ledger.records.kinds.erasure import targets_of
from venturalitica.ledger.records.publication import publication_of, said_of
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.rejudge.tallies import read_tally

ROUGH = 0.01
"""A value of scores further than this from the one on the recorded levels is named."""
_PUBLISHED = "it says of the publishing of its tally what its policy and counts do not give"
_HELD = "thresholds, statuses and the set of controls were held against its policy"


class NotJudged(Exception):
    """Why a record, or a part of it, could not be judged again."""


class Elsewhere(NotJudged):
    """The counts are not here: erased, or in a vault that the reader does not have."""


class UnreadableTally(EvidenceError):
    """The tally cannot be read; of an old record that is no proof of anything."""


class Counts:
    """Finds the counts of records, and remembers those that it did not find."""

    def __init__(self, home: Path | None, given: str | None = None) -> None:
        """`home`: the ledger's folder, whose vault holds the counts; None for a bundle alone.

        `given` are the counts of the only record there is, opened by its digest.
        """
        self._vault = None if home is None else Vault(home)
        self._given = given
        self._lost = ""
        self._erased: dict[str, int] = {}

    def under(self, policy: Policy, record: Statement) -> Mapping[str, Any] | None:
        """The tally, as `of` gives it, of a record under its own policy.

        Raises:
            Elsewhere: it is not here.
            EvidenceError: as `of`; or it was published otherwise than as the policy asks.
        """
        said = said_of(record)
        asked = bool(record.tally_kept) and policy.tallies == "publish"
        if (said is not None) != asked:
            raise EvidenceError(_PUBLISHED)
        counts = self.of(record, policy.min_cell)
        if counts and asked and said != publication_of(policy, tally_in(counts)):
            raise EvidenceError(_PUBLISHED)
        return counts

    def of(self, record: Statement, least: int = MIN_CELL) -> Mapping[str, Any] | None:
        """The tally as JSON; None where nothing was counted. `least` is its policy's `min_cell`.

        Raises:
            Elsewhere: it is not here.
            EvidenceError: it is not the one that was signed, or of other rows and axes.
        """
        if not record.tally_kept:
            return record.tally
        kept = self._vault.open({VAULT: record.tally_kept}) if self._vault else self._given
        if kept is None:
            self._lost = self._lost or record.tally_kept
            raise Elsewhere
        counts = parse_object(kept.encode("utf-8"), what="the tally")
        if record.rows != counts.get("rows") or list(record.axes) != _axes(counts, least):
            raise EvidenceError("its tally in the vault is of other rows or axes than it says")
        return counts

    def read(self, record: Record) -> None:
        """Take in what an erasure says of counts that were not found."""
        if self._lost and record.kind == ERASURE:
            for target in targets_of(record.statement.predicate):
                self._erased |= dict.fromkeys(target.digests, record.index)

    def where(self) -> str:
        """Why the first record whose counts are not here was not judged by them."""
        if self._vault is None:
            return f"its tally is in the vault of its log, not in the bundle; {_HELD}"
        if self._lost in self._erased:
            return f"tally erased, as entry {self._erased[self._lost]} says; {_HELD}"
        return f"its tally is not in the vault here; {_HELD}"


def tally_in(counts: Mapping[str, Any]) -> Tally:
    """The tally of such JSON; UnreadableTally where it is none, or contradicts itself."""
    try:
        return read_tally(counts)
    except EvidenceError as error:
        raise UnreadableTally(str(error)) from None


def _axes(counts: Mapping[str, Any], least: int) -> list[Any] | None:
    """What a record says of the axes of these counts."""
    try:
        return Tally.from_json({**counts, "tables": (), "scores": ()}).axes_json(least)
    except (VenturaliticaError, KeyError, TypeError, ValueError, AttributeError):
        return None


def name_rough(moved: Mapping[str, float]) -> None:
    """Values that the recorded levels bear out only roughly: within their bounds, but far off."""
    for control, distance in moved.items():
        if distance > ROUGH:
            raise NotJudged(
                f"control {control!r}: the value is {distance:.2g} from the one on the levels of "
                "scores that the record keeps, which can bear out no more"
            )
