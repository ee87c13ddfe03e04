"""The audit's own questions leave no trace: in the model, in trackers, on screen, in generators."""

from __future__ import annotations

import io
import logging
import random
import subprocess
import sys
import threading
import types
import warnings
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn.metrics
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier, StackingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import venturalitica as vl
from venturalitica.frameworks.asking import asked, twin


class Telling(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Keeps a record of its calls, draws, and prints."""

    def __init__(self, registry: Any = None) -> None:
        self.registry = registry

    def fit(self, X: Any, y: Any) -> Telling:
        self.classes_ = np.unique(y)
        self.calls_: dict[str, list[int]] = {"predict": []}
        self.times_ = 0
        self.random_ = np.random.RandomState(3)
        return self

    def predict(self, X: Any) -> Any:
        self.calls_["predict"].append(len(X))
        self.times_ += 1
        if self.registry is not None:
            self.registry.append(self)
        print("predicting ...")
        print("100%", file=sys.stderr)
        return self.random_.choice(self.classes_, size=len(X))


@pytest.mark.parametrize("around", [lambda m: m, lambda m: make_pipeline(StandardScaler(), m)])
def test_a_model_does_not_see_that_it_was_asked(
    around: Any, policy: str, X: Any, y: Any, capsys: Any
) -> None:
    registry: list[Any] = []
    inner = Telling(registry)
    model = vl.wrap(around(inner), policy=policy).fit(X, y)
    part = model[-1] if hasattr(model, "steps") else model
    assert (part.calls_, part.times_, registry) == ({"predict": []}, 0, [])
    told = capsys.readouterr()
    assert told.out == ""
    assert not [line for line in told.err.splitlines() if not line.startswith("venturalitica:")]
    predicted = model.predict(X)
    assert part.calls_ == {"predict": [240]}
    assert registry == [part]
    assert capsys.readouterr() == ("predicting ...\n", "100%\n")
    np.testing.assert_array_equal(predicted, Telling().fit(X, y).predict(X))


def test_enforce_asks_as_quietly(policy: str, X: Any, y: Any, loans: Any, capsys: Any) -> None:
    class Named(Telling):
        feature_names_in_ = np.array(["income", "debt", "years"], dtype=object)

    model = Named().fit(X, y)
    vl.enforce(loans, policy=policy, model=model, target="class", gender="sex")
    assert model.times_ == 0
    assert "predicting" not in capsys.readouterr().out


def test_what_is_printed_elsewhere_meanwhile_is_seen(capsys: Any) -> None:
    before = sys.stdout
    with asked(Telling()):
        print("mine")
        other = threading.Thread(target=print, args=("theirs",))
        other.start()
        other.join()
        with asked(Telling()):
            print("mine, inside")
    assert capsys.readouterr().out == "theirs\n"
    assert sys.stdout is before


def test_what_a_question_warns_or_logs_is_not_seen(policy: str, X: Any, y: Any) -> None:
    class Complaining(Telling):
        def predict(self, X: Any) -> Any:
            warnings.warn("these rows are strange", stacklevel=1)
            logging.getLogger("users").error("asked about %d rows", len(X))
            return np.full(len(X), self.classes_[0])

    stream = io.StringIO()
    logger = logging.getLogger("users")
    handler = logging.StreamHandler(stream)
    logger.addHandler(handler)
    filters = list(warnings.filters)
    try:
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("default")
            model = vl.wrap(Complaining(), policy=policy).fit(X, y)
            warnings.simplefilter("error")
            model.fit(X, y)
            assert (seen, stream.getvalue()) == ([], "")
            warnings.simplefilter("default")
            model.predict(X)
            assert [str(one.message) for one in seen] == ["these rows are strange"]
            assert stream.getvalue() == "asked about 240 rows\n"
    finally:
        logger.removeHandler(handler)
    assert list(warnings.filters) == filters
    assert not handler.filters


def test_others_warn_and_log_meanwhile(caplog: Any) -> None:
    def complain() -> None:
        warnings.warn("theirs", stacklevel=1)
        logging.getLogger("users").error("theirs")

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        with asked(Telling()):
            complain()
            with asked(Telling()):
                complain()
            other = threading.Thread(target=complain)
            other.start()
            other.join()
        complain()
    assert len(seen) == len(caplog.records) == 2


def test_what_a_model_raises_is_told(policy: str) -> None:
    """By a script that set up no logging, too: the reason of the verdict says 'see the log'."""
    script = f"""if True:
    import sys
    import venturalitica as vl
    from sklearn.dummy import DummyClassifier

    class Failing(DummyClassifier):
        def predict(self, X):
            raise ValueError("too strange")

    vl.wrap(Failing(), policy={policy!r}).fit([[1], [2]] * 20, [0, 1] * 20)
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "the model raised ValueError when asked for its prediction: too strange" in run.stderr


def test_a_verbose_forest_is_quiet(policy: str, X: Any, y: Any, capfd: Any) -> None:
    model = vl.wrap(RandomForestClassifier(3, verbose=1, n_jobs=2), policy=policy)
    bare = RandomForestClassifier(3, verbose=1, n_jobs=2)

    def told(one: Any) -> int:
        one.fit(X, y)
        out, err = capfd.readouterr()
        return (out + err).count("Parallel(n_jobs")

    assert told(model) == told(bare) > 0
    model.predict(X)
    assert "Parallel(n_jobs" in "".join(capfd.readouterr())


def test_a_twin_has_the_same_learned_parts_and_its_own_containers() -> None:
    table = np.arange(12.0).reshape(6, 2)
    labels = [0, 1, 0, 1, 0, 1]
    final = LogisticRegression()
    stack = StackingClassifier([("a", final), ("b", final)], cv=2).fit(table, labels)
    other = twin(stack)
    assert other is not stack
    assert other.estimators_[0] is not stack.estimators_[0]
    assert other.estimators_[0].coef_ is stack.estimators_[0].coef_
    assert other.estimators[0][1] is other.estimators[1][1]
    np.testing.assert_array_equal(other.predict_proba(table), stack.predict_proba(table))
    model = Telling()
    model.me, model.seen, model.big = model, deque([1, {2}]), dict.fromkeys(range(20_000))
    made = twin(model)
    assert made.me is made
    assert made.seen == model.seen
    assert made.seen is not model.seen
    assert made.big is model.big


def test_what_says_itself_how_it_is_copied_is_asked_itself() -> None:
    class Copied(Telling):
        def __copy__(self) -> Any:
            raise AssertionError("it may be dear")

    class Network(Telling):
        def __call__(self, X: Any) -> Any:
            return X

    for model in (Copied(), Network()):
        assert twin(model) is model
        model.fit(np.zeros((2, 1)), [0, 1])
        before = model.random_.get_state()[1].tolist()
        with asked(model) as one:
            one.predict(np.zeros((5, 1)))
        assert model.random_.get_state()[1].tolist() == before


class Source:
    """A generator that counts its draws."""

    def __init__(self, state: int = 0) -> None:
        self.state = state


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> dict[str, Source]:
    """The parts of torch and CuPy that keep global generators, as their documentation has them."""
    cpu, gpu, own = Source(7), Source(8), Source(9)
    cuda = types.SimpleNamespace(
        is_available=lambda: True,
        is_initialized=lambda: True,
        get_rng_state_all=lambda: [gpu.state],
        set_rng_state_all=lambda states: setattr(gpu, "state", states[0]),
    )
    torch = types.SimpleNamespace(
        get_rng_state=lambda: cpu.state,
        set_rng_state=lambda state: setattr(cpu, "state", state),
        cuda=cuda,
    )
    now = [own]
    shared = types.SimpleNamespace(
        RandomState=Source,
        get_random_state=lambda: now[0],
        set_random_state=lambda state: now.__setitem__(0, state),
    )
    cupy = types.SimpleNamespace(random=shared)
    monkeypatch.setitem(sys.modules, "torch", torch)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "cupy", cupy)  # type: ignore[arg-type]
    return {"cpu": cpu, "gpu": gpu, "cupy": own}


def test_generators_of_loaded_libraries_are_put_back(libraries: dict[str, Source]) -> None:
    with asked(object()):
        random.random()
        libraries["cpu"].state = libraries["gpu"].state = 0
        sys.modules["cupy"].random.get_random_state().state = 99
    assert {name: one.state for name, one in libraries.items()} == {"cpu": 7, "gpu": 8, "cupy": 9}
    assert sys.modules["cupy"].random.get_random_state() is libraries["cupy"]


def test_a_library_that_changed_costs_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace())  # type: ignore[arg-type]
    with asked(object()):
        pass
    assert "the random numbers of torch could not be kept" in caplog.text


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "make",
    [LogisticRegression, lambda: make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["model", "pipeline"],
)
def test_autologging_takes_no_question_for_the_user_s_evaluation(
    make: Any, policy: str, X: Any, y: Any, mlflow: Any, empty_store: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("VENTURALITICA_TRACKER_WAIT", "60")
    empty_store(tmp_path / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.sklearn.autolog(log_models=False)
    test, labels = X[:60], y[:60]

    def run(wrapped: bool) -> tuple[set[str], list[Any], dict[str, str]]:
        model = vl.wrap(make(), policy=policy) if wrapped else make()
        with mlflow.start_run() as opened:
            model.fit(X, y, **({"audit_data": (X[60:120], y[60:120])} if wrapped else {}))
            predicted = model.predict(test)
            sklearn.metrics.accuracy_score(labels, predicted)
            sklearn.metrics.f1_score(labels, predicted)
            model.score(test, labels)
        found = mlflow.get_run(opened.info.run_id)
        inputs = [
            (one.dataset.digest, tag.value)
            for one in found.inputs.dataset_inputs
            for tag in one.tags
            if tag.key == "mlflow.data.context" and tag.value != "audit"  # ours, of the evidence
        ]
        names = {name for name in found.data.metrics if not name.startswith("venturalitica")}
        return names, sorted(inputs), found.data.params

    try:
        bare, wrapped = run(False), run(True)
    finally:
        mlflow.sklearn.autolog(disable=True)
        mlflow.set_tracking_uri(None)
    assert wrapped == bare
    assert {"accuracy_score_test", "f1_score_test"} <= bare[0]
    assert {context for _, context in bare[1]} == {"train", "eval"}
