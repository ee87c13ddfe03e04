from __future__ import annotations

import hashlib
import importlib.util
import re
from collections import Counter

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.preprocessing import OrdinalEncoder

from venturalitica.core.origin import install_line
from venturalitica.demo import german_credit as german
from venturalitica.demo import load_german_credit
from venturalitica.errors import DataError, MissingExtra, SettingsError

PUBLISHED = "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871"


def test_the_shipped_file_is_the_published_one() -> None:
    assert hashlib.sha256(german.DATA.read_bytes()).hexdigest() == PUBLISHED
    attribution = (german.FOLDER / "ATTRIBUTION.md").read_text()
    for fact in (PUBLISHED, "Hans Hofmann", "10.24432/C5NC77", "CC BY 4.0", "Changes | none"):
        assert fact in attribution


def test_a_changed_file_is_refused(tmp_path, monkeypatch) -> None:
    changed = tmp_path / "german.data"
    changed.write_bytes(german.DATA.read_bytes().replace(b"A11", b"A12", 1))
    monkeypatch.setattr(german, "DATA", changed)
    with pytest.raises(DataError, match="install the package again"):
        load_german_credit()


def test_columns_are_those_of_the_documentation() -> None:
    columns = german.read_columns()
    assert list(columns) == [*(f"Attribute{n}" for n in range(1, 21)), "class"]
    assert {len(values) for values in columns.values()} == {1000}
    assert Counter(columns["class"]) == {1: 700, 2: 300}
    assert Counter(columns["Attribute9"]) == {"A93": 548, "A92": 310, "A94": 92, "A91": 50}
    assert (min(columns["Attribute13"]), max(columns["Attribute13"])) == (19, 75)
    assert columns["Attribute1"][0] == "A11"
    assert columns["Attribute2"][0] == 6


@pytest.mark.parametrize(
    ("engine", "kind"), [("pandas", pd.DataFrame), ("polars", pl.DataFrame), ("pyarrow", pa.Table)]
)
def test_every_engine_gives_the_same_values(engine, kind) -> None:
    frame = load_german_credit(engine=engine)
    assert isinstance(frame, kind)
    columns = german.read_columns()
    for name, values in columns.items():
        column = frame[name]
        found = column.to_pylist() if engine == "pyarrow" else column.to_list()
        assert found == values


def test_numpy_gives_a_dict_of_arrays() -> None:
    arrays = load_german_credit(engine="numpy")
    assert all(array.shape == (1000,) for array in arrays.values())
    assert arrays["Attribute13"].dtype.kind == "i"
    assert arrays["Attribute9"].dtype.kind == "U"


def test_the_first_engine_installed_is_taken(monkeypatch) -> None:
    assert german.chosen_engine(None) == "pandas"
    installed = {"pyarrow", "numpy"}
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in installed else None
    )
    assert german.chosen_engine(None) == "pyarrow"
    installed.remove("pyarrow")
    assert german.chosen_engine(None) == "numpy"
    with pytest.raises(MissingExtra, match=re.escape(install_line("polars"))):
        german.chosen_engine("polars")


def test_an_unknown_engine_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean 'pandas'"):
        german.chosen_engine("panda")  # type: ignore[arg-type]


def test_the_split_is_fixed_and_stratified() -> None:
    columns = german.read_columns()
    kept, held_out = german.split(columns)
    assert sorted([*kept, *held_out]) == list(range(1000))
    assert Counter(columns["class"][row] for row in held_out) == {1: 210, 2: 90}
    # Golden: the split never changes, or every number in the documentation would.
    digest = hashlib.sha256(",".join(map(str, held_out)).encode()).hexdigest()
    assert digest == SPLIT_SHA256


SPLIT_SHA256 = "64a4a9ec440524da6ec23bc096f77ab2ab4cb3b675d4d22d7170aefd7c8ab576"


def test_codes_become_their_rank_and_numbers_stay() -> None:
    columns = german.read_columns()
    numbers = german.encode(columns)
    assert set(numbers) == set(german.FEATURES)
    assert list(numbers)[:2] == ["Attribute1", "Attribute3"]
    assert list(numbers)[-2:] == ["Attribute16", "Attribute18"]
    assert numbers["Attribute13"] == columns["Attribute13"]
    assert [numbers["Attribute1"][columns["Attribute1"].index(f"A1{n}")] for n in range(1, 5)] == [
        0,
        1,
        2,
        3,
    ]
    encoder = OrdinalEncoder()
    purposes = encoder.fit_transform(np.asarray(columns["Attribute4"]).reshape(-1, 1))
    assert purposes.ravel().tolist() == numbers["Attribute4"]
    assert np.asarray(list(numbers.values())).dtype.kind == "i"
