"""The rows beside the references that controls name, counted after the rest of the tally."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.audit.naming import audit_name
from venturalitica.audit.run import current_run
from venturalitica.core.levels import rule_of
from venturalitica.core.policy import Control, Policy, Role
from venturalitica.core.tally import Tally
from venturalitica.metrics.catalog import CATALOG
from venturalitica.tally.binding import Binding
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.audit.reference import Reference
    from venturalitica.tally.drift import Asked


class Judged(Protocol):
    """What is judged, as far as it matters here: see `measure.Request`."""

    @property
    def frame(self) -> Any: ...
    @property
    def policy(self) -> Policy: ...
    @property
    def title(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def trackers(self) -> tuple[RunRef, ...] | None: ...


class Compared(Struct, frozen=True):
    """What the controls on drift compare: `said` is what the record says of each reference."""

    asked: tuple[Asked, ...] = ()
    said: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the data that are compared, besides those that are bound to roles."""
        return tuple(dict.fromkeys(one.name for one in self.asked if one.rule is None))

    def counted(self, request: Judged, binding: Binding, tally: Tally) -> Tally:
        """The tally with what is compared."""
        if not self.asked:
            return tally
        from venturalitica.tally.drift import drift_tables

        policy = request.policy
        tables = drift_tables(request.frame, binding, policy.roles, self.asked, policy.min_cell)
        return replace(tally, drift=tables)


NOTHING = Compared()


def compared_with(request: Judged, controls: Sequence[Control], binding: Binding) -> Compared:
    """The references that controls name, found, and what is counted beside them."""
    asking = [c for c in controls if c.metric in CATALOG and CATALOG[c.metric].drift and c.against]
    if not asking:
        return NOTHING
    # SQLAlchemy and the ledger are imported for a policy that asks for a reference, and no other.
    from venturalitica.audit.reference import find_reference
    from venturalitica.system.settings import Settings

    run, settings, policy = current_run(), Settings.current(), request.policy
    name = run.name if run else request.title
    name = name or audit_name(request.source, request.trackers or ())
    found = {
        against: find_reference(against, policy, name, settings)
        for against in dict.fromkeys(control.against for control in asking)
    }
    asked = tuple(_asked(asking, found, binding, policy.roles))
    said = {against: {**one.said, **_lacking(asked, against)} for against, one in found.items()}
    return Compared(asked, said)


def baseline_columns(policy: Policy) -> tuple[str, ...]:
    """The columns that a policy compares besides those of its roles: those of its baselines."""
    files = {control.against for control in policy.controls if control.columns}
    if not files:
        return ()
    from venturalitica.audit.reference import find_reference
    from venturalitica.system.settings import Settings

    settings = Settings.current()
    every = (find_reference(file, policy, "", settings).known for file in sorted(files))
    return tuple(dict.fromkeys(name for known in every for role, name in known if not role))


def _lacking(asked: Sequence[Asked], against: str) -> dict[str, list[str]]:
    """The roles that a reference holds no counts of."""
    names = [one.name for one in asked if one.against == against and one.known is None]
    return {"lacks": names} if names else {}


def _asked(
    controls: Sequence[Control],
    found: Mapping[str, Reference],
    binding: Binding,
    roles: Mapping[str, Role],
) -> list[Asked]:
    """Each column or role once for each reference, in the order of the controls."""
    from venturalitica.tally.drift import Asked
    from venturalitica.tally.rows import sources_of

    sources = sources_of(binding)
    asked: dict[tuple[str, bool, str], Asked] = {}
    for control in controls:
        against, known = control.against, found[control.against].known
        for role in control.of:
            if role in sources:
                rule = replace(rule_of(role, roles), name=role)
                one = Asked(against, role, sources[role], known.get((True, role)), rule)
                asked.setdefault((against, True, role), one)
        for is_role, name in known if control.columns else ():
            if not is_role:
                one = Asked(against, name, ("column", name), known[False, name])
                asked.setdefault((against, False, name), one)
    return list(asked.values())
