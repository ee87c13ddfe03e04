"""The house keeps its floors: a module imports lower floors or its own room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "venturalitica"

FLOORS: dict[str, int] = {
    **dict.fromkeys(
        [
            "_version", "errors", "records", "rules", "circumstances", "tallies", "scoregrid",
            "redact", "canonical", "secret_names", "_origin", "figures", "causes",
        ],
        0,
    ),
    **dict.fromkeys(["policy", "metrics", "binding", "marginals"], 1),
    **dict.fromkeys(["tally", "judge", "reports"], 2),
    **dict.fromkeys(["ledger", "probes"], 3),
    **dict.fromkeys(["trackers"], 4),
    **dict.fromkeys(
        [
            "settings", "signers", "session", "delivery", "audit", "statement", "monitoring",
            "runs",
            "measure", "sources", "recording", "surroundings", "predicting", "wrapping",
            "frameworks", "model_facts", "telling", "decorating", "verification", "witnesses",
            "agreement", "editions", "comparing", "pages", "allowance", "examination",
        ],
        5,
    ),
    **dict.fromkeys(["api", "cli", "scenarios", "ui", "", "__init__", "__main__"], 6),
}  # fmt: skip
ONE_ROOM = {0, 5, 6}
"""Floors whose modules form one room: words, conductor, doors."""

GUARDED = {
    "mlflow": {
        "trackers/mlflow/answer.py", "trackers/mlflow/run.py", "trackers/mlflow/witnesses.py",
    },
    "wandb": {"trackers/wandb/library.py"},
    "sklearn": {"scenarios/loan.py", "scenarios/history.py", "frameworks/sklearn.py"},
    "xgboost": set(),
    "lightgbm": set(),
    "catboost": set(),
    "sqlalchemy": {
        "ledger/index.py", "ledger/listing.py", "ledger/pipelines.py", "ledger/tables.py",
    },
    "uvicorn": {"ui/serve.py"},
    "jinja2": {"ui/rendering.py"},
}  # fmt: skip
PURE_FORBIDDEN = {"os", "socket", "subprocess", "shutil", "tempfile", "urllib", "http", "time"}
PURE_ALLOWED = {"urllib.parse"}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            yield node.module or "", node.lineno
            if node.module == "venturalitica":
                yield from ((f"venturalitica.{alias.name}", node.lineno) for alias in node.names)


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def own_room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_every_module_has_a_floor_and_imports_downwards(path: Path) -> None:
    own = own_room(path)
    assert own in FLOORS, f"{own} has no floor: give it one in docs/architecture.md and here"
    for module, line in imports(path):
        if module.partition(".")[0] != "venturalitica" or module == "venturalitica":
            continue
        other = room(module)
        if other == own:
            continue
        above = FLOORS[other] > FLOORS[own]
        beside = FLOORS[other] == FLOORS[own] and FLOORS[own] not in ONE_ROOM
        assert not above, f"{path}:{line}: floor {FLOORS[own]} imports {module}, which is above"
        assert not beside, f"{path}:{line}: {own} imports {module}, a room on its own floor"


@pytest.mark.parametrize("library", GUARDED)
def test_a_neighbour_is_imported_in_its_own_file_only(library: str) -> None:
    users = {
        name_of(path)
        for path in modules()
        for module, _ in imports(path)
        if module.partition(".")[0] == library
    }
    assert users <= GUARDED[library], f"{library} is imported by {sorted(users)}"


@pytest.mark.parametrize(
    "path", [p for p in modules() if FLOORS.get(own_room(p), 9) <= 2], ids=name_of
)
def test_lower_floors_touch_no_disk_network_clock_or_environment(path: Path) -> None:
    if name_of(path) == "policy/read.py":
        return
    for module, line in imports(path):
        impure = module.partition(".")[0] in PURE_FORBIDDEN and module not in PURE_ALLOWED
        assert not impure, f"{path}:{line}: imports {module}"
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "open", f"{path}:{node.lineno}: opens a file"


@pytest.mark.parametrize("path", [p for p in modules() if own_room(p) != "cli"], ids=name_of)
def test_print_is_for_the_command_line(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "print", f"{path}:{node.lineno}: prints"
