"""The house keeps its floors: a module imports lower floors or its own room."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src" / "venturalitica"

PURE = {"errors", "core", "metrics", "tally", "policy", "judge", "reports"}
GUARDED = {
    "mlflow": {"trackers/mlflow/", "demo/"},
    "wandb": {"trackers/wandb/"},
    "sklearn": {"frameworks/sklearn.py", "demo/"},
    "xgboost": set(),
    "lightgbm": set(),
    "catboost": set(),
    "duckdb": {"cli/engine.py"},
    "sqlalchemy": {"ledger/index/"},
    "cryptography": {"ledger/signing/", "ledger/formats/"},
    "uvicorn": {"ui/server.py"},
    "starlette": {"ui/"},
    "jinja2": {"ui/templating.py"},
}
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


def own_room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


@pytest.mark.parametrize("library", GUARDED)
def test_a_neighbour_is_imported_in_its_own_file_only(library: str) -> None:
    users = {
        name_of(path)
        for path in modules()
        for module, _ in imports(path)
        if module.partition(".")[0] == library
    }
    strangers = {user for user in users if not user.startswith(tuple(GUARDED[library]))}
    assert not strangers, f"{library} is imported by {sorted(strangers)}"


@pytest.mark.parametrize("path", [p for p in modules() if own_room(p) in PURE], ids=name_of)
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
