"""What an audit costs, as ratios: python benchmarks/enforce.py [--quick] [--only tally ...]

    tally      vl.enforce over 5 million Polars rows and seven controls over two roles, against
               Polars' own group-by over the same four columns, with and without the fingerprint
    intervals  the intervals of the seven controls on tallies of 10^3 and of 10^8 rows
    scores     ten controls (five score metrics, twice) across 20 groups, against one of them
    groups     CPU seconds of five score controls across 400 groups, against the method of before,
               and of a comparison of rates across 900 groups
    fairlearn  Fairlearn's MetricFrame with n_boot=1000 on 10^4 rows, against ours on the same frame
    start      `import venturalitica` and `venturalitica --help` over bare Python

Every number is a median over interleaved runs. Prints a Markdown table for docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec.structs import replace

POLICY = """\
policy: benchmark
version: "1"
roles:
  target: {favorable: 1}
  age: {bins: [25, 60]}
controls:
  - {id: accuracy, title: Accuracy, metric: accuracy, must: ">= 0.1"}
  - {id: recall, title: Recall, metric: recall, must: ">= 0.1"}
  - {id: f1, title: F1, metric: f1, must: ">= 0.1"}
  - {id: gender-parity, title: Parity, metric: demographic_parity_ratio, across: gender,
     must: ">= 0.1"}
  - {id: gender-odds, title: Odds, metric: equalized_odds_difference, across: gender,
     must: "<= 0.9"}
  - {id: age-parity, title: Parity, metric: demographic_parity_ratio, across: age, must: ">= 0.1"}
  - {id: age-opportunity, title: Opportunity, metric: equal_opportunity_difference, across: age,
     must: "<= 0.9"}
"""
COLUMNS = ["label", "predicted", "gender", "age"]
BINDINGS: dict[str, Any] = {
    "target": "label",
    "prediction": "predicted",
    "gender": "gender",
    "age": "age",
}
BOOTSTRAPS = 1_000


@dataclass(frozen=True)
class Line:
    """One row of the table that is printed."""

    what: str
    measured: str
    against: str
    ratio: str
    target: str


def rows_of(count: int) -> Any:
    """A Polars frame: two integer labels, a short text, an integer age."""
    import numpy
    import polars

    generator = numpy.random.default_rng(20_250_101)
    label = generator.integers(0, 2, count)
    agrees = generator.random(count) < 0.8
    return polars.DataFrame(
        {
            "label": label,
            "predicted": numpy.where(agrees, label, 1 - label),
            "gender": numpy.array(["female", "male", "other"])[generator.integers(0, 3, count)],
            "age": generator.integers(18, 90, count),
        }
    )


def medians(runs: int, *calls: Callable[[], object]) -> list[float]:
    """Median seconds of each call; runs are interleaved, and a first one of each is not counted."""
    times: list[list[float]] = [[] for _ in calls]
    for run in range(runs + 1):
        for index, call in enumerate(calls):
            started = time.perf_counter()
            call()
            if run:
                times[index].append(time.perf_counter() - started)
        say(f"  run {run} of {runs}")
    return [statistics.median(one) for one in times]


def measure_tally(count: int, runs: int) -> Iterator[Line]:
    import polars

    import venturalitica as vl

    say(f"building {count:,} rows")
    frame = rows_of(count)
    policy = vl.read_policy(write_policy())

    def enforce(fingerprint: bool) -> None:
        os.environ["VENTURALITICA_FINGERPRINT"] = "1" if fingerprint else "0"
        audit = vl.enforce(frame, policy=policy, **BINDINGS)
        if not audit.passed:
            raise SystemExit(f"the benchmark's policy did not pass: {audit}")

    eager, lazy, without, whole = medians(
        runs,
        lambda: frame.group_by(COLUMNS).len(),
        lambda: frame.lazy().group_by(COLUMNS).agg(polars.len()).collect(),
        lambda: enforce(False),
        lambda: enforce(True),
    )
    forms = (
        (eager, "df.group_by(4 columns).len()"),
        (lazy, "df.lazy().group_by(4 columns).agg(pl.len()).collect()"),
    )
    for bare, form in forms:
        for ours, what, limit in (
            (without, "without the fingerprint", 2),
            (whole, "with the fingerprint", 4),
        ):
            yield Line(
                f"`vl.enforce`, {count:,} rows, 7 controls, {what}",
                shown(ours),
                f"`{form}`: {shown(bare)}",
                f"{ours / bare:.2f}×",
                f"≤ {limit}×",
            )


def measure_intervals(runs: int) -> Iterator[Line]:
    import venturalitica as vl
    from venturalitica.core.tally import Table, Tally
    from venturalitica.judge import judge

    policy = vl.read_policy(write_policy())
    small = tally_of(rows_of(1_000), policy)

    def scaled(tally: Tally, factor: int) -> Tally:
        tables = tuple(
            Table(table.roles, tuple((*cell[:-1], cell[-1] * factor) for cell in table.cells))
            for table in tally.tables
        )
        return replace(tally, rows=tally.rows * factor, tables=tables)

    large = scaled(small, 100_000)
    few, many = medians(runs, lambda: judge(policy, small), lambda: judge(policy, large))
    yield Line(
        f"7 controls with intervals, {large.rows:,} rows",
        shown(many),
        f"the same on {small.rows:,} rows: {shown(few)}",
        f"{many / few:.2f}×",
        "about 1×",
    )


def measure_scores(count: int, runs: int) -> Iterator[Line]:
    import numpy

    import venturalitica as vl
    from venturalitica.judge import judge

    names = ("roc_auc", "average_precision", "brier_score", "log_loss")
    rules = [
        f"  - {{id: {name}-{compare}, metric: {name}, across: place, compare: {compare}, "
        'must: "<= 1"}'
        for name in (*names, "expected_calibration_error")
        for compare in ("max", "difference")
    ]
    head = "policy: scores\nversion: '1'\nroles: {target: {favorable: 1}}\ncontrols:\n"
    path = write_policy(head + "\n".join(rules) + "\n", "score_policy.yaml")
    policy = vl.read_policy(path)
    generator = numpy.random.default_rng(20_250_101)
    label = generator.integers(0, 2, count)
    frame = {
        "label": label,
        "score": numpy.clip(label * 0.3 + generator.random(count) * 0.7, 0, 1),
        "place": generator.integers(0, 20, count),
    }
    tally = tally_of(frame, policy, {"target": "label", "score": "score", "place": "place"})
    alone = replace(policy, controls=policy.controls[:1])
    one, ten = medians(runs, lambda: judge(alone, tally), lambda: judge(policy, tally))
    yield Line(
        f"10 score controls across 20 groups, {count:,} rows",
        shown(ten),
        f"one of them: {shown(one)}",
        f"{ten / one:.2f}×",
        "–",
    )


def measure_groups() -> Iterator[Line]:
    """Many groups: no interval may cost what a draw over all of their cells did."""
    import numpy

    import venturalitica as vl
    from venturalitica.core.circumstances import Circumstances
    from venturalitica.judge import judge

    generator = numpy.random.default_rng(20_250_101)
    scores = ("roc_auc", "average_precision", "brier_score", "log_loss")
    bindings = {"target": "label", "score": "score", "prediction": "said", "place": "place"}
    for groups, metrics in (
        (400, (*scores, "expected_calibration_error")),
        (900, ("selection_rate", "recall", "false_positive_rate")),
    ):
        rules = [
            f"  - {{id: {name.replace('_', '-')}-{compare}, metric: {name}, across: place, "
            f"compare: {compare}, must: '<= 0.1'}}"
            for name in metrics
            for compare in (("difference",) if groups == 400 else ("difference", "ratio", "max"))
        ]
        head = "policy: groups\nversion: '1'\nroles: {target: {favorable: 1}}\ncontrols:\n"
        policy = vl.read_policy(write_policy(head + "\n".join(rules) + "\n", "group_policy.yaml"))
        chance = generator.beta(2, 3, 200 * groups)
        frame = {
            "label": (generator.random(chance.size) < chance).astype(int),
            "said": (chance > 0.5).astype(int),
            "score": numpy.round(chance, 4),
            "place": [f"place {row % groups}" for row in range(chance.size)],
        }
        bound = {role: bindings[role] for role in roles_of(policy)}
        tally = tally_of(frame, policy, bound)
        judge(policy, tally)
        taken = []
        for method in ("exact-1", "replicates-1"):
            start = time.process_time()
            judge(policy, tally, circumstances=Circumstances(intervals=method))
            taken.append(time.process_time() - start)
        ours, before = taken
        each = ours / len(policy.controls)
        yield Line(
            f"{len(policy.controls)} controls across {groups} groups, CPU",
            f"{ours:.2f} s, {1000 * each:.0f} ms each",
            f"intervals as before: {before:.2f} s",
            f"{ours / before:.2f}×",
            "1.5 s" if groups == 400 else "50 ms each",
        )


def roles_of(policy: Any) -> set[str]:
    """The roles that the policy's controls need."""
    from venturalitica.metrics.catalog import needs

    return {role for need in needs(policy.controls) for role in need.roles}


def measure_fairlearn(count: int, runs: int, boots: int) -> Iterator[Line]:
    import venturalitica as vl
    from venturalitica.judge import judge

    policy = vl.read_policy(write_policy())
    frame = rows_of(count)
    os.environ["VENTURALITICA_FINGERPRINT"] = "1"
    counted, whole = medians(
        runs,
        lambda: judge(policy, tally_of(frame, policy)),
        lambda: vl.enforce(frame, policy=policy, **BINDINGS),
    )
    say(f"Fairlearn's MetricFrame with n_boot={boots}: at {BOOTSTRAPS} it takes minutes")
    started = time.perf_counter()
    metric_frames(frame, boots)
    theirs = time.perf_counter() - started
    said = f"`MetricFrame(n_boot={BOOTSTRAPS})`, gender and age: "
    if boots < BOOTSTRAPS:
        started = time.perf_counter()
        metric_frames(frame, None)
        base = time.perf_counter() - started
        theirs = base + (theirs - base) / boots * BOOTSTRAPS
        said += f"{shown(theirs)}, extrapolated from n_boot={boots}"
    else:
        said += shown(theirs)
    for ours, what, limit in (
        (counted, "tally, seven verdicts, 2,000 replicates", "≥ 1,000×"),
        (whole, "`vl.enforce`, signed evidence and fingerprint included", "–"),
    ):
        yield Line(
            f"{what}, {count:,} rows", shown(ours), said, f"{theirs / ours:,.0f}× faster", limit
        )


def metric_frames(frame: Any, boots: int | None) -> None:
    """The base metrics of the seven controls, by gender and by age group."""
    from fairlearn.metrics import (
        MetricFrame,
        false_positive_rate,
        selection_rate,
        true_positive_rate,
    )
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    rates = {
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
    }
    whole = {"accuracy": accuracy_score, "recall": recall_score, "f1": f1_score}
    resampling = {"n_boot": boots, "ci_quantiles": [0.025, 0.975]} if boots else {}
    data = frame.to_pandas()
    age = data["age"].map(lambda years: (years >= 25) + (years >= 60))
    for metrics, groups in (({**whole, **rates}, data["gender"]), (rates, age)):
        found = MetricFrame(
            metrics=metrics,
            y_true=data["label"],
            y_pred=data["predicted"],
            sensitive_features=groups,
            random_state=0,
            **resampling,
        )
        found.difference()
        found.ratio()


def measure_start(runs: int) -> Iterator[Line]:
    bare, imported, helped = medians(
        runs,
        lambda: python("-c", "pass"),
        lambda: python("-c", "import venturalitica"),
        lambda: python("-m", "venturalitica", "--help"),
    )
    for ours, what, limit in (
        (imported, "`import venturalitica`", "≤ 100 ms"),
        (helped, "`venturalitica --help`", "≤ 300 ms"),
    ):
        over = f"{(ours - bare) * 1000:.0f} ms over it"
        yield Line(what, shown(ours), f"bare Python: {shown(bare)}", over, limit)


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


def tally_of(frame: Any, policy: Any, bindings: Any = None) -> Any:
    """The tally of the policy's controls, as `vl.enforce` makes it."""
    from venturalitica.metrics.catalog import needs
    from venturalitica.tally.binding import bind
    from venturalitica.tally.build import build_tally
    from venturalitica.tally.engines.narwhals import column_names

    roles = {role: policy.role(role) for role in policy.grouping_roles}
    binding = bind(roles, bindings or BINDINGS, column_names(frame), wanted=())
    asked = needs(policy.controls)
    return build_tally(frame, needs=asked, binding=binding, roles=policy.roles)


def write_policy(text: str = POLICY, name: str = "model_policy.yaml") -> Path:
    path = Path(os.environ["VENTURALITICA_HOME"]) / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def shown(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 10 else f"{seconds * 1000:.1f} ms"


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def print_table(lines: Iterable[Line]) -> None:
    print("| What | Measured | Against | Ratio | Target |")
    print("|---|---|---|---|---|")
    for line in lines:
        print(
            f"| {line.what} | {line.measured} | {line.against} | {line.ratio} | {line.target} |",
            flush=True,
        )


@contextmanager
def scratch() -> Iterator[None]:
    """Evidence, keys and the working folder are in a folder that is deleted afterwards."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VENTURALITICA_HOME"] = str(Path(folder) / "home")
        os.environ["VENTURALITICA_CONFIG"] = str(Path(folder) / "config")
        os.environ["VENTURALITICA_DOTENV"] = "0"
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


def main() -> None:
    parts = ("tally", "intervals", "scores", "groups", "fairlearn", "start")
    parser = argparse.ArgumentParser(description="What an audit costs, as ratios.")
    parser.add_argument("--only", nargs="+", choices=parts, default=list(parts), metavar="PART")
    parser.add_argument("--rows", type=int, default=5_000_000, help="rows of the tally part")
    parser.add_argument("--runs", type=int, default=7, help="runs that a median is taken over")
    parser.add_argument(
        "--quick", action="store_true", help="Fairlearn with n_boot=20, extrapolated to 1,000"
    )
    options = parser.parse_args()
    boots = 20 if options.quick else BOOTSTRAPS
    made: dict[str, Callable[[], Iterator[Line]]] = {
        "tally": lambda: measure_tally(options.rows, options.runs),
        "intervals": lambda: measure_intervals(options.runs),
        "scores": lambda: measure_scores(100_000, min(options.runs, 3)),
        "groups": measure_groups,
        "fairlearn": lambda: measure_fairlearn(10_000, options.runs, boots),
        "start": lambda: measure_start(options.runs),
    }
    with scratch():
        lines: list[Line] = []
        for part in parts:
            if part in options.only:
                say(part)
                lines += made[part]()
        print_table(lines)


if __name__ == "__main__":
    main()
