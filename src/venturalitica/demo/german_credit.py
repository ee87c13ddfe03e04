"""The German Credit data that ship in the package, as the table of whichever library is installed.

1,000 rows, `Attribute1` to `Attribute20` and `class` (1 good, 2 bad); Hofmann 1994, CC BY 4.0, see
`data/german_credit/ATTRIBUTION.md`.
"""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import io
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from venturalitica.errors import DataError, MissingExtra, SettingsError, did_you_mean

Engine = Literal["pandas", "polars", "pyarrow", "numpy"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
"""In the order in which they are looked for; numpy is always there."""

FOLDER = Path(__file__).parents[1] / "data" / "german_credit"
DATA = FOLDER / "german.data"
POLICY = FOLDER / "model_policy.yaml"
SHA256 = "b21f3d81db8071257d5ff1deaeba1fd4303b62712e6fcc9715c7a86202cb5871"

FEATURES = tuple(f"Attribute{number}" for number in range(1, 21))
TARGET = "class"
GOOD, BAD = 1, 2

Columns = Mapping[str, Sequence[Any]]


def load_german_credit(*, engine: Engine | None = None) -> Any:
    """The whole data set.

    Args:
        engine: `"pandas"`, `"polars"`, `"pyarrow"` or `"numpy"` (a dict of arrays of shape
            (1000,)); the first one installed if None.

    Raises:
        DataError: the file in the package is not the published one.
        MissingExtra: the engine asked for is not installed.
    """
    return to_frame(read_columns(), engine=chosen_engine(engine))


def read_columns() -> dict[str, list[Any]]:
    """Column name -> 1,000 values: integers where the whole column is whole numbers, else text.

    Raises:
        DataError: the file's digest is not `SHA256`.
    """
    data = DATA.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise DataError(
            f"{DATA} has SHA-256 {found}, expected {SHA256}: the installed file was changed; "
            "install the package again"
        )
    rows = [line.split() for line in data.decode("ascii").splitlines()]
    names = (*FEATURES, TARGET)
    return {name: _typed([row[at] for row in rows]) for at, name in enumerate(names)}


def _typed(values: list[str]) -> list[Any]:
    return [int(value) for value in values] if all(v.isdecimal() for v in values) else values


def chosen_engine(engine: Engine | None) -> Engine:
    """`engine`, checked; or the first one installed.

    Raises:
        SettingsError: there is no such engine.
        MissingExtra: it is not installed.
    """
    if engine is None:
        return next(name for name in ENGINES if importlib.util.find_spec(name) is not None)
    if engine not in ENGINES:
        known = ", ".join(ENGINES)
        raise SettingsError(
            f"no engine {engine!r}{did_you_mean(str(engine), ENGINES)}; one of {known}"
        )
    if importlib.util.find_spec(engine) is None:
        raise MissingExtra(engine, "polars" if engine == "polars" else "all")
    return engine


def to_frame(columns: Columns, *, engine: Engine) -> Any:
    """The columns as a table of the engine's."""
    return _MAKERS[engine](columns)


def _pandas(columns: Columns) -> Any:
    import pandas

    return pandas.DataFrame(dict(columns))


def _polars(columns: Columns) -> Any:
    import polars

    return polars.DataFrame(dict(columns))


def _pyarrow(columns: Columns) -> Any:
    import pyarrow

    return pyarrow.table({name: list(values) for name, values in columns.items()})


def _numpy(columns: Columns) -> Any:
    import numpy

    return {name: numpy.asarray(values) for name, values in columns.items()}


_MAKERS: Mapping[Engine, Callable[[Columns], Any]] = {
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "numpy": _numpy,
}


def split(columns: Columns, *, share: float = 0.3) -> tuple[list[int], list[int]]:
    """Row numbers for training and for testing: fixed for ever, the same share of each class.

    Rows are drawn by the SHA-256 of their number, so the split depends on no library's random
    numbers.
    """
    test: set[int] = set()
    for label in (GOOD, BAD):
        rows = [row for row, value in enumerate(columns[TARGET]) if value == label]
        test.update(sorted(rows, key=_draw)[: round(len(rows) * share)])
    everything = range(len(columns[TARGET]))
    return [row for row in everything if row not in test], sorted(test)


def _draw(row: int) -> bytes:
    return hashlib.sha256(b"loan:%d" % row).digest()


def take(columns: Columns, rows: Sequence[int]) -> dict[str, list[Any]]:
    """These rows of every column."""
    return {name: [values[row] for row in rows] for name, values in columns.items()}


def encode(columns: Columns) -> dict[str, list[int]]:
    """The features as numbers, those that were codes first: `A11` 0, `A12` 1, and so on.

    As scikit-learn's `OrdinalEncoder` and a column transformer do, with the codes of the whole
    data set: the forest is the very one that the scenario's `train.py` grows.
    """
    codes = [name for name in FEATURES if isinstance(columns[name][0], str)]
    names = [*codes, *(name for name in FEATURES if name not in codes)]
    return {name: _ranks(columns[name]) for name in names}


def _ranks(values: Sequence[Any]) -> list[int]:
    if isinstance(values[0], int):
        return list(values)
    rank = {code: at for at, code in enumerate(sorted(set(values)))}
    return [rank[value] for value in values]


log = logging.getLogger(__name__)

SCRIPT = '''\
"""Train the loan model inside an MLflow run; venturalitica audits it on held-out rows.

Needs MLflow, pandas and scikit-learn: all of them come with venturalitica's extra "all".
"""

import mlflow
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder

import venturalitica as vl

train, test = pd.read_csv("train.csv"), pd.read_csv("test.csv")
codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
encode = make_column_transformer(
    (codes, make_column_selector(dtype_exclude="number")), remainder="passthrough"
)
forest = make_pipeline(encode, RandomForestClassifier(random_state=4))

with mlflow.start_run():
    model = vl.wrap(forest, policy="model_policy.yaml")
    model.fit(
        train.drop(columns="class"),
        train["class"],
        audit_data=test,
        gender="Attribute9",
        age="Attribute13",
    )
'''


def copy_to(folder: str | Path, *, name: str = "loan", overwrite: bool = False) -> tuple[Path, ...]:
    """Write `model_policy.yaml`, `train.csv`, `test.csv` and `train.py` to a folder.

    A file that is there already with other contents is the user's work: it is kept unless
    `overwrite`, and a message says so. The folder is made if it does not exist.

    Returns:
        The paths of all the scenario's files, written or kept.

    Raises:
        SettingsError: there is no scenario of that name, or the folder cannot be written.
    """
    check_name(name)
    target = Path(folder)
    try:
        target.mkdir(parents=True, exist_ok=True)
        return tuple(
            _write(target / file, data, overwrite=overwrite) for file, data in _files().items()
        )
    except OSError as error:
        raise SettingsError(
            f"the scenario cannot be written to {str(target)!r} ({error.strerror or error}): "
            "give a folder that exists or can be made"
        ) from error


def _files() -> Mapping[str, bytes]:
    columns = read_columns()
    kept, held_out = split(columns)
    return {
        "model_policy.yaml": POLICY.read_bytes(),
        "train.csv": _csv(take(columns, kept)),
        "test.csv": _csv(take(columns, held_out)),
        "train.py": SCRIPT.encode(),
    }


def _write(path: Path, data: bytes, *, overwrite: bool) -> Path:
    if path.exists() and not overwrite:
        if path.read_bytes() != data:
            log.warning("%s was changed since it was written; it is kept as it is", path)
        return path
    path.write_bytes(data)
    return path


def _csv(columns: Columns) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()


SCENARIOS = ("loan",)


def check_name(name: object) -> None:
    """Refuse an unknown scenario, naming the nearest and all.

    Raises:
        SettingsError: there is no scenario of that name.
    """
    if name not in SCENARIOS:
        known = ", ".join(repr(scenario) for scenario in SCENARIOS)
        hint = did_you_mean(str(name), SCENARIOS)
        raise SettingsError(f"there is no scenario {name!r}{hint}; those that ship: {known}")
