"""How many rows would settle a verdict: held against intervals computed another way."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.core.sample import MOST_TIMES, rows_needed
from venturalitica.core.verdict import Interval, Verdict
from venturalitica.reports.html.templating import environment
from venturalitica.reports.sentences import sample_sentence

CARDS: Any = environment().get_template("cards.html").module
DOC = (Path(__file__).parents[2] / "docs/reports.md").read_text()


def wald(share: float, rows: float) -> Interval:
    """The textbook interval of a share: nothing of ours computes it."""
    half = 1.959964 * math.sqrt(share * (1 - share) / rows)
    return Interval(share - half, share + half)


def verdict(share: float, rows: int, *, operator: str = ">=", threshold: float = 0.8) -> Verdict:
    return Verdict(
        control="accuracy",
        status="passed",
        reason="0.83, must be >= 0.80; not conclusive: it holds both answers",
        metric="accuracy",
        operator=operator,
        threshold=threshold,
        value=share,
        interval=wald(share, rows),
        n=rows,
    )


@given(
    share=st.floats(0.3, 0.95),
    threshold=st.floats(0.3, 0.95),
    rows=st.integers(20, 2000),
    operator=st.sampled_from([">=", ">", "<=", "<"]),
)
def test_so_many_rows_settle_it_and_far_fewer_do_not(share, threshold, rows, operator) -> None:
    found = verdict(share, rows, operator=operator, threshold=threshold)
    needed = rows_needed(found)
    low, high = wald(share, rows)
    if not low <= threshold <= high:
        assert needed is None
        return
    if needed is None:
        assert abs(threshold - share) < (high - low) / 2 / math.sqrt(MOST_TIMES) * 1.001
        return
    assert needed > rows
    low, high = wald(share, needed * 1.0001)
    assert not low <= threshold <= high
    low, high = wald(share, max(rows, needed * 0.9))
    assert low <= threshold <= high or needed == rows + 1 or needed * 0.9 < rows


def test_the_sentence_names_the_number_and_what_it_supposes() -> None:
    said = sample_sentence(verdict(0.83, 300))
    assert said.startswith("About 610 rows in place of 300 would settle it, if ")
    assert said in CARDS.verdict_card(verdict(0.83, 300))


def test_no_number_settles_what_is_doubted_besides() -> None:
    doubted = replace(verdict(0.83, 300), notes=("not conclusive: rows are copies",))
    said = sample_sentence(doubted)
    assert said.startswith("About 610 rows in place of 300 would put its interval on one side, if ")


@pytest.mark.parametrize(
    "changes",
    [
        {"conclusive": True},
        {"interval": None},
        {"value": None},
        {"threshold": None},
        {"n": 0},
        {"operator": "=="},
        {"interval": Interval(0.81, 0.85)},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_nothing_is_said_where_no_sample_is_the_matter(changes) -> None:
    found = replace(verdict(0.83, 300), **changes)
    assert sample_sentence(found) == ""
    assert rows_needed(found) is None


@pytest.mark.parametrize(("rows", "bound"), [(30, 0.95), (10, 0.9), (200, 0.995)])
def test_where_nothing_varied_the_exact_end_is_followed(rows: int, bound: float) -> None:
    """Clopper and Pearson's lower end of n of n is the n-th root of the error."""
    needed = math.ceil(math.log(0.025) / math.log(bound))
    low = 0.025 ** (1 / rows)
    found = replace(verdict(1.0, rows, threshold=bound), interval=Interval(low, 1.0))
    assert rows_needed(found) in range(needed, math.ceil(needed * 1.1))
    none = replace(
        verdict(0.0, rows, threshold=1 - bound, operator="<="), interval=Interval(0.0, 1 - low)
    )
    assert rows_needed(none) in range(needed, math.ceil(needed * 1.1))
    gap = replace(none, compare="difference")
    assert (rows_needed(gap) or 0) > needed


def test_a_value_on_its_threshold_is_never_settled() -> None:
    found = verdict(0.8, 300)
    assert rows_needed(found) is None
    assert "no number of rows would settle it" in sample_sentence(found)


def test_a_value_very_near_its_threshold_gets_no_number() -> None:
    found = verdict(0.80001, 300)
    assert rows_needed(found) is None
    assert sample_sentence(found).startswith(f"More than {MOST_TIMES:,.0f} times")
    assert f"Beyond {MOST_TIMES:,.0f} times" in DOC
