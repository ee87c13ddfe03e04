"""The rooms of the house: who may import whom, late and type-only imports included."""

from __future__ import annotations

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "venturalitica"
FLOORS = (
    "errors _version core",
    "metrics tally policy judge reports",
    "system provenance frameworks trackers ledger",
    "audit wrapping review",
    "api ui integrations demo cli __init__ __main__",
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms.split()}
RIGHT_OF = {room: FLOORS[1].split()[:place] for place, room in enumerate(FLOORS[1].split())}
BESIDE = {
    **{room: FLOORS[0].split() for room in FLOORS[0].split()},
    **RIGHT_OF,
    **{room: ["system"] for room in FLOORS[2].split()},
    "wrapping": ["audit"],
    "review": ["audit", "wrapping"],
    "demo": ["api"],
    "cli": ["ui", "demo"],
    "__init__": ["api", "demo"],
    "__main__": ["cli"],
}
WITHOUT_NUMPY = ("core", "metrics.catalog", "policy")
FILES = {
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(SOURCE.rglob("*.py"))
}
TREES = {name: ast.parse(path.read_text()) for name, path in FILES.items()}


def imported(nodes: list[ast.AST]) -> set[str]:
    """Modules that these nodes import, dotted; of `from a import b` it is `a.b` if that is one."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            of_module = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = {name for name in of_module if own(name) in FILES}
            found |= inner or {str(node.module)}
    return found


def own(name: str) -> str:
    return name.removeprefix("venturalitica.")


ARROWS = {
    name: {own(used) for used in imported(list(ast.walk(tree)))} & FILES.keys() - {name}
    for name, tree in TREES.items()
}
