"""Exact sums: they add up bit for bit however rows are parted, and lose nothing."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.core.amounts import bin_end, bin_of, exact_text, exact_value, text_of_sum
from venturalitica.core.policy import Role
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError, EvidenceError
from venturalitica.ledger.rejudge.tallies import read_tally
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.spec import Need
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally

NUMBERS = {
    spec.number.name: spec.number for spec in CATALOG.values() if spec.is_amount and spec.number
}
ROLES = {"town": Role("town", labels=("east", "west", "north")), "age": Role("age", bins=(30, 60))}
NEEDS = [
    Need((), groups, number) for number in NUMBERS.values() for groups in ((), ("town", "age"))
]
amount = st.floats(-1e70, 1e70)


def counted(rows: dict[str, Any], roles: Any = ROLES) -> Tally:
    binding = Binding({role: role for role in rows})
    return build_tally(rows, needs=NEEDS, binding=binding, roles=roles)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_merged_equals_pooled_bit_for_bit(data: Any) -> None:
    size, parts = data.draw(st.integers(0, 40)), data.draw(st.integers(1, 4))
    drawn = {
        "target": st.one_of(amount, st.just(float("nan"))),
        "prediction": st.one_of(amount, st.just(float("inf"))),
        "town": st.sampled_from(["east", "west", None]),
        "age": st.integers(18, 90),
    }
    rows = {
        name: data.draw(st.lists(one, min_size=size, max_size=size)) for name, one in drawn.items()
    }
    place = data.draw(st.lists(st.integers(0, parts - 1), min_size=size, max_size=size))
    whole = counted(rows)
    split = [
        counted(
            {
                name: [v for v, p in zip(column, place, strict=True) if p == part]
                for name, column in rows.items()
            }
        )
        for part in range(parts)
    ]
    merged = Tally.merge(split, ROLES)
    assert merged == whole
    assert merged.sha256 == whole.sha256
    stored = [Tally.from_json(part.to_json()) for part in split]
    assert Tally.merge(stored, ROLES) == whole
    assert read_tally(whole.to_json()) == whole


def test_sums_are_exact() -> None:
    random = numpy.random.default_rng(2)
    target = random.normal(1e9, 1e-3, 500)
    said = numpy.concatenate([random.normal(0, 1e-200, 250), random.normal(0, 1e60, 250)])
    tally = counted(
        {"target": target, "prediction": said, "town": ["east"] * 500, "age": [40] * 500}
    )
    tables = {table.number: table for table in tally.amounts}
    own = {
        name: dict(zip(tables[name].names, map(exact_value, tables[name].sums[0]), strict=True))
        for name in ("prediction", "target", "error", "explained variance")
    }
    exact = [Fraction(value) for value in target.tolist()]
    assert own["target"]["x"] == sum(exact)
    assert own["target"]["x2"] == sum(value**2 for value in exact)
    assert own["prediction"]["x"] == sum(map(Fraction, said.tolist()))
    for power in (1, 2, 3, 4):
        name = "t" if power == 1 else f"t{power}"
        assert own["explained variance"][name] == sum(value**power for value in exact)
    errors = (target - said).tolist()
    squares = [Fraction(error * error) for error in errors]
    assert own["error"]["e"] == sum(map(Fraction, errors))
    assert own["error"]["s"] == sum(squares)
    assert own["error"]["max |e|"] == max(abs(Fraction(error)) for error in errors)
    pairs = list(zip(squares, exact, strict=True))
    assert own["explained variance"]["st2"] == sum(s * t * t for s, t in pairs)


@given(st.integers(-(2**200), 2**200), st.integers(-2_000, 2_000))
def test_one_number_has_one_text(mantissa: int, exponent: int) -> None:
    value = mantissa * Fraction(2) ** exponent
    text = exact_text(mantissa, exponent)
    assert exact_value(text) == value
    assert text_of_sum(value) == text
    assert exact_text(mantissa * 8, exponent - 3) == text


@pytest.mark.parametrize(
    "text", ["", "1", "p1", "01p1", "1p", "1p99999", "zp1", "1p1 ", "0x1p1", "f" * 2_000 + "p0"]
)
def test_another_text_is_no_sum(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        exact_value(text)


@given(st.floats(0.0, 1e75))
def test_a_bin_holds_its_amounts(amount: float) -> None:
    low = bin_of(amount)
    assert bin_of(low) == low
    assert low <= amount
    assert amount < bin_end(low) or amount == low == 0.0 or low < 1e-300
    assert bin_end(low) - low <= low / 64 or low < 1e-300


def test_parts_whose_groups_hang_on_the_data_are_refused_with_the_line_to_add() -> None:
    rows = {
        "target": [1.5] * 60,
        "prediction": [2.5] * 60,
        "town": ["east"] * 60,
        "age": list(range(60)),
    }
    loose = {**ROLES, "age": Role("age")}
    parts = [counted(rows, loose), counted(rows, loose)]
    with pytest.raises(DataError, match=r"bins: \["):
        Tally.merge(parts, loose)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t["sums"][0].__setitem__(0, "1"), "malformed"),
        (lambda t: t["sums"][0].__setitem__(0, "ffffp40"), "are of no rows"),
        (lambda t: t["sums"][0].pop(), "lacks sums"),
        (lambda t: t["sums"].pop(), "no sums"),
        (lambda t: t.__setitem__("bins", [-1.0]), "ascending"),
        (lambda t: t.__setitem__("bins", [0.3]), "begins elsewhere"),
        (lambda t: t["cells"][0].__setitem__(-1, 61), "count every row once"),
    ],
)
def test_sums_that_no_rows_have_are_found(change: Any, said: str) -> None:
    rows = {
        "target": [1.5, 2.0] * 30,
        "prediction": [2.5] * 60,
        "town": ["east"] * 60,
        "age": [40] * 60,
    }
    stored = counted(rows).to_json()
    change(next(table for table in stored["amounts"] if table["number"] == "error"))
    with pytest.raises(EvidenceError, match=said):
        read_tally(stored)
