"""What keys mean together: can every control be computed at all?

Works on the tree rather than on validated forms, so that a file with a misspelt key still gets all
of its other problems told at once. Whatever has not the right shape is skipped:
`validate_shape` said so.
"""

from __future__ import annotations

import contextlib
import math
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import product
from typing import get_args

from msgspec import Struct

from venturalitica.core.drift import FILE_ENDING
from venturalitica.core.labels import canonical_label
from venturalitica.core.policy import LABEL_ROLES, WEIGHT, Compare, Threshold, bin_names
from venturalitica.errors import did_you_mean, listed, slip
from venturalitica.metrics.catalog import CATALOG, NEEDS_ACROSS, OF_A_MODEL, misuse
from venturalitica.metrics.catalog.against import drift_misuse
from venturalitica.metrics.catalog.spec import MetricSpec
from venturalitica.policy.describe import metric_hint
from venturalitica.policy.fields import parse_threshold, role_name_fault, share
from venturalitica.policy.tree import (
    MAX_CONTROLS,
    MAX_GROUPS,
    MAX_NAMES_COMPARED,
    ListNode,
    MapNode,
    Node,
    Path,
    Scalar,
    is_finite,
    same_key,
    show,
    text_of,
)
from venturalitica.policy.validate_shape import Collector

GROUPS_OF_INTERSECTIONS = " × "
"""What joins the names of groups where several roles are crossed."""


def check_meaning(root: Node, problems: Collector, *, check_metrics: bool) -> None:
    """Collect what is wrong between keys, role by role and control by control."""
    if not isinstance(root, MapNode):
        return
    _check_small_groups(root.get("small_groups"), ("small_groups",), problems)
    roles = _roles(root)
    for name, role in roles.items():
        _check_role(name, role, problems)
    _check_ids(root, problems)
    declared = [role for role in roles if role not in LABEL_ROLES][:MAX_NAMES_COMPARED]
    meant: dict[str, str | None] = dict.fromkeys(declared)
    for index, node in enumerate(items(root.get("controls"))[:MAX_CONTROLS]):
        if isinstance(node, MapNode):
            control = ControlView(index, node)
            _check_roles(control, declared, meant, problems)
            _check_control(control, roles, problems, check_metrics=check_metrics)


def _roles(root: MapNode) -> dict[str, MapNode]:
    """The declared roles; an empty mapping for one without a rule."""
    roles = root.get("roles")
    if not isinstance(roles, MapNode):
        return {}
    declared: dict[str, MapNode] = {}
    for key, value in roles.pairs:
        name = text_of(key)
        if name and name not in declared:
            empty = MapNode((), key.line, key.column)
            declared[name] = value if isinstance(value, MapNode) else empty
    return declared


def _check_role(name: str, role: MapNode, problems: Collector) -> None:
    path = ("roles", name)
    if role.get("favorable") is not None and name != "target":
        remedy = (
            "move it to the role target"
            if name in LABEL_ROLES and name != WEIGHT
            else "only the role target has a favorable label; remove it"
        )
        problems.add((*path, "favorable"), f"'favorable' belongs to target; {remedy}", key=True)
    given = [key for key in ("map", "bins", "labels", "as") if role.get(key) is not None]
    if len(given) > 1:
        first, *others = given
        problems.add(
            (*path, others[0]),
            f"a role has '{first}' or '{others[0]}', not both; give the one that fits its values",
            key=True,
        )
    for key in given:
        if name in ("score", WEIGHT) or (key in ("bins", "as") and name in LABEL_ROLES):
            why = f"{name} takes numbers" if key == "labels" else f"{name} is no grouping role"
            makes = "lists values" if key == "labels" else "makes groups"
            problems.add((*path, key), f"'{key}' {makes}, and {why}; remove it", key=True)
    if name == "target":
        _check_favorable(role, problems)


def _check_favorable(role: MapNode, problems: Collector) -> None:
    """The favorable label is one that the role can have."""
    favorable, mapping, labels = role.get("favorable"), role.get("map"), role.get("labels")
    if not isinstance(favorable, Scalar) or favorable.value is None:
        return
    nodes: list[Node] = list(items(labels))
    if isinstance(mapping, MapNode):
        nodes = [value for _, value in mapping.pairs]
    known = [node for node in nodes if isinstance(node, Scalar)]
    if known and not any(same_key(node.value, favorable.value) for node in known):
        key = "map" if isinstance(mapping, MapNode) else "labels"
        texts = list(dict.fromkeys(node.text for node in known))
        problems.add(
            ("roles", "target", "favorable"),
            f"the favorable label {show(favorable.text)} is none that '{key}' gives"
            f"{did_you_mean(favorable.text, texts)} (it gives: {listed(texts, 12)})",
        )


def _check_ids(root: MapNode, problems: Collector) -> None:
    """No two controls of one id; ids that look the same are the same."""
    first: dict[str, int] = {}
    for index, node in enumerate(items(root.get("controls"))):
        id_node = node.get("id") if isinstance(node, MapNode) else None
        name = text_of(id_node)
        if not name or id_node is None:
            continue
        folded = unicodedata.normalize("NFC", name)
        if folded in first:
            problems.add(
                ("controls", index, "id"),
                f"duplicate id, already used at line {first[folded]}; every control needs its own",
            )
        first.setdefault(folded, id_node.line)


def _check_control(
    control: ControlView,
    roles: dict[str, MapNode],
    problems: Collector,
    *,
    check_metrics: bool,
) -> None:
    _check_between(control, roles, problems)
    _check_of(control, problems)
    _check_small_groups_of(control, problems)
    metric = control.text("metric")
    if metric is None or not check_metrics:
        if control.has("compare") and not control.has("across"):
            problems.add(control.path("compare"), NEEDS_ACROSS, key=True)
        return
    if metric not in CATALOG:
        problems.add(
            control.path("metric"),
            f"unknown metric {show(metric)}{metric_hint(metric)} "
            "('venturalitica metrics' lists all)",
        )
        return
    _check_computable(control, CATALOG[metric], problems)


def _check_roles(
    control: ControlView,
    declared: Sequence[str],
    meant: dict[str, str | None],
    problems: Collector,
) -> None:
    """Roles are grouping roles, and spelt as declared; one that nobody declared the call binds.

    `meant` remembers what each name is a slip of; of absurdly many no more is asked.
    """
    for key in ("across", "of"):
        for node, name in control.nodes(key):
            path = control.path(key)
            if name in LABEL_ROLES:
                if key == "across":
                    problems.add_at(node, path, _label_role(name))
                continue
            if name not in meant and len(meant) - len(declared) < MAX_NAMES_COMPARED:
                meant[name] = slip(name, declared) if role_name_fault(name) is None else None
            if meant.get(name):
                problems.add_at(
                    node,
                    path,
                    f"unknown role {show(name)}; did you mean '{meant[name]}'? "
                    f"(if it is another role, declare it: roles: {{{name}: {{}}}})",
                )


def _label_role(name: str) -> str:
    kind = "what rows count for" if name == WEIGHT else "a label role"
    return (
        f"'across' takes grouping roles, and {name} is {kind}; name one such as gender, and "
        "bind it to a column"
    )


def _check_small_groups(node: Node | None, path: Path, problems: Collector) -> None:
    if not isinstance(node, MapNode):
        return
    said = [key for key in ("pool", "exclude") if node.get(key) is not None]
    if len(said) != 1 and len(node.pairs) == len(said):
        found = "both 'pool' and 'exclude'" if said else "neither 'pool' nor 'exclude'"
        problems.add(path, f"'small_groups' has {found}; give one, such as {{pool: 30}}", key=True)


def _check_small_groups_of(control: ControlView, problems: Collector) -> None:
    path = control.path("small_groups")
    _check_small_groups(control.node.get("small_groups"), path, problems)
    if not control.has("small_groups"):
        return
    if not control.has("across"):
        problems.add(path, "'small_groups' needs across: <role>; add it, or remove this", key=True)
    elif control.text("compare") == "between":
        why = "compares the two groups that it names, however small"
        problems.add(path, f"compare: between {why}; remove 'small_groups'", key=True)


def _check_between(control: ControlView, roles: dict[str, MapNode], problems: Collector) -> None:
    compare = control.text("compare")
    if control.has("groups") and compare != "between":
        said = f"'compare' is {show(compare)}" if compare else "there is no 'compare'"
        problems.add(
            control.path("groups"),
            f"'groups' belongs to compare: between, and {said}; "
            "remove 'groups', or say compare: between",
            key=True,
        )
    if compare == "between" and not control.has("groups"):
        problems.add(
            control.path("compare"),
            "compare: between needs the two groups, such as groups: [female, male]",
            key=True,
        )
    known = _known_groups(control, roles)
    for node, group in control.nodes("groups") if known else ():
        if group not in known:
            problems.add_at(
                node,
                control.path("groups"),
                f"unknown group {show(group)}{did_you_mean(group, known)} "
                f"(the policy has: {listed(known, 12)})",
            )


def _known_groups(control: ControlView, roles: dict[str, MapNode]) -> list[str]:
    """The groups that the crossed roles can have; none where the data decides for one of them."""
    names = [_groups_of(roles.get(role)) for role in control.texts("across")]
    if not names or not 0 < math.prod(map(len, names)) <= MAX_GROUPS:
        return []
    return [GROUPS_OF_INTERSECTIONS.join(combination) for combination in product(*names)]


def _groups_of(role: MapNode | None) -> list[str]:
    """The groups that a role's map, labels or bins name; none where the data decides."""
    if role is None:
        return []
    mapping, bins, labels = role.get("map"), role.get("bins"), role.get("labels")
    values = [item.value for item in items(labels) if isinstance(item, Scalar)]
    if values:
        return [str(canonical_label(value)) for value in values if value is not None]
    if isinstance(mapping, MapNode):
        return list(dict.fromkeys(text for _, value in mapping.pairs if (text := text_of(value))))
    cuts = [
        float(item.value or 0)
        for item in items(bins)
        if isinstance(item, Scalar) and is_finite(item)
    ]
    return list(bin_names(cuts)) if cuts and len(cuts) == len(items(bins)) else []


def _check_of(control: ControlView, problems: Collector) -> None:
    metric = CATALOG.get(control.text("metric") or "")
    if control.has("of") and metric and not (metric.of_nulls or metric.drift):
        named = " or ".join(name for name, spec in CATALOG.items() if spec.of_nulls)
        named += " and to those of drift"
        problems.add(control.path("of"), f"'of' belongs to the metric {named}; remove it", key=True)


def _check_computable(control: ControlView, metric: MetricSpec, problems: Collector) -> None:
    """Collect what keeps this control from ever being computed."""
    said = control.text("compare") or ("?" if control.has("compare") else None)
    for key, message in misuse(metric, across=control.has("across"), compare=said):
        problems.add(control.path(key), message, key=True)
    against = control.text("against") or ""
    for key, message in drift_misuse(
        metric,
        against=control.has("against"),
        columns=control.has("columns"),
        of=control.has("of"),
        file=against.endswith(FILE_ENDING),
    ):
        problems.add(control.path(key), message, key=True)
    needed = {*metric.needs, *(control.texts("of") if metric.drift else ())} & OF_A_MODEL
    if (metric.phase == "model" or needed) and control.text("phase") == "data":
        roles = " and ".join(sorted(needed)) or "prediction"
        problems.add(
            control.path("phase"),
            f"{metric.name} needs a model's {roles}, so it cannot be judged in the "
            "phase 'data', before training; remove 'phase'",
        )
    _check_range(control, metric, _compare(control), problems)


def _compare(control: ControlView) -> Compare | None:
    said = control.text("compare")
    return next((word for word in get_args(Compare) if word == said), None)


def _check_range(
    control: ControlView, metric: MetricSpec, compare: Compare | None, problems: Collector
) -> None:
    threshold = control.threshold()
    if threshold is None or (control.has("compare") and compare is None):
        return
    low, high = metric.range_of(compare)
    if low <= threshold.bound <= high:
        return
    problems.add(
        control.path("must"),
        f"'must' is {show(str(threshold))}, and {_what(metric, compare)} is always "
        f"{_range(low, high)}{_guess(threshold, metric, compare, low, high)}",
    )


def _what(metric: MetricSpec, compare: Compare | None) -> str:
    if compare is None or metric.compare:
        return metric.name
    if compare == "between":
        return f"{metric.name} between two groups"
    return f"the {compare} of {metric.name}"


def _range(low: float, high: float) -> str:
    if math.isinf(high):
        return f"at least {low:g}"
    return f"at most {high:g}" if math.isinf(low) else f"between {low:g} and {high:g}"


def _guess(
    threshold: Threshold, metric: MetricSpec, compare: Compare | None, low: float, high: float
) -> str:
    """A percentage, most likely; but a ratio a little above 1 is one the other way round."""
    inverted = "ratio" in (compare, metric.compare) and threshold.bound < 2
    if not inverted and high <= 1 and 1 < threshold.bound <= 100 and low <= threshold.bound / 100:
        return f'; did you mean must: "{threshold.operator} {share(threshold.bound)}"?'
    return ""


class ControlView(Struct, frozen=True):
    """A control's node, and easy ways to ask it."""

    index: int
    node: MapNode

    def path(self, *keys: str | int) -> Path:
        return ("controls", self.index, *keys)

    def text(self, key: str) -> str | None:
        return text_of(self.node.get(key))

    def has(self, key: str) -> bool:
        return self.node.get(key) is not None

    def texts(self, key: str) -> list[str]:
        """The texts of a key that takes one or a list."""
        return [text for _, text in self.nodes(key)]

    def nodes(self, key: str) -> Iterator[tuple[Node, str]]:
        """The same, each with its node."""
        node = self.node.get(key)
        for item in [node] if isinstance(node, Scalar) else items(node):
            text = text_of(item)
            if text:
                yield item, text

    def threshold(self) -> Threshold | None:
        """What the control must meet, where that can be read."""
        with contextlib.suppress(ValueError):
            return parse_threshold(self.text("must") or "")
        return None


def items(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none of anything else."""
    return node.items if isinstance(node, ListNode) else ()
