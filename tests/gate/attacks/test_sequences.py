"""Sequences of attacks on a real server with two workers: none reaches `champion`.

Half of them on SQLite, half on PostgreSQL; four attackers at a time, and the server is killed and
started again while they are at it. `make test-gate GATE_ROUNDS=125` plays a thousand.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.gate.attacks.attackers import Attacker, Keeper
from tests.gate.world import GATE, POLICY, World
from tests.postgresql import postgresql, programs

ATTACKERS = 4
ROUNDS = int(os.environ.get("GATE_ROUNDS", "15"))
"""Of `ATTACKERS` sequences each, on each database."""
WEAK = POLICY.replace(">= 0.50", ">= 0.00")


class Kept:
    """A server of the gate that can be killed and come back, and its models."""

    def __init__(self, start: Callable[..., Any], folder: Path, database: str | None) -> None:
        (folder / "policy.yaml").write_text(POLICY)
        (folder / "gate.yaml").write_text(GATE)
        self.folder = folder
        self.options = ["--app-name", "venturalitica-gate", "--workers", "2"]
        self.options += ["--backend-store-uri", database] if database else []
        self.variables = {
            "VENTURALITICA_HOME": str(folder / "evidence"),
            "VENTURALITICA_CONFIG": str(folder / "config"),
        }
        self.server = start(folder, *self.options, **self.variables)
        self.world = World(self.server.url, folder)
        green, other, red, bare = self.world.train("green", "green", "red", "bare")
        (weak,) = self.world.train("red", policy=WEAK)
        (stranger,) = self.world.train("green", stranger=True)
        self.world.shelf = {
            "green": green,
            "other": other,
            "red": red,
            "bare": bare,
            "weak": weak,
            "stranger": stranger,
        }

    def kill(self) -> None:
        """As a power cut does."""
        port = int(self.server.url.rpartition(":")[2])
        self.server.kill()
        for _ in range(100):
            try:
                again = type(self.server)(self.folder, port, *self.options, **self.variables)
            except OSError:
                time.sleep(0.1)  # its workers hold the port until they are gone too
            else:
                break
        self.server = again
        self.server.wait()


pytestmark = pytest.mark.timeout(3600)


@pytest.fixture(params=["SQLite", "PostgreSQL"])
def kept(
    request: pytest.FixtureRequest, tmp_path: Path, start_server: Callable[..., Any]
) -> Iterator[Kept]:
    with ExitStack() as stack:
        database = None
        if request.param == "PostgreSQL":
            tools = programs()
            if tools is None:
                pytest.skip("PostgreSQL is not installed: make .venv/.system installs it")
            database = stack.enter_context(postgresql(tools))
        server = Kept(start_server, tmp_path, database)
        stack.callback(lambda: server.server.stop())
        yield server


def test_no_sequence_of_attacks_reaches_champion(
    kept: Kept, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    world, tally = kept.world, Counter[str]()
    keeper = Keeper(world, [world.shelf["green"], world.shelf["other"]])
    for one in ("green", "other"):
        assert world.set_alias(world.shelf[one].version).status == 200
    for round_ in range(ROUNDS):
        numbers = range(round_ * ATTACKERS, (round_ + 1) * ATTACKERS)
        attackers = [Attacker(world, number, Random(number), tally) for number in numbers]
        with ThreadPoolExecutor(ATTACKERS) as pool:
            going = [pool.submit(one.attack) for one in attackers]
            if round_ == ROUNDS // 2:
                time.sleep(0.1)
                kept.kill()
            for running in going:
                running.result()
        assert keeper.reached() == [], f"after attackers {numbers}: {tally}"
        keeper.mend([made for one in attackers for made in one.made])
    tally["sequences"] = ROUNDS * ATTACKERS
    tally["proven versions that stood under protection"] = keeper.stood
    with capsys.disabled():
        print(f"\n{request.node.name}: {json.dumps(tally, sort_keys=True)}")
    # Were everything refused, the attacks would show nothing.
    assert tally["alias: 200"] > 0
    assert keeper.stood > 0
    for rule in ("control", "no-evidence", "other-files"):
        assert tally[f"refused: {rule}"] > 0, tally
