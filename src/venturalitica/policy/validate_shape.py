"""Does each key hold what it should? pydantic's answer, in our words, with lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

from msgspec import Struct, field
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from venturalitica.errors import Problem, did_you_mean
from venturalitica.policy.fields import Expected
from venturalitica.policy.head import ApprovalForm, DisclosureForm, IntervalsForm, SmallGroupsForm
from venturalitica.policy.schema import ControlForm, PolicyForm, RoleForm, keys_of
from venturalitica.policy.tree import (
    MAX_PROBLEMS,
    ListNode,
    MapNode,
    Node,
    Path,
    Scalar,
    follow,
    found,
    is_finite,
    plain,
    same_key,
    show,
    text_of,
)

OTHER_KEYS = {
    "assertions": "controls",
    "checks": "controls",
    "requirements": "controls",
    "rules": "controls",
    "tests": "controls",
    "name": "policy",
    "columns": "roles",
    "features": "roles",
    "baseline": "against",
    "reference": "against",
    "compared_with": "against",
    "by": "across",
    "group_by": "across",
    "slice": "across",
    "operator": "must",
    "threshold": "must",
    "positive": "favorable",
    "positive_label": "favorable",
    "pos_label": "favorable",
}
"""What others call our keys, or what people write first: for the hint in an error only."""

KEY = "[key]"
"""How pydantic's location says that a key of a mapping, not its value, is meant."""


def check_shape(root: Node, problems: Collector) -> PolicyForm | None:
    """The policy as a form, or None where it has not the right shape; problems are collected."""
    if not isinstance(root, MapNode):
        problems.add(
            (), f"a policy is a mapping that starts with 'policy: <name>'; this is {found(root)}"
        )
        return None
    if not root.pairs:
        problems.add((), "the policy is empty; 'venturalitica init' writes one to start from")
        return None
    _check_keys(root, (), problems)
    try:
        return PolicyForm.model_validate(plain(root))
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            _explain(fault, root, problems)
        return None


def _check_keys(node: Node, path: Path, problems: Collector) -> None:
    """Every key is one word or number, and given once."""
    if isinstance(node, ListNode):
        for index, item in enumerate(node.items):
            _check_keys(item, (*path, index), problems)
    if not isinstance(node, MapNode):
        return
    seen: dict[Any, list[Scalar]] = {}
    for key, value in node.pairs:
        if not isinstance(key, Scalar):
            problems.add_at(key, path, f"a key is {found(key)}; expected one word or number")
            continue
        if key.value is None:
            problems.add_at(key, path, "a key is empty; expected one word or number")
            continue
        _check_once(key, seen.setdefault(key.value, []), path, problems)
        _check_keys(value, (*path, key.value), problems)


def _check_once(key: Scalar, before: list[Scalar], path: Path, problems: Collector) -> None:
    """`before` are keys that are equal for Python, where True == 1."""
    if before:
        first = before[0]
        same = same_key(first.value, key.value)
        what = (
            f"duplicate key {show(key.text)}"
            if same
            else f"the keys {first.text} and {key.text} are"
        )
        tail = ", already given" if same else " not kept apart as labels; the first is"
        problems.add_at(key, path, f"{what}{tail} at line {first.line}")
    before.append(key)


def _explain(fault: Any, root: Node, problems: Collector) -> None:
    """One error of pydantic as a problem."""
    location: Path = fault["loc"]
    kind: str = fault["type"]
    context: dict[str, Any] = fault.get("ctx", {})
    on_key = bool(location) and location[-1] == KEY
    path = location[:-1] if on_key else location
    node, there = follow(root, path)
    no_key = kind == "invalid_key" or (on_key and context.get("fault") == "is no label")
    if no_key and path[-1] == "None":
        return  # `_check_keys` has said it
    if kind in ("extra_forbidden", "invalid_key"):
        problems.add(path, _unknown_key(path), key=True)
    elif kind == "missing":
        problems.add(path, f"'{path[-1]}' is missing; expected {_expected(path)}")
    elif kind == "said":
        problems.add(path, context["message"], key=on_key)
    elif on_key:
        problems.add(path, _wrong_key(path, context), key=True)
    elif not there:
        problems.add(path, f"{_named(path)} cannot be used; expected {_expected(path)}")
    elif kind == "is":
        problems.add(path, _with_expected(f"{_named(path)} {context['fault']}", path))
    else:
        problems.add(path, _wrong_value(path, node, kind, context))


def _unknown_key(path: Path) -> str:
    known = list(keys_of(_form(path[:-1])))
    name = str(path[-1])
    other = OTHER_KEYS.get(name.casefold().replace("-", "_"))
    return f"unknown key {show(name)}" + (
        (f"; did you mean '{other}'?" if other in known else did_you_mean(name, known))
        or f" (known here: {', '.join(known)})"
    )


def _wrong_key(path: Path, context: dict[str, Any]) -> str:
    fault = context.get("fault")
    if fault:
        return f"the value {path[-1]} in '{path[-2]}' {fault}"
    return f"the name of a role is text; found {path[-1]}: write it in quotes, or rename it"


def _wrong_value(path: Path, node: Node, kind: str, context: dict[str, Any]) -> str:
    fault = context.get("fault")
    if path == ("controls",) and _is_nothing(node):
        return (
            "the policy has no control, so nothing can pass; add one that starts with '- id: ...'"
        )
    is_ = f"{_named(path)} is {_counted(node, kind, context)}"
    choices = _choices(path)
    text = text_of(node)
    if choices and text is not None:
        return f"{is_}{did_you_mean(text, choices) or f'; expected {_expected(path)}'}"
    quoted = _in_quotes(path, node, kind)
    if quoted:
        return f"{is_}; {quoted}"
    if fault and is_finite(node):
        return _with_expected(f"{is_}, which {fault}", path)
    return f"{is_}; expected {_expected(path)}"


def _with_expected(message: str, path: Path) -> str:
    """What was expected as well, unless the message goes on to name the remedy."""
    return message if "; " in message else f"{message}; expected {_expected(path)}"


def _is_nothing(node: Node) -> bool:
    return (isinstance(node, ListNode) and not node.items) or (
        isinstance(node, Scalar) and node.value is None
    )


def _counted(node: Node, kind: str, context: dict[str, Any]) -> str:
    """What was found; where its size is the fault, with the size."""
    if kind in ("too_short", "too_long") and isinstance(node, ListNode | MapNode):
        n = len(node.items if isinstance(node, ListNode) else node.pairs)
        bound = context.get("max_length") if kind == "too_long" else context.get("min_length")
        word = "at most" if kind == "too_long" else "at least"
        return f"{found(node)} of {n} ({word} {bound:,} needed)" if n else found(node)
    return found(node)


_LONGEST_QUOTE = 60


def _in_quotes(path: Path, node: Node, kind: str) -> str | None:
    """Text that YAML reads as a number, a boolean: how to say that it is text."""
    if kind != "string_type" or not isinstance(node, Scalar) or node.value is None:
        return None
    if len(node.text) > _LONGEST_QUOTE:
        return None
    name = path[-1]
    prefix = f"{name}: " if isinstance(name, str) else ""
    wanted = f'write it in quotes, {prefix}"{node.text}"'
    if name == "version" and isinstance(node.value, float):
        return f"{wanted} (as a number, 1.10 would become 1.1)"
    if name == "must":
        return f"expected {_expected(path)}"
    return wanted


def _named(path: Path) -> str:
    """How a message calls what is at `path`."""
    if not path:
        return "the policy"
    last = path[-1]
    if len(path) == 2 and path[0] in ("controls", "approvals"):
        return "it"
    if len(path) == 2 and path[0] == "roles":
        return "its rule"
    if len(path) == 1:
        return f"'{last}'"
    if path[-2] == "map":
        return f"the group of {show(str(last))}"
    return f"item {last + 1} of '{path[-2]}'" if isinstance(last, int) else f"'{last}'"


def _form(path: Path) -> type[BaseModel]:
    """The model of the mapping at `path`."""
    if path[:1] == ("controls",):
        return SmallGroupsForm if path[2:3] == ("small_groups",) else ControlForm
    if path[:1] in _LISTED:
        return _LISTED[path[:1]]
    return _PARTS.get(str(path[0]), PolicyForm) if path else PolicyForm


_LISTED: Mapping[Path, type[BaseModel]] = {("roles",): RoleForm, ("approvals",): ApprovalForm}
_SEVERAL = ("controls", "roles", "approvals")
"""Keys of the head that hold several mappings."""

_PARTS: Mapping[str, type[BaseModel]] = {
    "disclosure": DisclosureForm,
    "intervals": IntervalsForm,
    "small_groups": SmallGroupsForm,
}
"""Mappings of the head with keys of their own."""


def _field(path: Path) -> tuple[FieldInfo | None, bool]:
    """The key of the form that holds `path`, and whether `path` is inside of its value."""
    in_control = path[2:3] == ("small_groups",) and len(path) > 3
    depth = 1 if len(path) == 1 else 2 if path[0] in _PARTS else 4 if in_control else 3
    if len(path) < depth or (len(path) == 2 and path[0] in _SEVERAL):
        return None, False
    field = keys_of(_form(path[: depth - 1])).get(str(path[depth - 1]))
    return field, len(path) > depth


def _expected(path: Path) -> str:
    if len(path) == 2 and path[0] == "controls":
        return "a mapping with at least 'id', 'metric' and 'must'"
    if len(path) == 2 and path[0] == "approvals":
        return "a mapping with at least 'role'"
    if len(path) == 2 and path[0] == "roles":
        return f"a mapping with any of {', '.join(keys_of(RoleForm))}"
    field, inside = _field(path)
    if field is None:
        return "another value"
    if inside:
        return _expected_inside(path, field)
    return next((m.words for m in field.metadata if isinstance(m, Expected)), "another value")


def _expected_inside(path: Path, field: FieldInfo) -> str:
    if path[2] == "map":
        return "the group's name as text"
    for argument in get_args(field.annotation):
        for metadata in getattr(argument, "__metadata__", ()):
            if isinstance(metadata, Expected):
                return metadata.words
    return "the name of a role as text"


def _choices(path: Path) -> tuple[str, ...]:
    """The words that a key can have, where it is one of a few."""
    field, inside = _field(path)
    if field is None or inside or get_origin(field.annotation) is not Literal:
        return ()
    return get_args(field.annotation)


class Collector(Struct):
    """Gathers problems of one file; `about` tells which control or role a path belongs to."""

    file: str
    root: Node
    _seen: dict[tuple[int, int, str], None] = field(default_factory=dict)

    def add(self, path: Path, message: str, *, key: bool = False) -> None:
        """A problem at `path`; where nothing is there, at the nearest thing above it.

        `key` puts it on the line of the key instead of the value.
        """
        node, there = follow(self.root, path)
        # A value that is left empty stands, for the parser, on the line after.
        empty = there and isinstance(node, Scalar) and node.text == "" and node.plain
        if (key or empty) and path:
            above, there = follow(self.root, path[:-1])
            if there and isinstance(above, MapNode):
                pair = above.find(path[-1])
                node = pair[0] if pair else node
        self.add_at(node, path, message)

    def add_at(self, node: Node, path: Path, message: str) -> None:
        """A problem at a node; `path` only names what it is about."""
        self._seen[(node.line, node.column, self.about(path) + message)] = None

    def about(self, path: Path) -> str:
        """`control 'accuracy': `, `role 'gender': ` or nothing."""
        if len(path) < 2:
            return ""
        if path[0] == "controls" and isinstance(path[1], int):
            control, _ = follow(self.root, path[:2])
            name = text_of(control.get("id")) if isinstance(control, MapNode) else None
            return f"control {show(name)}: " if name else f"control {path[1] + 1}: "
        if path[0] == "approvals" and isinstance(path[1], int):
            return f"approval {path[1] + 1}: "
        if path[0] == "roles" and isinstance(path[1], str):
            return f"role {show(path[1])}: "
        return ""

    def __bool__(self) -> bool:
        return bool(self._seen)

    def problems(self) -> tuple[Problem, ...]:
        """What was collected, by line; beyond a bound only the number is said."""
        ordered = sorted(self._seen, key=lambda place: place[:2])
        listed = [Problem(self.file, line, message) for line, _, message in ordered[:MAX_PROBLEMS]]
        if len(ordered) > MAX_PROBLEMS:
            listed.append(
                Problem(self.file, 0, f"… and {len(ordered) - MAX_PROBLEMS} more problems")
            )
        return tuple(listed)
