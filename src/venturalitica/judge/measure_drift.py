"""How far columns moved from their reference: each column's value, and the worst of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy
from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.drift import DriftTable, few_levels, joined_bins
from venturalitica.core.policy import Control
from venturalitica.core.tally import Tally, may_be_told
from venturalitica.core.text import quoted, rows
from venturalitica.core.verdict import GroupValue, Interval
from venturalitica.errors import listed
from venturalitica.judge.compare_groups import Found
from venturalitica.judge.count import NO_ROWS, Missed
from venturalitica.judge.question import Question, Refusal
from venturalitica.judge.weights import unweighted_note
from venturalitica.metrics.intervals import Floats, holding
from venturalitica.metrics.registry import STATISTICS

SHOWN = 8
"""Columns that are named in one sentence."""


class _Column(Struct, frozen=True):
    """One column: its name, the rows of the reference and of the data `(2, K)`, in K cells; `n` is
    how many rows may be told to be judged: with those without a value, where these are few."""

    name: str
    counts: Floats
    n: int
    pooled: bool = False

    @property
    def support(self) -> int:
        """Rows of the smaller of the two samples."""
        return int(self.counts.sum(axis=1).min())


def measure_drift(
    question: Question,
    tally: Tally,
    references: Mapping[str, Mapping[str, Any]],
    *,
    least: int,
) -> Found:
    """The columns that a control compares, the one that moved most as the value.

    That all keep a bound is shown where each does, whatever their number (an intersection-union
    test): the upper end is at the whole error. That one breaks it is looked for among them all: the
    lower end divides the error among the columns.

    Raises:
        Refusal: there is no reference, a column could not be counted, it has missing values, or the
            reference lacks a level.
    """
    control = question.control
    tables = _tables(question, tally, references)
    notes = [
        _reference_note(references[control.against]),
        *_missing(question, tables, tally, least),
        *unweighted_note(tally, question.spec),
    ]
    columns = [_cells(table, _n(table, tally, least), least) for table in tables]
    if question.spec.ordered:
        loose = [t.name for t in tables if not t.ordered]
        if loose:
            raise Refusal(
                f"the values of {listed(map(repr, loose), SHOWN)} have no order, which "
                f"{question.spec.name} needs: compare them by another metric",
                n=tally.rows,
            )
    pooled = [column.name for column in columns if column.pooled]
    if pooled:
        said = listed(map(repr, pooled), SHOWN)
        notes.append(f"levels of fewer than {least} rows are judged together: {said}")
    same = [table.name for table in tables if table.counts == table.reference]
    if same:
        said = listed(map(repr, same), SHOWN)
        notes.append(f"the reference has the very same counts, perhaps of the same rows: {said}")
    found = _found(question, columns, tuple(notes))
    doubts = (*found.doubts, *_left_out(control, references[control.against]))
    return replace(found, doubts=doubts, missed=_most_missed(tables, tally, least))


def _tables(
    question: Question, tally: Tally, references: Mapping[str, Mapping[str, Any]]
) -> list[DriftTable]:
    control = question.control
    if not tally.rows:
        raise Refusal(NO_ROWS)
    known = references.get(control.against)
    if known is None:
        raise Refusal(
            f"these rows were not counted against {control.against!r}: judge the data itself",
            n=tally.rows,
        )
    if known.get("why"):
        raise Refusal(str(known["why"]), n=tally.rows)
    own = {table.key: table for table in tally.drift}
    if control.columns:
        found = [t for t in tally.drift if t.against == control.against and not t.role]
    else:
        keys = [(control.against, True, role) for role in control.of]
        found = [own[key] for key in keys if key in own]
    lacking = not found or (control.of and len(found) < len(control.of))
    if lacking:
        raise Refusal(
            f"not everything that it compares was counted against {control.against!r}: judge the "
            "data itself",
            n=tally.rows,
        )
    faults = [table.why for table in found if table.why]
    if faults:
        raise Refusal(listed(faults, SHOWN, between="; ", longest=None), n=tally.rows)
    bare = [table.name for table in found if not table.reference]
    if bare:
        raise Refusal(
            f"the reference {control.against!r} holds no counts of {quoted(bare)} that can be "
            "compared; these rows are counted, and can be one",
            n=tally.rows,
        )
    return found


def _left_out(control: Control, known: Mapping[str, Any]) -> list[str]:
    """Whoever asks for all columns has those not compared that the baseline could not hold."""
    count = known.get("left_out")
    if not control.columns or not isinstance(count, int) or count < 1:
        return []
    return [
        f"{count:,} column{'s are' if count > 1 else ' is'} not in the baseline and not compared: "
        "name those that count when it is made (baseline --column)"
    ]


def _reference_note(known: Mapping[str, Any]) -> str:
    return f"compared with {known.get('words', 'its reference')}"


def _missing(
    question: Question, tables: Sequence[DriftTable], tally: Tally, least: int
) -> list[str]:
    """What is said of rows without a value; Refusal where the control does not leave them out."""
    lost = [table for table in tables if table.missing]
    if not lost:
        return []
    said = listed((_missing_words(table, tally, least) for table in lost), SHOWN, longest=None)
    if question.control.nulls == "drop":
        return [f"left out for missing values, as `nulls: drop` says: {said}"]
    raise Refusal(
        f"rows of {tally.rows:,} have no value: {said}. Correct the data, or leave these rows out "
        "with `nulls: drop`",
        n=tally.rows,
    )


def _most_missed(tables: Sequence[DriftTable], tally: Tally, least: int) -> Missed | None:
    """The rows that the column with the most gaps leaves out."""
    lost = max(table.missing for table in tables)
    if not lost:
        return None
    shown = may_be_told((lost,), tally.rows, least)
    most = lost if shown else max(lost, least - 1)
    return Missed(most, lost if shown else None, f"{lost:,}" if shown else "some")


def _missing_words(table: DriftTable, tally: Tally, least: int) -> str:
    shown = may_be_told((table.missing,), tally.rows, least)
    many = f"{table.missing:,}" if shown else "some"
    return f"{many} of '{table.name}'"


def _n(table: DriftTable, tally: Tally, least: int) -> int:
    few = not may_be_told((table.missing,), tally.rows, least)
    return tally.rows if few else tally.rows - table.missing


def _cells(table: DriftTable, n: int, least: int) -> _Column:
    """Its cells, none of which holds from 1 to `least` - 1 of the judged rows.

    Raises Refusal where the reference lacks a level that the data has: no share was expected there.
    """
    reference, counts = table.reference, table.counts
    now: Sequence[int]
    then: Sequence[int]
    if sum(counts) < max(least, 1):
        raise Refusal(f"fewer than {rows(max(least, 1))} of '{table.name}' have a value")
    new = sum(now for then, now in zip(reference, counts, strict=True) if now and not then)
    if new:
        many = rows(new) if may_be_told((new,), sum(counts), least) else "some rows"
        raise Refusal(
            f"the reference lacks a level of '{table.name}' that {many} of {n:,} have: map it to a "
            "known one, or make a new reference",
            n=n,
        )
    if table.cuts:
        _, (now, then) = joined_bins(table.cuts, (counts, reference), least)
        pooled = len(now) < len(counts)
    else:
        now, then, pooled = _together(counts, reference, least)
    kept = [at for at, count in enumerate(then) if count]
    if len(kept) < 2:
        raise Refusal(
            f"'{table.name}' has fewer than two levels that may be shown: there is nothing to "
            "compare",
            n=n,
        )
    return _Column(
        table.name,
        numpy.array([[then[at] for at in kept], [now[at] for at in kept]], dtype=float),
        n,
        pooled,
    )


def _together(
    counts: Sequence[int], reference: Sequence[int], least: int
) -> tuple[list[int], list[int], bool]:
    """Levels of few rows in one cell, with the next smallest where these are few together."""
    few = few_levels(counts, least)
    alone = [at for at in range(len(counts)) if at not in few]
    now, then = ([sample[at] for at in alone] for sample in (counts, reference))
    if few:
        now.append(sum(counts[at] for at in few))
        then.append(sum(reference[at] for at in few))
    return now, then, bool(few)


def _found(question: Question, columns: Sequence[_Column], notes: tuple[str, ...]) -> Found:
    statistic = STATISTICS[question.spec.name]
    ends = statistic.ends
    assert ends is not None
    alpha, several = question.alpha, len(columns)
    values = [float(statistic.compute(one.counts[None])[0]) + 0.0 for one in columns]
    own = [_ends(ends(one.counts[None], alpha)) for one in columns]
    shared = [_ends(ends(one.counts[None], alpha / several)) for one in columns]
    support = question.control.min_support
    groups = tuple(
        GroupValue(one.name, one.n, value, one.support >= support, _interval(*end, value))
        for one, value, end in zip(columns, values, own, strict=True)
    )
    value = max(values)
    low, high = max(low for low, _ in shared), max(high for _, high in own)
    return Found(
        value,
        _interval(low, high, value),
        max(one.n for one in columns),
        min(one.support for one in columns),
        groups,
        tuple(one.name for one in columns),
        (*notes, *_many(several)),
        tuple(_doubts(question, columns)),
    )


def _many(several: int) -> tuple[str, ...]:
    if several < 2:
        return ()
    return (
        f"the worst of {several} columns; that all keep the bound is shown where each does, that "
        f"one breaks it at the error divided among {several}",
    )


def _doubts(question: Question, columns: Sequence[_Column]) -> list[str]:
    statistic, least = STATISTICS[question.spec.name], question.control.min_support
    doubts = []
    thin = [one.name for one in columns if one.support < least]
    if thin:
        doubts.append(
            f"fewer than {rows(least)} (min_support) of {quoted(thin)}, or of its reference"
        )
    if statistic.unsure is not None:
        for one in columns:
            if why := statistic.unsure(one.counts):
                doubts.append(f"'{one.name}': {why}, too few for its interval")
    return doubts


def _ends(found: Any) -> tuple[float, float]:
    low, high = found
    return float(low[0]), float(high[0])


def _interval(low: float, high: float, value: float) -> Interval | None:
    """Stretched to hold the value; None where there is no upper end."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return holding(Interval(low, high), value)
