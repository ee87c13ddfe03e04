"""The tree of a policy file: values that still know their line.

YAML and JSON are both read into this one form, so that everything after it (shape, meaning, error
messages) is written once. Lines and columns are 1-based.
"""

from __future__ import annotations

import math
from typing import Any

from msgspec import Struct

from venturalitica.core.verdict import Label

# How large a policy may be: it is written by people, so whatever is larger is an accident or an
# attack.
MAX_BYTES = 1024 * 1024
"""Bytes of the file."""

MAX_LINES = 20_000

MAX_DEPTH = 20
"""Levels of lists and mappings inside each other; a policy itself needs five."""

MAX_NODES = 20_000
"""Keys, values, lists and mappings in all, aliases counted as often as they are used."""

MAX_ALIASES = 100
"""Uses of an anchor (`*name`)."""

MAX_CONTROLS = 1_000
MAX_ROLES = 200
MAX_GROUPS = 1_000
"""Entries of one role's `map`, and cut points of one role's `bins`."""

MAX_ROLES_CROSSED = 10
"""Roles in one `across` or `of`."""

MAX_NAMES_COMPARED = 200
"""Different names that are compared with the known ones to find slips."""

MAX_NAME = 100
"""Characters of an id, a role, a group, a version."""

MAX_TEXT = 4_000
"""Characters of a title or a remedy."""

MAX_PROBLEMS = 200
"""Problems that one message lists; the rest are counted."""

LARGEST_WHOLE = 2**53
"""Whole numbers beyond this are not exact in JSON, so no label may be one."""


Path = tuple[str | int | float | bool | None, ...]
"""Keys and list positions from the top of the file down to a value."""


class Scalar(Struct, frozen=True, eq=False):
    """One value. `text` is what the file says, `value` what that means; `plain`: not in quotes."""

    value: Label | None
    text: str
    plain: bool
    line: int
    column: int


class ListNode(Struct, frozen=True, eq=False):
    """A list."""

    items: tuple[Node, ...]
    line: int
    column: int


class MapNode(Struct, frozen=True, eq=False):
    """A mapping, as the pairs that the file gives: duplicate keys are still both here."""

    pairs: tuple[tuple[Node, Node], ...]
    line: int
    column: int

    def find(self, key: object) -> tuple[Node, Node] | None:
        """The first pair with this key (type and value), or None."""
        for key_node, value in self.pairs:
            if isinstance(key_node, Scalar) and same_key(key_node.value, key):
                return key_node, value
        return None

    def get(self, key: object) -> Node | None:
        """The value of this key, or None."""
        pair = self.find(key)
        return pair[1] if pair else None


Node = Scalar | ListNode | MapNode


class UnreadableError(ValueError):
    """The file cannot be read as a tree at all; `line` is 1-based, 0 for the whole file."""

    def __init__(self, line: int, message: str) -> None:
        self.line = line
        super().__init__(message)


def same_key(one: object, other: object) -> bool:
    """Whether two keys mean the same: 1 and 1.0 do, 1 and true or "1" do not."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def plain(node: Node) -> Any:
    """The tree as dicts, lists and scalars; of duplicate keys the first wins."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    result: dict[Any, Any] = {}
    for key, value in node.pairs:
        if isinstance(key, Scalar):
            result.setdefault(key.value, plain(value))
    return result


def follow(root: Node, path: Path) -> tuple[Node, bool]:
    """The deepest node on `path` that exists, and whether it is the end of the path."""
    node = root
    for step in path:
        below: Node | None = None
        if isinstance(node, MapNode):
            below = node.get(step)
        elif isinstance(node, ListNode) and isinstance(step, int) and step < len(node.items):
            below = node.items[step]
        if below is None:
            return node, False
        node = below
    return node, True


def text_of(node: Node | None) -> str | None:
    """The value of a text scalar; None for anything else."""
    return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


def show(text: str, limit: int = 60) -> str:
    """Text for a message: in quotes, harmless on a terminal, not too long."""
    safe = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[: limit + 1])
    return f"'{safe[:limit]}…'" if len(safe) > limit else f"'{safe}'"


def found(node: Node) -> str:
    """What a node is, in words: `the number 1.2`, `the text '10%'`, `a list`, `empty`."""
    if isinstance(node, ListNode):
        return "a list" if node.items else "an empty list"
    if isinstance(node, MapNode):
        return "a mapping" if node.pairs else "an empty mapping"
    if node.value is None:
        return "empty"
    if isinstance(node.value, str):
        return f"the text {show(node.value)}" if node.value else "an empty text"
    shown = node.text if len(node.text) <= 40 else node.text[:40] + "…"
    if isinstance(node.value, bool):
        return shown
    return f"the number {shown}" if is_finite(node) else f"{shown}, no finite number"


def is_finite(node: Node) -> bool:
    """Whether a node is a number, and one that a float can hold."""
    if not isinstance(node, Scalar) or isinstance(node.value, bool | str | None):
        return False
    try:
        return math.isfinite(node.value)
    except OverflowError:
        return False
