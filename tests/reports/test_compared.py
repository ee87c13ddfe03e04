"""Two distributions beside each other: shares of cells that may be shown, and their drawing."""

from __future__ import annotations

import re

from venturalitica.core.drift import DriftTable
from venturalitica.reports.compared import compared
from venturalitica.reports.html.drift_chart import MOST_CELLS, drift_plot


def table(reference, counts, *, cuts=(), levels=()) -> DriftTable:
    return DriftTable(
        "baseline.json", "income", False, cuts, levels, tuple(reference), tuple(counts)
    )


def cells(found) -> list[tuple[str, float, float]]:
    return [(cell.words, round(cell.then, 3), round(cell.now, 3)) for cell in found.cells]


def test_shares_of_each_bin() -> None:
    found = compared(table([50, 30, 20], [10, 10, 80], cuts=(1.0, 2500.0)), 5)
    assert found is not None
    assert cells(found) == [
        ("below 1", 0.5, 0.1),
        ("1 to 2,500", 0.3, 0.1),
        ("2,500 and more", 0.2, 0.8),
    ]


def test_bins_of_few_rows_of_either_are_joined() -> None:
    found = compared(table([50, 46, 4, 0], [40, 4, 30, 26], cuts=(1.0, 2.0, 3.0)), 5)
    assert found is not None
    assert cells(found) == [
        ("below 1", 0.5, 0.4),
        ("1 to 3", 0.5, 0.34),
        ("3 and more", 0.0, 0.26),
    ]


def test_rare_levels_have_no_name() -> None:
    found = compared(table([50, 45, 5, 0], [48, 38, 4, 10], levels=("car", "house", "boat")), 5)
    assert found is not None
    assert cells(found) == [("car", 0.5, 0.48), ("house", 0.45, 0.38), ("other values", 0.05, 0.14)]


def test_less_than_five_are_never_shown_whatever_a_policy_says() -> None:
    assert compared(table([96, 4, 0], [50, 50, 0], levels=("a", "b")), 1) is None


def test_nothing_is_drawn_of_no_rows() -> None:
    assert compared(table([0, 0, 0], [50, 50, 0], levels=("a", "b")), 5) is None


def test_each_row_says_in_words_what_its_bars_draw() -> None:
    found = compared(table([75, 25, 0], [50, 50, 0], levels=("<b>", "\u202eevil")), 5)
    assert found is not None
    page = str(drift_plot(found))
    assert "<b>" not in page
    assert "\u202e" not in page
    label = 'aria-label="&lt;b&gt;: reference 75.0 %, now 50.0 %"'
    assert label in page
    assert [float(width) for width in re.findall(r'width="([\d.]+)%" height="7"', page)] == [
        98.0,
        65.3,
        32.7,
        65.3,
    ]


def test_of_many_cells_those_that_moved_most() -> None:
    many = 40
    reference, counts = [100] * many, [100] * many
    counts[7] = 900
    levels = tuple(f"place {number}" for number in range(many))
    found = compared(table([*reference, 0], [*counts, 0], levels=levels), 5)
    assert found is not None
    page = str(drift_plot(found))
    assert page.count("<svg") == MOST_CELLS
    assert "place 7:" in page
    assert f"{many - MOST_CELLS} cells whose shares moved less are not drawn." in page
