"""What is allowed in a policy, and yet probably not what was meant. Hints never refuse a file."""

from __future__ import annotations

import re
from collections.abc import Iterable

from venturalitica.core.labels import alike
from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Control, Policy
from venturalitica.errors import slip
from venturalitica.metrics.catalog import CATALOG, needs, withheld
from venturalitica.policy.tree import MAX_NAMES_COMPARED, MapNode, Node, Path, Scalar, show
from venturalitica.policy.validate_shape import Collector

_YAML_1_1_BOOLEAN = re.compile(r"y|yes|n|no|on|off", re.IGNORECASE)


def collect_hints(policy: Policy, root: Node, hints: Collector) -> None:
    """Hints on a policy that has no error."""
    _unused_roles(policy, hints)
    _alike_roles(policy, hints)
    _alike_names(policy, hints)
    _old_booleans(root, (), hints)
    _no_favorable(policy, hints)
    _any_key(policy, hints)
    for index, control in enumerate(policy.controls):
        _exact(index, control, hints)
        if why := withheld(CATALOG[control.metric], policy.min_cell):
            hints.add(("controls", index, "metric"), f"{why}: it will never be evaluated")
        if WEIGHT in policy.roles and CATALOG[control.metric].has_no_weighted_form:
            why = f"{control.metric} has no weighted form, and this policy has a role '{WEIGHT}'"
            hints.add(("controls", index, "metric"), f"{why}: it will never be evaluated")


def _unused_roles(policy: Policy, hints: Collector) -> None:
    used = {role for need in needs(policy.controls) for role in need.roles}
    for name in policy.roles:
        if name not in LABEL_ROLES and name not in used:
            hints.add(("roles", name), "no control uses it", key=True)


def _alike_roles(policy: Policy, hints: Collector) -> None:
    """Two roles that nobody declared, one perhaps a slip of the other."""
    seen: dict[str, None] = {}
    for index, control in enumerate(policy.controls):
        for name in (*control.across, *control.of):
            if name in seen or name in policy.roles or len(seen) >= MAX_NAMES_COMPARED:
                continue
            other = slip(name, seen)
            if other:
                hints.add(
                    ("controls", index),
                    f"the roles '{other}' and '{name}' are nearly the same; if one is a slip, it "
                    "will never be bound",
                )
            seen[name] = None


def _alike_names(policy: Policy, hints: Collector) -> None:
    """Group names that readers take for one; whether the data has both shows when it is judged."""
    named: list[tuple[Path, Iterable[str]]] = [
        (("roles", name, "map"), role.map.values())
        for name, role in policy.roles.items()
        if role.map
    ]
    compared: list[tuple[Path, Iterable[str]]] = [
        (("controls", index, "groups"), control.groups)
        for index, control in enumerate(policy.controls)
    ]
    for path, names in (*named, *compared):
        for found in alike(dict.fromkeys(names)):
            hints.add(
                path,
                f"the groups {show(str(found[0]))} and {show(str(found[1]))} are spelt almost "
                "alike; if they are one, give them one name",
                key=True,
            )


def _no_favorable(policy: Policy, hints: Collector) -> None:
    if policy.role("target").favorable is not None:
        return
    for index, control in enumerate(policy.controls):
        if CATALOG[control.metric].needs_favorable:
            hints.add(
                ("controls", index, "metric"),
                f"{control.metric} needs the favorable label; unless labels are 0/1 or booleans, "
                "say it: roles: {target: {favorable: ...}}",
            )
            return


def _exact(index: int, control: Control, hints: Collector) -> None:
    low, high = CATALOG[control.metric].range_of(control.compare)
    if control.must.operator == "==" and low < control.must.bound < high:
        path = ("controls", index, "must")
        hints.add(
            path, f"{show(str(control.must))} asks a measured value to be exact; a bound lasts"
        )


def _any_key(policy: Policy, hints: Collector) -> None:
    """A role is a word that whoever signs writes; only a key says who it is."""
    for index, rule in enumerate(policy.approvals):
        if not rule.keys:
            hints.add(
                ("approvals", index, "role"),
                f"every key that is trusted may sign off as {show(rule.role)}; 'keys' would name "
                "those that may",
            )


def _old_booleans(node: Node, path: tuple[str | int, ...], hints: Collector) -> None:
    """`no` is text in YAML 1.2 and false in YAML 1.1: say which it is here."""
    if isinstance(node, Scalar):
        if node.plain and isinstance(node.value, str) and _YAML_1_1_BOOLEAN.fullmatch(node.text):
            hints.add_at(
                node,
                path,
                f'{node.text} is the text "{node.text}" (YAML 1.2), not a boolean; '
                "quotes would say so",
            )
    elif isinstance(node, MapNode):
        for key, value in node.pairs:
            name = key.value if isinstance(key, Scalar) else None
            below = (*path, name) if isinstance(name, str) else path
            _old_booleans(key, path, hints)
            _old_booleans(value, below, hints)
    else:
        for index, item in enumerate(node.items):
            _old_booleans(item, (*path, index), hints)


def collect_faults(policy: Policy, faults: Collector) -> None:
    """Faults of a policy that has no error: it can be read, and its lights would say nothing."""
    for index, control in enumerate(policy.controls):
        said = _fault(control)
        if said:
            faults.add(("controls", index, "must"), f"{show(str(control.must))}: {said}")


def _fault(control: Control) -> str:
    metric = CATALOG[control.metric]
    low, high = metric.range_of(control.compare)
    whole = metric.whole_of(control.compare)
    if control.must.cannot_fail(low, high, whole=whole):
        return (
            "this rule cannot fail, every possible value meets it, so its light is amber at best; "
            "set a threshold that a bad result would miss, or remove the control"
        )
    if _never_sure(control, low, high):
        return (
            "this rule cannot pass: no interval of an estimate lies wholly at the end of what is "
            "possible; set a threshold that a good result would surely meet, or leave out 'surely'"
        )
    if control.must.cannot_pass(low, high, whole=whole):
        return (
            "this rule cannot pass, no possible value meets it; set a threshold that a good result "
            "would meet, or remove the control"
        )
    return ""


def _never_sure(control: Control, low: float, high: float) -> bool:
    """Whether it asks an interval, which has a width, to be one number."""
    must = control.must
    if not must.surely or CATALOG[control.metric].census:
        return False
    at_end = (must.operator, must.bound) in ((">=", high), ("<=", low))
    return at_end or must.operator == "=="
