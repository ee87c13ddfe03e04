"""Measure what a governed `fit` and `enforce` add: `python benchmarks/blocking.py [--times 15]`.

On the loan scenario's data (German Credit, 1,000 rows) and on the same a hundred times over. A
plain `fit`, the prediction that is judged, and the hashing of the judged columns are timed in turn
with the governed call and taken off; what is left is counting, judging with intervals, signing, and
the append with its syncs.

Then the same governed `fit` beside no tracker, inside a run of one, and inside runs of two: MLflow
in a database of its own, and W&B offline (the memory tracker where either is not installed).
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

LIMIT = 50.0


@dataclass(frozen=True)
class Taken:
    """Milliseconds by the clock, and those computed: the latter leave out other work here."""

    clock: float
    cpu: float

    def __sub__(self, other: Taken) -> Taken:
        return Taken(self.clock - other.clock, self.cpu - other.cpu)


def milliseconds(action: Callable[[], Any]) -> Taken:
    clock, cpu = time.perf_counter(), time.process_time()
    action()
    return Taken((time.perf_counter() - clock) * 1e3, (time.process_time() - cpu) * 1e3)


def table(copies: int) -> tuple[Any, Any, Any]:
    """All columns, the features as numbers, and the target."""
    import pandas as pd
    from sklearn.preprocessing import OrdinalEncoder

    from venturalitica.demo.german_credit import read_columns

    data = pd.concat([pd.DataFrame(read_columns())] * copies, ignore_index=True)
    features = data.drop(columns="class")
    text = features.select_dtypes(exclude="number").columns
    features[text] = OrdinalEncoder().fit_transform(features[text])
    return data, features, data["class"]


def tell(what: str, besides: list[Taken], first: Taken) -> None:
    clocks = sorted(taken.clock for taken in besides)
    cpu = statistics.median(taken.cpu for taken in besides)
    print(
        f"{what:<24} median {statistics.median(clocks):6.1f} ms, nine in ten below "
        f"{clocks[len(clocks) * 9 // 10]:6.1f} ms; computed {cpu:6.1f} ms; limit {LIMIT:.0f} ms "
        f"(first call, imports and all: {first.clock:.0f} ms)"
    )


def measure(copies: int, times: int) -> None:
    from sklearn.tree import DecisionTreeClassifier

    import venturalitica as vl
    from venturalitica.demo.german_credit import POLICY
    from venturalitica.provenance.fingerprint import fingerprint

    data, features, target = table(copies)
    plain = DecisionTreeClassifier(max_depth=3)
    governed = vl.wrap(DecisionTreeClassifier(max_depth=3), policy=str(POLICY))
    roles: dict[str, Any] = {"gender": "Attribute9", "age": "Attribute13"}

    def fit() -> None:
        governed.fit(features, target, audit_data=data, **roles)

    def predict() -> None:
        plain.predict(features)
        plain.predict_proba(features)

    def enforce() -> None:
        vl.enforce(data, policy=str(POLICY), target="class", prediction=found, score=score, **roles)

    def hashing() -> None:
        arrays = {"prediction": found, "score": score}
        fingerprint(data, ["class", *roles.values()], arrays=arrays)

    plain.fit(features, target)
    found, score = plain.predict(features), plain.predict_proba(features)[:, 1]
    first = milliseconds(fit), milliseconds(enforce)
    fits, enforces = [], []
    for _ in range(times):
        training = milliseconds(lambda: plain.fit(features, target))
        predicting, digests = milliseconds(predict), milliseconds(hashing)
        fits.append(milliseconds(fit) - training - predicting - digests)
        enforces.append(milliseconds(enforce) - digests)
    tell(f"fit, {len(data):,} rows", fits, first[0])
    tell(f"enforce, {len(data):,} rows", enforces, first[1])


@contextmanager
def runs(count: int, folder: str) -> Iterator[None]:
    """So many trackers with a run open in this thread, as `active_runs` sees them."""
    from venturalitica.trackers import active_runs, tracker

    with ExitStack() as stack:
        if count > 0 and importlib.util.find_spec("mlflow") is not None:
            import mlflow

            mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
            stack.enter_context(mlflow.start_run())
        if count > 1 and importlib.util.find_spec("wandb") is not None:
            import wandb

            stack.enter_context(wandb.init(project="benchmark", mode="offline", dir=folder))
        if len(active_runs()) < count:
            memory: Any = tracker("memory")
            stack.enter_context(memory.start_run("benchmark"))
        names = ", ".join(run.tracker for run in active_runs())
        assert len(active_runs()) == count, f"open: {names}"
        yield


def compare(times: int, folder: str) -> None:
    """What a run of one tracker, and runs of two, cost beside none."""
    from sklearn.tree import DecisionTreeClassifier

    import venturalitica as vl
    from venturalitica.demo.german_credit import POLICY

    data, features, target = table(1)
    governed = vl.wrap(DecisionTreeClassifier(max_depth=3), policy=str(POLICY))
    roles: dict[str, Any] = {"gender": "Attribute9", "age": "Attribute13"}

    def fit() -> None:
        governed.fit(features, target, audit_data=data, **roles)

    medians = []
    for count, what in enumerate(("no tracker", "one tracker", "two trackers")):
        with runs(count, folder):
            first = milliseconds(fit).clock
            taken = sorted(milliseconds(fit).clock for _ in range(times))
        medians.append(statistics.median(taken))
        print(
            f"fit, {what:<19} median {medians[-1]:6.1f} ms, {medians[-1] / medians[0]:4.1f} times "
            f"that without one (first call: {first:.0f} ms)"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=15)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VENTURALITICA_HOME"] = f"{folder}/evidence"
        os.environ["VENTURALITICA_CONFIG"] = f"{folder}/config"
        for copies in (1, 100):
            measure(copies, options.times)
        compare(options.times, folder)


if __name__ == "__main__":
    main()
