"""The distributions behind a record's verdicts on drift, out of its tally in the vault.

They are for the pages of who has the vault: a record tells no counts, and so does the page that
goes to a tracker.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from venturalitica.core.record import Statement
from venturalitica.errors import VenturaliticaError
from venturalitica.reports.compared import Compared, compared

if TYPE_CHECKING:
    from venturalitica.core.policy import Control
    from venturalitica.core.tally import Tally
    from venturalitica.core.verdict import Verdict
    from venturalitica.ledger import Ledger

MOST_COLUMNS = 3
"""Of a control that compares many columns, those that moved most are drawn."""


def drift_charts(ledger: Ledger, record: Statement) -> Mapping[str, tuple[Compared, ...]]:
    """By control, the columns that it compared; nothing where the counts are not here.

    What is wrong with a record or its vault is for `verify` to say, which the page shows as well.
    """
    from venturalitica.metrics.catalog import CATALOG

    drift = {name for name, spec in CATALOG.items() if spec.drift}
    verdicts = [one for one in record.verdicts if one.metric in drift and one.value is not None]
    if not verdicts or record.policy is None:
        return {}
    from venturalitica.ledger.records.consistency import policy_in
    from venturalitica.ledger.rejudge.counts import Counts, Elsewhere, tally_in

    try:
        policy = policy_in(record.policy.checked(), record.policy.filename)
        counts = Counts(ledger.home).of(record, policy.min_cell) if policy else None
        if policy is None or counts is None:
            return {}
        tally, rules = tally_in(counts), {one.id: one for one in policy.controls}
    except (Elsewhere, VenturaliticaError):
        return {}
    return {
        one.control: _columns(one, rules[one.control], tally, policy.min_cell)
        for one in verdicts
        if one.control in rules
    }


def _columns(verdict: Verdict, control: Control, tally: Tally, least: int) -> tuple[Compared, ...]:
    tables = {
        table.name: table
        for table in tally.drift
        if table.against == control.against and table.role != bool(control.columns)
    }
    moved = sorted(verdict.groups, key=lambda group: -(group.value or 0.0))
    named = [group.name for group in moved] or list(control.of)
    shown = [tables[name] for name in named if name in tables and tables[name].reference]
    found = (compared(table, least) for table in shown[:MOST_COLUMNS])
    return tuple(one for one in found if one is not None)
