"""Groups that are not judged each by itself: pooled, left out, or kept back.

A policy may pool groups of few rows, or leave them out (`small_groups`). Those that are kept back
(`judge.keep_back`) are pooled with them: how many these are together follows from all rows and
those of the groups that are shown, so the pool tells nothing that the verdict does not tell anyway.
Where it is not told how many rows have no group, it does not follow, and they stay out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy
from msgspec.structs import replace
from numpy.typing import NDArray

from venturalitica.core import text as words
from venturalitica.core.policy import Control, SmallGroups
from venturalitica.core.text import rows
from venturalitica.errors import listed, shortened
from venturalitica.judge.count import Counted, kept_back_words
from venturalitica.judge.labels import SINCE
from venturalitica.judge.question import Question, Refusal
from venturalitica.metrics.intervals import Floats
from venturalitica.metrics.registry import STATISTICS


def regrouped(control: Control, counted: Counted) -> Counted:
    """With the groups of few rows as one, or left out.

    Raises Refusal where no row of a group that is shown is left, or no group.
    """
    if control.small_groups is not None:
        counted = _put_together(control.small_groups, control.groups, counted)
    if control.across:
        _check_left(counted)
    return counted


def _put_together(rule: SmallGroups, asked: Sequence[str], counted: Counted) -> Counted:
    """`asked` are the groups that the control names: it compares these by themselves."""
    groups = counted.groups
    small = (counted.told < rule.below) | numpy.isin(groups.codes, counted.held)
    if not small.any():
        return counted
    if groups.size - int(small.sum()) + (rule.how == "pool") < 2:
        raise Refusal(f"nothing is left to compare: {rule}", n=int(counted.told.sum()))
    few = [name for name, is_few in zip(groups.names, small.tolist(), strict=True) if is_few]
    told = counted.told[small]
    if lost := words.quoted(name for name in asked if name in few):
        whole = int(counted.told.sum())
        raise Refusal(f"{lost}: not judged alone, {rule} (small_groups)", n=whole)
    if rule.how == "exclude":
        left = without(counted, small)
        gone = None if counted.gone is None else counted.gone + int(told.sum())
        return replace(left, excluded=tuple(zip(few, told.tolist(), strict=True)), gone=gone)
    place = numpy.where(small, groups.size - len(few), numpy.cumsum(~small) - 1)
    many = "1 group" if len(few) == 1 else f"{len(few)} groups"
    name = f"other ({many}, {rows(int(told.sum()))})"
    names = [name for name in groups.names if name not in few]
    while name in names:
        name = f"'{name}'"
    return replace(
        counted,
        group=place[counted.group],
        size=len(names) + 1,
        groups=replace(groups, codes=groups.codes[~small], names=(*names, name)),
        told=numpy.append(counted.told[~small], told.sum()),
        pool=len(names),
        together=tuple(few),
    )


def without(counted: Counted, out: NDArray[numpy.bool_]) -> Counted:
    """It without the groups that are `out` `(G,)`; some are not."""
    kept, stay = ~out[counted.group], ~out
    names = tuple(name for name, stays in zip(counted.groups.names, stay, strict=True) if stays)
    codes = counted.groups.codes
    return replace(
        counted,
        indices=counted.indices[kept],
        group=(numpy.cumsum(stay) - 1)[counted.group[kept]],
        counts=counted.counts[kept],
        level=None if counted.level is None else counted.level[kept],
        weights=None if counted.weights is None else counted.weights.of(kept),
        size=len(names),
        groups=replace(counted.groups, codes=codes[stay[: codes.size]], names=names),
        told=counted.told[stay],
    )


def tellable(counted: Counted, fewest: Floats, least: int) -> Counted:
    """It without the pool, where that rests on fewer rows than are told, `fewest` `(G,)`."""
    place = counted.pool
    if place is None or min(float(counted.rows[place]), float(fewest[place])) >= least:
        return counted
    left = without(counted, numpy.arange(counted.size) == place)
    return replace(left, pool=None, together=(), kept_back=counted.together)


def _check_left(counted: Counted) -> None:
    for name, count in zip(counted.groups.names, counted.rows, strict=True):
        if not count:
            raise Refusal(
                f"no row of '{name}' is left without a missing value",
                n=int(counted.told.sum()),
                notes=counted.notes,
            )


def groups_without_rows(question: Question, counted: Counted) -> tuple[str, ...]:
    """A group that the policy names and nobody belongs to was not compared: nothing is settled."""
    absent = counted.groups.absent
    if question.compare is None or not absent or STATISTICS[question.spec.parts[0]].absent:
        return ()
    return (f"the policy names groups without rows: {listed(absent)}",)


LEFT_OUT = 0.01
"""A comparison that leaves out a larger share of the rows is not conclusive."""


_Said = tuple[tuple[str, ...], tuple[str, ...]]
"""Notes and doubts."""


def left_out(question: Question, counted: Counted, *, since: int, least: int) -> _Said:
    """Notes and doubts on groups that are not compared, or not each by itself."""
    notes, doubts = _not_compared(question, counted, since=since)
    if counted.together:
        small = question.control.small_groups
        assert small is not None
        held = words.quoted(counted.together)
        name = counted.groups.names[-1]
        why = f"fewer than {words.rows(small.below)} each, or kept back with such"
        notes = (*notes, f"'{name}' is {held}: {why} (small_groups)")
    more, further = _small_left_out(question, counted, least=least)
    return (*notes, *more), (*doubts, *further)


def _small_left_out(question: Question, counted: Counted, *, least: int) -> _Said:
    """On groups that are kept back, or that are excluded for their size."""
    small, said = question.control.small_groups, []
    if counted.kept_back:
        said.append(kept_back_words(counted.kept_back, least))
    excludes = small is not None and small.how == "exclude"
    if not excludes or small is None or not (counted.kept_back or counted.excluded):
        return (), tuple(said)
    if counted.excluded:
        each = listed(f"'{shortened(name)}' (n={rows:,})" for name, rows in counted.excluded)
        said.append(f"left out: {each}, fewer than {words.rows(small.below)} each (small_groups)")
    if counted.gone is None:
        return (), tuple(said)
    whole = int(counted.told.sum()) + counted.gone
    few = counted.gone < least
    many = f"fewer than {least}" if few else f"{counted.gone:,} of {whole:,}"
    said.append(f"{many} rows are left out in all")
    return (tuple(said), ()) if counted.gone <= LEFT_OUT * whole else ((), ("; ".join(said),))


def _not_compared(question: Question, counted: Counted, *, since: int) -> _Said:
    """On the rows of groups that `compare: between` does not compare."""
    if since < SINCE or question.compare != "between":
        return (), ()
    others = [
        (name, int(count))
        for name, count in zip(counted.groups.names, counted.told, strict=True)
        if name not in question.control.groups
    ]
    lost, whole = sum(count for _, count in others), int(counted.told.sum())
    if not lost:
        return (), ()
    names = words.quoted(name for name, _ in others)
    said = f"{words.rows(lost)} of {whole:,} are left out: they belong to {names}"
    return ((said,), ()) if lost <= LEFT_OUT * whole else ((), (said,))
