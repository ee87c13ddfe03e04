"""From the checked form to the values that everyone else speaks (`rules`), with their lines."""

from __future__ import annotations

from typing import cast

from venturalitica.core.policy import Control, Policy, Role, Threshold
from venturalitica.policy.schema import ControlForm, PolicyForm, RoleForm
from venturalitica.policy.tree import MapNode, follow


def build_policy(
    form: PolicyForm, root: MapNode, *, data: bytes, filename: str, path: str
) -> Policy:
    """The policy, with the very bytes it was read from."""
    return Policy(
        name=form.policy,
        version=form.version,
        title=form.title,
        duplicates=form.duplicates,
        roles={name: _role(name, role, root) for name, role in (form.roles or {}).items()},
        controls=tuple(
            _control(index, control, form, root) for index, control in enumerate(form.controls)
        ),
        bytes=data,
        filename=filename,
        path=path,
    )


def _role(name: str, form: RoleForm | None, root: MapNode) -> Role:
    roles = root.get("roles")
    pair = roles.find(name) if isinstance(roles, MapNode) else None
    line = pair[0].line if pair else 0
    if form is None:
        return Role(name, line=line)
    return Role(
        name,
        favorable=form.favorable,
        map=dict(form.map) or None,
        bins=tuple(form.bins) or None,
        column=form.column or None,
        labels=tuple(form.labels) or None,
        line=line,
    )


def _control(index: int, form: ControlForm, policy: PolicyForm, root: MapNode) -> Control:
    node, _ = follow(root, ("controls", index))
    return Control(
        id=form.id,
        metric=form.metric,
        # pydantic's validator has made a threshold of the text.
        must=cast(Threshold, form.must),
        title=form.title,
        across=tuple(form.across),
        compare=form.compare,
        groups=tuple(form.groups),
        of=tuple(form.of),
        article=form.article,
        on_fail=form.on_fail,
        min_support=policy.min_support if form.min_support is None else form.min_support,
        nulls=policy.nulls if form.nulls is None else form.nulls,
        phase=form.phase,
        remedy=form.remedy,
        line=node.line,
    )
