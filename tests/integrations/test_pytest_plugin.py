"""The pytest plugin, in sessions of pytest of its own: items, texts, JUnit, workers, errors."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from tests.cli.test_check import POLICY
from venturalitica.ledger import Ledger

PLUGIN = "_venturalitica_pytest"
TEST = """
import pytest

@pytest.fixture
def loans():
    rows = [(1, int(i < FEMALE), "F") for i in range(100)]
    rows += [(1, int(i < 90), "M") for i in range(100)]
    return [dict(zip(("class", "guess", "sex"), row)) for row in rows]

@pytest.mark.policy("model_policy.yaml")
def test_loans(audit, loans):
    CALL
"""
CALL = 'audit(loans, target="class", prediction="guess", gender="sex")'
NAMES = ["test_loans[accuracy]", "test_loans[parity]", "test_loans[complete]"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "model_policy.yaml").write_text(POLICY.replace("ON_FAIL", "block"))
    return tmp_path


def session(folder: Path, *, call: str = CALL, female: int = 90, words: tuple[str, ...] = ()):
    """A session over one marked test: its end, and the outcome and text of each item."""
    test = TEST.replace("FEMALE", str(female)).replace("CALL", call)
    (folder / "test_it.py").write_text(test)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "--junitxml=it.xml", "-rA", *words],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "MLFLOW_"))},
            "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
            "VENTURALITICA_HOME": str(folder / "evidence"),
            "VENTURALITICA_CONFIG": str(folder / "config"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    found = {}
    for case in ET.parse(folder / "it.xml").iter("testcase"):
        ends = [one for one in case if one.tag in ("failure", "error", "skipped")]
        text = (ends[0].text or "") + str(ends[0].get("message")) if ends else ""
        found[case.get("name")] = (ends[0].tag if ends else "passed", text)
    return done, found


def audits(folder: Path) -> int:
    return Ledger.open(folder / "evidence").size


@pytest.mark.parametrize("words", [(), ("-p", "xdist", "-n", "2")])
def test_each_control_is_an_item_and_the_audit_is_made_once(folder: Path, words) -> None:
    done, found = session(folder, female=60, words=words)
    assert done.returncode == 1, done.stdout + done.stderr
    assert sorted(found) == sorted(NAMES)
    assert [found[name][0] for name in NAMES] == ["passed", "failure", "passed"]
    assert "model_policy.yaml:9: Failed" in found[NAMES[1]][1]
    assert "this control blocks" in found[NAMES[1]][1]
    assert audits(folder) == 1


def test_passes_are_shown_with_their_sentence(folder: Path) -> None:
    done, found = session(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [found[name][0] for name in NAMES] == ["passed"] * 3
    said = [one.get("value") for one in ET.parse(folder / "it.xml").iter("property")]
    assert sum("must be" in str(text) for text in said) == 3
    (digest,) = {text for text in said if text and len(text) == 64}
    assert Ledger.open(folder / "evidence").entry(0).evidence_sha256 == digest


def test_what_was_not_evaluated_fails(folder: Path) -> None:
    done, found = session(folder, call='audit(metrics={"accuracy": 0.9})')
    assert done.returncode == 1
    assert found[NAMES[1]][0] == "failure"
    assert "Not evaluated" in found[NAMES[1]][1]


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ("pass", "did not call audit"),
        ('audit(loans, target="klass", prediction="guess", gender="sex")', "klass"),
        (f"{CALL}; {CALL}", "called twice"),
        ('audit(loans, policy="model_policy.yaml")', "takes no policy="),
        (f'{CALL}; pytest.fail("no")', "no"),
        (f"{CALL}; assert 1 == 2", "1 == 2"),
    ],
)
def test_no_item_passes_where_the_test_ended_otherwise(folder: Path, call: str, said: str) -> None:
    done, found = session(folder, call=call)
    assert done.returncode == 1
    assert [found[name][0] for name in NAMES] == ["failure"] * 3
    assert all(said in found[name][1] for name in NAMES)


def test_what_a_phase_leaves_out_is_skipped_and_says_so(folder: Path) -> None:
    done, found = session(folder, call=CALL.replace(")", ', phase="data")'))
    assert [found[name][0] for name in NAMES] == ["skipped", "skipped", "passed"], done.stdout
    assert "Only data controls were judged" in found[NAMES[0]][1]


def test_a_wrong_policy_ends_the_collection_at_its_line(folder: Path) -> None:
    text = (folder / "model_policy.yaml").read_text().replace('must: ">= 0.80"', "must: high")
    (folder / "model_policy.yaml").write_text(text)
    done, _ = session(folder)
    assert done.returncode == 2
    assert "model_policy.yaml:12: " in done.stdout
    (folder / "model_policy.yaml").unlink()
    done, _ = session(folder)
    assert done.returncode == 2
    assert "model_policy.yaml" in done.stdout


def test_a_mark_without_the_fixture_ends_the_collection(folder: Path) -> None:
    (folder / "test_other.py").write_text(
        'import pytest\n@pytest.mark.policy("model_policy.yaml")\ndef test_nothing(): pass\n'
    )
    done, _ = session(folder)
    assert done.returncode == 2
    assert "does not take the fixture 'audit'" in done.stdout


WATCHED = """
import os, sys
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        opened.append(os.path.realpath(arguments[0]))
sys.addaudithook(hook)
import pytest
status = pytest.main(["-q"])
ours = {name.partition(".")[0] for name in sys.modules} & {"venturalitica", "numpy", "msgspec"}
print("status", int(status), "loaded", sorted(ours), "env", "MLFLOW_EXPERIMENT_NAME" in os.environ)
print("read", sorted({os.path.basename(path) for path in opened if path.endswith(".env")}))
"""


@pytest.mark.parametrize(
    ("mark", "loaded", "found"),
    [(False, [], []), (True, ["msgspec", "numpy", "venturalitica"], [".env"])],
)
def test_a_suite_without_marks_reads_nothing_of_the_project(
    folder: Path, mark: bool, loaded: list[str], found: list[str]
) -> None:
    """By its entry point, as an installed package is loaded; the marked suite shows what counts."""
    test = TEST.replace("FEMALE", "90").replace("CALL", CALL)
    (folder / "test_it.py").write_text(test if mark else "def test_other(): pass\n")
    (folder / ".env").write_text("MLFLOW_EXPERIMENT_NAME=loans\n")
    installed = folder / "site" / "venturalitica-0.dist-info"
    installed.mkdir(parents=True)
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: venturalitica\nVersion: 0\n")
    (installed / "entry_points.txt").write_text(f"[pytest11]\nventuralitica = {PLUGIN}\n")
    source = Path(__file__).parents[2] / "src"
    done = subprocess.run(
        [sys.executable, "-c", WATCHED],
        cwd=folder,
        env={
            **{k: v for k, v in os.environ.items() if not k.startswith(("PYTEST_", "MLFLOW_"))},
            "PYTHONPATH": os.pathsep.join([str(folder / "site"), str(source)]),
            "VENTURALITICA_HOME": str(folder / "evidence"),
            "VENTURALITICA_CONFIG": str(folder / "config"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    said = f"status 0 loaded {loaded} env {mark}\nread {found}\n"
    assert done.stdout.endswith(said), done.stdout + done.stderr


def test_the_entry_point_names_it() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"]["venturalitica"] == PLUGIN
