"""A family of metrics is joined from outside: neither `judge` nor `tally` knows any by name."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

from venturalitica.audit.measure import Measured, Request, measure
from venturalitica.core.scores import EXACT_LIMIT
from venturalitica.core.tally import Tally
from venturalitica.judge import judge
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.spec import MetricSpec
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.registry import STATISTICS, register
from venturalitica.metrics.statistic import Statistic, dense
from venturalitica.policy import lint, parse_policy

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "add-a-metric.md"

POLICY = b"""
policy: prices
version: "1"
controls:
  - {id: error, metric: mean_distance, must: "<= 12"}
  - {id: worst, metric: mean_distance, across: town, compare: max, must: "<= 12"}
  - {id: apart, metric: mean_distance, across: town, compare: difference, must: "<= 1"}
"""


@pytest.fixture(autouse=True)
def own_families() -> Iterator[None]:
    """What a test registers is gone after it."""
    kept = [(known, dict(known)) for known in (CATALOG, STATISTICS)]
    yield
    for known, before in kept:
        known.clear()
        known.update(before)  # type: ignore[arg-type]


@pytest.fixture
def distances() -> None:
    """The worked example of the page, word for word."""
    names: dict[str, Any] = {}
    for block in blocks():
        exec(block, names)
    register(names["METRICS"], names["STATISTICS"])


def blocks() -> list[str]:
    """The page's two files."""
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def prices(count: int) -> pandas.DataFrame:
    random = numpy.random.default_rng(4)
    target = random.normal(200.0, 50.0, count)
    town = random.choice(["east", "west"], count)
    wide = numpy.where(town == "east", 12.0, 9.0)
    return pandas.DataFrame(
        {"town": town, "target": target, "prediction": target + random.normal(0.0, wide)}
    )


def measured(frame: pandas.DataFrame, policy: bytes = POLICY) -> Measured:
    bindings = {name: name for name in frame.columns}
    request = Request(policy=parse_policy(policy), source="test", frame=frame, bindings=bindings)
    return measure(request, fingerprint=False)


def test_the_page_is_short() -> None:
    assert len(PAGE.read_text().splitlines()) < 60


@pytest.mark.usefixtures("distances")
def test_the_page_adds_a_metric_that_a_policy_can_name() -> None:
    frame = prices(2_000)
    whole, worst, apart = measured(frame).verdicts
    errors = (frame["target"] - frame["prediction"]).abs()
    by_town = errors.groupby(frame["town"]).mean()
    assert whole.value == pytest.approx(errors.mean())
    assert worst.value == pytest.approx(by_town.max())
    assert apart.value == pytest.approx(by_town.max() - by_town.min())
    assert {group.name: group.value for group in worst.groups} == pytest.approx(by_town.to_dict())
    assert whole.interval is not None
    spread = errors.std() / len(errors) ** 0.5
    assert whole.interval.low == pytest.approx(errors.mean() - 1.96 * spread, abs=spread / 3)
    assert whole.interval.high == pytest.approx(errors.mean() + 1.96 * spread, abs=spread / 3)
    assert (whole.status, whole.conclusive) == ("passed", True)
    assert (apart.status, apart.conclusive) == ("failed", True)


@pytest.fixture
def grown(tmp_path: Path) -> Callable[..., str]:
    """Runs python in a process of a copy of the package, to which the page was followed by hand."""
    package = tmp_path / "src" / "venturalitica"
    shutil.copytree(ROOT / "src" / "venturalitica", package)
    texts = PAGE.read_text()
    paths = ("metrics/catalog/distances.py", "metrics/distances.py")
    for block, path in zip(blocks(), paths, strict=True):
        assert f"`{path}`" in texts
        (package / path).write_text(block)
    line, place = re.search(r"at the end of `FAMILIES` in `(.*?)`: `(.*?)`", texts).group(2, 1)
    catalog = package / place
    before, opening, rest = catalog.read_text().partition("FAMILIES = (\n")
    catalog.write_text(before + opening + rest.replace(")\n", f"    {line}\n)\n", 1))
    (tmp_path / "prices.yaml").write_bytes(POLICY)
    prices(300).to_csv(tmp_path / "prices.csv", index=False)

    def run(*arguments: str, status: int = 0) -> str:
        environment = os.environ | {"PYTHONPATH": str(package.parent), "COLUMNS": "200"}
        command = [sys.executable, *arguments]
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    return run


def test_two_files_and_a_line_are_known_in_every_process(
    grown: Callable[..., str], tmp_path: Path
) -> None:
    ours = ("-m", "venturalitica")
    grown(*ours, "policy", "lint", "prices.yaml")
    assert "Mean distance" in grown(*ours, "metrics", "mean_distance")
    assert "mean_distance" in grown(*ours, "metrics")
    assert "mean_distance" in grown(*ours, "policy", "schema")
    columns = ("--target", "target", "--prediction", "prediction", "--role", "town=town")
    checked = grown(*ours, "check", "prices.csv", "--policy", "prices.yaml", *columns, status=1)
    assert "Of 3 controls: 1 failed and 2 passed" in checked
    enforced = (
        "import pandas, venturalitica as vl; "
        "found = vl.enforce(pandas.read_csv('prices.csv'), policy='prices.yaml', target='target', "
        "prediction='prediction', town='town'); "
        "print(vl.__file__, *(verdict.status for verdict in found.verdicts))"
    )
    place, *statuses = grown("-c", enforced).split()
    assert place.startswith(str(tmp_path))
    assert statuses == ["passed", "passed", "failed"]


def test_the_page_says_what_else_tests_ask_for(grown: Callable[..., str], tmp_path: Path) -> None:
    for name in ("metrics/test_catalog.py", "policy/test_schema.py", "policy/conftest.py"):
        (tmp_path / "tests" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / "tests" / name, tmp_path / "tests" / name)
    entry = (
        "\n### `mean_distance`\n\n**Mean distance.** The mean distance of the "
        "prediction from the target.\n\n- Formula: mean |target − prediction|\n- Range: 0 to no "
        "upper bound (as the target). Ideal: 0\n- Undefined: there are no rows\n- Source: "
        "scikit-learn, sklearn.metrics.mean_absolute_error\n"
    )
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs" / "metrics.md").open("a") as document:
        document.write(entry)
    command, path = re.search(r"`venturalitica (.*) > (.*)`", PAGE.read_text()).groups()
    (tmp_path / path).write_text(grown("-m", "venturalitica", *command.split()))
    grown("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests")


@pytest.mark.usefixtures("distances")
def test_what_evidence_keeps_of_a_new_number_gives_the_same_verdict() -> None:
    found = measured(prices(2_000))
    assert found.tally is not None
    kept = Tally.from_json(found.tally.to_json())
    assert kept == found.tally
    assert {table.number for table in kept.scores} == {"distance"}
    policy = parse_policy(POLICY)
    assert judge(policy, kept, circumstances=found.circumstances) == found.verdicts
    for coarse, fine in zip(judge(policy, kept.for_evidence()), found.verdicts, strict=True):
        assert coarse.value == pytest.approx(fine.value, rel=0.02)
        assert coarse.status == fine.status


@pytest.mark.usefixtures("distances")
def test_a_new_number_on_a_grid_says_how_far_off_it_is() -> None:
    frame = prices(EXACT_LIMIT + 5_000)
    whole = measured(frame).verdicts[0]
    assert any(note.startswith("distances were cut into cells") for note in whole.notes)
    exact = (frame["target"] - frame["prediction"]).abs().mean()
    assert whole.value == pytest.approx(exact, abs=0.01)


@pytest.mark.usefixtures("distances")
def test_missing_values_of_a_new_number_are_refused_or_dropped() -> None:
    frame = prices(300)
    frame.loc[:6, "prediction"] = None
    refused = measured(frame).verdicts[0]
    assert (refused.status, refused.n) == ("not_evaluated", 293)
    assert "7 rows have no distance" in refused.reason
    dropped = measured(frame, POLICY.replace(b"version", b"nulls: drop\nversion")).verdicts[0]
    assert (dropped.status, dropped.n) == ("passed", 293)
    assert dropped.value == pytest.approx((frame["target"] - frame["prediction"]).abs().mean())


def stability(labels: Floats) -> Floats:
    """How far each group's labels are from those of all rows: `(..., G, K)` to `(..., G)`.

    The population stability index: Σ_k (p_k − q_k) ln(p_k / q_k).
    """
    shares = labels / labels.sum(axis=-1, keepdims=True)
    together = labels.sum(axis=-2, keepdims=True)
    whole = together / together.sum(axis=-1, keepdims=True)
    index: Floats = ((shares - whole) * numpy.log(shares / whole)).sum(axis=-1)
    return index


def test_a_statistic_of_drift_is_counted_from_labels_alone() -> None:
    spec = MetricSpec(
        name="population_stability",
        title="Population stability index",
        family="drift",
        definition="How far the target's labels of the group that moved most are from those of "
        "all rows.",
        formula="max_g Σ_k (p_gk − q_k) ln(p_gk / q_k)",
        undefined="a group lacks a label",
        source="Siddiqi, Credit Risk Scorecards (2006)",
        needs=("target",),
        needs_across=True,
        phase="data",
        high=float("inf"),
        ideal=0.0,
        unit="nats",
        compare="max",
        comparable=False,
    )
    labels = STATISTICS["class_balance"].shape
    register([spec], {"population_stability": Statistic(labels, stability)})
    policy = b"""
policy: drift
version: "1"
controls:
  - {id: drift, metric: population_stability, across: month, must: "<= 0.1"}
"""
    frame = pandas.DataFrame(
        {"month": ["may"] * 400 + ["june"] * 400, "target": [0, 1] * 200 + [0, 0, 0, 1] * 100}
    )
    (verdict,) = measured(frame, policy).verdicts
    shares, whole = numpy.array([[0.5, 0.5], [0.75, 0.25]]), numpy.array([0.625, 0.375])
    by_month = ((shares - whole) * numpy.log(shares / whole)).sum(axis=1)
    assert verdict.value == pytest.approx(by_month.max())
    assert verdict.interval is not None
    assert verdict.interval.low < verdict.interval.high
    assert {group.name: group.value for group in verdict.groups} == {
        "may": pytest.approx(by_month[0]),
        "june": pytest.approx(by_month[1]),
    }


def information(counts: Floats) -> Floats:
    """Mutual information of two label roles: `(..., 8, 8)` rows to `(...)`."""
    shares = counts / counts.sum(axis=(-2, -1), keepdims=True)
    apart = shares.sum(axis=-1, keepdims=True) * shares.sum(axis=-2, keepdims=True)
    with numpy.errstate(divide="ignore", invalid="ignore"):
        terms = numpy.where(shares > 0, shares * numpy.log(shares / apart), 0.0)
    found: Floats = terms.sum(axis=(-2, -1))
    return found


def entropy(counts: Floats) -> Floats:
    """Of one label role: `(..., 8)` rows to `(...)`."""
    return information(counts[..., None] * numpy.eye(8))


def both(counts: Any) -> Any:
    return 8 * counts.indices[:, 0] + counts.indices[:, 1]


OWN = {
    "information": (("target", "kind"), information, both),
    "turned": (("kind", "target"), information, both),
    "of_model": (("prediction", "kind"), information, both),
    "alone": (("kind",), entropy, lambda counts: counts.indices[:, 0]),
}


@pytest.mark.parametrize("name", OWN)
@pytest.mark.parametrize(
    ("labels", "kinds"),
    [("ab", "uvwx"), ("abcd", "uv"), ("abc", "abc"), ("ab", "ba"), ((0, 1), (False, True))],
)
def test_a_label_role_of_its_own_is_counted_by_its_own_labels(
    name: str, labels: Any, kinds: Any
) -> None:
    needs, compute, slots = OWN[name]
    inner = (8,) if name == "alone" else (8, 8)
    fields = _but(CATALOG["class_balance"], name=name, needs=needs, high=float("inf"))
    register([MetricSpec(**fields)], {name: Statistic(dense(name, slots, *inner), compute)})
    policy = (
        'policy: own\nversion: "1"\ndisclosure: {min_cell: 0}\n'
        "roles: {kind: {column: kind}}\ncontrols:\n"
        f'  - {{id: whole, metric: {name}, must: ">= 0"}}\n'
        f'  - {{id: most, metric: {name}, across: town, compare: max, must: ">= 0"}}\n'
    ).encode()
    random = numpy.random.default_rng(7)
    kind = random.integers(len(kinds), size=600)
    target = numpy.where(random.random(600) < 0.6, kind % len(labels), len(labels) - 1)
    target[: len(labels)] = range(len(labels))
    frame = pandas.DataFrame(
        {
            "kind": [kinds[place] for place in kind],
            "target": [labels[place] for place in target],
            "prediction": [labels[place] for place in target],
            "town": random.choice(["east", "west"], 600),
        }
    )
    found = measured(frame, policy)
    whole, most = found.verdicts
    other = "kind" if name == "alone" else "target"

    def reference(rows: pandas.DataFrame) -> float:
        joint = pandas.crosstab(rows["kind"], rows[other]).to_numpy() / len(rows)
        apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
        seen = joint > 0
        return float((joint[seen] * numpy.log(joint[seen] / apart[seen])).sum())

    assert whole.value == pytest.approx(reference(frame)), whole.reason
    towns = [reference(rows) for _, rows in frame.groupby("town")]
    assert most.value == pytest.approx(max(towns)), most.reason
    assert found.tally is not None
    kept = Tally.from_json(found.tally.for_evidence().to_json())
    assert judge(parse_policy(policy), kept, circumstances=found.circumstances) == found.verdicts


def test_a_role_that_a_metric_needs_is_used() -> None:
    fields = _but(CATALOG["class_balance"], name="alone", needs=("kind",))
    register([MetricSpec(**fields)], {"alone": STATISTICS["class_balance"]})
    policy = b"""
policy: own
version: "1"
roles: {kind: {column: kind}, other: {column: kind}}
controls:
  - {id: c, metric: alone, must: ">= 0.1"}
"""
    said = [hint.message for hint in lint(policy).hints]
    assert len([text for text in said if "no control uses it" in text]) == 1


def test_a_family_is_joined_whole_or_not_at_all() -> None:
    spec = CATALOG["accuracy"]
    before = dict(CATALOG), dict(STATISTICS)
    with pytest.raises(ValueError, match="accuracy is described twice"):
        register([spec], {})
    with pytest.raises(ValueError, match="nothing computes closeness"):
        register([MetricSpec(**_but(spec, name="closeness"))], {})
    blind = MetricSpec(**_but(CATALOG["recall"], name="blind", needs=("kind",)))
    with pytest.raises(ValueError, match="blind needs the favorable label of target or prediction"):
        register([blind], {"blind": STATISTICS["recall"]})
    assert before == (CATALOG, STATISTICS)


def _but(spec: MetricSpec, **changed: Any) -> dict[str, Any]:
    return {name: getattr(spec, name) for name in MetricSpec.__struct_fields__} | changed


@pytest.mark.parametrize("room", ["judge", "tally"])
def test_a_room_knows_no_metric_and_no_family(room: str) -> None:
    families = {spec.family for spec in CATALOG.values()} - {"data"}  # which is a phase, too
    for path in (ROOT / "src" / "venturalitica" / room).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
        names = {node.id for node in nodes if isinstance(node, ast.Name)}
        assert not {*CATALOG, *families} & {text for text in texts if isinstance(text, str)}, path
        assert not {*CATALOG} & names, path
