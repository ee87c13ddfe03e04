"""Scenarios: a data set, a policy and a model that ship with the package and need no network.

    import venturalitica as vl
    loan = vl.quickstart("loan")
    loan.light                      # 'red': the model does not meet the policy, and that is seen
    [v.control for v in loan if v.status == "failed"]

Nothing heavy is imported until a scenario is loaded. The loan is German Credit, a random forest,
and a policy that it does not quite meet.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, overload

from venturalitica.api import enforce
from venturalitica.audit.project import resolve_policy
from venturalitica.audit.result import Audit
from venturalitica.core.policy import Policy
from venturalitica.core.verdict import Light, Verdict
from venturalitica.demo import german_credit as german
from venturalitica.demo.german_credit import (
    SCENARIOS,
    Engine,
    check_name,
    copy_to,
    load_german_credit,
)
from venturalitica.errors import MissingExtra

__all__ = ["SCENARIOS", "Scenario", "copy_to", "load_german_credit", "quickstart"]

SEED = 4
"""The forest of `train.py`, too."""


@dataclass(frozen=True, eq=False)
class Scenario(Sequence[Verdict]):
    """A loaded scenario; it behaves as its audit and has all that was used besides.

    `data` (1,000 rows), `train` (700) and `test` (300) are tables with the columns as published.
    `X_train`, `X_test` hold the 20 features as numbers, those that were codes first, and `y_train`,
    `y_test` the class (1 good, 2 bad): tables and series of the same library, or arrays of shape
    (n, 20) and (n,) where that library is pyarrow or numpy. `model` is the fitted forest, `audit`
    its audit on `test`.
    """

    name: str
    engine: Engine
    policy_path: Path
    policy: Policy = field(repr=False)
    data: Any = field(repr=False)
    train: Any = field(repr=False)
    test: Any = field(repr=False)
    X_train: Any = field(repr=False)
    y_train: Any = field(repr=False)
    X_test: Any = field(repr=False)
    y_test: Any = field(repr=False)
    model: Any
    audit: Audit

    @overload
    def __getitem__(self, key: int | str) -> Verdict: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Verdict]: ...
    def __getitem__(self, key: int | str | slice) -> Verdict | Sequence[Verdict]:
        """By position, slice, or control id."""
        return self.audit[key]

    def __len__(self) -> int:
        return len(self.audit)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.audit)

    def __bool__(self) -> bool:
        return bool(self.audit)

    @property
    def passed(self) -> bool:
        """True if every control passed."""
        return self.audit.passed

    @property
    def light(self) -> Light:
        """The light of the audit."""
        return self.audit.light

    def __getattr__(self, name: str) -> Any:
        """Whatever else an audit has: `to_frame()`, `links`, `evidence_sha256` ..."""
        if name.startswith("__") or "audit" not in vars(self):
            raise AttributeError(name)
        return getattr(self.audit, name)

    def _repr_html_(self) -> str:
        return self.audit._repr_html_()

    def copy_to(self, folder: str | Path, *, overwrite: bool = False) -> tuple[Path, ...]:
        """Write the scenario's files to a folder: policy, data, and a script to train with."""
        return copy_to(folder, name=self.name, overwrite=overwrite)


def quickstart(
    name: str = "loan",
    *,
    policy: str | Path | Policy | None = None,
    engine: Engine | None = None,
) -> Scenario:
    """Load a scenario, train its model and audit it on held-out rows.

    Evidence is recorded, and delivered to the tracker run that is open in this thread, as for any
    other audit. The result behaves as its `Audit` and has `.data`, `.train`, `.test`, `.X_train`,
    `.y_train`, `.X_test`, `.y_test`, `.policy_path`, `.policy`, `.model` and `.audit` besides.

    Args:
        name: the scenario; today only `"loan"`.
        policy: the policy to judge by instead of the one that ships.
        engine: `"pandas"`, `"polars"`, `"pyarrow"` or `"numpy"`; the first one installed if None.

    Raises:
        SettingsError: there is no scenario of that name; the nearest one is named.
        MissingExtra: scikit-learn, or the engine asked for, is not installed.
        PolicyError: `policy` is missing or wrong.
    """
    check_name(name)
    return run(policy=policy, engine=engine)


def run(*, policy: str | Path | Policy | None = None, engine: Engine | None = None) -> Scenario:
    """Load, split, train, and audit on the held-out rows; evidence is recorded as always.

    Raises:
        MissingExtra: scikit-learn, or the engine asked for, is not installed.
        PolicyError: `policy` is missing or wrong.
        ControlBlocked: `policy` blocks (the one that ships does not).
    """
    forest = _forest()
    engine = german.chosen_engine(engine)
    rules = resolve_policy(german.POLICY if policy is None else policy)
    columns = german.read_columns()
    numbers = german.encode(columns)
    kept, held_out = german.split(columns)
    train, test = german.take(columns, kept), german.take(columns, held_out)
    X_train, X_test = german.take(numbers, kept), german.take(numbers, held_out)
    parts = {
        "X_train": _features(X_train, engine),
        "y_train": _labels(train, engine),
        "X_test": _features(X_test, engine),
        "y_test": _labels(test, engine),
    }
    forest.fit(parts["X_train"], parts["y_train"])
    frame = german.to_frame(test, engine=engine)
    audit = enforce(
        frame,
        policy=rules,
        model=forest,
        target=german.TARGET,
        prediction=forest.predict(parts["X_test"]),
        score=_score(forest, parts["X_test"]),
    )
    return Scenario(
        name="loan",
        engine=engine,
        policy_path=Path(rules.path) if rules.path else german.POLICY,
        policy=rules,
        data=german.to_frame(columns, engine=engine),
        train=german.to_frame(train, engine=engine),
        test=frame,
        **parts,
        model=forest,
        audit=audit,
    )


def _forest() -> Any:
    try:
        from sklearn.ensemble import RandomForestClassifier
    except ImportError:
        raise MissingExtra("scikit-learn", "sklearn") from None
    return RandomForestClassifier(random_state=SEED)


def _features(columns: german.Columns, engine: Engine) -> Any:
    """What scikit-learn takes: a table of pandas or Polars, else an array of shape (n, 20)."""
    if engine in ("pandas", "polars"):
        return german.to_frame(columns, engine=engine)
    import numpy

    return numpy.column_stack(list(columns.values()))


def _labels(columns: german.Columns, engine: Engine) -> Any:
    if engine in ("pandas", "polars"):
        return german.to_frame(columns, engine=engine)[german.TARGET]
    import numpy

    return numpy.asarray(columns[german.TARGET])


def _score(model: Any, features: Any) -> Any:
    """Probability of a good credit, shape (n,)."""
    return model.predict_proba(features)[:, list(model.classes_).index(german.GOOD)]
