"""Make the baseline of a data set: its distributions, signed with the project's own key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from venturalitica.audit.project import signer_of
from venturalitica.core.policy import LABEL_ROLES, MIN_CELL, WEIGHT, Policy, Role
from venturalitica.core.text import timestamp
from venturalitica.errors import BindingError, DataError, did_you_mean, listed
from venturalitica.ledger.formats.baseline import Baseline
from venturalitica.system.settings import Settings
from venturalitica.tally.baseline import baseline_of
from venturalitica.tally.binding import bind
from venturalitica.tally.engines.narwhals import column_names


def make_baseline(
    frame: Any,
    *,
    name: str,
    policy: Policy | None = None,
    bindings: Mapping[str, object] | None = None,
    columns: Sequence[str] = (),
    settings: Settings | None = None,
) -> tuple[Baseline, bytes]:
    """The distributions of a table's columns, and of the roles of a policy that are bound to them.

    Args:
        frame: any table of n rows; none of them is kept.
        name: what the data is called.
        policy: how roles are read, and the fewest rows that may be told (`min_cell`).
        bindings: role -> column; a role whose policy names its column need not be given.
        columns: those that are looked at; all where none is given.

    Returns:
        The baseline, and its file.

    Raises:
        BindingError: there is no such column or role.
        DataError: there are no rows, or nothing of them may be told.
        SigningKeyError: there is no key to sign with.
    """
    names = column_names(frame)
    if names is None:
        raise DataError("expected a table with named columns")
    strange = [column for column in columns if column not in names]
    if strange:
        raise BindingError(
            f"there is no column '{strange[0]}'{did_you_mean(strange[0], names)} "
            f"(columns: {listed(names, 30)})"
        )
    roles: dict[str, Role] = {}
    if policy is not None:
        roles = {one: policy.role(one) for one in (*LABEL_ROLES, *policy.grouping_roles)}
        roles.pop(WEIGHT)
    own = [one for one, role in roles.items() if role.column in names]
    binding = bind(roles, bindings or {}, names, wanted=own)
    least = MIN_CELL if policy is None else policy.min_cell
    rows, found, left_out = baseline_of(frame, columns or names, binding, roles, least)
    if not found:
        why = next(iter(left_out.values()), "it has no rows")
        raise DataError(f"no distribution can be told: {why}")
    signer = signer_of(settings or Settings.current())
    made = Baseline(
        name=name,
        made_at=timestamp(datetime.now(UTC)),
        rows=rows,
        distributions=found,
        left_out=left_out,
        min_cell=least,
        signers=(signer.keyid,),
    )
    return made, made.signed(keyid=signer.keyid, sign=signer.sign)
