"""Types and names that one engine has and another does not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy
import pandas
import polars
import pyarrow
import pytest

from tests.tally.dense import dense
from venturalitica.core.policy import Role
from venturalitica.core.tally import Tally
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.provenance.fingerprint import fingerprint
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import build_tally

pytestmark = pytest.mark.usefixtures("counted_by")

ROWS = 120
PLAIN: dict[str, list[Any]] = {
    "y": [i % 2 for i in range(ROWS)],
    "g": [i % 30 for i in range(ROWS)],
    "s": [(i % 7) / 8 for i in range(ROWS)],
}
NEEDS = [Need(("target",), ("group",)), Need(("target",), ("group",), number=SCORE)]


def tally_of(data: Any, y: str = "y", g: str = "g", s: str = "s") -> Tally:
    binding = Binding({"target": y, "group": g, "score": s})
    return build_tally(data, needs=NEEDS, binding=binding, roles={"group": Role("group")})


def half(names: str = "ygs") -> dict[str, Any]:
    return {n: numpy.array(v).astype("float16" if n in names else float) for n, v in PLAIN.items()}


WIDE: Any = {"y": polars.Int128, "g": polars.UInt128, "s": polars.Float16}
TABLES = {
    "pandas half": lambda: pandas.DataFrame(half()),
    "pandas half, one column": lambda: pandas.DataFrame(half("y")),
    "pandas arrow half": lambda: pandas.DataFrame(half()).astype(
        pandas.ArrowDtype(pyarrow.float16())
    ),
    "numpy half": half,
    "arrow half": lambda: pyarrow.table({n: pyarrow.array(v) for n, v in half().items()}),
    "polars wide": lambda: polars.DataFrame(PLAIN).cast(WIDE),
    "polars wide lazy": lambda: polars.LazyFrame(PLAIN).cast(WIDE),
    "decimals": lambda: PLAIN | {"y": [Decimal(v) for v in PLAIN["y"]]},
}


@pytest.mark.parametrize("name", TABLES)
def test_the_same_numbers_are_one_tally(name: str) -> None:
    plain = tally_of(pandas.DataFrame(PLAIN))
    assert tally_of(TABLES[name]()).to_json() == plain.to_json()


def test_integers_beyond_64_bits_are_cut_into_quartiles() -> None:
    data = polars.DataFrame(PLAIN).with_columns(polars.col("g").cast(polars.Int128) * 10**25)
    assert len(tally_of(data).axis("group").levels) == 4  # type: ignore[union-attr]


def test_missing_wide_integers() -> None:
    data = polars.DataFrame(PLAIN).cast(WIDE)
    data = data.with_columns(polars.when(polars.col("g") > 20).then(None).otherwise("y").alias("y"))
    assert tally_of(data).nulls["target"] == 36


def test_enumerations_are_the_texts_that_they_stand_for() -> None:
    letters = ["a", "b"] * (ROWS // 2)
    kinds = (polars.Enum(["b", "a"]), polars.Categorical, polars.String)
    tallies = [
        tally_of(polars.DataFrame(PLAIN | {"y": letters}).cast({"y": kind})).to_json()
        for kind in kinds
    ]
    assert tallies[0] == tallies[1] == tallies[2]


@pytest.mark.parametrize("name", ["^y$", "*", "^.*$", "^a|s$", "^"])
@pytest.mark.parametrize("role", ["y", "g", "s"])
@pytest.mark.parametrize("lazy", [False, True])
def test_names_that_polars_reads_as_patterns(name: str, role: str, lazy: bool) -> None:
    plain = polars.DataFrame(PLAIN)
    table = plain.rename({role: name})
    found = tally_of(table.lazy() if lazy else table, **{role: name})
    assert found.tables == tally_of(plain).tables
    assert found.scores == tally_of(plain).scores
    named = fingerprint(table.lazy() if lazy else table, [name]).columns[0]
    assert named.name == name
    assert named.sha256 == fingerprint(plain, [role]).columns[0].sha256


def score_table(*odd: float) -> Tally:
    scores = [*odd, *PLAIN["s"][len(odd) :]]
    return tally_of(PLAIN | {"s": numpy.array(scores)})


@pytest.mark.parametrize("odd", [1.0000001, 1 + 2**-52, -1e-17, -1e-7])
def test_a_probability_a_hair_outside_of_its_range(odd: float) -> None:
    found = score_table(odd)
    exact = score_table(1.0 if odd > 0 else 0.0)
    assert found.scores[0].scores == exact.scores[0].scores
    assert found.scores[0].cells == exact.scores[0].cells
    assert "1 score within 1e-06 outside of [0, 1]" in found.scores[0].note
    assert Tally.from_json(found.to_json()) == found
    assert found.for_evidence().scores[0].note == found.scores[0].note
    assert "note" not in exact.to_json()["scores"][0]


@pytest.mark.parametrize("odd", [1.00001, -1e-5, 3.0])
def test_what_is_no_rounding_is_left_as_it_is(odd: float) -> None:
    found = score_table(odd, 1.0000001)
    assert {odd, 1.0000001} < set(found.scores[0].scores)
    assert found.scores[0].note == ""


def test_the_label_axis_of_a_pattern(engine: Any) -> None:
    data = engine({"*": [0, 1, 1], "^p$": [0, 1, 0]})
    binding = Binding({"target": "*", "prediction": "^p$"})
    tally = build_tally(data, needs=[Need(("target", "prediction"))], binding=binding)
    assert dense(tally, ("target", "prediction")).tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]
