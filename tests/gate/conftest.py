"""One server with the gate, and three versions of a model at it, for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.gate import world as _world
from tests.gate.project import trained


@pytest.fixture(scope="session")
def gated(
    tmp_path_factory: pytest.TempPathFactory, start_server: Callable[..., Any]
) -> Iterator[Any]:
    """`World` of a server with the gate; its `shelf` holds versions by their kind."""
    folder = tmp_path_factory.mktemp("gated")
    (folder / "policy.yaml").write_text(_world.POLICY)
    (folder / "gate.yaml").write_text(_world.GATE)
    server = start_server(
        folder,
        "--app-name",
        "venturalitica-gate",
        VENTURALITICA_HOME=str(folder / "evidence"),
        VENTURALITICA_CONFIG=str(folder / "config"),
    )
    try:
        world = _world.World(server.url, folder)
        made = world.train("green", "green", "red", "bare")
        world.shelf = {"green": made[0], "other": made[1], "red": made[2], "bare": made[3]}
        yield world
    finally:
        server.stop()


@pytest.fixture
def world(gated: Any) -> Iterator[Any]:
    """The same, with the gate file as it was and nobody under the alias."""
    gated.drop_alias()
    yield gated
    (gated.folder / "gate.yaml").write_text(_world.GATE)
    gated.drop_alias()


@pytest.fixture
def project(
    mlflow: Any, empty_database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """A project whose training registered version 1 of `credit`, evidence at its run."""
    with trained(mlflow, empty_database, tmp_path, monkeypatch) as found:
        yield found
