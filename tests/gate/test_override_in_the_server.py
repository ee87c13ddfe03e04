"""The server lets a version through under an override by a key that its gate file names."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from tests.gate.test_command import own_key
from tests.gate.world import GATE
from venturalitica.ledger import verify_ledger

if TYPE_CHECKING:
    from tests.gate.world import World


@pytest.fixture
def glass(world: World) -> Iterator[World]:
    """The server, whose gate file lets Ada override; what was signed is gone afterwards."""
    (world.folder / "overrides").mkdir(exist_ok=True)
    for name in ("ada", "eve"):
        key = world.folder / f"{name}.pem"
        if not key.exists():
            own_key(key)
    public = str(world.folder / "overrides" / "ada.pem")
    ada = str(world.folder / "ada.pem")
    command = ["openssl", "ec", "-in", ada, "-pubout", "-out", public]
    subprocess.run(command, check=True, capture_output=True)
    (world.folder / "gate.yaml").write_text(GATE + "    overrides: overrides\n")
    yield world
    for run in {one.run for one in world.shelf.values()}:
        for file in world.artifact(f"0/{run}/artifacts/venturalitica").glob("overrides/*/*"):
            file.unlink()


def override(world: World, version: str, *, alias: str = "champion", key: str = "ada") -> Any:
    """Signed in a project of a person's own, whose log the gate does not know."""
    words = [f"models:/credit/{version}", "--alias", alias, "--for", "2h", "--yes", "--json"]
    said = ["--because", "2 lets a fraud through", "--as", "Ada"]
    said += ["--key", str(world.folder / f"{key}.pem")]
    work = world.folder / "ada"
    work.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-m", "venturalitica", "override", *words, *said],
        cwd=work,
        env={
            **os.environ,
            "MLFLOW_TRACKING_URI": world.url,
            "VENTURALITICA_HOME": str(work / "evidence"),
            "VENTURALITICA_CONFIG": str(work / "config"),
            "VENTURALITICA_TRACKER_WAIT": "60",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["deliveries"][0]["delivered"], told
    return told


@pytest.mark.parametrize(("kind", "rule"), [("red", "control"), ("bare", "no-evidence")])
def test_a_refused_version_passes_and_the_decision_says_so(
    glass: World, kind: str, rule: str
) -> None:
    version = glass.shelf[kind].version
    assert glass.set_alias(version).status == 403
    told = override(glass, version)
    assert glass.set_alias(version).status == 200
    assert glass.champion() == version
    last = glass.decisions()[-1]
    assert (last.mode, last.decision.allowed, last.decision.rule) == ("override", False, rule)
    assert last.override is not None
    assert last.override.evidence_sha256 == told["evidence_sha256"]
    assert last.override.because == "2 lets a fraud through"
    assert verify_ledger(glass.folder / "evidence").ok


def test_it_is_for_this_version_and_this_alias_alone(glass: World) -> None:
    red, bare = glass.shelf["red"], glass.shelf["bare"]
    override(glass, red.version)
    assert glass.set_alias(red.version, alias="Champion").status == 403
    assert glass.set_alias(bare.version).status == 403
    stage = {"name": "credit", "version": red.version, "stage": "Production"}
    asked = {**stage, "archive_existing_versions": False}
    assert glass.api("POST", "model-versions/transition-stage", asked).status == 403
    # Laid at another version's run it is of another version.
    (file,) = glass.artifact(f"0/{red.run}/artifacts/venturalitica/overrides").glob("*/*.json")
    place = f"0/{bare.run}/artifacts/venturalitica/overrides/{file.parent.name}/{file.name}"
    assert glass.put(place, file.read_bytes()).status == 200
    answer = glass.set_alias(bare.version)
    assert answer.status == 403
    assert "it is for version" in answer.json["message"]
    assert glass.champion() is None


def test_files_that_were_changed_since_are_refused(glass: World) -> None:
    red = glass.shelf["red"]
    override(glass, red.version)
    file = glass.artifact(f"0/models/{red.model}/artifacts/requirements.txt")
    before = file.read_bytes()
    try:
        file.write_bytes(before + b"\n")
        answer = glass.set_alias(red.version)
        assert answer.status == 403
        assert "it is for other files than these" in answer.json["message"]
    finally:
        file.write_bytes(before)
    assert glass.champion() is None


def test_another_key_is_refused_and_so_is_any_without_the_line(glass: World) -> None:
    red = glass.shelf["red"]
    override(glass, red.version, key="eve")
    answer = glass.set_alias(red.version)
    assert answer.status == 403
    assert "none of those that may override here" in answer.json["message"]
    override(glass, red.version)
    (glass.folder / "gate.yaml").write_text(GATE)
    assert glass.set_alias(red.version).status == 403
    assert glass.champion() is None


def test_keys_that_cannot_be_read_let_nothing_pass(glass: World) -> None:
    green = glass.shelf["green"]
    (glass.folder / "gate.yaml").write_text(GATE + "    overrides: nowhere\n")
    answer = glass.set_alias(green.version)
    assert answer.status == 403
    assert "[gate: error" in answer.json["message"]
