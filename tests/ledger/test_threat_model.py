"""`docs/threat-model.md` says what is so: each attack is played, each step and test is there."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

import torture.care_attacks
import torture.judged_attacks  # noqa: F401 - enter their attacks
from torture.attacks import ATTACKS, World, build
from torture.run_attacks import RUN_ATTACKS, delivered_in_memory, steps_of, told
from torture.tampering import check, played

from venturalitica.ledger import verify_ledger

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| ([a-z]+(?:-[a-z]+)+) \| (.+?) \| (?:`([a-z_ ]+)`|–) \|$", re.MULTILINE)
LISTED = {name: (found, step) for name, found, step in ROW.findall(PAGE)}
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
FOUND = {
    "alone": ("files alone",),
    "keys": ("keys got another way",),
    "witness": ("a witness",),
    "told": ("said to be missing", "said to be there", "said to be unchecked"),
    "nothing": ("changes nothing",),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return build(tmp_path_factory.mktemp("world"), entries=8)


def test_the_page_lists_every_attack_and_no_other() -> None:
    assert sorted(LISTED) == sorted([*ATTACKS, *RUN_ATTACKS])
    assert len(ROW.findall(PAGE)) == len(LISTED), "an attack stands there twice"


@pytest.mark.parametrize("name", sorted(ATTACKS))
def test_an_attack_on_a_log_is_found_as_the_page_says(
    world: World, tmp_path: Path, name: str
) -> None:
    attack, (found, step) = ATTACKS[name], LISTED[name]
    assert found in FOUND[attack.found]
    before = verify_ledger(world.home)
    with played(attack, world, tmp_path / "played") as home:
        check(attack, world, home, before)
        given = verify_ledger(
            home,
            trusted_keys=world.pinned if attack.found == "keys" else None,
            witnesses=world.witnesses if attack.found == "witness" else (),
        )
    expected = {"told": None}.get(attack.found, False)
    assert not step or (step, expected) in {(item.name, item.ok) for item in given.steps}


@pytest.mark.parametrize("name", sorted(RUN_ATTACKS))
def test_an_attack_at_a_run_is_found_as_the_page_says(world: World, name: str) -> None:
    attack, (found, step) = RUN_ATTACKS[name], LISTED[name]
    assert step == attack.step
    assert found == ("`verify --run`" if attack.ok is False else "said to be unchecked")
    files, other = delivered_in_memory(world)
    assert all(item.ok is not False for item in steps_of(files))
    attack.play(files, other)
    assert told(attack, steps_of(files))


def named_tests() -> Iterator[tuple[str, str]]:
    yield from TEST.findall(PAGE)


def test_tests_that_the_page_names_are_there() -> None:
    names = list(named_tests())
    assert len(names) > 10
    for file, function in names:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        defined = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
        assert not function or function in defined, (file, function)
