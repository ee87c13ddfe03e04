"""A policy in sentences, for `policy show`, reports and pages."""

from __future__ import annotations

from collections.abc import Mapping

from venturalitica.core.policy import LEVEL, ApprovalRule, Compare, Control, Policy, Role, shortest
from venturalitica.core.text import level_words
from venturalitica.errors import did_you_mean, listed
from venturalitica.metrics.catalog import CATALOG, sharing_error

_COMPARED: dict[Compare, str] = {
    "difference": "difference of highest and lowest",
    "ratio": "ratio of lowest to highest",
    "min": "lowest",
    "max": "highest",
}
_SHOWN = 12
_ON_FAIL = {"record": "recorded only", "warn": "warns", "block": "blocks"}


def describe(policy: Policy) -> list[str]:
    """One sentence for each control, in the order of the file.

    `selection rate across gender: ratio of lowest to highest must be >= 0.80; blocks`
    """
    return [sentence(control) for control in policy.controls]


def sentence(control: Control) -> str:
    """What a control asks for, in one sentence."""
    return f"{measure(control)} must be {control.must}; {_ON_FAIL[control.on_fail]}"


def measure(control: Control) -> str:
    """What a control measures: `selection rate across gender: ratio of lowest to highest`."""
    name, compare = _base(control)
    what = name.replace("_", " ")
    if control.of:
        what += f" of {_listed(control.of)}"
    if control.columns:
        what += " of all columns of its baseline"
    if control.against:
        what += f" against {control.against}"
    if control.across:
        what += f" across {' × '.join(control.across)}"
    how = how_compared(control, compare)
    said = f"{what}: {how}" if how else what
    return f"{said} ({control.small_groups})" if control.small_groups else said


def _base(control: Control) -> tuple[str, Compare | None]:
    """The metric of one group and the comparison, also where one name means both."""
    known = CATALOG.get(control.metric)
    if known is None or known.base not in CATALOG:
        return control.metric, control.compare
    return str(known.base), known.compare


def how_compared(control: Control, compare: Compare | None = None) -> str:
    """How the groups become one number, in words; empty where they do not."""
    compare = compare or control.compare
    if compare is None:
        return ""
    if compare == "between":
        first, second = control.groups or ("first", "second")
        return f"{first} minus {second}"
    return _COMPARED[compare]


def describe_intervals(policy: Policy) -> str:
    """`99 %`, or `99 % together, 99.86 % each of 7`; empty where each has the usual level."""
    among = sharing_error(policy)
    if among == 1:
        return "" if policy.level == LEVEL else level_words(policy.level)
    each = level_words(1 - (1 - policy.level) / among)
    return f"{level_words(policy.level)} together, {each} each of {among}"


def describe_approvals(policy: Policy) -> str:
    """`Head of credit risk; 2 × Validator (keys 3f2a91c0…)`; empty where none is asked for."""
    return "; ".join(map(_approval, policy.approvals))


def _approval(rule: ApprovalRule) -> str:
    times = "" if rule.count == 1 else f"{rule.count} × "
    keys = [f"{key[:16]}…" for key in sorted(rule.keys)]
    among = f" (key{'' if len(keys) == 1 else 's'} {listed(keys, _SHOWN)})" if keys else ""
    return f"{times}{rule.role}{among}"


def describe_role(role: Role) -> str:
    """How a role is read: `column Attribute9; male: A91, A93; female: A92`."""
    parts: list[str] = []
    if role.column:
        parts.append(f"column {role.column}")
    if role.favorable is not None:
        parts.append(f"favorable {role.favorable!r}")
    if role.map:
        members: dict[str, list[str]] = {}
        for value, group in role.map.items():
            members.setdefault(group, []).append(str(value))
        groups = [f"{group}: {listed(values, _SHOWN)}" for group, values in members.items()]
        parts.append(listed(groups, _SHOWN, between="; ", longest=None))
    if role.as_text:
        parts.append("numbers are codes, as text")
    if role.labels:
        parts.append(f"only {listed(role.labels, _SHOWN)}")
    if role.bins:
        parts.append(f"cut at {listed(map(shortest, role.bins), _SHOWN)}")
    return "; ".join(parts) or "values as they are"


def _listed(roles: tuple[str, ...]) -> str:
    return roles[0] if len(roles) == 1 else f"{', '.join(roles[:-1])} and {roles[-1]}"


OTHER_NAMES: Mapping[str, str] = {
    "auroc": "roc_auc",
    "brier_score_loss": "brier_score",
    "disparate_impact": "demographic_parity_ratio",
    "disparate_impact_ratio": "demographic_parity_ratio",
    "ece": "expected_calibration_error",
    "bias": "mean_error",
    "bias_error": "mean_error",
    "coefficient_of_determination": "r2_score",
    "fnr": "false_negative_rate",
    "fpr": "false_positive_rate",
    "cramers_v": "chi_square_distance",
    "chi2": "chi_square_distance",
    "chi_square": "chi_square_distance",
    "jensen_shannon": "jensen_shannon_distance",
    "jensen_shannon_divergence": "jensen_shannon_distance",
    "js_divergence": "jensen_shannon_distance",
    "js_distance": "jensen_shannon_distance",
    "kolmogorov_smirnov": "kolmogorov_smirnov_distance",
    "ks": "kolmogorov_smirnov_distance",
    "ks_2samp": "kolmogorov_smirnov_distance",
    "psi": "population_stability_index",
    "kappa": "cohen_kappa",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "matthews_corrcoef": "matthews_correlation",
    "mcc": "matthews_correlation",
    "medae": "median_absolute_error",
    "mse": "mean_squared_error",
    "pinball_loss": "mean_pinball_loss",
    "ppv": "precision",
    "r2": "r2_score",
    "r_squared": "r2_score",
    "residual": "mean_error",
    "residuals": "mean_error",
    "rmse": "root_mean_squared_error",
    "sensitivity": "recall",
    "statistical_parity_difference": "demographic_parity_difference",
    "tnr": "true_negative_rate",
    "tpr": "true_positive_rate",
}
"""What others call our metrics: for the hint in an error only, never accepted in a policy."""


_NUMBERS = """
    msle mean_squared_log_error rmsle root_mean_squared_log_error explained_variance huber
    huber_loss smape wape mase rse d2_absolute_error quantile_loss poisson_deviance
    mean_poisson_deviance gamma_deviance mean_gamma_deviance mean_tweedie_deviance
"""
OTHERS_OF_NUMBERS = frozenset(_NUMBERS.split())
"""Metrics of predicted numbers that there are not."""


def metric_hint(name: str) -> str:
    """`"; did you mean 'f1'?"` for a metric that there is not; "" where nothing is close."""
    folded = "_".join(name.casefold().replace("-", " ").replace("_", " ").split())
    folded = folded.removeprefix("neg_")
    if folded.removesuffix("_score") in OTHERS_OF_NUMBERS:
        ours = [m for m, spec in CATALOG.items() if spec.number and "prediction" in spec.number.of]
        return f": of predicted numbers there are {listed(ours, 12)}"
    other = OTHER_NAMES.get(folded, folded.removesuffix("_score"))
    return did_you_mean(other if other in CATALOG else folded, CATALOG)
