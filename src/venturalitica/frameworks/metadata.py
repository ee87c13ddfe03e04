"""What a training was given and `predict` wants too: sensitive features, routed metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from venturalitica.frameworks.beside import parameters_of
from venturalitica.frameworks.sklearn import routed, routing_is_on


def metadata_of(model: Any, fit_params: Mapping[str, Any]) -> dict[str, Any]:
    """Those arguments of a training that `predict` takes too, by the names that it has for them.

    As scikit-learn hands them: by its routing where that is on, else by the prefix of a pipeline's
    last step, which alone is given what the pipeline's `predict` is.
    """
    named, takes_any = parameters_of(model.predict)
    taken = {name: value for name, value in fit_params.items() if name in named}
    if not takes_any or not fit_params:
        return taken
    if hasattr(model, "get_metadata_routing") and routing_is_on():
        return taken | {name: fit_params[name] for name in routed(model, "predict", fit_params)}
    steps = getattr(model, "steps", None)
    if isinstance(steps, list) and steps and hasattr(steps[-1][1], "predict"):
        prefix = f"{steps[-1][0]}__"
        own = {
            name.removeprefix(prefix): value
            for name, value in fit_params.items()
            if name.startswith(prefix)
        }
        taken |= metadata_of(steps[-1][1], own)
    return taken
