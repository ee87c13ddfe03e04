"""A history of the loan model to look at: 40 runs, three policy versions, twelve weeks.

The models are trained and audited for real, on the German Credit data; times, commits and people
are made up, and so is the server that never answers. Keys and evidence are made in the folder
given. The last day is the caller's, so that the history looks as if it were of now.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.audit.measure import Measured, Request, measure
from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.circumstances import Share
from venturalitica.core.policy import Policy
from venturalitica.demo import german_credit as german
from venturalitica.demo.history_plan import (
    BAD_AGES,
    CANDIDATE,
    EXCEPTION,
    INTAKE,
    NIGHTLY,
    NO_SCORES,
    RUNS,
    TRAINING_ROWS,
    Happening,
    LocalMlflow,
    NoStore,
    Store,
    happenings,
    has_mlflow,
    write_policies,
)
from venturalitica.errors import MissingExtra, SettingsError
from venturalitica.ledger.records.vault import Vault
from venturalitica.provenance.environment import Surroundings
from venturalitica.provenance.model import model_facts
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger

TRACKED_FROM = 30
"""The number of the first nightly run that has a run in the local MLflow store."""
UNREACHABLE = 39
"""The run whose tracker never answers."""
Progress = Callable[[int, int], None]


class History(Struct, frozen=True):
    """Where it was written: a project's folder, its evidence, and the keys that sign it."""

    folder: Path
    home: Path
    config: Path


def write_history(
    folder: Path,
    *,
    until: datetime | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> History:
    """Write the history into an empty folder; it is made if absent.

    Args:
        until: its last day; today if None.
        store: where some of its runs are tracked; if None, an MLflow store in the folder, or
            none where MLflow is not installed.
        progress: called with (done, total).

    Raises:
        SettingsError: the folder is not empty.
        MissingExtra: scikit-learn is not installed.
    """
    history = History(folder, folder / ".venturalitica", folder / "keys")
    _empty(folder)
    with ExitStack() as stack:
        if store is None:
            store = LocalMlflow(folder) if has_mlflow() else NoStore()
            if isinstance(store, LocalMlflow):
                stack.callback(store.close)
        _Writer(history, until or datetime.now(UTC), store).write(progress or _silent)
    return history


def _silent(done: int, total: int) -> None:
    """Count for nobody."""


def _empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise SettingsError(f"{folder} is not empty: the history needs a folder of its own")
    except OSError as error:
        raise SettingsError(
            f"{folder}: the history cannot be written there: {error.strerror or error}"
        ) from error


class _Writer:
    """Writes one history: `now` is the clock that its ledger reads."""

    def __init__(self, history: History, until: datetime, store: Store) -> None:
        from venturalitica.ledger import Ledger, load_signer

        self._until = until.astimezone(UTC)
        self._store = store
        self._now = self._until
        self._tracked: Mapping[int, RunRef] | None = None
        self._policies = write_policies(history.folder)
        self._loans = _Loans()
        self._environment = Surroundings(
            replace(Settings.current(), project_root=history.folder)
        ).facts()
        self._ledger: Ledger = Ledger.open(
            history.home, signer=load_signer(None, history.config), clock=lambda: self._now
        )
        self._wanted = [
            one for one in happenings() if one.name == NIGHTLY and one.number >= TRACKED_FROM
        ]
        store.ask([(one.name, one.begins(self._until)) for one in self._wanted], history.home)

    def write(self, progress: Progress) -> None:
        for done, one in enumerate(happenings(), 1):
            self._record(one)
            progress(done, RUNS)
        self._store.deliver(self._ledger)

    def _record(self, one: Happening) -> None:
        from venturalitica.ledger import Outbox

        entry = self._append(one)
        if one.number == UNREACHABLE:
            run = _unreachable()
            Outbox(self._ledger).failed(
                entry.index, run.tracker, run.run_id, "the server's name does not resolve"
            )
        if one.approval is not None:
            self._sign_off(one, entry)

    def _append(self, one: Happening) -> Entry:
        began = one.begins(self._until)
        ended = began + timedelta(seconds=40 + one.number % 7 * 11)
        self._now = ended
        policy = self._policies[one.version]
        common: dict[str, Any] = {
            "run_id": hashlib.sha256(f"loan {one.number}".encode()).hexdigest()[:32],
            "name": one.name,
            "started": began,
            "ended": ended,
            "policy": policy,
            "environment": self._environment | {"git": _git(one)},
            "trackers": self._runs_of(one),
        }
        if one.twist == EXCEPTION:
            return self._written(_ended_by_exception(common))
        measured, model = self._loans.judged(one, policy)
        facts = Facts(
            kind="audit",
            source="enforce" if one.name != NIGHTLY else "fit",
            verdicts=measured.verdicts,
            circumstances=measured.circumstances,
            tally=measured.tally,
            bindings=measured.bindings,
            model=model_facts(model),
            data=measured.data,
            **common,
        )
        return self._written(facts)

    def _written(self, facts: Facts) -> Entry:
        unsigned = build_statement(facts, key=Vault(self._ledger.home).key())
        return unsigned.append_to(self._ledger)

    def _runs_of(self, one: Happening) -> tuple[RunRef, ...]:
        if one.number == UNREACHABLE:
            return (_unreachable(),)
        if one not in self._wanted:
            return ()
        if self._tracked is None:
            # Not before they are needed: the store may take seconds to come up.
            numbers = [wanted.number for wanted in self._wanted]
            self._tracked = dict(zip(numbers, self._store.runs(), strict=False))
        run = self._tracked.get(one.number)
        return (run,) if run is not None else ()

    def _sign_off(self, one: Happening, entry: Entry) -> None:
        from venturalitica.ledger.lifecycle.approve import approve

        assert one.approval is not None
        self._now += timedelta(hours=3, minutes=12)
        approve(
            self._ledger,
            entry,
            person=one.approval.person,
            role=one.approval.role,
            decision=one.approval.decision,
            light=entry.record.light,
            keyid=self._ledger.signer_id,
            at=self._now,
            comment=one.approval.comment,
        )


class _Loans:
    """The data, and models of it."""

    def __init__(self) -> None:
        import numpy

        columns = german.read_columns()
        numbers = german.encode(columns)
        self._columns = columns
        self._kept, self._held_out = german.split(columns)
        plain = numpy.column_stack(list(numbers.values())).astype(float)
        self._features = (plain - plain.mean(0)) / plain.std(0)
        self._labels = numpy.array(columns[german.TARGET])

    def judged(self, one: Happening, policy: Policy) -> tuple[Measured, Any]:
        """Train, predict, judge: what one run found, and its model."""
        if one.name == INTAKE:
            rows = self._sample(range(len(self._labels)), one)
            return self._measure(policy, rows, {}, one, phase="data"), None
        model = _made(one)
        if one.name == CANDIDATE:
            rows = list(range(len(self._labels)))
            found = self._cross_validated(one)
            model.fit(self._features, self._labels)
        else:
            rows = self._kept if one.twist == TRAINING_ROWS else self._sample(self._held_out, one)
            model.fit(self._features[self._kept], self._labels[self._kept])
            found = _predicted(model, self._features[rows])
        return self._measure(policy, rows, found, one), model

    def _measure(
        self,
        policy: Policy,
        rows: Sequence[int],
        found: Mapping[str, Any],
        one: Happening,
        phase: Any = None,
    ) -> Measured:
        table = german.take(self._columns, rows)
        bindings = {"target": german.TARGET, **found}
        missing = {}
        if one.twist == NO_SCORES:
            del bindings["score"]
            missing["score"] = "the model gives no probabilities (decision_function only)"
        if one.twist == BAD_AGES:
            table["Attribute13"] = [f"{age} y" for age in table["Attribute13"]]
        request = Request(
            policy=policy,
            source="fit",
            frame=german.to_frame(table, engine="numpy"),
            bindings=bindings,
            missing=missing,
            name="loans" if one.name != NIGHTLY else "loans, held out",
            phase=phase,
            lenient=True,
            training_share=Share(float(one.twist == TRAINING_ROWS), rows=len(rows)),
        )
        with _quietly("venturalitica.audit.measure"):
            return measure(request, fingerprint=True)

    def _sample(self, rows: Sequence[int], one: Happening) -> list[int]:
        """Nine tenths of the rows: what had come in by then, another part each time."""
        return [row for row in rows if _drawn(row, one.number) % 10]

    def _cross_validated(self, one: Happening) -> dict[str, Any]:
        """Predictions for every row by a model that did not see it: five parts in turn."""
        import numpy

        fold = numpy.array([_drawn(row, 0) % 5 for row in range(len(self._labels))])
        found = {"prediction": numpy.zeros_like(self._labels), "score": numpy.zeros(len(fold))}
        for part in range(5):
            rest, own = fold != part, fold == part
            model = _made(one).fit(self._features[rest], self._labels[rest])
            for name, values in _predicted(model, self._features[own]).items():
                found[name][own] = values
        return found


@contextmanager
def _quietly(name: str) -> Iterator[None]:
    """Without that logger's words: what goes wrong here was meant to."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before


def _made(one: Happening) -> Any:
    try:
        from sklearn.dummy import DummyClassifier
        from sklearn.ensemble import RandomForestClassifier
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise MissingExtra("scikit-learn", "sklearn") from None
    kinds = {
        "constant": DummyClassifier,
        "forest": RandomForestClassifier,
        "logistic": LogisticRegression,
    }
    return kinds[one.model](**one.parameters)


def _predicted(model: Any, features: Any) -> dict[str, Any]:
    """Labels, and the probability of a good credit, each of shape (n,)."""
    good = list(model.classes_).index(german.GOOD)
    return {"prediction": model.predict(features), "score": model.predict_proba(features)[:, good]}


def _drawn(row: int, number: int) -> int:
    return hashlib.sha256(b"history:%d:%d" % (number, row)).digest()[0]


def _git(one: Happening) -> dict[str, Any]:
    commit = hashlib.sha1(  # a made-up commit, nothing is secured by it
        f"loan {one.version} {one.number // 3}".encode(), usedforsecurity=False
    ).hexdigest()
    branch = "release" if one.name == CANDIDATE else "main"
    return {"commit": commit, "branch": branch, "dirty": one.number % 11 == 4, "remote": None}


def _unreachable() -> RunRef:
    """A run at a server that no name leads to (RFC 2606)."""
    run_id = hashlib.sha256(b"unreachable").hexdigest()[:32]
    server = "https://mlflow.loans.example"
    return RunRef(
        "mlflow",
        run_id,
        uri=server,
        experiment_id="7",
        experiment_name="loan-releases",
        run_name=CANDIDATE,
        url=f"{server}/#/experiments/7/runs/{run_id}",
    )


def _ended_by_exception(common: Mapping[str, Any]) -> Facts:
    """A monitored training that stopped before anything was judged."""
    from venturalitica.judge.conclude import verdict

    policy: Policy = common["policy"]
    reason = "nothing inside this run was judged under this control"
    verdicts = tuple(
        verdict(policy, control, status="not_evaluated", reason=reason)
        for control in policy.controls
    )
    return Facts(
        kind="run",
        source="monitor",
        verdicts=verdicts,
        light="red",
        exception={"type": "builtins.MemoryError", "where": "features.py:88"},
        **common,
    )
