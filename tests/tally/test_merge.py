"""Tallies of parts of the rows are added: the result is the tally of the rows together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from venturalitica.core.policy import Role
from venturalitica.core.scores import EVIDENCE_CELLS, FINE_CELLS, regrid
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally

ROLES = {
    "target": Role("target", favorable="good", map={1: "good", 2: "bad"}),
    "gender": Role("gender", map={"A91": "male", "A92": "female", "A93": "male"}),
    "age": Role("age", bins=(25, 60)),
    "house": Role("house", labels=("own", "rent", "free")),
    "rooms": Role("rooms", labels=(2, 10, 1)),
}
NEEDS = [
    Need(("target", "prediction"), ("gender",)),
    Need(("target", "prediction"), ("age", "house")),
    Need(("target",), ("rooms",)),
    Need(("target",), ("gender",), SCORE),
    Need(("target",), (), SCORE),
]
BINDING = Binding({role: role for role in ("prediction", "score", *ROLES)})
Columns = Mapping[str, Sequence[Any]]


def columns(rows: int, seed: int, *, near: float = 0.0) -> dict[str, list[Any]]:
    generator = numpy.random.default_rng(seed)

    def drawn(values: Sequence[Any]) -> list[Any]:
        return [values[place] for place in generator.integers(0, len(values), rows)]

    scores = [None, *numpy.round(generator.random(40), 3).tolist(), 0.0, 1.0 + near]
    return {
        "target": drawn([1, 2, 2, None]),
        "prediction": drawn([1, 2]),
        "score": drawn(scores),
        "gender": drawn(["A91", "A92", "A93", None]),
        "age": [None if age > 90 else age for age in generator.integers(18, 95, rows).tolist()],
        "house": drawn(["own", "rent", "free"]),
        "rooms": drawn([1, 2, 10]),
    }


def counted(rows: Columns, roles: Mapping[str, Role] = ROLES, needs: Any = NEEDS) -> Tally:
    used = {role: c for role, c in BINDING.columns.items() if role in rows}
    return build_tally(rows, needs=needs, binding=Binding(used), roles=roles)


def split(rows: Columns, places: Sequence[int], parts: int) -> list[dict[str, list[Any]]]:
    return [
        {
            name: [value for value, place in zip(values, places, strict=True) if place == part]
            for name, values in rows.items()
        }
        for part in range(parts)
    ]


@settings(max_examples=1_000, deadline=None)
@given(st.integers(0, 60), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_merged_equals_pooled_bit_for_bit(rows: int, parts: int, seed: int) -> None:
    """Parts may lack a level, a score, or any row at all."""
    every = columns(rows, seed)
    places = numpy.random.default_rng(seed + 1).integers(0, parts, rows).tolist()
    pooled = counted(every)
    tallies = [counted(part) for part in split(every, places, parts)]
    merged = Tally.merge(tallies, ROLES)
    assert merged == pooled
    assert merged.sha256 == pooled.sha256
    stored = [Tally.from_json(part.for_evidence().to_json()) for part in tallies]
    again = Tally.merge(stored, ROLES)
    assert (again.axes, again.tables, again.nulls) == (pooled.axes, pooled.tables, pooled.nulls)
    for found, table in zip(again.scores, pooled.scores, strict=True):
        moved = replace(regrid(table, EVIDENCE_CELLS), exact=False, width=1 / EVIDENCE_CELLS)
        assert found == (table if found.exact else moved)


@pytest.mark.parametrize("together", [400, 4_000])
def test_scores_of_which_there_are_too_many_go_to_the_grid_of_the_whole(
    monkeypatch: Any, together: int
) -> None:
    """As many different ones, or cells, as no part has."""
    monkeypatch.setattr("venturalitica.core.scores.EXACT_LIMIT", together)
    monkeypatch.setattr("venturalitica.tally.groups.EXACT_LIMIT", together)
    monkeypatch.setattr("venturalitica.core.scores.SCORE_CELLS", 700)
    generator = numpy.random.default_rng(3)
    rows = {"target": [1, 2] * 400, "score": generator.random(800).tolist()}
    needs = [Need(("target",), (), SCORE)]
    parts = split(rows, [place % 3 for place in range(800)], 3)
    merged = Tally.merge([counted(part, needs=needs) for part in parts], ROLES)
    pooled = counted(rows, needs=needs)
    assert merged == pooled
    assert not pooled.scores[0].exact


def test_parts_on_different_grids_go_to_one_that_divides_them() -> None:
    generator = numpy.random.default_rng(4)
    rows = {"target": [1, 2] * 300, "score": generator.random(600).tolist()}
    needs = [Need(("target",), (), SCORE)]
    one, two = split(rows, [place % 2 for place in range(600)], 2)
    whole = counted(rows, needs=needs)
    exact, other = counted(one, needs=needs), counted(two, needs=needs)

    def on(cells: int) -> Tally:
        return replace(other, scores=(regrid(other.scores[0], cells),))

    merged = Tally.merge([exact, on(FINE_CELLS)], ROLES)
    assert merged.scores[0] == regrid(whole.scores[0], FINE_CELLS)
    thrice = Tally.merge([exact, on(16_320), on(3_840)], ROLES)
    assert thrice.scores[0].width == 1 / EVIDENCE_CELLS
    assert sum(cell[-1] for cell in thrice.scores[0].cells) == 900


def test_rounding_that_was_undone_is_counted_together() -> None:
    every = columns(60, 5, near=1e-9)
    parts = split(every, [place % 2 for place in range(60)], 2)
    merged = Tally.merge([counted(part) for part in parts], ROLES)
    assert merged == counted(every)
    assert "within 1e-06 outside of [0, 1]" in merged.scores[0].note
    margins = {**parts[1], "score": [3.5] * len(parts[1]["score"])}
    with pytest.raises(DataError, match="rounding was undone"):
        Tally.merge([counted(parts[0]), counted(margins)], ROLES)


def test_scores_outside_of_0_and_1_add_up_while_they_are_exact() -> None:
    needs = [Need(("target",), (), SCORE)]
    rows: Columns = {"target": [1, 2, 1, 2], "score": [-2.0, 0.5, 3.0, 0.5]}
    parts = [counted(part, needs=needs) for part in split(rows, [0, 1, 0, 1], 2)]
    assert Tally.merge(parts, ROLES) == counted(rows, needs=needs)
    stored = [part.for_evidence() for part in parts]
    with pytest.raises(DataError, match=r"outside of \[0, 1\].*give probabilities"):
        Tally.merge(stored, ROLES)


@pytest.mark.parametrize(
    ("rule", "values", "line"),
    [
        (Role("g"), ["b", "a", "yes"], r"labels: \[a, b, \"yes\"\] \(or a 'map'\)"),
        (Role("g"), [3, 1, 2], r"labels: \[1, 2, 3\]"),
        (Role("g"), list(range(30)), r"bins: \[7, 14, 22\]"),
    ],
)
def test_what_the_data_decide_is_refused_with_the_line_to_add(
    rule: Role, values: list[Any], line: str
) -> None:
    rows = {"target": [1, 2] * 15, "g": [values[place % len(values)] for place in range(30)]}
    binding = Binding({"target": "target", "g": "g"})
    roles = {"target": ROLES["target"], "g": rule}
    part = build_tally(rows, needs=[Need(("target",), ("g",))], binding=binding, roles=roles)
    with pytest.raises(DataError, match=rf"role 'g' cannot be added up: .*'roles'.*{line}"):
        Tally.merge([part, part], roles)
    with pytest.raises(DataError, match=r"role 'target' cannot.*labels: \[bad, good\]"):
        Tally.merge([part], {})


def test_a_part_of_other_rules_columns_or_types_is_refused() -> None:
    rows = columns(40, 7)
    part = counted(rows)
    cases = {
        r"40 rows whose gender has no entry in the map of role 'gender' \(A99\)": counted(
            {**rows, "gender": ["A99"] * 40}
        ),
        "part 2 has the level castle of role 'house', which the policy does not name": replace(
            part, axes=tuple(_named(axis, "house", "castle") for axis in part.axes)
        ),
        "part 2 has other roles": counted(rows, needs=NEEDS[:2]),
        "part 2 has other tables by a number": counted(rows, needs=NEEDS[:3]),
        "part 2 has other columns with missing": replace(part, nulls={}),
        "was read in another way in part 2 .told. than in part 1 .as it is.": replace(
            part, axes=(replace(part.axes[0], note="told"), *part.axes[1:])
        ),
    }
    for message, other in cases.items():
        with pytest.raises(DataError, match=message):
            Tally.merge([part, other], ROLES)
    with pytest.raises(DataError, match="no tallies to add up"):
        Tally.merge([], ROLES)


def _named(axis: Any, role: str, level: str) -> Any:
    return replace(axis, levels=(level,)) if axis.role == role else axis


def test_booleans_and_zeros_and_ones_are_not_added() -> None:
    roles = {"target": Role("target", labels=(0, 1)), "flag": Role("flag", labels=(0, 1))}
    needs, binding = [Need(("target",), ("flag",))], Binding({"target": "y", "flag": "f"})

    def of(y: list[Any], f: list[Any]) -> Tally:
        return build_tally({"y": y, "f": f}, needs=needs, binding=binding, roles=roles)

    with pytest.raises(DataError, match="part 2 holds false of role 'target' where another part h"):
        Tally.merge([of([0, 1], [0, 1]), of([True, False], [0, 1])], roles)
    with pytest.raises(DataError, match="of role 'flag' where another"):
        Tally.merge([of([0, 1], [0, 1]), of([0, 1], [True, False])], roles)
    merged = Tally.merge([of([0, 0], [1, 1]), of([1, 1], [0, 0])], roles)
    assert merged == of([0, 0, 1, 1], [1, 1, 0, 0])


def test_bins_of_target_and_prediction_share_one_list_in_one_order() -> None:
    roles = {"target": Role("target", bins=(5, 100))}
    needs, binding = [Need(("target", "prediction"))], Binding({"target": "y", "prediction": "p"})

    def of(y: list[Any], p: list[Any]) -> Tally:
        rows = {"y": y, "p": p}
        return build_tally(rows, needs=needs, binding=binding, roles=roles)

    parts = [of([1, 50, 200], [1, 50, 200]), of([1, 1], [50, 50])]
    merged = Tally.merge(parts, roles)
    assert merged == of([1, 50, 200, 1, 1], [1, 50, 200, 50, 50])


def test_a_part_too_large_for_the_joint_table_decides_which_tables_there_are() -> None:
    generator = numpy.random.default_rng(8)
    names = [f"n{number:02}" for number in range(60)]
    roles = {"target": ROLES["target"]} | {r: Role(r, labels=tuple(names)) for r in ("a", "b")}
    needs = [Need(("target",), ("a",)), Need(("target",), ("b",))]
    binding = Binding({"target": "target", "a": "a", "b": "b"})

    def of(rows: Columns) -> Tally:
        return build_tally(rows, needs=needs, binding=binding, roles=roles)

    many = {"target": generator.integers(1, 3, 9_000).tolist()} | {
        role: [names[place] for place in generator.integers(0, 60, 9_000)] for role in "ab"
    }
    parts = split(many, [int(place < 500) for place in range(9_000)], 2)
    large, small = map(of, parts)
    assert (len(large.tables), len(small.tables)) == (2, 1)
    assert Tally.merge([small, large], roles) == of(many)
