"""scikit-learn's prediction protocol, which most models speak, and what only it can give."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from venturalitica.core.verdict import Label
from venturalitica.frameworks.alignment import one_column, row_count
from venturalitica.frameworks.beside import NOTHING, Beside, parameters_of, required
from venturalitica.frameworks.beside import Unanswered as Unanswered

Favorable = Label | tuple[Label, ...] | None
"""The favorable label; several where the policy maps them to one, None where it names none."""


class NoLabels(Unanswered):
    """The model predicts amounts: no control that compares labels can be evaluated."""


def labels_of(X: Any, y: Any) -> Any:
    """`y` itself."""
    return y


def amounts(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """What a regressor predicts, one number per row, shape (n,)."""
    return one_per_row(_predict(model, X, beside), X, "predict")


def predictions(model: Any, X: Any, beside: Beside = NOTHING) -> Any:
    """One label per row from `predict`, shape (n,). Amounts are no labels, whoever gives them."""
    refuse_regressor(model)
    return labels_in(_predict(model, X, beside), X, f"{type(model).__name__}.predict")


def _predict(model: Any, X: Any, beside: Beside) -> Any:
    """`predict` with all that it needs.

    Raises:
        Unanswered: it cannot be called without what nobody gave.
    """
    lacking = [name for name in required(model.predict) if name not in beside.params]
    if lacking:
        raise Unanswered(
            f"{type(model).__name__}.predict needs {lacking[0]}= of the rows that are judged: "
            f'give predict_params={{"{lacking[0]}": <their column, or one value per row>}}'
        )
    return model.predict(X, **beside.params)


def labels_in(answer: Any, X: Any, method: str) -> Any:
    """What `method` gave for X, as one label per row, shape (n,).

    Raises:
        Unanswered: it is something else.
    """
    column = one_per_row(answer, X, method.rpartition(".")[2])
    if _has_fractions(column):
        raise NoLabels(f"{method} gave numbers with fractions, which are no labels: {_CUT}")
    return column


def feature_names(model: Any) -> list[str] | None:
    """`feature_names_in_`; of a model that does not keep them, those of the one that it fitted."""
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        names = getattr(getattr(model, "estimator_", None), "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def is_fitted(model: Any) -> bool:
    """scikit-learn's convention: it says so, or has attributes that end in one underscore."""
    own = getattr(model, "__sklearn_is_fitted__", None)
    if callable(own):
        try:
            return bool(own())
        except Exception:  # noqa: BLE001 - the model's own failure; a hint is not worth more
            return False
    read = getattr(type(model), "_get_param_names", None)
    parameters = set(read()) if callable(read) else set()
    return any(
        name.endswith("_") and not name.startswith("_") and name not in parameters
        for name in getattr(model, "__dict__", {})
    )


def favorable_scores(model: Any, X: Any, favorable: Favorable, beside: Beside = NOTHING) -> Any:
    """Column of `predict_proba`, or side of `decision_function`, for the favorable label."""
    refuse_regressor(model)
    name = next((name for name in _SCORING if hasattr(model, name)), None)
    if name is None:
        raise Unanswered(
            f"{type(model).__name__} gives no score: it has neither predict_proba nor "
            "decision_function"
        )
    classes = classes_of(model, beside)
    place = favorable_place(classes, favorable)
    method = getattr(model, name)
    answer = method(X, **beside.taken_by(method))
    side = proba_column if name == "predict_proba" else _decision_side
    return side(answer, place, classes, X)


_SCORING = ("predict_proba", "decision_function")

_CUT = (
    "name a metric of amounts, such as mean_absolute_error, or cut them into labels and judge "
    "those with vl.enforce(data, prediction=<labels>)"
)


def refuse_regressor(model: Any, kind: str | None = None) -> None:
    """An exact regression of 0 and 1 would look like a classifier."""
    reason = no_labels(model, kind or kind_of(model))
    if reason:
        raise NoLabels(reason)


def no_labels(model: Any, kind: str | None) -> str:
    """Why no control compares labels of a model of that kind; "" where one may."""
    if kind != "regressor":
        return ""
    return (
        f"{type(model).__name__} is a regressor: it predicts amounts, and this control compares "
        f"labels; {_CUT}"
    )


UNSUPERVISED = {
    "clusterer": "numbers of clusters",
    "outlier_detector": "what is unusual",
    "density_estimator": "numbers of components",
}
"""Kinds whose `predict` answers no question that a target has: cluster 1 is not label 1."""


def unsupervised(model: Any, kind: str | None) -> str:
    """Why the answers of a model of that kind are not judged; "" where they may be."""
    if kind not in UNSUPERVISED:
        return ""
    assert kind is not None
    return (
        f"{type(model).__name__} is {'an' if kind[0] in 'aeiou' else 'a'} "
        f"{kind.replace('_', ' ')}: it predicts {UNSUPERVISED[kind]}, which no target is compared "
        "with. Turn them into labels of the target's, and judge those: "
        "vl.enforce(data, prediction=<labels>)"
    )


def kind_of(model: Any) -> str | None:
    """What scikit-learn's tags, or the older attribute, call it; None where neither speaks."""
    try:
        kind = model.__sklearn_tags__().estimator_type
    except Exception:  # noqa: BLE001  tags are the model's own code, and say nothing where it fails
        kind = getattr(model, "_estimator_type", None)
    return kind if isinstance(kind, str) else None


def _has_fractions(column: Any) -> bool:
    import numpy as np

    if column.dtype.kind != "f":
        return False
    present = column[np.isfinite(column)]
    return bool((present != np.floor(present)).any())


def classes_of(model: Any, beside: Beside) -> list[Any]:
    """`classes_`; where the model has none, the labels that it was trained on, in their order."""
    from venturalitica.tally.values import canonical

    own = getattr(model, "classes_", None)
    known = one_column(own)
    if known is not None:
        return [canonical(label) for label in known.tolist()]
    labels = beside.labels() if own is None else None
    if labels is None:
        raise Unanswered(f"{type(model).__name__} has no single list of classes (classes_)")
    return list(labels)


def favorable_place(classes: list[Any], favorable: Favorable) -> int:
    """Where the favorable label is among the model's classes.

    Raises:
        Unanswered: it is not among them, or not said.
    """
    from venturalitica.tally.values import canonical

    named = favorable if isinstance(favorable, tuple) else (favorable,)
    wanted = [label for label in map(canonical, named) if label is not None]
    wanted = wanted or _default_favorable(classes)
    if not wanted:
        raise Unanswered(
            f"the favorable label is not said and the model's labels are {classes[:10]}: "
            "add 'roles: {target: {favorable: ...}}' to the policy"
        )
    places = [
        place for place, label in enumerate(classes) if any(_same(label, one) for one in wanted)
    ]
    if not places:
        said = " or ".join(map(repr, wanted[:10]))
        raise Unanswered(f"the favorable label {said} is none of the model's: {classes[:10]}")
    if len(places) > 1:
        raise Unanswered(
            f"{len(places)} of the model's labels mean the favorable one by the policy's map: "
            "train it on one spelling"
        )
    return places[0]


def _default_favorable(classes: list[Any]) -> list[Label]:
    """1 of 0/1, True of booleans; anything else is never guessed."""
    if classes and all(isinstance(label, bool) for label in classes):
        return [True]
    numeric = all(isinstance(label, int) and not isinstance(label, bool) for label in classes)
    return [1] if classes and numeric and set(classes) <= {0, 1} else []


def _same(label: Any, wanted: Any) -> bool:
    """As the tally tells labels apart ("1" is not 1), except that some models call True 1."""
    from venturalitica.core.labels import identity

    return label is not None and identity(_number(label)) == identity(_number(wanted))


def _number(label: Label) -> Label:
    return int(label) if isinstance(label, bool) else label


def proba_column(proba: Any, place: int, classes: list[Any], X: Any) -> Any:
    import numpy as np

    table = None if isinstance(proba, list) else np.asarray(proba)
    if table is None or table.ndim != 2 or table.shape[1] != len(classes):
        raise Unanswered("predict_proba does not give one column per class")
    return one_per_row(table[:, place], X, "predict_proba")


def _decision_side(decision: Any, place: int, classes: list[Any], X: Any) -> Any:
    import numpy as np

    values = np.asarray(decision)
    if values.ndim == 1 and len(classes) == 2:
        return one_per_row(values if place == 1 else -values, X, "decision_function")
    if values.ndim == 2 and values.shape[1] == len(classes):
        return one_per_row(values[:, place], X, "decision_function")
    raise Unanswered("decision_function does not give one value per class")


def one_per_row(values: Any, X: Any, method: str) -> Any:
    import numpy as np

    column = one_column(values)
    if column is None:
        shape = np.shape(values)
        raise Unanswered(
            f"{method} gave shape {shape}: expected one label per row (one output); say which is "
            "judged by the policy's target column in a wrapped fit, or give that of several as "
            "vl.enforce(data, prediction=...)"
        )
    if len(column) != row_count(X):
        raise Unanswered(f"{method} gave {len(column)} values for {row_count(X)} rows")
    return column


def clone(plain: Any) -> Any:
    """`sklearn.base.clone` of a plain model: unfitted, same parameters.

    It is scikit-learn that asks a governed model for a clone, so it is installed.
    """
    from sklearn.base import clone as sklearn_clone

    return sklearn_clone(plain)


def routing_is_on() -> bool:
    """Whether metadata routing is switched on here; asked of models of scikit-learn's own kind."""
    from sklearn import get_config

    return bool(get_config().get("enable_metadata_routing", False))


def routed(model: Any, method: str, names: Iterable[str]) -> set[str]:
    """Which metadata the model, or a part of it, asked for in `method`."""
    if not hasattr(model, "get_metadata_routing"):
        return set()
    from sklearn.utils.metadata_routing import get_routing_for_object

    return set(get_routing_for_object(model).consumes(method, names))


ROUTED_NAMES = ("sample_weight", "groups")
"""What scikit-learn's own compositions take in `fit(**params)` besides their parts' names."""


def is_estimator(value: Any) -> bool:
    """Whether `value` is an object (not a class) that can be trained and has parameters."""
    return (
        not isinstance(value, type)
        and callable(getattr(value, "get_params", None))
        and hasattr(value, "fit")
    )


def fit_parameters(method: Any) -> tuple[frozenset[str], bool]:
    """Names that a training method takes, and whether it takes any other name too."""
    try:
        parameters = inspect.signature(method).parameters.values()
    except (TypeError, ValueError):
        return frozenset(), True
    named = {p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    return frozenset(named), any(p.kind is p.VAR_KEYWORD for p in parameters)


def known_parameters(model: Any, method: Any) -> tuple[frozenset[str], bool]:
    """As `parameters_of`, with what a composition hands on to its parts."""
    named, takes_any = parameters_of(method)
    if takes_any:
        inner = [parameters_of(part.fit)[0] - {"X", "y"} for part in parts(model)]
        if inner:
            named = named.union(ROUTED_NAMES, *inner)
    return named, takes_any


def needed_prefix(model: Any, method: Any) -> str:
    """The last step's prefix, where scikit-learn's own `Pipeline` refuses names without any.

    Empty where a name without a prefix may be taken: of other models and classes, and by routing.
    """
    pipelines = sys.modules.get("sklearn.pipeline")
    if pipelines is None or not getattr(model, "steps", None) or routing_is_on():
        return ""
    own = inspect.getattr_static(pipelines.Pipeline, getattr(method, "__name__", ""), None)
    return f"{model.steps[-1][0]}__" if getattr(method, "__func__", None) is own else ""


def parts(model: Any) -> Iterator[Any]:
    """Every estimator inside `model`'s parameters, at every depth, without `model` itself."""
    seen: set[int] = {id(model)}
    waiting = list(_own_params(model).values())
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if is_estimator(value):
            yield value
            waiting.extend(_own_params(value).values())
        elif isinstance(value, list | tuple):
            waiting.extend(value)


def _own_params(model: Any) -> dict[str, Any]:
    read = getattr(model, "get_params", None)
    if not callable(read):
        return {}
    try:
        return dict(read(deep=False))
    except TypeError:
        return dict(read())
