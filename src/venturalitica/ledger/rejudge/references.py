"""Is a record's reference the record that it names, and has that one the counts of it?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.drift import FILE_ENDING, LAST_GREEN
from venturalitica.core.json_values import integer, text
from venturalitica.core.policy import Policy
from venturalitica.core.record import AUDIT, Statement
from venturalitica.core.reference import distributions
from venturalitica.core.tally import Tally
from venturalitica.errors import EvidenceError
from venturalitica.judge import select
from venturalitica.ledger.records.consistency import policy_in
from venturalitica.ledger.records.references import FILE, NONE, RUN, leads
from venturalitica.ledger.rejudge.controls import need
from venturalitica.ledger.rejudge.counts import Counts, Elsewhere, tally_in
from venturalitica.metrics.catalog import CATALOG


class _Seen(Struct, frozen=True):
    """An audit that was read: what it is found by, and whether it may be the last green one."""

    record: Statement
    leads: bool


class References:
    """The audits of a log, as far as later ones are compared with them."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._seen: dict[int, _Seen] = {}
        self.whole = False
        """Whether the log is read from its beginning, with nothing pruned."""

    def read(self, record: Statement, index: int) -> None:
        """Take in a record; the first that is read shows whether the log begins with it."""
        if not self._seen and index == 0:
            self.whole = True
        if record.predicate_type == AUDIT and record.tally_kept:
            own = _policy_of(record)
            self._seen[index] = _Seen(record, own is not None and leads(record, own))

    def check(
        self, record: Statement, index: int, policy: Policy, asked: Circumstances, tally: Tally
    ) -> None:
        """Hold what it says of its references against the records that they name.

        Raises:
            EvidenceError: they are not those that its policy asks for, or hold other counts.
        """
        named = {
            control.against
            for control in select(policy, asked.phase)
            if control.metric in CATALOG and CATALOG[control.metric].drift and control.against
        }
        need(
            set(asked.references) == named,
            "it was compared with other references than its policy names",
        )
        for against, said in asked.references.items():
            self._check(record, index, against, said, tally)

    def _check(
        self, record: Statement, index: int, against: str, said: Mapping[str, Any], tally: Tally
    ) -> None:
        kind = text(said.get("kind"))
        if kind == NONE:
            held = any(table.reference for table in tally.drift if table.against == against)
            need(bool(said.get("why")) and not held, f"it has no reference {against!r}, and counts")
            return
        need("why" not in said, f"it says that there is no reference {against!r}, and has one")
        need(
            kind == (FILE if against.endswith(FILE_ENDING) else RUN),
            f"its reference {against!r} is of another kind",
        )
        if kind == RUN:
            self._check_run(record, index, against, said, tally)

    def _check_run(
        self, record: Statement, index: int, against: str, said: Mapping[str, Any], tally: Tally
    ) -> None:
        entry = integer(said.get("entry"))
        need(entry is not None and 0 <= entry < index, "its reference comes after it")
        assert entry is not None
        seen = self._seen.get(entry)
        if seen is None:
            need(not self.whole, f"its reference, entry {entry}, is no audit with counts")
            return
        other = seen.record
        same = (other.tally_kept, other.run.id) == (said.get("tally_vault"), said.get("run_id"))
        need(same, f"its reference, entry {entry}, is another record than it says")
        if against == LAST_GREEN:
            own, before = record.policy, other.policy
            alike = own and before and own.name == before.name and record.run.name == other.run.name
            need(bool(alike), f"its reference, entry {entry}, is of another policy or pipeline")
            need(seen.leads, f"its reference, entry {entry}, is not green")
        own_policy = _policy_of(other)
        if own_policy is None:
            return
        try:
            counts = self._counts.of(other, own_policy.min_cell)
        except Elsewhere:
            return  # erased since: what it was, this record's own counts keep
        if counts is None:
            return
        known = distributions(tally_in(counts), own_policy.min_cell)
        for table in tally.drift:
            if table.against == against and table.reference:
                found = known.get((table.role, table.name))
                cells = found and (found.cuts, found.levels, found.counts)
                need(
                    cells == (table.cuts, table.levels, table.reference),
                    f"it compares {table.name[:80]!r} with other counts than entry {entry} has",
                )


def _policy_of(record: Statement) -> Policy | None:
    if record.policy is None:
        return None
    try:
        return policy_in(record.policy.checked(), record.policy.filename)
    except EvidenceError:
        return None
