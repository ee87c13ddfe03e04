"""Commit to a policy: what `policy commit` records, and the time stamp that it asks for."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.audit.measure import identity, known_roles
from venturalitica.audit.project import open_ledger
from venturalitica.core.policy import Policy
from venturalitica.core.prior import identity_json
from venturalitica.errors import BindingError, EvidenceError
from venturalitica.ledger.lifecycle.commit import commit, stamped
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ledger.records.vault import Vault
from venturalitica.metrics.catalog import counts_all_roles, needs
from venturalitica.provenance.fingerprint import frame_item
from venturalitica.system.settings import Settings
from venturalitica.tally.binding import bind, declared, together

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger


class Recorded(Struct, frozen=True):
    """A commitment on record; `unstamped` says why it lacks the time stamp that was asked for.

    So many audits by its text came `before` it, the last of them in entry `last`.
    """

    entry: Entry
    made: Commitment
    unstamped: str = ""
    before: int = 0
    last: int | None = None


def commit_to(
    policy: Policy, data: Mapping[str, Any] | None, *, rows: int | None, authority: str | None
) -> Recorded:
    """Record a commitment to a policy, with a time stamp where an authority is named.

    Where the authority fails the commitment is recorded all the same: the place in the log is worth
    having, and what failed is said.

    Args:
        data: the bare item of the test data (`describe_test_data`), or None.
        rows: how many rows are planned, or None.
        authority: address of a time-stamping authority, or None.

    Raises:
        MissingExtra: a time stamp is asked for and nothing here can read one; nothing is recorded.
        EvidenceError: it cannot be written.
    """
    ledger, unstamped = open_ledger(Settings.for_recording()), ""
    item = None if data is None else _recorded(data, Vault(ledger.home).key())
    made = Commitment.made(
        policy.snapshot, data=item, rows=rows, now=datetime.now(UTC), nonce=secrets.token_hex(32)
    )
    if authority is not None:
        try:
            made = stamped(made, authority)
        except EvidenceError as error:
            unstamped = str(error)
    entry = commit(ledger, made)
    return Recorded(entry, made, unstamped, *_audits_before(ledger, policy, entry.index))


def _audits_before(ledger: Ledger, policy: Policy, entry: int) -> tuple[int, int | None]:
    from venturalitica.ledger import Index  # SQLAlchemy, which no `fit` waits for
    from venturalitica.ledger.index.counts.policy_use import audits_by

    with Index.open(ledger) as index:
        return audits_by(index, policy, entry)


def describe_test_data(
    policy: Policy, frame: Any, *, name: str, target: str | None
) -> dict[str, Any]:
    """The item of test data of which no model has said anything yet: known again by an audit.

    Args:
        frame: the rows, any table.
        name: what the data are called.
        target: the column of what really happened; None where the policy names it.

    Raises:
        BindingError: the columns that the rows are known by are not there.
    """
    from venturalitica.tally.engines.narwhals import column_names

    asked = dict.fromkeys(role for need in needs(policy.controls) for role in need.roles)
    names = column_names(frame)
    if any(map(counts_all_roles, policy.controls)):
        asked |= dict.fromkeys(declared(known_roles(policy), names)[0])
    wanted = [role for role in asked if role not in ("prediction", "score")]
    given = {"target": target} if target else {}
    binding = bind(known_roles(policy), given, names, wanted=wanted)
    if "target" not in binding.names and binding.unbound:
        raise BindingError(together(binding.unbound.values()))
    found = frame_item(
        frame,
        context="commitment",
        name=name,
        columns=tuple(dict.fromkeys(binding.columns.values())),
    )
    bare = identity(binding, found)
    if bare is None:
        raise BindingError(
            "no column stands for these rows: the policy needs no target and compares no groups; "
            "give the column of what really happened as target"
        )
    return {"name": found["name"], "rows": found["rows"], "identity": bare}


def _recorded(data: Mapping[str, Any], key: bytes) -> dict[str, Any]:
    return {**data, "identity": identity_json(data["identity"], key)}
