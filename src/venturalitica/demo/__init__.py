"""Scenarios: a data set, a policy and a model that ship with the package and need no network.

    import venturalitica as vl
    loan = vl.quickstart("loan")
    loan.light                      # 'red': the model does not meet the policy, and that is seen
    [v.control for v in loan if v.status == "failed"]

Nothing heavy is imported until a scenario is loaded.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturalitica.core.policy import Policy
    from venturalitica.demo.german_credit import SCENARIOS, Engine, copy_to, load_german_credit
    from venturalitica.demo.loan import Scenario


_HOMES = {
    "SCENARIOS": "german_credit",
    "Scenario": "loan",
    "copy_to": "german_credit",
    "load_german_credit": "german_credit",
}

__all__ = ["SCENARIOS", "Scenario", "copy_to", "load_german_credit", "quickstart"]


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
    from venturalitica.demo.german_credit import check_name
    from venturalitica.demo.loan import run

    check_name(name)
    return run(policy=policy, engine=engine)


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
