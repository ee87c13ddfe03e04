"""What one `fit` in an MLflow run executes, and the walk of docs/architecture.md through it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "venturalitica"
EXECUTED = 152
WALKED = 32

# The two lines of the README, in a process of their own. A file counts once one of its functions
# ran, from the import to the end of delivery and page; that its module was imported is no
# execution, and a function that ran for an import alone says nothing of the order.
SCRIPT = """
import atexit, json, sys, threading
from pathlib import Path

import mlflow
import pandas
from sklearn.ensemble import RandomForestClassifier

source = sys.argv[1]
data = Path(source, "data", "german_credit")
rows = [line.split() for line in Path(data, "german.data").read_text().splitlines()]
names = [f"Attribute{number}" for number in range(1, 21)]
train_df = pandas.DataFrame(rows, columns=[*names, "class"]).astype({"class": int})
train_df["Attribute13"] = train_df["Attribute13"].astype(int)
X_train = train_df[names].apply(lambda column: column.astype("category").cat.codes)
y_train = train_df["class"]
executed, walked = {}, {}

def trace(frame, event, argument):
    code = frame.f_code
    file = code.co_filename.removeprefix(source)
    if file == code.co_filename or not file.endswith(".py"):  # others', or a template of a page
        return
    if not code.co_flags & 2:  # the body of a module or a class
        return
    executed[file] = True
    if file not in walked and not imports(frame):
        walked[file] = True

def imports(frame):
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename.startswith(source):
            return True
        frame = frame.f_back
    return False

def tell():
    sys.settrace(None)
    threading.settrace(None)
    Path("executed.json").write_text(json.dumps([list(executed), list(walked)]))

atexit.register(tell)  # called last: after what the package awaits at exit
threading.settrace(trace)
sys.settrace(trace)
import venturalitica as vl

with mlflow.start_run():
    model = vl.wrap(RandomForestClassifier(), policy=str(data / "model_policy.yaml"))
    model.fit(X_train, y_train, audit_data=train_df, gender="Attribute9", age="Attribute13")
"""


@dataclass(frozen=True)
class Fit:
    """Files of ours that it executed; those `walked` in the order in which they first ran."""

    executed: list[str]
    walked: list[str]


@pytest.fixture(scope="module")
def fit(empty_database: Path, tmp_path_factory: pytest.TempPathFactory) -> Fit:
    folder = tmp_path_factory.mktemp("walk")
    shutil.copy(empty_database, folder)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    patient = {"VENTURALITICA_TRACKER_WAIT": "100", "VENTURALITICA_HOME": str(folder / "evidence")}
    store = {"MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    subprocess.run(
        [sys.executable, "-c", SCRIPT, f"{SOURCE}{os.sep}"],
        check=True,
        cwd=folder,
        env=kept | patient | store,
    )
    found = Fit(*json.loads((folder / "executed.json").read_text()))
    assert "reports/html/page.py" in found.walked, "the page was not drawn"
    return found


def test_a_fit_executes_few_files(fit: Fit) -> None:
    assert len(fit.executed) <= EXECUTED, "\n".join(sorted(fit.executed))


def test_the_walk_names_its_files_in_the_order_in_which_they_run(fit: Fit) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    (walk,) = re.findall(r"^## The walk(.*?)^## ", page, re.M | re.S)
    named = list(dict.fromkeys(re.findall(r"`([\w/]+\.py)`", walk)))
    assert 0 < len(named) <= WALKED
    assert [file for file in named if file not in fit.walked] == [], "no fit executes them"
    assert named == sorted(named, key=fit.walked.index), "\n".join(fit.walked)
