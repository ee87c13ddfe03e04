"""Measure what a governed `fit` and `enforce` add: `python benchmarks/blocking.py [--times 15]`.

On the loan scenario's data (German Credit, 1,000 rows) and on the same a hundred times over. A
plain `fit`, the prediction that is judged, and the hashing of model and columns are timed in turn
with the governed call and taken off; what is left is counting, judging with intervals, signing, and
the append with its syncs.

Then the same governed `fit` beside no tracker, inside a run of one, and inside runs of two. First
of trackers in memory, which take no time of their own: that is what we keep a `fit` waiting for.
Then of real ones: MLflow in a database of its own, and W&B offline.
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
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from typing import Any

from venturalitica import trackers
from venturalitica.trackers.memory import MemoryTracker

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
    from venturalitica.provenance.model import model_facts

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

    def digest_of_model() -> None:
        model_facts(plain)

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
        of_model = milliseconds(digest_of_model)
        fits.append(milliseconds(fit) - training - predicting - digests - of_model)
        enforces.append(milliseconds(enforce) - digests)
    tell(f"fit, {len(data):,} rows", fits, first[0])
    tell(f"enforce, {len(data):,} rows", enforces, first[1])


class Second(MemoryTracker):
    """As another package would offer it."""

    name = "second"


def offer(tracker: type[MemoryTracker]) -> None:
    """Have it among the trackers, with those that packages offer."""
    offers = (
        *trackers._offers(),
        EntryPoint(tracker.name, f"{__name__}:{tracker.__name__}", trackers.GROUP),
    )
    trackers._offers = lambda: offers  # type: ignore[assignment]


@contextmanager
def memory_runs(names: Sequence[str]) -> Iterator[None]:
    with ExitStack() as stack:
        for name in names:
            one: Any = trackers.tracker(name)
            stack.enter_context(one.start_run("benchmark"))
        assert [run.tracker for run in trackers.active_runs()] == list(names)
        yield


@contextmanager
def real_runs(names: Sequence[str], folder: str) -> Iterator[None]:
    with ExitStack() as stack:
        if "mlflow" in names:
            import mlflow

            mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
            stack.enter_context(mlflow.start_run())
        if "wandb" in names:
            import wandb

            stack.enter_context(wandb.init(project="benchmark", mode="offline", dir=folder))
        assert [run.tracker for run in trackers.active_runs()] == list(names)
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

    offer(Second)
    kinds: tuple[tuple[str, ...], ...] = ((), ("memory",), ("memory", "second"))
    taken: dict[tuple[str, ...], list[Taken]] = {kind: [] for kind in kinds}
    for _ in range(times + 1):  # in turn: what else the machine does is the same for all
        for kind in kinds:
            with memory_runs(kind):
                taken[kind].append(milliseconds(fit))  # the page is waited for when it is left
    plain = taken[()][1:]
    for kind in kinds:
        tell_beside(" and ".join(kind) or "no tracker", taken[kind][1:], plain)
    for kind in (("mlflow",), ("mlflow", "wandb")):
        if all(importlib.util.find_spec(name) for name in kind):
            plain = [milliseconds(fit) for _ in range(times)]  # just before: none is in turn here
            with real_runs(kind, folder):
                fit()
                real = [milliseconds(fit) for _ in range(times)]
            tell_beside(" and ".join(kind), real, plain)


def tell_beside(what: str, taken: list[Taken], plain: list[Taken]) -> None:
    """Medians, and those of the ratios to the `fit`s without a tracker, one by one."""
    clock = statistics.median(one.clock for one in taken)
    ratio = statistics.median(a.clock / b.clock for a, b in zip(taken, plain, strict=True))
    more = statistics.median(a.clock - b.clock for a, b in zip(taken, plain, strict=True))
    computed = statistics.median(a.cpu - b.cpu for a, b in zip(taken, plain, strict=True))
    print(
        f"fit, {what:<19} median {clock:6.1f} ms, {ratio:4.2f} times that without one; "
        f"{more:6.1f} ms more, {computed:6.1f} ms more computed meanwhile"
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
