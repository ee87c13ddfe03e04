"""What the tests of the pages share: a history of 40 runs, and a browser without a screen.

    def test_it(client): assert client.get("/runs").status_code == 200

`history` is made once and must not be changed; a test that changes evidence takes `own_history`, a
copy.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.histories import copied_history
from venturalitica.demo.history import History
from venturalitica.ui.reader import Desk, Reading


def _beside(name: str) -> Any:
    """A module beside this file: tests are imported without being packages."""
    full = f"tests_ui_{name}"
    if full not in sys.modules:
        spec = importlib.util.spec_from_file_location(full, Path(__file__).with_name(f"{name}.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[full] = module
        spec.loader.exec_module(module)
    return sys.modules[full]


@pytest.fixture(autouse=True)
def _keys_of_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No key is the reader's own, whatever tests before made keys for."""
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "nobody"))


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """40 runs over three policy versions, with sign-offs; two of them wait for a tracker."""
    return copied_history(tmp_path_factory)


@pytest.fixture
def own_history(history: History, tmp_path: Path) -> History:
    """A copy that may be changed."""
    folder = tmp_path / "loan"
    shutil.copytree(history.folder, folder)
    return History(folder, folder / ".venturalitica", folder / "keys")


@pytest.fixture
def desk(history: History) -> Iterator[Desk]:
    """A desk over the history."""
    desk = Desk(history.home)
    yield desk
    desk.close()


@pytest.fixture
def reading(desk: Desk) -> Iterator[Reading]:
    """One request's view of the history."""
    with desk.reading() as reading:
        yield reading


@pytest.fixture
def client(history: History) -> Any:
    """Asks the application over the history; see `client.py`."""
    return _beside("client").client_for(history.home)


@pytest.fixture
def client_for() -> Any:
    """`client_for(home, **guard)`: a client over other evidence."""
    return _beside("client").client_for


@pytest.fixture
def words() -> Any:
    """`words(answer)`: what a page says, without its markup."""
    return _beside("client").words


@pytest.fixture
def empty_client(tmp_path: Path) -> Any:
    """Asks the application where there is no evidence."""
    return _beside("client").client_for(tmp_path / "nothing")
