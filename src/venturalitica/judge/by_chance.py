"""What groups that are exactly equal, of the same sizes, would show by chance.

The lowest of twelve groups is low though none is treated otherwise. So a comparison that fails, or
is not conclusive, stands beside what equal groups would show: each draws as many rows as it has, at
the rate of all groups together. Of 300 draws an end that 95 % keep is kept by 92 to 98 %; of 100,
the fewest, by 90 to 99 %.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verdict import Chance
from venturalitica.judge.compare_groups import Found, Part, together
from venturalitica.judge.question import Question
from venturalitica.metrics.intervals import (
    Floats,
    Integers,
    percentile_interval,
    undefined_replicates,
)

MOST_DRAWS, FEWEST_DRAWS = 300, 100
WORK = 25_000
"""Numbers that are drawn where there are many groups: some milliseconds."""
MOST_CELLS = 40_000
"""Numbers that are drawn of a metric that is no share; where these do not do, none are."""
BEYOND = 0.05
"""Of the draws beyond each end of the band."""


def by_chance(question: Question, found: Found) -> Chance | None:
    """None where what is compared has no sizes of its own, or nobody knows how it is drawn."""
    places, parts = list(found.places), found.parts
    ordered = question.control.must.operator in (">=", ">", "<=", "<")
    if len(places) < 2 or not ordered or any(part.rows is not None for part in parts):
        return None
    draws = max(FEWEST_DRAWS, min(MOST_DRAWS, WORK // len(places)))
    drawn = [_equal(question, part, places, draws) for part in parts]
    values = [one for one in drawn if one is not None]
    if len(values) < len(parts):
        return None
    shown = together(question, values, range(len(places)))
    typical, band = percentile_interval(shown, 0.5), percentile_interval(shown, BEYOND)
    if typical is None or band is None or 2 * undefined_replicates(shown) > draws:
        return None
    return Chance(typical.low, band.low, band.high)


def _equal(question: Question, part: Part, places: Sequence[int], draws: int) -> Floats | None:
    """The value of each group where all are equal, `(draws, G)`."""
    share = _share_of(part, places)
    if share is None:
        return _of_cells(part, places, draws)
    successes, trials = share
    rate = successes.sum() / trials.sum()
    generator = _generator(part.metric, successes, trials)
    values: Floats = generator.binomial(trials, rate, (draws, trials.size)) / trials
    return values


def _share_of(part: Part, places: Sequence[int]) -> tuple[Integers, Integers] | None:
    """Of which rows each value is which part, `(G,)` each; None where it is not."""
    if part.share is None:
        return None
    successes, trials = (_whole(rows[list(places)]) for rows in part.share)
    return (successes, trials) if trials.all() else None


def _of_cells(part: Part, places: Sequence[int], draws: int) -> Floats | None:
    """Of any metric of counts: each group's rows fall into the cells as all rows do."""
    if part.counts is None or part.compute is None:
        return None
    counts = part.counts[places]
    flat = counts.reshape(len(places), -1)
    whole = flat.sum(axis=0)
    draws = min(draws, MOST_CELLS // max(1, flat.size))
    if draws < FEWEST_DRAWS or not whole.sum() or (flat != numpy.rint(flat)).any():
        return None
    cells = _whole(flat)
    generator = _generator(part.metric, cells)
    drawn = generator.multinomial(cells.sum(axis=1), whole / whole.sum(), (draws, len(places)))
    return part.compute(drawn.reshape(draws, *counts.shape).astype(float))


def _whole(numbers: Floats) -> Integers:
    found: Integers = numpy.rint(numbers).astype(numpy.int64)
    return found


def _generator(name: str, *counts: Integers) -> numpy.random.Generator:
    """The same for the same counts, on every machine and whenever it is judged again."""
    seed = f"equal groups|{name}|" + "|".join(str(one.reshape(-1).tolist()) for one in counts)
    return numpy.random.Generator(numpy.random.PCG64(int(sha256_hex(seed.encode()), 16)))
