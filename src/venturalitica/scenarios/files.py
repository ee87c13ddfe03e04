"""The files of a scenario, for a folder of one's own: policy, data, and a script to start from."""

from __future__ import annotations

import csv
import io
import logging
from collections.abc import Mapping
from pathlib import Path

from venturalitica.errors import SettingsError
from venturalitica.scenarios import german_credit as german
from venturalitica.scenarios.names import check_name

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
    columns = german.read_columns()
    kept, held_out = german.split(columns)
    return {
        "model_policy.yaml": german.POLICY.read_bytes(),
        "train.csv": _csv(german.take(columns, kept)),
        "test.csv": _csv(german.take(columns, held_out)),
        "train.py": SCRIPT.encode(),
    }


def _write(path: Path, data: bytes, *, overwrite: bool) -> Path:
    if path.exists() and not overwrite:
        if path.read_bytes() != data:
            log.warning("%s was changed since it was written; it is kept as it is", path)
        return path
    path.write_bytes(data)
    return path


def _csv(columns: german.Columns) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue().encode()
