"""`vl.wrap` puts a model under a policy, `vl.unwrap` takes it out, `train` is what `fit` does then.

Check what can be checked, train once, judge what was trained. Whatever the user passed and is wrong
raises before training. After it, the model is trained and stays so: of ours, only `ControlBlocked`
leaves `fit`, or the failure of an audit that a blocking control depends on.
"""

from __future__ import annotations

import copy
import inspect
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar, cast

from msgspec.structs import replace

from venturalitica.audit.asking import output_of, predicted
from venturalitica.audit.audit import conduct, open_runs
from venturalitica.audit.measure import Request
from venturalitica.audit.model_ties import expect
from venturalitica.audit.project import checked_title, resolve_policy
from venturalitica.audit.result import Audit
from venturalitica.audit.run import named_policy
from venturalitica.audit.waiting import Training, place, training
from venturalitica.core.policy import Policy
from venturalitica.core.redact import redact_text, redacted_traceback
from venturalitica.errors import ControlBlocked, VenturaliticaError, did_you_mean
from venturalitica.frameworks import (
    favorable_scores,
    is_governed_in_place,
    labels_of,
    line_for,
)
from venturalitica.frameworks.alignment import as_booleans_or_numbers
from venturalitica.frameworks.asking import asked
from venturalitica.frameworks.beside import Unanswered
from venturalitica.frameworks.sklearn import NoLabels
from venturalitica.wrapping.arguments import (
    BATCHES,
    CLONES,
    Call,
    checked_params,
    declaring,
    hint_fitted,
    note_audited,
    note_unaudited,
    refuse_collisions,
    refuse_computed,
    say_unbound,
    take_apart,
    telling_of_roles,
)
from venturalitica.wrapping.governed import adopt, adopt_in_place, plain_copy, plain_value
from venturalitica.wrapping.judgeable import refuse_unjudgeable
from venturalitica.wrapping.predict_params import beside_of, with_params
from venturalitica.wrapping.registry import (
    AUDIT_DATA,
    PREDICT_PARAMS,
    Governance,
    audit_names,
    governance_of,
    in_training,
)
from venturalitica.wrapping.rows import Plan, nothing_to_judge, plan_rows

log = logging.getLogger(__name__)


def train(
    model: Any,
    governance: Governance,
    method: str,
    bare: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call the model's own training method, audited if this call is to be.

    Returns:
        What the bare method returns (`self`, for a `fit`).

    Raises:
        TypeError, BindingError, DataError: an argument is wrong; nothing was trained.
        ControlBlocked: the policy forbids the result; the model is trained, the evidence is safe.
    """
    call = take_apart(model, governance, bare, args, kwargs)
    if not call.binds:
        return bare(*call.args, **call.kwargs)
    plan = _plan(model, governance, method, call)
    before = open_runs() if plan is not None else ()
    began = datetime.now(UTC)
    told = telling_of_roles(governance.policy, call.unknown)
    with training(model, before) as seen, in_training(model), told:
        result = bare(*call.args, **call.kwargs)
    if plan is not None:
        _audit(model, governance, plan, seen, began)
    return result


def _plan(model: Any, governance: Governance, method: str, call: Call) -> Plan | None:
    """What to judge afterwards; None where this call is not audited.

    A `fit` of a wrapped model always is; a clone's, and every `partial_fit` (a stream of small
    batches), only if it was given audit arguments.
    """
    if not call.given and (not governance.direct or method == "partial_fit"):
        note_unaudited(model, governance.policy, BATCHES if governance.direct else CLONES)
        return None
    given = call.audit_data
    if isinstance(given, tuple) and len(given) == 2:
        given = (given[0], labels_of(model, *given))
    labelled = replace(call, y=labels_of(model, call.X, call.y), audit_data=given)
    try:
        plan = with_params(plan_rows(governance.policy, labelled), labelled)
    except VenturaliticaError:
        raise
    except Exception as error:  # noqa: BLE001 - our failure to read them never breaks a training
        log.error("the rows of the training could not be read\n%s", redacted_traceback(error))
        why = f"{type(error).__name__} while reading what fit was given; see the log"
        plan = nothing_to_judge(governance.policy, why)
    say_unbound(governance.policy, plan.frame, (*plan.bindings, *plan.missing))
    return plan


def _audit(model: Any, governance: Governance, plan: Plan, seen: Training, began: datetime) -> None:
    policy = governance.policy
    note_audited(model, policy)
    try:
        plain = _plain(model)
        answers, missing, unlabelled = _ask(plain, policy, plan)
        request = Request(
            policy=policy,
            source="fit",
            title=governance.name,
            frame=plan.frame,
            columns={**plan.columns, **answers},
            bindings=plan.bindings,
            missing={**plan.missing, **missing},
            unlabelled=unlabelled,
            model=plain,
            holder=model,
            lenient=True,
            trackers=seen.runs,
            training_share=plan.training_share(),
            trained=plan.trained,
            began=began,
        )
        answer = answers.get("prediction")

        def follow(audit: Audit) -> None:
            expect(audit, began=began, features=plan.features, answers=answer)
            place(audit, model, seen)

        try:
            follow(conduct(request))
        except ControlBlocked as blocked:
            follow(cast(Audit, blocked.audit))
            raise
    except ControlBlocked:
        raise
    except Exception as error:
        if any(control.on_fail == "block" for control in policy.controls):
            raise
        log.error("the model is trained, and its audit failed\n%s", redacted_traceback(error))


def _plain(model: Any) -> Any:
    """The model without governance; as it is where a part of it does not let itself be copied."""
    try:
        return plain_value(model)
    except Exception as error:  # noqa: BLE001 - its description says what it cannot say
        log.warning("the model could not be taken out\n%s", redacted_traceback(error))
        return model


def _ask(model: Any, policy: Policy, plan: Plan) -> tuple[dict[str, Any], dict[str, str], str]:
    """Predictions, and scores if the policy needs them; why any of them is missing; and why what
    the model predicts is no label, if it is none."""
    unlabelled = ""
    answers: dict[str, Any] = {}
    missing: dict[str, str] = {}
    if plan.features is None:
        return answers, missing, unlabelled
    failed: dict[str, Exception] = {}
    with asked(model) as whole:
        twin, beside = output_of(whole, plan.output), beside_of(whole, plan)

        def prediction() -> Any:
            nonlocal unlabelled
            answer, unlabelled = predicted(twin, plan.features, policy.controls, beside)
            return as_booleans_or_numbers(answer, plan.labels)

        questions: dict[str, Callable[[], Any]] = {"prediction": prediction}
        if needs_score(policy):
            favorable = policy.role("target").favorable_values
            questions["score"] = lambda: favorable_scores(twin, plan.features, favorable, beside)
        for role, question in questions.items():
            try:
                answers[role] = question()
            except Unanswered as reason:
                missing[role] = str(reason)
                unlabelled = str(reason) if isinstance(reason, NoLabels) else unlabelled
            except Exception as error:  # noqa: BLE001 - the model's own failure is a fact
                failed[role] = error
    for role, fault in failed.items():  # said here: nothing is, while the model is asked
        kind, said = type(fault).__name__, redact_text(str(fault))
        log.warning("the model raised %s when asked for its %s: %s", kind, role, said)
        log.debug("where the model raised it\n%s", redacted_traceback(fault))
        # Its message may quote values of rows, which have no place in the evidence.
        missing[role] = f"the model raised {kind} when asked for its {role}; see the log"
    return answers, missing, unlabelled


def needs_score(policy: Policy) -> bool:
    """Whether any control is measured from a score."""
    from venturalitica.metrics.catalog import needs

    return any("score" in need.roles for need in needs(policy.controls))


Model = TypeVar("Model")


def wrap(
    model: Model,
    policy: str | Path | Policy | None = None,
    *,
    name: str | None = None,
    predict_params: Mapping[str, Any] | None = None,
    **roles: Any,
) -> Model:
    """The same kind of model, whose `fit` is audited against a policy.

    Args:
        model: an object with `fit` and `predict`; it stays as it is, a shallow copy is governed.
            A model of Keras is not copied: it is governed itself.
        policy: path of the policy, or one that `vl.read_policy` gave; by default that of the
            `vl.monitor` around the call, else `model_policy.yaml` of the working folder or of the
            project root.
        name: what its audits are called, as of `vl.enforce`. Audits of one name and policy form
            one pipeline. Inside `vl.monitor` the monitor's name holds.
        roles: role = column name (or array of shape (n,)) to use where `fit` is not given one.

    Returns:
        A model of the same class for `isinstance`, `repr`, `clone` and signatures. Its `fit` also
        takes `audit_data`, `predict_params`, `target` and the policy's grouping roles. Pickle,
        joblib, cloudpickle, skops and MLflow save the plain model.

    Raises:
        PolicyError: no policy is found, it is wrong, or it blocks by a control that can never be
            judged on this model; nothing has been trained.
        BindingError: a role of the policy has the name of one of the model's own fit parameters.
        TypeError: the object cannot be governed, or a keyword is no role of the policy.
    """
    plain = cast(Model, unwrap_self(model))
    _refuse_non_models(plain)
    rules = resolve_policy(named_policy() if policy is None else policy)
    _refuse_unknown_roles(rules, roles)
    refuse_collisions(rules, plain)
    refuse_unjudgeable(rules, plain)
    if plain is model:  # what was governed before was audited
        hint_fitted(plain, rules)
    given = {name: value for name, value in roles.items() if value is not None}
    title, asked = checked_title(name), checked_params(predict_params)
    governance = Governance(rules, given, train, name=title, predict_params=asked)
    if is_governed_in_place(plain):
        return cast(Model, adopt_in_place(plain, governance))
    own = plain if plain is not model else _shallow_copy(model)
    return cast(Model, adopt(own, governance))


def unwrap(model: Model) -> Model:
    """The plain model behind a governed one, at every depth.

    Args:
        model: what `wrap` gave; or a pipeline, a search or a list with governed models in it; or
            anything else.

    Returns:
        A shallow copy (as `copy.copy` of the bare model) of the model's own class that shares what
        was fitted; inside it, governed steps, estimators and fitted parts are plain too. Where
        nothing is governed, `model` itself.

    Raises:
        Exception: what `__copy__` or `__reduce_ex__` of the model's own class raises.
    """
    return cast(Model, plain_value(model))


def unwrap_self(model: Any) -> Any:
    """A plain shallow copy of a governed model; any other object itself. Parts stay as they are."""
    return model if governance_of(model) is None else plain_copy(model)


def _refuse_non_models(model: Any) -> None:
    kind = type(model)
    if isinstance(model, type):
        raise TypeError(
            f"vl.wrap takes a model, and {model.__name__} is a class: "
            f"write vl.wrap({model.__name__}(), policy=...)"
        )
    if isinstance(model, str | PathLike):
        raise TypeError("the model comes first: vl.wrap(model, policy='model_policy.yaml')")
    for method in ("fit", "predict"):
        if not callable(getattr(model, method, None)) and not _comes_with_fit(model, method):
            raise TypeError(_without(model, method))
    for method in ("fit", "partial_fit"):
        if method in getattr(model, "__dict__", {}):
            raise TypeError(
                f"{kind.__name__} object has its own '{method}' attribute, which hides the method "
                "of its class: training would escape the audit. Define it in the class"
            )
    if inspect.getattr_static(kind, "fit", None) is None:
        raise TypeError(
            f"{kind.__name__} hands 'fit' on to another object (by __getattr__): wrap that object"
        )


def _comes_with_fit(model: Any, method: str) -> bool:
    """Whether a conditional `predict` (scikit-learn's `available_if`) may appear by training.

    A stack has it once its last estimator is made. A search without refit, and a composition
    whose part has none, never will.
    """
    found = inspect.getattr_static(type(model), method, None)
    if method != "predict" or not hasattr(type(found), "__get__"):
        return False
    part = getattr(model, "estimator", None)
    never = hasattr(model, "steps") or not getattr(model, "refit", True)
    return not never and (part is None or callable(getattr(part, method, None)))


def _without(model: Any, method: str) -> str:
    name = type(model).__name__
    line = line_for(model) or "judge what it predicts with vl.enforce(data, model=...)"
    hint = {
        "fit": f"it cannot be trained by a call of ours; {line}",
        "predict": (
            "there is nothing to judge. A search needs refit=True, a pipeline a last step that "
            "predicts; judge data alone with vl.enforce(data, phase='data')"
        ),
    }[method]
    return f"vl.wrap takes a model with fit and predict; {name} has no '{method}': {hint}"


def _refuse_unknown_roles(policy: Policy, roles: dict[str, Any]) -> None:
    names = audit_names(policy)
    refuse_computed(roles, "vl.wrap()")
    for name in roles:
        if name == AUDIT_DATA:
            raise TypeError(
                "vl.wrap() takes the roles' columns; audit_data belongs to one training: "
                "model.fit(X, y, audit_data=...)"
            )
        if name not in names:
            known = [known for known in names if known not in (AUDIT_DATA, PREDICT_PARAMS)]
            hint = did_you_mean(name, known) or "."
            raise TypeError(
                f"vl.wrap() got an unexpected keyword argument '{name}'{hint} "
                f"It takes {', '.join(known)}. {declaring(policy, name)}"
            )


def _shallow_copy(model: Any) -> Any:
    why = "copy.copy() does not give another object of its class"
    try:
        twin = copy.copy(model)
    except Exception as error:  # noqa: BLE001 - the class's own code: whatever it raises is no twin
        log.debug("where copying it failed\n%s", redacted_traceback(error))
        why = f"copy.copy() of it raises {type(error).__name__}"
    else:
        if twin is not model and type(twin) is type(model):
            return twin
    raise TypeError(
        f"{type(model).__name__} cannot be wrapped: {why}, and vl.wrap leaves yours as it is. "
        "Train it as you do, and write after it: "
        'vl.enforce(test_df, model=model, policy="model_policy.yaml", target="<column>")'
    )
