"""Groups are kept back until nobody can tell the size of a small one: every table is tried."""

from __future__ import annotations

from itertools import product

import numpy
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.judge.keep_back import Across, Crossing, Group

LEAST = 3
"""As `min_cell`: small tables stand for large ones."""
MOST = 6

Table = dict[Group, int]


def crossing(table: Table, sets: list[Across]) -> Crossing:
    cells = [(group, count) for group, count in sorted(table.items()) if count]
    places = numpy.array([group for group, _ in cells], dtype=numpy.int64)
    counts = numpy.array([count for _, count in cells], dtype=numpy.int64)
    labels = numpy.zeros(len(cells), dtype=numpy.int64)
    return Crossing(("a", "b"), places, labels, counts, sets, least=LEAST)


def sums(table: Table, across: Across) -> Table:
    columns = ["ab".index(role) for role in across]
    found: Table = {}
    for group, count in table.items():
        key = tuple(group[column] for column in columns)
        found[key] = found.get(key, 0) + count
    return {group: count for group, count in found.items() if count}


def small_in(table: Table, sets: list[Across]) -> dict[Across, set[Group]]:
    return {
        across: {group for group, count in sums(table, across).items() if count < LEAST}
        for across in sets
    }


def alternatives(table: Table, sets: list[Across], back: dict[Across, set[Group]]) -> list[Table]:
    """Every table of the same cells in which all that is shown, and the whole, are the same."""
    cells = [group for group, count in sorted(table.items()) if count]
    whole = sum(table.values())
    shown = {
        across: {g: n for g, n in sums(table, across).items() if g not in back[across]}
        for across in sets
    }
    found = []
    for counts in product(range(whole + 1), repeat=len(cells)):
        if sum(counts) != whole:
            continue
        other = dict(zip(cells, counts, strict=True))
        if all(
            sums(other, across).get(group, 0) == count
            for across in sets
            for group, count in shown[across].items()
        ):
            found.append(other)
    return found


TABLES = st.dictionaries(
    st.tuples(st.integers(0, 1), st.integers(0, 2)), st.integers(1, MOST), min_size=2, max_size=5
).filter(lambda table: sum(table.values()) <= 16)
SETS = st.sampled_from([[("a",)], [("b",)], [("a", "b")], [("a",), ("b",)],
                        [("a",), ("a", "b")], [("a",), ("b",), ("a", "b")]])  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(TABLES, SETS)
def test_no_size_of_a_small_group_follows_from_what_is_shown(
    table: Table, sets: list[Across]
) -> None:
    small = small_in(table, sets)
    back = crossing(table, sets).keep_back(small)
    assert all(small[across] <= back[across] for across in sets)
    if not any(small.values()):
        assert not any(back.values())
        return
    everything = all(back[across] == sums(table, across).keys() for across in sets)
    others = alternatives(table, sets, back)
    for across in sets:
        for group in small[across]:
            sizes = {sums(other, across).get(group, 0) for other in others}
            assert len(sizes) > 1 or everything, (across, group)


def test_the_next_smallest_is_kept_back_too() -> None:
    table: Table = {(0, 0): 2, (1, 0): 40, (1, 1): 9, (0, 2): 30}
    back = crossing(table, [("b",)]).keep_back({("b",): set()})
    assert back == {("b",): set()}
    back = crossing(table, [("a", "b")]).keep_back({("a", "b"): {(0, 0)}})
    assert back == {("a", "b"): {(0, 0), (1, 1)}}


def test_where_roles_cross_a_cycle_of_four_is_needed() -> None:
    """Each of both roles is shown: one more cell of the same row would still give it away."""
    table: Table = {(0, 0): 2, (0, 1): 20, (0, 2): 50, (1, 0): 30, (1, 1): 40, (1, 2): 60}
    sets: list[Across] = [("a",), ("b",), ("a", "b")]
    back = crossing(table, sets).keep_back({("a", "b"): {(0, 0)}})
    assert back[("a",)] == back[("b",)] == set()
    assert back[("a", "b")] == {(0, 0), (0, 1), (1, 0), (1, 1)}


def test_what_cannot_be_hidden_is_not_shown_at_all() -> None:
    table: Table = {(0, 0): 2, (1, 0): 50}
    back = crossing(table, [("a",), ("b",)]).keep_back({("a",): {(0,)}, ("b",): set()})
    assert back[("a",)] == {(0,), (1,)}
