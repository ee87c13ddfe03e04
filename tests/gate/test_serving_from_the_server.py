"""`vl.verify_model` of what the gate's server hands out: files by its proxy, without an ETag."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import venturalitica as vl
from venturalitica.errors import EvidenceError, TrackerError

if TYPE_CHECKING:
    from tests.gate.world import World

pytestmark = pytest.mark.filterwarnings("ignore")
CHAMPION = "models:/credit@champion"


@pytest.fixture
def rules(world: World, mlflow: Any, tmp_path: Path) -> Iterator[dict[str, Path]]:
    """The policy and the keys by which the server decides, at a client of it."""
    mlflow.set_tracking_uri(world.url)
    keys = tmp_path / "keys.pem"
    keys.write_text("".join(one.read_text() for one in (world.folder / "keys").glob("*.pem")))
    try:
        yield {"policy": world.folder / "policy.yaml", "signers": keys}
    finally:
        mlflow.set_tracking_uri(None)


def test_what_the_server_let_through_is_served(world: World, rules: Any) -> None:
    for kind in ("green", "other"):
        assert world.set_alias(world.shelf[kind].version).status == 200
        found = vl.verify_model(CHAMPION, **rules)
        assert (found.allowed, found.name, found.version) == (
            True,
            "credit",
            world.shelf[kind].version,
        )


def test_files_swapped_behind_the_server_are_refused(world: World, rules: Any) -> None:
    green = world.shelf["green"]
    assert world.set_alias(green.version).status == 200
    assert vl.verify_model(CHAMPION, **rules).allowed
    folder = world.artifact(f"0/models/{green.model}/artifacts")
    file, added = folder / "MLmodel", folder / "loader.py"
    kept = file.read_bytes()
    try:
        # As long as it was: only its bytes tell.
        file.write_bytes(kept[:-1] + b"#")
        with pytest.raises(EvidenceError, match=r"not let through \(other-files\).*MLmodel"):
            vl.verify_model(CHAMPION, **rules)
        file.write_bytes(kept)
        assert vl.verify_model(CHAMPION, **rules).allowed
        added.write_text("import os")
        with pytest.raises(EvidenceError, match=r"not let through \(other-files\).*loader\.py"):
            vl.verify_model(CHAMPION, **rules)
    finally:
        file.write_bytes(kept)
        added.unlink(missing_ok=True)


def test_a_decision_in_the_servers_log_is_none_at_the_run(world: World, rules: Any) -> None:
    assert world.set_alias(world.shelf["green"].version).status == 200
    with pytest.raises(EvidenceError, match="may not be served: no decision"):
        vl.verify_model(CHAMPION, signers=rules["signers"])


@pytest.mark.parametrize(("kind", "rule"), [("red", "control"), ("bare", "no-evidence")])
def test_an_alias_that_is_not_protected_proves_nothing(
    world: World, rules: Any, kind: str, rule: str
) -> None:
    other = "models:/credit@candidate"
    try:
        assert world.set_alias(world.shelf["green"].version, alias="candidate").status == 200
        assert vl.verify_model(other, **rules).allowed
        assert world.set_alias(world.shelf[kind].version, alias="candidate").status == 200
        with pytest.raises(EvidenceError, match=rf"not let through \({rule}\)"):
            vl.verify_model(other, **rules)
    finally:
        world.drop_alias(alias="candidate")
    with pytest.raises(TrackerError):
        vl.verify_model(other, **rules)
