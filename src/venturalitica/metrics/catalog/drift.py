"""How far the rows have moved from a reference: a run on record, or the baseline of a training."""

from __future__ import annotations

from functools import partial

from venturalitica.metrics.catalog.spec import MetricSpec

_moved = partial(
    MetricSpec,
    family="drift",
    phase="data",
    needs=(),
    ideal=0.0,
    comparable=False,
    raised_by_chance=True,
    drift=True,
    undefined="there is no reference, it lacks a level that the data has, or fewer than two cells "
    "of 5 rows are left",
)

METRICS = (
    _moved(
        name="population_stability_index",
        title="Population stability index (PSI)",
        definition="How far the shares q of the rows have moved from the shares p of the reference "
        "over the same cells; of several columns the one that moved most. Where a cell of the "
        "reference has no rows now, half a row is added to every cell of both.",
        formula="Σ_i (q_i − p_i) · ln(q_i / p_i)",
        high=float("inf"),
        unit="nats",
        source="Jeffreys, Proc. R. Soc. A 186 (1946); Siddiqi, Credit Risk Scorecards (2006)",
    ),
    _moved(
        name="jensen_shannon_distance",
        title="Jensen-Shannon distance",
        definition="The square root of the Jensen-Shannon divergence in base 2 of the shares p of "
        "the reference and q of the rows: 0 where they are the same, 1 where no cell is in both; "
        "of several columns the one that moved most.",
        formula="√( ½ KL₂(p ‖ m) + ½ KL₂(q ‖ m) ), m = (p + q) / 2",
        unit="distance",
        source="Endres & Schindelin, IEEE Trans. Inf. Theory 49 (2003); "
        "scipy.spatial.distance.jensenshannon(p, q, base=2)",
    ),
    _moved(
        name="kolmogorov_smirnov_distance",
        title="Kolmogorov-Smirnov distance on the grid",
        definition="The largest gap between the cumulative shares of the reference and of the "
        "rows, at the cut points of the reference: at most the gap of the raw values; of several "
        "columns the largest.",
        formula="max_i |F_p(c_i) − F_q(c_i)|",
        unit="distance",
        ordered=True,
        undefined="there is no reference, its cells have no order, or it lacks a level that the "
        "data has",
        source="Massart, Ann. Probab. 18 (1990), for its ends; scipy.stats.ks_2samp",
    ),
    _moved(
        name="chi_square_distance",
        title="Chi-square, as an effect size (Cramér's V)",
        definition="Pearson's chi-square of the table of reference and rows by cell, divided by "
        "all rows of both, and its square root: Cramér's V of two rows, which more data do not "
        "raise; of several columns the one that moved most.",
        formula="√( χ² / (n_p + n_q) )",
        unit="distance",
        source="Cramér, Mathematical Methods of Statistics (1946); "
        "scipy.stats.contingency.association(table, method='cramer')",
    ),
)
