"""What is planned, what is kept, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import narwhals
import numpy
import pandas
import polars
import pyarrow
import pytest

from tests.tally.dense import dense
from venturalitica.core.policy import Role
from venturalitica.errors import BindingError, DataError
from venturalitica.metrics.catalog.spec import SCORE, Need
from venturalitica.provenance.fingerprint import fingerprint
from venturalitica.tally.binding import Binding
from venturalitica.tally.build import STORED_CELLS, build_tally
from venturalitica.tally.engines.narwhals import column_names

pytestmark = pytest.mark.usefixtures("counted_by")

LABELS = {"target": "y", "prediction": "p"}


def test_a_need_with_an_unbound_role_is_left_out() -> None:
    needs = [Need(("target",)), Need(("target",), ("gender",)), Need(("target",), number=SCORE)]
    tally = build_tally({"y": [1, 0]}, needs=needs, binding=Binding({"target": "y"}))
    assert [axis.role for axis in tally.axes] == ["target"]
    assert tally.scores == ()


def test_nulls_are_counted_for_every_bound_role_also_without_a_table(engine: Any) -> None:
    data = engine({"y": [1, None, 0], "note": ["a", None, None], "x": [0.5, float("nan"), 1.5]})
    binding = Binding({"target": "y", "comment": "note", "measure": "x"}, {"extra": [1, None, 2]})
    tally = build_tally(data, needs=[Need(("target",))], binding=binding)
    assert tally.nulls == {"target": 1, "comment": 2, "measure": 1, "extra": 1}
    assert [axis.role for axis in tally.axes] == ["target"]


def test_only_the_number_of_rows(engine: Any) -> None:
    tally = build_tally(engine({"y": [1, 2, 3]}), needs=[Need()], binding=Binding())
    assert (tally.rows, tally.axes, tally.tables) == (3, (), ())
    assert dense(tally, ()).item() == 3


def test_one_column_in_two_roles(engine: Any) -> None:
    data = engine({"y": [1, 0, 1], "age": [20, 40, 70]})
    roles = {"young": Role("young", bins=(30,)), "age": Role("age", bins=(25, 60))}
    binding = Binding({"target": "y", "young": "age", "age": "age"})
    tally = build_tally(
        data, needs=[Need(("target",), ("young", "age"))], binding=binding, roles=roles
    )
    assert dense(tally, ("young", "age"))[:-1, :-1].tolist() == [[1, 0, 0], [0, 1, 1]]


def test_the_joint_table_is_kept_while_it_is_small() -> None:
    columns = {"y": [0, 1] * 10, "a": list("ab") * 10, "b": list("cdcd") * 5}
    binding = Binding({"target": "y", "one": "a", "two": "b"})
    needs = [Need(("target",), ("one",)), Need(("target",), ("two",))]
    tally = build_tally(columns, needs=needs, binding=binding)
    assert [table.roles for table in tally.tables] == [("target", "one", "two")]


@pytest.mark.parametrize("many", [60, 500])
def test_a_large_joint_is_summed_into_the_tables_that_were_asked_for(
    many: int, engines: dict[str, Any]
) -> None:
    """60 × 60 groups are counted jointly and summed; 500 × 500 × 500 in one pass per table."""
    generator = numpy.random.default_rng(1)
    columns = {
        name: [f"{name}{value}" for value in generator.integers(0, many, 6_000)] for name in "abc"
    }
    columns["y"] = generator.integers(0, 2, 6_000).tolist()
    binding = Binding({"target": "y", "one": "a", "two": "b", "three": "c"})
    needs = [Need(("target",)), *(Need(("target",), (role,)) for role in ("one", "two", "three"))]
    found = {
        name: build_tally(engines[name](columns), needs=needs, binding=binding)
        for name in ("arrays", "polars", "pandas", "pyarrow")
    }
    tally = found["polars"]
    assert [table.roles for table in tally.tables] == [
        ("target", "one"),
        ("target", "two"),
        ("target", "three"),
    ]
    assert all(other == tally for other in found.values())
    assert dense(tally, ("target",)).sum() == 6_000
    assert max(len(table.cells) for table in tally.tables) <= STORED_CELLS
    with pytest.raises(DataError, match="no counts over one × two"):
        dense(tally, ("one", "two"))


def test_a_table_that_would_be_a_copy_of_the_data_is_refused() -> None:
    generator = numpy.random.default_rng(1)
    data = {name: generator.integers(0, 900, 120_000).astype(str) for name in "ab"}
    binding = Binding({"one": "a", "two": "b"})
    with pytest.raises(DataError, match=r"one × two has 11\d,\d+ combinations"):
        build_tally(data, needs=[Need((), ("one", "two"))], binding=binding)


def test_lengths_must_match(engine: Any) -> None:
    binding = Binding({"target": "y"}, {"prediction": [1, 0]})
    with pytest.raises(DataError, match=r"has 3.* has 2|has 2.* has 3"):
        build_tally(engine({"y": [1, 0, 1]}), needs=[Need(("target",))], binding=binding)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (numpy.zeros((3, 2)), r"shape \(3, 2\): expected one value per row"),
        (numpy.array(1), r"shape \(\)"),
        (pandas.DataFrame({"a": [1, 2, 3], "b": [1, 2, 3]}), r"shape \(3, 2\)"),
        ([[1], [2, 3], [1]], "labels and groups must be"),
    ],
)
def test_arrays_must_have_one_value_per_row(values: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        build_tally(None, needs=[Need(("target",))], binding=Binding({}, {"target": values}))


def test_a_sparse_matrix_is_refused() -> None:
    scipy_sparse = pytest.importorskip("scipy.sparse")
    matrix = scipy_sparse.csr_matrix(numpy.eye(3))
    with pytest.raises(DataError, match="sparse matrix"):
        build_tally(None, needs=[Need(("target",))], binding=Binding({}, {"target": matrix}))


@pytest.mark.parametrize(
    "values",
    [
        [[1], [0], [1]],
        numpy.array([[1], [0], [1]]),
        pandas.DataFrame({"y": [1, 0, 1]}),
        polars.DataFrame({"y": [1, 0, 1]}),
        pandas.Series([1, 0, 1], index=[5, 6, 7]),
        pandas.Categorical([1, 0, 1]),
        polars.Series([1.0, 0.0, 1.0]),
        narwhals.from_native(polars.Series([1, 0, 1]), series_only=True),
        (1, 0, 1),
    ],
)
def test_whatever_holds_one_value_per_row_is_an_array(values: Any) -> None:
    binding = Binding({}, {"target": values})
    tally = build_tally(None, needs=[Need(("target",))], binding=binding)
    assert tally.tables[0].cells == ((0, 1), (1, 2))


@pytest.mark.parametrize("data", [5, "file.csv", numpy.eye(2), [1, 2], polars.Series([1])])
def test_what_is_no_table_is_refused(data: Any) -> None:
    with pytest.raises(DataError, match=r"expected a table with named columns|not a table"):
        build_tally(data, needs=[], binding=Binding())


def test_two_columns_of_one_name_are_refused() -> None:
    frame = pandas.DataFrame([[1, 2], [3, 4]], columns=["y", "y"])
    with pytest.raises(DataError, match="several columns of one name"):
        build_tally(frame, needs=[Need(("target",))], binding=Binding({"target": "y"}))


def test_a_column_that_is_not_there(engine: Any) -> None:
    with pytest.raises(BindingError, match="'nope'"):
        build_tally(engine({"y": [1]}), needs=[], binding=Binding({"target": "nope"}))


@pytest.mark.parametrize(
    "values", [[[1], [2]], [{"a": 1}, {"a": 2}], [b"a", b"b"]], ids=["lists", "structs", "bytes"]
)
def test_columns_that_hold_no_labels_are_refused(values: list[Any]) -> None:
    for data in (polars.DataFrame({"y": values}), pandas.DataFrame({"y": values})):
        with pytest.raises(DataError, match=r"column 'y' holds .* values"):
            build_tally(data, needs=[Need(("target",))], binding=Binding({"target": "y"}))


def test_names_of_columns(engine: Any) -> None:
    assert column_names(engine({"y": [1], "a b": ["x"]})) == ["y", "a b"]
    assert column_names(None) is None


def test_the_data_is_left_as_it_was() -> None:
    frame = pandas.DataFrame({"y": [1, 0], "s": [0.1, 0.9]}, index=[4, 4])
    before = frame.copy()
    binding = Binding({"target": "y", "score": "s"}, {"prediction": numpy.array([1, 1])})
    build_tally(frame, needs=[Need(("target",), number=SCORE)], binding=binding)
    pandas.testing.assert_frame_equal(frame, before)


def test_arrays_need_no_data_frame_library() -> None:
    code = (
        "import sys\n"
        "for name in ('pandas', 'polars', 'pyarrow'): sys.modules[name] = None\n"
        "import numpy\n"
        "from venturalitica.tally.binding import Binding\n"
        "from venturalitica.metrics.catalog.spec import SCORE\n"
        "from venturalitica.metrics.catalog.spec import Need\n"
        "from venturalitica.tally.build import build_tally\n"
        "from venturalitica.provenance.fingerprint import fingerprint\n"
        "data = {'y': numpy.array([1, 0, 1]), 's': numpy.array([.1, .2, .9])}\n"
        "t = build_tally(data, needs=[Need(('target',), number=SCORE)],\n"
        "                binding=Binding({'target': 'y', 'score': 's'}))\n"
        "assert t.rows == 3 and len(t.scores[0].scores) == 3\n"
        "assert fingerprint(data).rows == 3\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_examples_of_the_documentation_run() -> None:
    page = Path(__file__).parents[2] / "docs" / "tallies.md"
    parts = page.read_text(encoding="utf-8").split("```python\n")[1:]
    assert len(parts) == 2
    code = "\n".join(part.partition("```")[0] for part in parts)
    exec(compile(code, str(page), "exec"), {})


def test_numbered_columns_and_record_batches() -> None:
    frame = pandas.DataFrame(numpy.array([[0, 5], [1, 6]]))
    assert column_names(frame) == ["0", "1"]
    tally = build_tally(frame, needs=[Need(("target",))], binding=Binding({"target": "0"}))
    batch = pyarrow.record_batch({"0": [0, 1], "1": [5, 6]})
    again = build_tally(batch, needs=[Need(("target",))], binding=Binding({"target": "0"}))
    assert tally == again
    assert fingerprint(frame).sha256 == fingerprint(batch).sha256
    assert list(frame.columns) == [0, 1]
