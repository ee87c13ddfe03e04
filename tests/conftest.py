"""What several folders of tests share: MLflow, an empty store of it, and one real server."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
import warnings
from collections.abc import Callable, Iterator
from contextlib import chdir, closing, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql import postgresql as started_postgresql
from tests.postgresql import programs

# A worker for each core: a second thread for linear algebra only waits, and burns CPU while it
# does. Before numpy is imported, and for every Python that a test starts.
os.environ.setdefault("OMP_NUM_THREADS", "1")

with suppress(ImportError):  # it is no part of the environment for PyTorch
    from hypothesis import HealthCheck, settings

    # Whether a property holds is no matter of how busy the machine is.
    settings.register_profile("whole", deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.load_profile("whole")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest chains come first: what shares a server, and what shares a browser."""
    items.sort(key=lambda item: _chain(item.path) is None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file runs in one worker, in its order; what shares a server or a browser does too.

    Not by `xdist_group`, whose marks pytest-xdist 3.8 cannot write into the ids of pytest 9.2.
    """
    from xdist.scheduler import LoadFileScheduling  # type: ignore[import-untyped]

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0]
            return _chain(config.rootpath / file) or file

    return Scheduling(config, log)


@cache
def _chain(file: Path) -> str | None:
    if file.parent.name == "browser":
        return "browser"
    return "server" if re.search("mlflow[-_]server|server_uri", file.read_text()) else None


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that `make` filled: the first worker that asks makes it, others wait at the lock."""
    base = factory.getbasetemp()
    # The workers of pytest-xdist have a folder each, in that of the session.
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, made = shared / f"once-{name}", shared / f"once-{name}.made"
    with (shared / f"once-{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            made.touch()
    return folder


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_users(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keys and evidence of tests never touch the user's own folders."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VENTURALITICA_CONFIG", str(folder / "config"))
        patch.setenv("VENTURALITICA_HOME", str(folder / "evidence"))
        yield


@pytest.fixture(autouse=True)
def _nothing_waits() -> Iterator[None]:
    """What one test audits waits for no run of another's."""
    yield
    waiting: Any = sys.modules.get("venturalitica.audit.waiting")
    for kept in (waiting._waiting, waiting._placed, waiting._late) if waiting else ():
        kept.clear()


@pytest.fixture(scope="session")
def mlflow() -> Any:
    """MLflow, imported and warmed up; its own deprecation warnings are not ours to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import mlflow
        import mlflow.store.tracking.sqlalchemy_store
    return mlflow


@pytest.fixture(scope="session")
def empty_database(mlflow: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without runs, to be copied: making one takes seconds.

    Artifacts of a copy's runs are left beside this one; see `empty_store`.
    """

    def make(folder: Path) -> None:
        with warnings.catch_warnings(), chdir(folder):
            warnings.simplefilter("ignore")
            mlflow.MlflowClient(f"sqlite:///{folder / 'mlflow.db'}").search_experiments()

    return made_once(tmp_path_factory, "database", make) / "mlflow.db"


@pytest.fixture
def empty_store(empty_database: Path) -> Callable[[Path], None]:
    """`empty_store(file)`: MLflow's database as it is at first, with its artifacts beside it."""

    def copy(file: Path) -> None:
        shutil.copy(empty_database, file)
        beside = str(file.parent / "mlruns" / "0")
        with closing(sqlite3.connect(file)) as database, database:
            database.execute("UPDATE experiments SET artifact_location = ?", (beside,))

    return copy


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real `mlflow server` on loopback that hands artifacts through."""
    server = started_server(tmp_path_factory.mktemp("server"))
    try:
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def start_server() -> Callable[..., Server]:
    """`started_server`, for a fixture that starts one of its own."""
    return started_server


def started_server(folder: Path, *options: str, **variables: str) -> Server:
    """A server that answers. Another process may take its port first: then again, at another.

    `options` are those of `mlflow server`, which follow ours; `variables` those of its environment.
    """
    for _ in range(3):
        server = Server(folder, 0, *options, **variables)
        try:
            server.wait()
        except RuntimeError as error:
            server.stop()
            failure = error
        else:
            return server
    raise failure


class Server:
    """`mlflow server` in a process of its own; at `port`, if one that stopped is to come back."""

    def __init__(self, folder: Path, port: int = 0, *options: str, **variables: str) -> None:
        with socket.socket() as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port))
            port = listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "server.log"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--workers", "1"]
        command += ["--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
        command += ["--artifacts-destination", str(folder / "artifacts")]
        command += options
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "WANDB_", "PYTHONWARNINGS"))
        }
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                cwd=folder,
                start_new_session=True,
                env={**plain, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **variables},
            )

    def wait(self) -> None:
        for _ in range(1200):
            if self.process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/health", timeout=5):
                    return
            except OSError:
                time.sleep(0.1)
        raise RuntimeError(f"the MLflow server did not start:\n{self.log.read_text()}")

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it and its workers without a word, as a power cut does."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The address of a PostgreSQL of the tests' own."""
    tools = programs()
    if tools is None:
        pytest.skip("PostgreSQL is not installed: make .venv/.system installs it")
    with started_postgresql(tools) as address:
        yield address


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Each `Database` that an index may be in, empty: the same is asserted of both."""
    from tests.indexes import Database

    if request.param == "SQLite":
        yield Database(None)
        return
    database = Database(request.getfixturevalue("postgresql"))
    yield database
    database.empty()
