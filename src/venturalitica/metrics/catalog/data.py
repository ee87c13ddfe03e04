"""What the data itself holds: before any model is trained."""

from __future__ import annotations

from functools import partial

from venturalitica.metrics.catalog.spec import MetricSpec

_content = partial(MetricSpec, family="data", phase="data")

METRICS = (
    _content(
        name="class_balance",
        title="Class balance",
        definition="Rows of the rarest label of the target, divided by rows of the most frequent. "
        "Across groups, a group that lacks a label of the whole target has 0.",
        formula="min_k t_k / max_k t_k",
        undefined="the target has one label only",
        needs=("target",),
        unit="ratio",
        source="imbalance ratio, inverted: He & Garcia, IEEE TKDE 21:9 (2009)",
    ),
    _content(
        name="group_representation",
        title="Representation of the smallest group",
        definition="The share of the rows that belongs to the smallest group; 0 where a group that "
        "the policy's `map` or `bins` names has no rows.",
        formula="min_g n_g / n",
        undefined="there are no rows, or only one group",
        needs=(),
        needs_across=True,
        ideal=None,
        compare="min",
        comparable=False,
        source="EU AI Act, Article 10(3): sufficiently representative",
    ),
    _content(
        name="label_disparity",
        title="Label disparity",
        definition="Base rate of each group (share of favorable targets), largest minus smallest: "
        "the bias that is in the labels before any model.",
        formula="max_g base_rate − min_g base_rate",
        undefined="there are no rows, or only one group",
        needs=("target",),
        needs_favorable=True,
        needs_across=True,
        ideal=0.0,
        unit="difference",
        base="base_rate",
        compare="difference",
        comparable=False,
        source="difference in positive proportions in labels: "
        "Hardt et al., SageMaker Clarify, KDD 2021",
    ),
    _content(
        name="completeness",
        title="Completeness",
        definition="The share of values that are not missing, over the columns of all roles, bound "
        "by the call or by `column` in the policy, or those of the roles that `of` lists.",
        formula="1 − Σ_roles nulls / (n · roles)",
        undefined="there are no rows, or nothing is bound",
        needs=(),
        comparable=False,
        census=True,
        of_nulls=True,
        source="ISO/IEC 25012, completeness",
    ),
    _content(
        name="row_count",
        title="Number of rows",
        definition="How many rows the data has; across groups, how many each group has.",
        formula="n",
        undefined="never; data without rows counts 0 and is not evaluated",
        needs=(),
        high=float("inf"),
        ideal=None,
        unit="rows",
        census=True,
        source="a count",
    ),
)
