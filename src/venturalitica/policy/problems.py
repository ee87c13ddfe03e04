"""Problems while they are being collected: they know their place, and come out in file order."""

from __future__ import annotations

from dataclasses import dataclass, field

from venturalitica.errors import Problem
from venturalitica.policy.limits import MAX_PROBLEMS
from venturalitica.policy.nodes import MapNode, Node, Path, Scalar, follow, show, text_of


@dataclass(slots=True)
class Collector:
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
