"""A record's tally under another policy than its own: what that policy would have said.

Roles cut the data into the groups that the tally counts, so a policy that cuts them otherwise has
other groups, of which this tally knows nothing: it is refused, and never judged on the old ones.
"""

from __future__ import annotations

from msgspec.structs import replace

from venturalitica.core.policy import Policy, Role
from venturalitica.core.record import Statement
from venturalitica.core.verdict import Verdict
from venturalitica.errors import EvidenceError, VenturaliticaError, listed
from venturalitica.judge.controls import METHODS, unknown_method
from venturalitica.judge.pen import as_recorded
from venturalitica.judge.told import Told
from venturalitica.ledger.records.consistency import policy_in
from venturalitica.ledger.records.vault import opened
from venturalitica.ledger.rejudge.compare import is_rough, work_of
from venturalitica.ledger.rejudge.counts import Counts, Elsewhere, NotJudged, tally_in
from venturalitica.ledger.rejudge.rejudge import MOST_WORK, circumstances_of


class NotAnew(Exception):
    """Why it cannot be judged; `missing` where its tally is not here."""

    def __init__(self, why: str, *, missing: bool = False) -> None:
        super().__init__(why)
        self.missing = missing


def judged_anew(record: Statement, policy: Policy, pair: bytes | None) -> tuple[Verdict, ...]:
    """One verdict for each control of a policy, from the tally of a record that was verified.

    Args:
        pair: the vault's file with the counts that the record names; None where it is not here.

    Raises:
        NotAnew: there is no tally, or it is of other groups than the policy's.
    """
    if record.policy is None or record.judging is None:
        raise NotAnew("the record does not say how it judged")
    try:
        asked = circumstances_of(record.judging)
        own = policy_in(record.policy.checked(), record.policy.filename)
        given = opened(pair, record.tally_kept, "the tally") if pair and record.tally_kept else None
        counts = Counts(None, given).of(record, own.min_cell) if own else None
    except Elsewhere:
        raise NotAnew(
            "its tally is in the vault of its log, and neither published (tallies: publish) nor "
            "carried here",
            missing=True,
        ) from None
    except (EvidenceError, NotJudged) as error:
        raise NotAnew(str(error)) from None
    if own is None or counts is None:
        raise NotAnew("it counted no rows that could be judged again", missing=True)
    _refuse_other_groups(record, own, policy)
    if strange := unknown_method(asked):
        raise NotAnew(strange)
    try:
        tally = tally_in(counts)
        if work_of(tally, policy) > MOST_WORK:
            raise NotAnew("its counts have too many cells to be judged again here")
        whole = replace(asked, phase=None, left_out=(), reported={}, references={})
        # What is said of it is published: of no smaller group than the record itself told.
        careful = replace(policy, min_cell=max(policy.min_cell, own.min_cell))
        found = METHODS[asked.intervals](careful, tally, circumstances=whole, told=Told({}))
    except VenturaliticaError as error:
        raise NotAnew(str(error)) from None
    return as_recorded(found, rough=is_rough(counts))


def _refuse_other_groups(record: Statement, own: Policy, policy: Policy) -> None:
    other = [
        name
        for name in dict.fromkeys((*own.roles, *policy.roles))
        if _cuts(own, name) != _cuts(policy, name)
        or policy.roles.get(name, Role(name)).column not in (None, record.bindings.get(name))
    ]
    if other:
        raise NotAnew(f"it reads {listed(other)} otherwise than the counts of the record")


def _cuts(policy: Policy, name: str) -> Role:
    """How the values of a role become labels or groups; which label is favorable counts nothing."""
    role = policy.roles.get(name, Role(name))
    return replace(role, favorable=None, column=None, line=0)
