"""Do intervals keep what they promise? `python benchmarks/coverage.py [--quick] [--only rates ...]`

    exact    a share, by every outcome: n = 20 to 2,000, truths from 0.001 to 0.999
    rates    comparisons of 2 to 12 groups: equal, spread, a minority, one rare; n = 60 to 10,000
    made-of  F1, correlations, averages over two labels, completeness, shares of rows and of labels
    scores   areas, average precision, losses of a score, calibration error
    amounts  regression errors: normal, lognormal, and with the tails of Student's t
    weights  shares of sums of weights: uniform to Pareto, related to the outcome or not
    drift    distances of two samples: alike, moved a little and a lot; 2 to 20 cells, 5 columns

Tallies are drawn from a known truth and judged by `venturalitica.judge`. Printed for each kind of
control, of its worst cell: coverage, how often the truth lies below and above the interval, green
and conclusive though the truth is just on the wrong side (false green), red and conclusive though
it is just on the right one (false red), and the mean width and power. Beside it the method of
before (`replicates-1`), of fewer samples, and Fairlearn's bootstrap. A bound that fails is drawn
again with four times the samples, which decide. Returns 1 where a promise is broken.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy
from msgspec.structs import replace

from venturalitica.core.circumstances import INTERVALS, UNNAMED, Circumstances
from venturalitica.core.drift import LAST_GREEN, DriftTable
from venturalitica.core.policy import Policy
from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.core.verdict import Verdict
from venturalitica.judge import judge
from venturalitica.metrics.catalog.regression import DISTANCE, ERROR, EXPLAINED, PREDICTED
from venturalitica.metrics.catalog.weights import WEIGHTS
from venturalitica.metrics.drift import STATISTICS as DISTANCES
from venturalitica.policy import parse_policy
from venturalitica.tally.amounts import amount_table

Random = numpy.random.Generator
Array = numpy.ndarray[Any, Any]
SIDE, WHOLE, OTHERS = 0.025, 0.95, 0.93
"""What is promised: the error of each side, and the coverage of shares and of all else."""
SHIFT = 1e-7
"""How far on the wrong side of its threshold a truth is."""
LEFT = 0.05
"""A cell may be conclusive if more than this share of its samples may."""


@dataclass(frozen=True)
class Asked:
    """One control: what it asks, the truth, and how much better the truth is where power counts."""

    name: str
    metric: str
    truth: float
    compare: str = ""
    at_most: bool = False
    better: float = 0.1
    must: str = ""
    between: tuple[str, ...] = ()
    of: str = ""

    @property
    def control(self) -> str:
        """Its line in a policy; the truth lies just on the wrong side of the threshold."""
        bound = self.truth - SHIFT if self.at_most else self.truth + SHIFT
        signed = self.compare == "between" or self.metric == "mean_error"
        bound = bound if signed else max(bound, 0.0)
        bound = min(bound, 1.0) if self.compare == "ratio" else bound
        must = self.must or f"{'<=' if self.at_most else '>='} {bound:.9f}"
        across = ", across: g" if self.compare else ""
        named = self.compare and self.compare != "named"
        compare = f", compare: {self.compare}" if named else ""
        groups = f", groups: [{', '.join(self.between)}]" if self.between else ""
        asked = f"id: {self.name}, metric: {self.metric}, must: '{must}'"
        asked += f", of: [{self.of}], against: {LAST_GREEN}" if self.of else ""
        return f"  - {{{asked}{across}{compare}{groups}}}"


@dataclass(frozen=True)
class Cell:
    """One truth and size of the data; `exact`: that of shares is promised, not that of the rest."""

    family: str
    name: str
    asked: tuple[Asked, ...]
    draw: Callable[[Random], Tally]
    exact: bool = False

    @property
    def policy(self) -> Policy:
        lines = "\n".join(asked.control for asked in self.asked)
        head = "policy: coverage\nversion: '1'\nroles: {target: {favorable: 1}, g: {}}\n"
        return parse_policy(f"{head}disclosure: {{min_cell: 0}}\ncontrols:\n{lines}\n".encode())


@dataclass
class Seen:
    """What was found of one control in one cell."""

    times: int = 0
    below: int = 0
    above: int = 0
    sure: int = 0
    sure_missed: int = 0
    green: int = 0
    red: int = 0
    power: int = 0
    widths: list[float] = field(default_factory=list)

    def add(self, asked: Asked, verdict: Verdict) -> None:
        """One verdict. One without a value is no miss, and says nothing."""
        if verdict.value is None:
            return
        self.times += 1
        sure = not any(note.startswith("not conclusive") for note in verdict.notes)
        if verdict.interval is None:
            return
        low, high = verdict.interval
        below, above = asked.truth < low - 1e-9, asked.truth > high + 1e-9
        self.below += below
        self.above += above
        self.widths.append(high - low)
        self.sure += sure
        self.sure_missed += sure and (below or above)
        if asked.must:
            self.red += verdict.conclusive and verdict.status == "failed"
            return
        self.green += verdict.conclusive and verdict.status == "passed"
        self.red += sure and (below if asked.at_most else above)
        far = (
            high <= asked.truth + asked.better
            if asked.at_most
            else low >= asked.truth - asked.better
        )
        self.power += sure and far

    def share(self, count: int) -> float:
        return count / max(self.times, 1)

    def broken(self, exact: bool) -> str:
        """The promise that two Monte-Carlo standard errors do not explain; "" where none is."""

        def over(count: int, most: float, of: int = 0) -> bool:
            times = max(of or self.times, 1)
            return count / times > most + 2 * math.sqrt(most * (1 - most) / times)

        if exact and (over(self.red, SIDE) or over(self.green, SIDE)):
            return f"false green {self.share(self.green):.4f}, red {self.share(self.red):.4f}"
        if exact and (over(self.below, SIDE) or over(self.above, SIDE)):
            return f"missed below {self.share(self.below):.4f}, above {self.share(self.above):.4f}"
        if exact and over(self.below + self.above, 1 - WHOLE):
            return f"coverage {1 - self.share(self.below + self.above):.4f}"
        if self.may_conclude and over(self.sure_missed, 1 - OTHERS, self.sure):
            return f"coverage where conclusive {1 - self.sure_missed / self.sure:.4f}"
        return ""

    @property
    def may_conclude(self) -> bool:
        """Whether more than a few of its samples may be conclusive."""
        return self.sure > LEFT * self.times


def look(cell: Cell, samples: int, method: str, seed: int = 0) -> dict[str, Seen]:
    """Judge so many samples of a cell; the same seed gives the same ones to each method."""
    random = numpy.random.default_rng([zlib.crc32(f"{cell.family} {cell.name}".encode()), seed])
    policy, seen = cell.policy, {asked.name: Seen() for asked in cell.asked}
    circumstances = Circumstances(intervals=method, references={LAST_GREEN: {"words": "another"}})
    for _ in range(samples):
        verdicts = judge(policy, cell.draw(random), circumstances=circumstances)
        for asked, verdict in zip(cell.asked, verdicts, strict=True):
            if verdict.status == "error":
                raise SystemExit(f"{cell.name}: {verdict.reason}")
            seen[asked.name].add(asked, verdict)
    return seen


def counted(roles: Sequence[str], counts: Array) -> Tally:
    """The tally of a table of counts, one axis per role; groups are g00, g01, ..."""
    axes = tuple(
        Axis(role, role, tuple(f"g{i:02}" for i in range(size)) if role == "g" else (0, 1)[:size])
        for role, size in zip(roles, counts.shape, strict=True)
    )
    places = numpy.argwhere(counts)
    cells = numpy.column_stack([places, counts[tuple(places.T)]]).astype(int).tolist()
    nulls = dict.fromkeys(roles, 0)
    table = Table(tuple(roles), tuple(map(tuple, cells)))
    return Tally(rows=int(counts.sum()), axes=axes, tables=(table,), nulls=nulls)


def sizes_of(shape: str, groups: int, rows: int) -> Array:
    """How many rows each group has: all alike, a minority of 6 %, a rare one of 2 %."""
    shares = numpy.ones(groups)
    if shape in ("minority", "rare"):
        last = {"minority": 0.06, "rare": 0.02}[shape]
        shares[:-1], shares[-1] = (1 - last) / (groups - 1), last
    sizes: Array = numpy.maximum(numpy.round(rows * shares / shares.sum()), 2).astype(int)
    return sizes


def rates_of(shape: str, groups: int, rate: float) -> Array:
    """The selection rate of each group; nowhere beyond [0, 1] for the rates below."""
    rates = numpy.full(groups, rate)
    if shape == "spread":
        rates = rate * numpy.linspace(0.7, 1.25, groups)
    if shape in ("minority", "rare"):
        rates[-1] = rate * 0.75
    return rates


SHAPES = ("equal", "spread", "minority", "rare")


def rate_cells(quick: bool) -> Iterator[Cell]:
    """Comparisons of selection rates, and equalized odds, over groups."""
    grid = [(2, 90), (3, 420), (7, 1_500), (12, 1_000), (12, 10_000), (4, 60)]
    for groups, rows in grid[1:4:2] if quick else grid:
        for shape in SHAPES[:1] if quick else SHAPES:
            for rate in (0.62,) if quick else (0.62, 0.045) if rows > 90 else (0.27,):
                yield _rate_cell(shape, groups, rows, rate)


def _rate_cell(shape: str, groups: int, rows: int, rate: float) -> Cell:
    sizes, rates = sizes_of(shape, groups, rows), rates_of(shape, groups, rate)
    # Half of the rows have the favorable target; these are chosen more often.
    chosen = numpy.stack([rates**2, 1 - (1 - rates) ** 2])
    chances = numpy.stack([1 - chosen, chosen], 1) / 2
    spans = numpy.ptp(chosen, axis=1)
    asked = [
        Asked("max", "selection_rate", rates.max(), "max", at_most=True),
        Asked("min", "selection_rate", rates.min(), "min"),
        Asked("difference", "selection_rate", numpy.ptp(rates), "difference", at_most=True),
        Asked("ratio", "selection_rate", rates.min() / rates.max(), "ratio", better=0.2),
        Asked(
            "between", "selection_rate", rates[0] - rates[-1], "between", True,
            between=("g00", f"g{groups - 1:02}"),
        ),
        Asked("odds-difference", "equalized_odds_difference", spans.max(), "named", at_most=True),
    ]  # fmt: skip
    if shape == "equal":
        fifths = Asked("four-fifths", "selection_rate", 1.0, "ratio", must=">= 0.80")
        asked.append(fifths)

    def draw(random: Random) -> Tally:
        parts = [
            random.multinomial(n, chances[:, :, g].reshape(-1)).reshape(2, 2)
            for g, n in enumerate(sizes)
        ]
        return counted(("target", "prediction", "g"), numpy.stack(parts, -1))

    name = f"{groups} groups, {shape}, n={rows}, rate {rate:g}"
    return Cell("rates", name, tuple(asked), draw, exact=True)


def _of_outcomes(table: Array) -> dict[str, float]:
    """What is computed of chances by [target, prediction]."""
    (tn, fp), (fn, tp) = table
    p, q, a, b = tp + fn, tn + fp, tp + fp, tn + fn
    recalls, precisions = (tn / q, tp / p), (tn / b, tp / a)
    f1s = (2 * tn / (2 * tn + fp + fn), 2 * tp / (2 * tp + fp + fn))
    chance = p * a + q * b
    return {
        "recall": tp / p,
        "precision": tp / a,
        "f1": f1s[1],
        "matthews_correlation": (tp * tn - fp * fn) / math.sqrt(p * q * a * b),
        "cohen_kappa": (tp + tn - chance) / (1 - chance),
        "balanced_accuracy": sum(recalls) / 2,
        "recall_macro": sum(recalls) / 2,
        "precision_macro": sum(precisions) / 2,
        "precision_weighted": q * precisions[0] + p * precisions[1],
        "f1_macro": sum(f1s) / 2,
        "f1_weighted": q * f1s[0] + p * f1s[1],
    }


SHARES = ("recall", "precision")


def made_of_cells(quick: bool) -> Iterator[Cell]:
    """Figures that are made of several shares; missing values, labels and groups of the data."""
    kinds = {
        "plain": (0.42, 0.83, 0.16),
        "rare": (0.06, 0.71, 0.04),
        "sharp": (0.35, 0.985, 0.012),
        "poor": (0.5, 0.56, 0.41),
    }
    for kind in list(kinds)[:2] if quick else kinds:
        prevalence, hits, alarms = kinds[kind]
        table = numpy.array(
            [
                [(1 - prevalence) * (1 - alarms), (1 - prevalence) * alarms],
                [prevalence * (1 - hits), prevalence * hits],
            ]
        )
        for rows in (450,) if quick else (80, 450, 2_500, 10_000):
            yield _outcomes_cell(kind, table, rows, 1)
        if not quick:
            yield _outcomes_cell(kind, table, 1_800, 3)
    for rows in (260,) if quick else (60, 260, 3_000):
        yield _missing_cell(rows)
        yield _labels_cell(rows)


def _outcomes_cell(kind: str, table: Array, rows: int, groups: int) -> Cell:
    truths = _of_outcomes(table)
    names = ("f1", "matthews_correlation", "cohen_kappa", "balanced_accuracy")
    if groups == 1:
        asked = [Asked(name.replace("_", "-"), name, truth) for name, truth in truths.items()]
    else:
        asked = [
            Asked(f"{name.replace('_', '-')}-{how}", name, truth, how, how == "difference")
            for name in names
            for how, truth in (("difference", 0.0), ("min", truths[name]))
        ]

    def draw(random: Random) -> Tally:
        counts = random.multinomial([rows // groups] * groups, table.reshape(-1))
        shaped = numpy.moveaxis(counts.reshape(groups, 2, 2), 0, -1)
        if groups == 1:
            return counted(("target", "prediction"), shaped[..., 0])
        return counted(("target", "prediction", "g"), shaped)

    name = f"{kind}, n={rows}" + (f", {groups} groups" if groups > 1 else "")
    return Cell("made-of", name, tuple(asked), draw)


def _missing_cell(rows: int) -> Cell:
    shares = numpy.array([0.02, 0.09, 0.004])

    def draw(random: Random) -> Tally:
        missing = random.binomial(rows, shares).tolist()
        return Tally(rows=rows, axes=(), nulls=dict(zip(("a", "b", "c"), missing, strict=True)))

    asked = (Asked("completeness", "completeness", 1 - shares.mean(), better=0.02),)
    return Cell("made-of", f"three roles, n={rows}", asked, draw)


def _labels_cell(rows: int) -> Cell:
    groups = numpy.array([0.46, 0.31, 0.15, 0.08])

    def draw(random: Random) -> Tally:
        counts = numpy.stack([random.multinomial(rows, groups * share) for share in (1,)])
        labels = [random.binomial(int(n), 0.28) for n in counts[0]]
        return counted(("target", "g"), numpy.stack([counts[0] - labels, numpy.array(labels)]))

    asked = (
        Asked("class-balance", "class_balance", 0.28 / 0.72),
        Asked("representation", "group_representation", 0.08, "named", better=0.04),
    )
    return Cell("made-of", f"labels and groups, n={rows}", asked, draw)


SCORERS = {
    "calibrated": (2.5, 1.5, 1.0, 0.0),
    "overconfident": (1.2, 1.8, 2.0, 0.3),
    "rare": (0.8, 15.0, 1.0, 0.0),
    "sharp": (0.25, 0.2, 1.3, 0.0),
}
"""Chances of the favorable label are drawn from a beta; a score is one moved on the logit scale."""


def scored_rows(kind: str, random: Random, rows: int) -> tuple[Array, Array]:
    """Chances and scores, `(rows,)` each."""
    first, second, slope, off = SCORERS[kind]
    chance = numpy.clip(random.beta(first, second, rows), 1e-6, 1 - 1e-6)
    return chance, 1 / (1 + numpy.exp(-(slope * numpy.log(chance / (1 - chance)) + off)))


@cache
def scored_truths(kind: str) -> Mapping[str, float]:
    """Of two million rows, each with its chance in place of an outcome."""
    chance, score = scored_rows(kind, numpy.random.default_rng(1), 2_000_000)
    order = numpy.argsort(-score)
    chance, score = chance[order], score[order]
    hits, rows = numpy.cumsum(chance), numpy.arange(1, chance.size + 1)
    others = rows - hits
    bins = numpy.clip(numpy.ceil(score * 10).astype(int) - 1, 0, 9)
    return {
        "roc_auc": float((chance * (others[-1] - others)).sum() / hits[-1] / others[-1]),
        "average_precision": float((chance * hits / rows).sum() / hits[-1]),
        "brier_score": float((chance * (1 - score) ** 2 + (1 - chance) * score**2).mean()),
        "log_loss": -float((chance * numpy.log(score) + (1 - chance) * numpy.log1p(-score)).mean()),
        "expected_calibration_error": float(
            numpy.abs(numpy.bincount(bins, score - chance)).sum() / chance.size
        ),
    }


LOSSES = ("brier_score", "log_loss", "expected_calibration_error")


def score_cells(quick: bool) -> Iterator[Cell]:
    """Metrics of a score, in all and across groups that are alike."""
    for kind in list(SCORERS)[:1] if quick else SCORERS:
        for rows in (400,) if quick else (100, 400, 1_600):
            yield _score_cell(kind, rows, 1)
    if not quick:
        yield _score_cell("calibrated", 4_000, 1)
        for kind, groups in (("overconfident", 3), ("calibrated", 6)):
            yield _score_cell(kind, 600, groups)


def _score_cell(kind: str, rows: int, groups: int) -> Cell:
    truths = scored_truths(kind)
    worst = {name: "max" if name in LOSSES else "min" for name in truths}
    if groups == 1:
        asked = [
            Asked(name.replace("_", "-"), name, truth, "", name in LOSSES, 0.05)
            for name, truth in truths.items()
        ]
    else:
        asked = [
            Asked(f"{name.replace('_', '-')}-{how}", name, truth, how, how != "min")
            for name in truths
            for how, truth in ((worst[name], truths[name]), ("difference", 0.0))
            if name != "expected_calibration_error"
        ]
        asked.append(Asked("brier-score-ratio", "brier_score", 1.0, "ratio", better=0.2))

    def draw(random: Random) -> Tally:
        chance, score = scored_rows(kind, random, rows)
        target = (random.random(rows) < chance).astype(int)
        levels, place = numpy.unique(score, return_inverse=True)
        columns = [target, place] if groups == 1 else [target, numpy.arange(rows) % groups, place]
        cells, counts = numpy.unique(numpy.stack(columns, 1), axis=0, return_counts=True)
        roles = ("target",) if groups == 1 else ("target", "g")
        made = counted(
            roles, numpy.bincount(target, minlength=2) if groups == 1 else _crossed(columns)
        )
        table = ScoreTable(
            roles,
            tuple(levels.tolist()),
            tuple(map(tuple, numpy.column_stack([cells, counts]).tolist())),
        )
        return Tally(made.rows, made.axes, made.tables, (table,), nulls={**made.nulls, "score": 0})

    name = f"{kind}, n={rows}" + (f", {groups} groups" if groups > 1 else "")
    return Cell("scores", name, tuple(asked), draw)


def _crossed(columns: Sequence[Array]) -> Array:
    counts = numpy.zeros((2, int(columns[1].max()) + 1), dtype=int)
    numpy.add.at(counts, (columns[0], columns[1]), 1)
    return counts


SPREAD = 0.7
"""The standard deviation of the logarithm of what is lognormal."""
ERRORS: Mapping[str, tuple[Callable[[Random, int], Array], float, float, float]] = {
    "normal": (lambda random, n: random.normal(size=n), math.sqrt(2 / math.pi), 1.0, 0.674490),
    "lognormal": (
        lambda random, n: random.choice([-1, 1], n) * random.lognormal(0, SPREAD, n),
        math.exp(SPREAD**2 / 2), math.exp(2 * SPREAD**2), 1.0,
    ),
    "t of 5": (
        lambda random, n: random.standard_t(5, n),
        4 * math.sqrt(5) / (3 * math.pi), 5 / 3, 0.726687,
    ),
}  # fmt: skip
"""How errors are drawn; the mean and the median of their sizes, and the mean of their squares."""


def amount_cells(quick: bool) -> Iterator[Cell]:
    """Errors of a regression whose predictions are lognormal."""
    for kind in list(ERRORS)[1:2] if quick else ERRORS:
        for rows in (150,) if quick else (100, 300, 1_000):
            yield _amount_cell(kind, rows, 1)
        if not quick:
            yield _amount_cell(kind, 1_200, 4)


def _amount_cell(kind: str, rows: int, groups: int) -> Cell:
    make, size, square, middle = ERRORS[kind]
    mean = math.exp(SPREAD**2 / 2)
    spread = (math.exp(SPREAD**2) - 1) * math.exp(SPREAD**2)
    truths = {
        "mean_absolute_error": size,
        "mean_squared_error": square,
        "root_mean_squared_error": math.sqrt(square),
        "median_absolute_error": middle,
        "mean_error": 0.0,
        "r2_score": 1 - square / (spread + square),
        "mean_prediction": mean,
    }
    if groups == 1:
        asked = [
            Asked(name.replace("_", "-"), name, truth, "", name != "r2_score", 0.2 * (truth or 1))
            for name, truth in truths.items()
        ]
    else:
        asked = [
            Asked(f"{name.replace('_', '-')}-{how}", name, truth, how, how != "ratio", 0.3)
            for name in ("mean_absolute_error", "mean_squared_error", "mean_prediction")
            for how, truth in (("max", truths[name]), ("difference", 0.0), ("ratio", 1.0))
        ]

    def draw(random: Random) -> Tally:
        prediction, error = random.lognormal(0, SPREAD, rows), make(random, rows)
        place = numpy.arange(rows)[:, None] % groups
        roles = () if groups == 1 else ("g",)
        levels = place[:, : len(roles)]
        given = {"target": prediction + error, "prediction": prediction}
        tables = tuple(
            amount_table(number, roles, levels, [given[role] for role in number.of])
            for number in (ERROR, EXPLAINED, DISTANCE, PREDICTED)
        )
        axes = (Axis("g", "g", tuple(f"g{i:02}" for i in range(groups))),) if roles else ()
        nulls = dict.fromkeys(("target", "prediction", *roles), 0)
        return Tally(rows=rows, axes=axes, amounts=tables, nulls=nulls)

    name = f"{kind} errors, n={rows}" + (f", {groups} groups" if groups > 1 else "")
    return Cell("amounts", name, tuple(asked), draw)


WEIGHTED: Mapping[str, Callable[[Random, int], Array]] = {
    "uniform": lambda random, n: random.uniform(0.2, 1.8, n),
    "one in ten weighs ten": lambda random, n: numpy.where(random.random(n) < 0.1, 10.0, 1.0),
    "exponential": lambda random, n: random.exponential(size=n),
    "lognormal": lambda random, n: random.lognormal(0, 1, n),
    "Pareto of 2.5": lambda random, n: (1 - random.random(n)) ** (-1 / 2.5),
}


def weight_cells(quick: bool) -> Iterator[Cell]:
    """Selection rates by weight, which goes with the outcome or does not."""
    for kind in list(WEIGHTED)[:3:2] if quick else WEIGHTED:
        for rate in (0.5,) if quick else (0.5, 0.06):
            for tie in (0.0, 0.7):
                yield _weight_cell(kind, rate, tie, 400, 1)
                if not quick:
                    yield _weight_cell(kind, rate, tie, 1_200, 3)


def _weight_cell(kind: str, rate: float, tie: float, rows: int, groups: int) -> Cell:
    make, odds = WEIGHTED[kind], math.log(rate / (1 - rate))

    def chances(weights: Array) -> Array:
        found: Array = 1 / (1 + numpy.exp(-odds - tie * numpy.log(weights)))
        return found

    many = make(numpy.random.default_rng(1), 4_000_000)
    truth = float(numpy.average(chances(many), weights=many))
    if groups == 1:
        asked = [Asked("share", "selection_rate", truth)]
    else:
        asked = [
            Asked(f"share-{how}", "selection_rate", value, how, how in ("max", "difference"))
            for how, value in (("max", truth), ("min", truth), ("difference", 0.0), ("ratio", 1.0))
        ]
    roles = ("prediction",) if groups == 1 else ("prediction", "g")

    def draw(random: Random) -> Tally:
        weights = make(random, rows)
        chosen = (random.random(rows) < chances(weights)).astype(numpy.int64)
        places = numpy.column_stack([chosen, numpy.arange(rows) % groups])[:, : len(roles)]
        counts = numpy.zeros((2, groups), dtype=numpy.int64)
        numpy.add.at(counts, (chosen, numpy.arange(rows) % groups), 1)
        table = counted(roles, counts[:, 0] if groups == 1 else counts)
        sums = amount_table(WEIGHTS, roles, places, [weights])
        return replace(table, amounts=(replace(sums, column="w"),))

    name = f"{kind}, tie {tie:g}, rate {rate:g}, n={rows}, groups {groups}"
    return Cell("weights", name, tuple(asked), draw)


SAMPLES = ((200, 200), (1_000, 300), (300, 2_000), (10_000, 2_000), (2_000, 30_000))
"""Rows of the reference, and of the data that are judged."""
MOVED = {"alike": 0.0, "a little": 0.15, "moved": 0.5, "a lot": 1.2}
"""By how much the logarithm of each share grows from the first cell to the last, twice."""


def drift_cells(quick: bool) -> Iterator[Cell]:
    """Distances of a sample from its reference, both drawn."""
    for sizes in SAMPLES[1:4:2] if quick else SAMPLES:
        for cells in (5,) if quick else (2, 5, 10, 20):
            for how, tilt in MOVED.items():
                yield _drift_cell(sizes, cells, how, (tilt,))
        yield _drift_cell(sizes, 5, "5 columns alike", (0.0,) * 5)
        yield _drift_cell(sizes, 5, "1 of 5 columns moved", (0.0, 0.05, 0.0, 0.6, 0.1))


def _drift_cell(sizes: tuple[int, int], cells: int, how: str, tilts: tuple[float, ...]) -> Cell:
    """`tilts`: how far each column has moved. Its first cell holds the most rows, a Zipf's law."""
    first = 1 / numpy.sqrt(numpy.arange(1, cells + 1))
    first /= first.sum()
    chances = []
    for tilt in tilts:
        second = first * numpy.exp(tilt * numpy.linspace(-1, 1, cells))
        chances.append(numpy.stack([first, second / second.sum()]))
    names = [f"x{at}" for at in range(len(tilts))]
    asked = tuple(
        Asked(
            name.removesuffix("_distance").replace("_", "-"),
            name,
            max(_distance(name, sizes, pair) for pair in chances),
            at_most=True,
            of=", ".join(names),
        )
        for name in DISTANCES
    )

    def draw(random: Random) -> Tally:
        tables = []
        for name, pair in zip(names, chances, strict=True):
            one, other = (
                tuple(random.multinomial(rows, row).tolist())
                for rows, row in zip(sizes, pair, strict=True)
            )
            cuts = tuple(map(float, range(cells - 1)))
            tables.append(DriftTable(LAST_GREEN, name, True, cuts, (), one, other))
        return Tally(sizes[1], (), nulls=dict.fromkeys(names, 0), drift=tuple(tables))

    return Cell("drift", f"{cells} cells, {how}, {sizes[0]} and {sizes[1]} rows", asked, draw)


def _distance(name: str, sizes: tuple[int, int], chances: Array) -> float:
    """Of the truth itself: so many rows that nothing is rounded, in the same proportion."""
    rows = numpy.array(sizes, dtype=float)[:, None]
    return float(DISTANCES[name].compute((chances * rows)[None])[0])


def exact_shares(method: str, quick: bool) -> Iterator[tuple[int, dict[str, float]]]:
    """By n: the worst over all truths, with every outcome weighted by its chance."""
    from scipy.special import gammaln, xlog1py, xlogy

    odds = numpy.linspace(math.log(0.001 / 0.999), math.log(0.999 / 0.001), 9 if quick else 61)
    text = "policy: p\nversion: '1'\ncontrols: [{id: a, metric: accuracy, must: '>= 0.5'}]\n"
    policy, circumstances = parse_policy(text.encode()), Circumstances(intervals=method)
    for n in (20, 130) if quick else (20, 33, 75, 210, 640, 2_000):
        k = numpy.arange(n + 1)
        ends = []
        for right in k.tolist():
            table = counted(("target", "prediction"), numpy.array([[right, n - right], [0, 0]]))
            [verdict] = judge(policy, table, circumstances=circumstances)
            assert verdict.interval is not None
            ends.append(tuple(verdict.interval))
        low, high = numpy.array(ends).T
        worst = {"coverage": 1.0, "below": 0.0, "above": 0.0, "width": 0.0}
        for p in 1 / (1 + numpy.exp(-odds)):
            ways = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
            chance = numpy.exp(ways + xlogy(k, p) + xlog1py(n - k, -p))
            below, above = chance[low > p].sum(), chance[high < p].sum()
            worst["below"], worst["above"] = max(worst["below"], below), max(worst["above"], above)
            worst["coverage"] = min(worst["coverage"], 1 - below - above)
            worst["width"] += float(chance @ (high - low)) / odds.size
        yield n, worst


def fairlearn_cells(samples: int, boots: int) -> Iterator[tuple[str, str, Seen]]:
    """Fairlearn's own bootstrap of rows, on the same samples; of few, since it takes minutes."""
    from fairlearn.metrics import MetricFrame, selection_rate

    for shape in ("equal", "minority"):
        cell = _rate_cell(shape, 3, 420, 0.62)
        random = numpy.random.default_rng([zlib.crc32(f"rates {cell.name}".encode()), 0])
        asked = {one.name: one for one in cell.asked}
        seen = {name: Seen() for name in ("max", "min", "difference", "ratio")}
        for _ in range(samples):
            (table,) = cell.draw(random).tables
            cells = numpy.array(table.cells)
            target, chosen, group = numpy.repeat(cells[:, :3], cells[:, 3], axis=0).T
            frame = MetricFrame(
                metrics=selection_rate, y_true=target, y_pred=chosen, sensitive_features=group,
                n_boot=boots, ci_quantiles=[0.025, 0.975], random_state=1,
            )  # fmt: skip
            ends = {
                "max": frame.group_max_ci(), "min": frame.group_min_ci(),
                "difference": frame.difference_ci(), "ratio": frame.ratio_ci(),
            }  # fmt: skip
            for name, (low, high) in ends.items():
                one, truth = seen[name], asked[name].truth
                one.times += 1
                one.below += truth < low - 1e-9
                one.above += truth > high + 1e-9
                one.widths.append(high - low)
        yield from ((cell.name, name, one) for name, one in seen.items())


CELLS: Mapping[str, Callable[[bool], Iterator[Cell]]] = {
    "rates": rate_cells,
    "made-of": made_of_cells,
    "scores": score_cells,
    "amounts": amount_cells,
    "weights": weight_cells,
    "drift": drift_cells,
}


def checked(cell: Cell, samples: int, method: str) -> tuple[dict[str, Seen], dict[str, str]]:
    """What was seen, and which promises are broken: by four times the samples, where any seems."""
    seen = look(cell, samples, method)
    faults = {name: one.broken(cell.exact or name in SHARES) for name, one in seen.items()}
    if any(faults.values()):
        again = look(cell, 4 * samples, method, seed=1)
        doubtful = [name for name, fault in faults.items() if fault]
        seen |= {name: again[name] for name in doubtful}
        faults |= {n: again[n].broken(cell.exact or n in SHARES) for n in doubtful}
    return seen, {f"{cell.name}: {name}": fault for name, fault in faults.items() if fault}


HEAD = (
    "| control | cells | worst coverage | of what may be conclusive | worst below | worst above "
    "| false green | false red | may be conclusive | mean width | power |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|"
)


def told(family: str, found: Mapping[str, Sequence[Seen]]) -> None:
    """The table of one family: of each control its worst cell."""
    print(f"\n### {family}\n\n{HEAD}")
    for name, cells in found.items():
        every = [cell for cell in cells if cell.times]
        shown = [
            min(1 - one.share(one.below + one.above) for one in every),
            min((1 - c.sure_missed / c.sure for c in every if c.may_conclude), default=math.nan),
            *(max(one.share(getattr(one, part)) for one in every)
              for part in ("below", "above", "green", "red")),
            numpy.mean([one.share(one.sure) for one in every]),
            numpy.mean([numpy.mean(one.widths or [0.0]) for one in every]),
            numpy.mean([one.share(one.power) for one in every]),
        ]  # fmt: skip
        print(
            f"| `{name}` | {len(every)} | " + " | ".join(f"{value:.3f}" for value in shown) + " |"
        )


def main() -> int:
    """Print the tables; 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few cells, and 200 samples of each")
    parser.add_argument("--samples", type=int, help="of each cell (1,000)")
    parser.add_argument("--only", nargs="*", default=[], choices=["exact", *CELLS, "fairlearn"])
    parser.add_argument(
        "--method", default=INTERVALS, help="the method that is held to the promise"
    )
    options = parser.parse_args()
    samples = options.samples or (200 if options.quick else 1_000)
    wanted = options.only or ["exact", *CELLS, *([] if options.quick else ["fairlearn"])]
    start, broken = time.process_time(), {}
    if "exact" in wanted:
        print("### exact\n\n| method | n | worst coverage | worst below | worst above | width |")
        print("|---|---|---|---|---|---|")
        for method in dict.fromkeys((options.method, UNNAMED)):
            for n, worst in exact_shares(method, options.quick):
                print(
                    f"| {method} | {n:,} | " + " | ".join(f"{v:.4f}" for v in worst.values()) + " |"
                )
                if method == options.method and max(worst["below"], worst["above"]) > SIDE + 1e-9:
                    broken[f"share of {n}"] = f"missed {worst}"
    for family in (name for name in CELLS if name in wanted):
        found: dict[str, dict[str, list[Seen]]] = {}
        before = max(samples // 10, 20)
        for cell in CELLS[family](options.quick):
            seen, faults = checked(cell, samples, options.method)
            broken |= faults
            old = look(cell, before, UNNAMED) if not options.quick else {}
            for method, results in ((options.method, seen), (UNNAMED, old)):
                for name, one in results.items():
                    found.setdefault(method, {}).setdefault(name, []).append(one)
        for method, every in found.items():
            times = samples if method == options.method else before
            told(f"{family}, {method}, {times:,} samples a cell", every)
    if "fairlearn" in wanted:
        print(
            "\n### Fairlearn's bootstrap, 60 samples\n\n"
            "| cell | control | coverage | below | above | width |\n|---|---|---|---|---|---|"
        )
        for name, control, one in fairlearn_cells(60, 100):
            shares = [
                1 - one.share(one.below + one.above),
                one.share(one.below),
                one.share(one.above),
            ]
            width = float(numpy.mean(one.widths))
            print(
                f"| {name} | `{control}` | "
                + " | ".join(f"{v:.3f}" for v in (*shares, width))
                + " |"
            )
    error = math.sqrt(SIDE * (1 - SIDE) / samples)
    print(f"\nOne Monte-Carlo standard error of a miss of {SIDE} is {error:.4f}; "
          f"{time.process_time() - start:.0f} CPU seconds.")  # fmt: skip
    for where, what in broken.items():
        print(f"BROKEN {where}: {what}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
