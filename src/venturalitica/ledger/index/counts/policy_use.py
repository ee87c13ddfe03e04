"""Which audits were judged by a policy text, or by another text of the same name and version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, select

from venturalitica.ledger.index.queries import by_hand
from venturalitica.ledger.index.rows import as_key
from venturalitica.ledger.index.tables import runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement

    from venturalitica.core.policy import Policy
    from venturalitica.ledger.index.index import Index


def audits_by(index: Index, policy: Policy, before: int) -> tuple[int, int | None]:
    """How many audits by this very text came before an entry, and the last of them."""
    return _audits(index, before, runs.c.policy_sha256 == policy.sha256)


def audits_by_another(index: Index, policy: Policy, before: int) -> tuple[int, int | None]:
    """The same of texts that have the policy's name and version and are not it."""
    return _audits(
        index,
        before,
        runs.c.policy_name == as_key(policy.name),
        runs.c.policy_version == as_key(policy.version),
        runs.c.policy_sha256 != policy.sha256,
    )


def _audits(index: Index, before: int, *conditions: ColumnElement[bool]) -> tuple[int, int | None]:
    query = select(func.count(), func.max(runs.c.entry))
    # By the policy, and not by a kind that nearly all have.
    query = query.where(by_hand(runs.c.kind) == "audit", runs.c.entry < before, *conditions)
    with index.connect() as connection:
        count, last = connection.execute(query).one()
    return int(count), last
