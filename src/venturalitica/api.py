"""The public functions that only join lower rooms: reading a policy, judging, verifying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from msgspec.structs import replace

from venturalitica.audit.asking import is_table
from venturalitica.audit.audit import conduct
from venturalitica.audit.measure import Request
from venturalitica.audit.project import checked_title, resolve_policy
from venturalitica.audit.result import Audit
from venturalitica.audit.run import named_policy
from venturalitica.core.policy import Phase, Policy
from venturalitica.errors import BindingError, did_you_mean

if TYPE_CHECKING:
    from venturalitica.core.gate import Decision
    from venturalitica.core.verification import Verification


def read_policy(path: str | Path) -> Policy:
    """Read and check a policy file.

    Returns:
        The `Policy`: name, version, controls, the exact bytes and their `sha256`.

    Raises:
        PolicyError: missing or wrong; every problem at once, each with file and line.
    """
    from venturalitica.policy import read_policy as read

    return read(path)


def verify(source: object = None, *, witnesses: bool = False) -> Verification:
    """Verify evidence from files alone: nothing is believed that is not checked.

    Args:
        source: a ledger folder (the project's own when None), a bundle file (`evidence.json`), a
            folder of bundles, or the id of an MLflow run.
        witnesses: compare a ledger with the checkpoints that its trackers have kept, which shows
            whether its end was cut off. Asks the trackers over the network.

    Returns:
        A `Verification`: `ok`, the `steps` made, and the first `fault`.

    Raises:
        EvidenceError: there is nothing to verify at `source`.
    """
    from venturalitica.review.verification import verify_source

    return verify_source(source, witnesses=witnesses)


def verify_model(
    model: str,
    *,
    policy: str | Path | Policy | None = None,
    signers: str | PathLike[str] | None = None,
    files: str | PathLike[str] | None = None,
    overrides: str | PathLike[str] | None = None,
) -> Decision:
    """Refuse a model whose files no gate let through: before it is served.

    Args:
        model: `models:/NAME/VERSION`, `models:/NAME@alias` or `runs:/ID`, at MLflow.
        policy: path of a policy, or one that `read_policy` gave: the evidence at the run is
            decided by it here and now. By default the last decision counts that `venturalitica
            gate` left at the run.
        signers: file of the public keys whose evidence and decisions count (`keys export`); by
            default the reader's own and those of `VENTURALITICA_TRUSTED_KEYS`.
        files: the folder that will be served, where it was fetched already. Each of its files is
            compared, so that nothing can be put in between.
        overrides: file of the public keys whose `venturalitica override` counts, while it lasts and
            for the alias that `model` names; by default nobody's. What is served under one is told
            as a warning.

    Returns:
        The `Decision` that let it through: `name`, `version`, `policy`, `sentence`, `files_root`;
        its `rule` is `"override"` where it was refused and an override lets it pass.

    Raises:
        EvidenceError: it was refused, nobody decided, or these are other files; with the reason.
        PolicyError: the policy is missing or wrong.
        DataError: the files cannot be digested.
        TrackerError: MLflow has no such model, or failed.
        TrackerUnreachable: it does not answer.
        MissingExtra: MLflow is not installed.
    """
    from venturalitica.review.gate.serving import let_through

    rules = policy if policy is None or isinstance(policy, Policy) else read_policy(policy)
    return let_through(model, policy=rules, signers=signers, files=files, overrides=overrides)


def enforce(
    data: Any = None,
    *,
    policy: str | Path | Policy | None = None,
    model: Any = None,
    features: Any = None,
    predict_params: Mapping[str, Any] | None = None,
    metrics: Mapping[str, float] | None = None,
    target: Any = None,
    prediction: Any = None,
    score: Any = None,
    phase: Phase | None = None,
    name: str | None = None,
    **roles: Any,
) -> Audit:
    """Judge data, a model, or reported numbers against a policy, and record the evidence.

    Args:
        data: a table of n rows (pandas, Polars, Arrow, Modin; or one that stays where it is: lazy
            Polars, DuckDB, Ibis, Dask, PySpark), an Arrow dataset, scanner or reader, a Delta or
            Iceberg table, a dict of arrays, a structured array, a list of dicts, or None where
            arrays are given.
        policy: path of the policy, or one that `read_policy` gave; by default that of the
            `vl.monitor` around the call, else the project's own.
        model: a fitted model that predicts `data`'s own feature columns, or the name of one:
            `models:/credit/3`, `runs:/ID/model` or a folder, whose files are fetched, digested and
            loaded by `mlflow.pyfunc` (this runs what is in them); instead of `prediction`. Beside
            `prediction`, the name of a model that is no files, such as an endpoint.
        features: what the model predicts: the names of its columns in its order, where it does not
            say them itself (a network), or the rows in its own form (an array, a tensor, a
            `DMatrix`, a `Pool`).
        predict_params: what its `predict` takes besides, by name: values, or the name of a column.
        metrics: values measured elsewhere, by metric name or control id; judged without an
            interval and therefore never conclusive.
        target: the labels: column name, or array of shape (n,).
        prediction: the predicted labels, likewise.
        score: the probability of the favorable label, in [0, 1], likewise.
        phase: `"data"` or `"model"` judges only the controls of that phase.
        name: what the audit is called; by default by its tracker's experiment or run, else its
            script. Audits of one name and policy form one pipeline. Inside `vl.monitor` the
            monitor's name holds.
        roles: grouping role = column name or array of shape (n,), e.g. `gender="Attribute9"`; or
            `weight`, what each row counts for.

    Returns:
        An `Audit`: one `Verdict` per selected control, in policy order.

    Raises:
        PolicyError: the policy is missing or wrong.
        BindingError: a role is misspelt or unbound, its column does not exist, or the policy has no
            control of the phase.
        DataError: the rows cannot be judged (other lengths, not a table, no rows to predict), or
            the named model is not there, no model, or cannot be loaded.
        TrackerError: MLflow does not have the named model, or failed.
        ControlBlocked: a control with `on_fail: block` did not pass; the evidence is safe.
    """
    from venturalitica.tally.engines.arrow import kind_of_lake
    from venturalitica.tally.engines.inputs import readable

    rules = resolve_policy(named_policy() if policy is None else policy)
    _refuse_unknown_phase(phase)
    lake = data if kind_of_lake(data) else None
    if model is None or features is not None or not isinstance(data, list | tuple):
        data = readable(data)  # a list of dicts may be what a model takes as it is
    _refuse_nothing(data, model, metrics, (target, prediction, score, *roles.values()))
    labels = {"target": target, "prediction": prediction, "score": score}
    given = {name: value for name, value in (labels | roles).items() if value is not None}
    if model is not None and features is None and not is_table(data):
        data, features = None, data
    asked_with = dict(predict_params or {})
    _refuse_reordered(data, given | asked_with)
    _refuse_target_twice(rules, data, given)
    request = Request(
        policy=rules,
        source="enforce",
        frame=data,
        lake=lake,
        bindings=given,
        phase=phase,
        reported=metrics,
        title=checked_title(name),
        features=features,
        predict_params=asked_with,
    )
    if isinstance(model, str | PathLike):
        from venturalitica.audit.named_model import conduct_named

        return conduct_named(request, model)
    return conduct(replace(request, model=_plain_model(model), ask_model=model is not None))


def _refuse_nothing(data: Any, model: Any, metrics: Any, bound: Sequence[Any]) -> None:
    """A call with nothing in it is a slip, not an audit of nothing."""
    if data is None and model is None and metrics is None and all(v is None for v in bound):
        raise BindingError(
            "vl.enforce was given nothing to judge: pass a table, vl.enforce(data, "
            "prediction=...) or vl.enforce(data, model=...), or arrays (target=, prediction=), or "
            "numbers that were measured elsewhere (metrics={...})"
        )


def _refuse_unknown_phase(phase: object) -> None:
    phases = get_args(Phase)
    if phase is not None and phase not in phases:
        raise BindingError(
            f"phase={phase!r}: expected 'data' (before training) or 'model', or leave it out to "
            f"judge every control{did_you_mean(str(phase), phases)}"
        )


def _refuse_reordered(data: Any, given: Mapping[str, Any]) -> None:
    """Series are read row by row: one with the rows in another order would pair strangers."""
    from venturalitica.frameworks.alignment import check_role_order, index_of

    tables = (value for value in (data, *given.values()) if index_of(value) is not None)
    check_role_order(given, next(tables, None))


def _refuse_target_twice(policy: Policy, data: Any, given: Mapping[str, Any]) -> None:
    """A model measured against itself is always right: `prediction=table["label"]` is a slip."""
    from venturalitica.frameworks.alignment import same_column

    target = _column(data, given.get("target", policy.role("target").column))
    for role in ("prediction", "score"):
        values = _column(data, given.get(role))
        if target is not None and values is not None and same_column(target, values):
            raise BindingError(
                f"target= and {role}= are the same column: the labels would be compared with "
                f"themselves; bind {role} to what the model gave, under a name of its own"
            )


def _column(data: Any, given: Any) -> Any:
    """What was given as values, or the column of an eager table that it names; else None."""
    if not isinstance(given, str):
        return given
    if isinstance(data, Mapping):
        return data.get(given)
    import narwhals as nw

    from venturalitica.tally.engines.narwhals import open_frame

    table = open_frame(data)
    if not isinstance(table, nw.DataFrame) or given not in table.columns:
        return None
    return table.get_column(given).to_native()


def _plain_model(model: Any) -> Any:
    from venturalitica.wrapping import unwrap

    return None if model is None else unwrap(model)
