from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from tests.tally.dense import dense
from venturalitica.core.levels import NULL
from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.errors import DataError

TALLY = Tally(
    rows=10,
    axes=(
        Axis("target", "class", (1, 2)),
        Axis("prediction", "prediction", (1, 2)),
        Axis("gender", "Attribute9", ("female", "male"), nulls=1, unmapped={"A95": 1}, note="n"),
    ),
    tables=(
        Table(
            ("target", "prediction", "gender"),
            ((0, 0, NULL, 2), (0, 0, 0, 3), (0, 1, 1, 1), (1, 1, 0, 4)),
        ),
        Table(("target", "gender"), ((0, NULL, 2), (0, 0, 3), (0, 1, 1), (1, 0, 4))),
    ),
    scores=(ScoreTable(("target",), (0.0, 0.5, 1.0), ((0, 0, 6), (1, 2, 4))),),
    nulls={"target": 0, "gender": 1},
)
GOLDEN = "4d78ca0052854316bd221504a17bd863696addbe0870e65adddf01d9698a89f1"


def test_round_trip_through_json() -> None:
    text = json.dumps(TALLY.to_json(), allow_nan=False)
    read = Tally.from_json(json.loads(text))
    assert read == TALLY
    assert read.sha256 == TALLY.sha256
    assert all(isinstance(score, float) for score in read.scores[0].scores)


def test_the_digest_is_pinned() -> None:
    """A change of the stored form is a new format number, never a silent change of digests."""
    assert TALLY.sha256 == GOLDEN


def test_any_change_changes_the_digest() -> None:
    others = [
        replace(TALLY, rows=11),
        replace(TALLY, nulls={}),
        replace(TALLY, tables=TALLY.tables[:1]),
        replace(TALLY, axes=TALLY.axes[::-1]),
        replace(TALLY, scores=()),
    ]
    assert len({TALLY.sha256, *(other.sha256 for other in others)}) == 6


def test_another_format_is_refused_with_the_way_out() -> None:
    with pytest.raises(DataError, match=r"format 'venturalitica/tally/v9'.*newer"):
        Tally.from_json({**TALLY.to_json(), "format": "venturalitica/tally/v9"})


def test_marginals_are_summed_out_of_the_smallest_table() -> None:
    assert TALLY.table(("target", "gender")) is TALLY.tables[1]
    assert TALLY.table(("gender",)).cells == ((NULL, 2), (0, 7), (1, 1))
    assert TALLY.table(("gender", "target")).cells == (
        (NULL, 0, 2),
        (0, 0, 3),
        (0, 1, 4),
        (1, 0, 1),
    )


def test_dense_counts() -> None:
    assert dense(TALLY, ("target", "gender")).tolist() == [[3, 1, 2], [4, 0, 0], [0, 0, 0]]
    assert dense(TALLY, ("gender", "target")).tolist() == [[3, 4, 0], [1, 0, 0], [2, 0, 0]]
    assert dense(TALLY, ("prediction",)).tolist() == [5, 5, 0]
    assert dense(TALLY, ()).item() == 10


def test_a_table_that_is_not_there() -> None:
    for call in (TALLY.table, lambda roles: dense(TALLY, roles)):
        with pytest.raises(DataError, match="no counts over target × age"):
            call(("target", "age"))
    with pytest.raises(DataError, match="it has: none"):
        Tally(rows=0, axes=()).table(("target",))
