"""A pytest plugin: the modules named by `PEERS_MODULES` make governed models, not bare ones.

Each call in the source of those modules, `Model(...)`, becomes `__governed__(Model)(...)`, which is
`vl.wrap(Model(...))` where `Model` is a class with `fit` (or makes a pipeline), and the call as it
was everywhere else. Nothing in the library under test is touched. Without `PEERS_GOVERNED` the same
modules run as they are. Of a test with many sets of parameters some run, the same in both. At the
end a JSON file at `PEERS_REPORT` says how each test went, what was governed and what was refused.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

MODULES = frozenset(os.environ["PEERS_MODULES"].split(","))

PARAMETERS = 6
"""Of a test with more sets of parameters so many run, spread over all of them."""

outcomes: dict[str, str] = {}
seconds: dict[str, float] = {}
counts: Counter[str] = Counter()
refused: Counter[str] = Counter()


class _Calls(ast.NodeTransformer):
    """`f(...)` becomes `__governed__(f)(...)`: the frame that calls stays that of the test."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        name = ast.copy_location(ast.Name("__governed__", ast.Load()), node.func)
        node.func = ast.copy_location(ast.Call(name, [node.func], []), node.func)
        return node


class _Loader(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        """Never from the cache of compiled files, and never into it."""
        path = self.get_filename(fullname)
        return compile(_Calls().visit(ast.parse(self.get_data(path))), path, "exec")

    def exec_module(self, module: Any) -> None:
        module.__governed__ = governed
        super().exec_module(module)


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname not in MODULES:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert found is not None
        assert found.origin is not None
        loader = _Loader(fullname, found.origin)
        return importlib.util.spec_from_file_location(fullname, found.origin, loader=loader)


def governed(function: Any) -> Any:
    """`function`, or where it makes models one that makes them governed."""
    from sklearn.pipeline import make_pipeline

    makes_models = isinstance(function, type) and hasattr(function, "fit")
    if not makes_models and function is not make_pipeline:
        return function

    def made(*args: Any, **kwargs: Any) -> Any:
        import venturalitica as vl

        model = function(*args, **kwargs)
        try:
            wrapped = vl.wrap(model, policy=os.environ["PEERS_POLICY"])
        except TypeError as error:  # it is no model: a transformer, say
            refused[f"{type(model).__name__}: {error}"] += 1
            return model
        counts["wrapped"] += 1
        return wrapped

    return made


def _count_trainings() -> None:
    import venturalitica.wrapping  # noqa: F401

    module: Any = sys.modules["venturalitica.wrapping.wrap"]

    def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            counts[name] += 1
            return function(*args, **kwargs)

        return counted

    module.train = counting("trained", module.train)
    module.conduct = counting("audited", module.conduct)


if os.environ.get("PEERS_GOVERNED"):
    sys.meta_path.insert(0, _Finder())
    _count_trainings()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The same tests bare and wrapped: what is left out depends on the names alone."""
    sets: dict[str, list[pytest.Item]] = {}
    for item in items:
        sets.setdefault(item.nodeid.partition("[")[0], []).append(item)
    kept = {id(one) for every in sets.values() for one in every[:: -(-len(every) // PARAMETERS)]}
    items[:] = [item for item in items if id(item) in kept]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    before = time.process_time()
    result = yield
    seconds[item.nodeid] = round(time.process_time() - before, 2)
    return result  # type: ignore[return-value]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.failed:
        outcomes[report.nodeid] = f"failed: {report.longreprtext}"
    elif report.when == "call" or report.skipped:
        outcomes.setdefault(report.nodeid, report.outcome)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        outcomes[report.nodeid] = f"failed: {report.longreprtext}"


def pytest_sessionfinish() -> None:
    said = {"outcomes": outcomes, "counts": counts, "refused": refused, "seconds": seconds}
    Path(os.environ["PEERS_REPORT"]).write_text(json.dumps(said))
