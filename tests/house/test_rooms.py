"""The rooms of the house and who imports whom; late and type-only imports count like any other."""

from __future__ import annotations

import ast
import runpy
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "venturalitica"
FLOORS = (
    ("_version", "core", "errors"),
    ("metrics", "tally", "policy", "judge", "reports"),
    ("system", "provenance", "frameworks", "trackers", "ledger"),
    ("audit", "wrapping", "review"),
    ("api", "ui", "server", "integrations", "demo", "cli", "", "__main__"),
)
DOORS = {
    "integrations": ("api",),
    "demo": ("api",),
    "cli": ("ui", "server", "demo"),
    "__main__": ("cli",),
    "": ("api", "demo", "integrations"),
}
OWN_FILES = {
    "mlflow": ("trackers.mlflow", "server", "demo"),
    "wandb": ("trackers.wandb",),
    "sklearn": ("frameworks.sklearn", "demo"),
    "xgboost": ("frameworks.xgboost",),
    "lightgbm": ("frameworks.lightgbm",),
    "catboost": (),
    "torch": ("frameworks.torch",),
    "keras": (),
    "skorch": (),
    "duckdb": ("cli.reading.engine", "tally.engines.arrow"),
    "dask": (),
    "ibis": (),
    "modin": (),
    "pyspark": (),
    "fsspec": ("cli.reading.cloud", "cli.reading.pinned"),
    "adbc_driver_postgresql": ("cli.reading.postgresql",),
    "sqlalchemy": ("ledger.index",),
    "cryptography": ("ledger.signing", "ledger.formats"),
    "rfc3161_client": ("ledger.formats.timestamp",),
    "uvicorn": ("ui.server",),
    "starlette": ("ui",),
    "apprise": ("ui.notify.services",),
    "IPython": ("integrations.notebook",),
    "pytest": ("integrations.pytest_plugin",),
    "junitparser": ("reports.formats.junit",),
    "jinja2": ("reports.html.templating", "ui.templating", "policy.template"),
}
IMPURE = {"os", "socket", "subprocess", "shutil", "tempfile", "urllib", "http", "time"}


def floor(room: str) -> int:
    return next(place for place, rooms in enumerate(FLOORS) if room in rooms)


def may_import(room: str, other: str) -> bool:
    """A room lower down; beside it, what stands to its left, and on the floor of the world nobody
    but `system`, which serves all; of the doors, those that DOORS names."""
    here, there = floor(room), floor(other)
    if room == other or here != there:
        return there <= here
    beside = {2: ("system",), 4: DOORS.get(room, ())}
    left = FLOORS[here][: FLOORS[here].index(room)]
    return here == 0 or other in beside.get(here, left)


@cache
def files() -> dict[str, ast.Module]:
    paths = sorted(SOURCE.rglob("*.py"))
    parts = [path.relative_to(SOURCE).with_suffix("").parts for path in paths]
    dotted = [".".join(("venturalitica", *names)).removesuffix(".__init__") for names in parts]
    return {name: ast.parse(path.read_text()) for name, path in zip(dotted, paths, strict=True)}


def imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Dotted names; `from a import b` imports `a.b` where that is a file of ours, else `a`."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"a relative import: {ast.unparse(node)}"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in files() else str(node.module)


@cache
def arrows() -> dict[str, set[str]]:
    return {name: set(imports(ast.walk(tree))) - {name} for name, tree in files().items()}


def within(name: str, places: Iterable[str]) -> bool:
    return any(f"{name}.".startswith(f"venturalitica.{place}.") for place in places)


def test_a_room_imports_lower_floors_and_what_stands_beside_it() -> None:
    def room(name: str) -> str:
        return f"{name}..".split(".")[1]

    pairs = [(a, b) for a, used in arrows().items() for b in used & files().keys()]
    assert [(a, b) for a, b in pairs if not may_import(room(a), room(b))] == []


def test_what_pytest_loads_in_every_session_comes_in_by_one_door_and_late() -> None:
    (beside,) = SOURCE.parent.glob("*.py")
    tree = ast.parse(beside.read_text())
    own = {name for name in imports(ast.walk(tree)) if name.startswith("venturalitica")}
    assert own == {"venturalitica.integrations.pytest_plugin"}
    assert set(imports(tree.body)) == {"__future__", "typing", "pytest"}


def test_no_files_import_each_other_in_a_loop() -> None:
    graph = {name: used & files().keys() for name, used in arrows().items()}
    list(TopologicalSorter(graph).static_order())


def test_files_and_folders_stay_small() -> None:
    paths = list(SOURCE.rglob("*.py"))
    files = Counter(path.parent.relative_to(SOURCE).as_posix() for path in paths)
    limits = {".": 6} | {name: 10 for name in files if name.startswith("ledger")}
    assert [name for name, count in files.items() if count > limits.get(name, 30)] == []
    assert [path for path in paths if len(path.read_text().splitlines()) > 400] == []


def test_a_library_is_imported_in_its_own_files_only() -> None:
    every = [(name, used.partition(".")[0]) for name in arrows() for used in arrows()[name]]
    guarded = [(name, used) for name, used in every if used in OWN_FILES]
    assert [(name, used) for name, used in guarded if not within(name, OWN_FILES[used])] == []
    top = {name: set(imports(tree.body)) for name, tree in files().items()}
    early = [name for name in top if any(used.partition(".")[0] == "numpy" for used in top[name])]
    assert [name for name in early if within(name, ("core", "metrics.catalog", "policy"))] == []


def test_lower_floors_touch_no_disk_network_clock_or_environment() -> None:
    reader = "venturalitica.policy.read"  # it opens the file that it was given
    lower = [name for name in files() if within(name, FLOORS[0] + FLOORS[1]) and name != reader]
    used = [(name, used) for name in lower for used in arrows()[name] if used != "urllib.parse"]
    assert [(name, used) for name, used in used if used.partition(".")[0] in IMPURE] == []
    assert [name for name in lower if calls(name, "open")] == []


def test_a_statement_is_read_by_its_one_typed_reading_and_a_kind_by_its_own() -> None:
    readers = ("core.record", "ledger.records")
    others = [name for name in files() if not within(name, readers)]
    found = [(name, ast.unparse(node)) for name in others for node in readings(files()[name])]
    assert found == []


def test_the_picture_shows_the_rooms_and_imports_of_today() -> None:
    picture = runpy.run_path(str(Path(__file__).with_name("picture.py")))
    assert picture["PICTURE"].read_text() == picture["draw"](), "run 'make architecture'"


def test_print_is_for_the_command_line() -> None:
    assert [name for name in files() if calls(name, "print") and not within(name, ("cli",))] == []


def calls(name: str, function: str) -> bool:
    nodes = (node.func for node in ast.walk(files()[name]) if isinstance(node, ast.Call))
    return any(isinstance(node, ast.Name) and node.id == function for node in nodes)


def readings(tree: ast.Module) -> Iterator[ast.AST]:
    """`x["…"]` and `x.get("…")` where `x` is a statement or what it says, by its name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Subscript | ast.Attribute):
            continue
        if isinstance(node, ast.Attribute) and node.attr != "get":
            continue
        whole = node.value
        if isinstance(whole, ast.Call) and whole.args:  # `mapping(record.predicate)["run"]`
            whole = whole.args[0]
        name = getattr(whole, "attr", getattr(whole, "id", ""))
        if name in ("predicate", "json", "statement"):
            yield node
