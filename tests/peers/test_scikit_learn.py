"""scikit-learn's own tests, as they are installed: none passes bare and fails with wrapped models.

Each module runs twice, bare and with every model that it makes wrapped (`governing.py`), in Pythons
of their own; the outcomes are compared test by test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
import sklearn

HERE = Path(__file__).parent
DOC = HERE.parents[1] / "docs" / "wrap.md"

SHARES = (
    (
        "sklearn.ensemble.tests.test_bagging",
        "sklearn.tests.test_metaestimators_metadata_routing",
        "sklearn.model_selection.tests.test_classification_threshold",
        "sklearn.tests.test_pipeline",
        "sklearn.tests.test_multiclass",
        "sklearn.tests.test_metaestimators",
        "sklearn.frozen.tests.test_frozen",
    ),
    (
        "sklearn.tests.test_calibration",
        "sklearn.model_selection.tests.test_search",
        "sklearn.ensemble.tests.test_stacking",
        "sklearn.tests.test_multioutput",
        "sklearn.ensemble.tests.test_voting",
        "sklearn.tests.test_metadata_routing",
        "sklearn.compose.tests.test_target",
    ),
)
"""The modules, in two shares of about the same work."""

EXCLUDED = {
    "sklearn/tests/test_metadata_routing.py::test_method_generation": (
        "it wants no set_fit_request on a model without metadata of its own; a wrapped one has it "
        "while routing is on, to ask for audit_data and roles"
    ),
}
"""Test -> why it may pass bare and fail wrapped; `docs/wrap.md` has the same table."""

POLICY = """\
policy: peers
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0", on_fail: record}
  - {id: rows, metric: row_count, must: ">= 1", on_fail: record}
"""


@dataclass(frozen=True)
class Report:
    """How each test of one run went, what was governed, what `wrap` refused, CPU time by test."""

    outcomes: Mapping[str, str]
    counts: Mapping[str, int]
    refused: Mapping[str, int]
    seconds: Mapping[str, float]


@dataclass(frozen=True)
class Runs:
    """The same modules, bare and wrapped."""

    bare: Report
    wrapped: Report

    def passed(self) -> list[str]:
        """Tests that pass bare."""
        return [test for test, outcome in self.bare.outcomes.items() if outcome == "passed"]

    def noticed(self) -> dict[str, str]:
        """Tests that pass bare and do not pass wrapped, with what was said."""
        return {
            test: self.wrapped.outcomes.get(test, "did not run")
            for test in self.passed()
            if self.wrapped.outcomes.get(test) != "passed"
        }


def run_modules(modules: Sequence[str], folder: Path, *, wrapped: bool, path: str = "") -> Report:
    """Run the tests of some modules in a Python of its own."""
    place = folder / f"{modules[0]}-{'wrapped' if wrapped else 'bare'}"
    place.mkdir()
    (place / "policy.yaml").write_text(POLICY)
    (place / "pytest.ini").write_text("[pytest]\n")
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), path])),
        "PEERS_MODULES": ",".join(modules),
        "PEERS_GOVERNED": "1" if wrapped else "",
        "PEERS_POLICY": str(place / "policy.yaml"),
        "PEERS_REPORT": str(place / "report.json"),
        "VENTURALITICA_HOME": str(place / "evidence"),
        "VENTURALITICA_CONFIG": str(place / "config"),
    }
    for name in [name for name in environment if name.startswith("PYTEST_")]:
        del environment[name]
    root = path or str(Path(sklearn.__file__).parents[1])  # so that ids name the module
    command = [sys.executable, "-m", "pytest", "-q", "-p", "governing", "-p", "no:cacheprovider"]
    command += ["-c", "pytest.ini", "--rootdir", root, "--assert=plain", "--pyargs", *modules]
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert (place / "report.json").exists(), done.stdout + done.stderr
    return Report(**json.loads((place / "report.json").read_text()))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Runs, ...]]:
    """Each share bare and wrapped, as many at once as there are cores."""
    folder = tmp_path_factory.mktemp("peers")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrapped = [pool.submit(run_modules, one, folder, wrapped=True) for one in SHARES]
        bare = [pool.submit(run_modules, one, folder, wrapped=False) for one in SHARES]
        yield tuple(
            Runs(one.result(), other.result()) for one, other in zip(bare, wrapped, strict=True)
        )


@pytest.mark.timeout(3600)
def test_no_test_passes_bare_and_fails_wrapped(runs: tuple[Runs, ...]) -> None:
    noticed = {test: why for both in runs for test, why in both.noticed().items()}
    assert {test: why for test, why in noticed.items() if test not in EXCLUDED} == {}
    assert set(EXCLUDED) <= set(noticed), "no longer noticed"


def test_every_module_ran_and_bare_means_bare(runs: tuple[Runs, ...]) -> None:
    for both, modules in zip(runs, SHARES, strict=True):
        files = Counter(test.partition(".py::")[0].replace("/", ".") for test in both.passed())
        assert set(files) == set(modules)
        assert min(files.values()) >= 5, files
        assert both.bare.counts == {}


def test_the_docs_say_how_much_it_is_and_what_is_excluded(runs: tuple[Runs, ...]) -> None:
    counts: Counter[str] = Counter()
    for both in runs:
        counts.update(both.wrapped.counts)
        counts["tests"] += len(both.passed())
    text = " ".join(DOC.read_text().split())
    pattern = (
        r"more than ([\d,]+) tests, ([\d,]+) models wrapped, ([\d,]+) trainings of them and of "
        r"their clones, and ([\d,]+) audits"
    )
    (said,) = re.findall(pattern, text)
    least = [int(figure.replace(",", "")) for figure in said]
    found = [counts[name] for name in ("tests", "wrapped", "trained", "audited")]
    assert min(least) >= 500
    assert all(one > figure for one, figure in zip(found, least, strict=True)), found
    for test in EXCLUDED:
        assert f"| `{test.rpartition('::')[2]}` |" in text


PROBE = """\
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1]

def test_that_cannot_tell():
    assert isinstance(LogisticRegression().fit(X, y), LogisticRegression)
    assert StandardScaler().fit(X).n_features_in_ == 1

def test_that_can_tell():
    assert type(LogisticRegression()) is LogisticRegression

def test_that_fails_anyway():
    assert LogisticRegression().fit(X, y).coef_ is None
"""


def test_the_runner_finds_what_notices(tmp_path: Path) -> None:
    (tmp_path / "probe_of_peers.py").write_text(PROBE)
    both = Runs(
        *(
            run_modules(["probe_of_peers"], tmp_path, wrapped=wrapped, path=str(tmp_path))
            for wrapped in (False, True)
        )
    )
    assert len(both.bare.outcomes) == len(both.wrapped.outcomes) == 3
    (noticed,) = both.noticed()
    assert noticed.endswith("test_that_can_tell")
    assert both.wrapped.counts == {"wrapped": 3, "trained": 2, "audited": 2}
    assert any(text.startswith("StandardScaler: ") for text in both.wrapped.refused)
