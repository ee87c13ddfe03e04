"""Nothing that is written or delivered gives a single person away.

Two ways to attack. Two tables that differ in what is kept back alone (a person of a group of three
belongs to another hidden group, two rows and not three have no region, no sector, a twin, or were
in the training) must leave the very same bytes everywhere, so that no reader can tell which it was.
And of the demo, whoever reads everything and solves for the counts must find no small one.
"""

from __future__ import annotations

import base64
import json
import os
import random
import re
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.attacker import Attacker
from venturalitica.core.policy import MIN_CELL
from venturalitica.core.tally import Tally

Row = dict[str, Any]

POLICY = """\
policy: people
version: "1"
roles:
  target: {favorable: 1, column: target}
  gender: {column: gender}
  region: {column: region}
  sector: {column: sector, map: {a: A, b: B, c: C, d: D}}
  place: {column: place}
controls:
  - {id: acc, metric: accuracy, must: ">= 0.5"}
  - {id: auc, metric: roc_auc, must: ">= 0.5"}
  - {id: recall, metric: recall, must: ">= 0.5"}
  - {id: gp, metric: demographic_parity_difference, across: gender, must: "<= 0.2"}
  - {id: eo, metric: equal_opportunity_difference, across: gender, must: "<= 0.2"}
  - {id: auc-g, metric: roc_auc, across: gender, compare: min, must: ">= 0.5"}
  - {id: sel-r, metric: selection_rate, across: region, compare: difference, nulls: drop,
     must: "<= 0.2"}
  - {id: rows-r, metric: row_count, across: region, compare: min, nulls: drop, must: ">= 10"}
  - {id: sel-s, metric: selection_rate, across: sector, compare: ratio, nulls: drop,
     must: ">= 0.8"}
  - {id: ref-s, metric: selection_rate, across: sector, compare: ratio,
     must: ">= 0.8"}
  - {id: gr, metric: demographic_parity_ratio, across: [gender, region], nulls: drop,
     must: ">= 0.5"}
  - {id: bet, metric: selection_rate, across: gender, compare: between, groups: [f, m],
     must: "<= 0.5"}
  - {id: rep, metric: group_representation, across: gender, must: ">= 0.01"}
  - {id: complete, metric: completeness, must: ">= 1.0"}
  - {id: complete-r, metric: completeness, of: [region, sector, place], must: ">= 0.99"}
  - {id: balance, metric: class_balance, must: ">= 0.1"}
  - {id: place, metric: selection_rate, across: place, compare: difference, nulls: drop,
     must: "<= 0.2"}
"""

SCRIPT = """\
import mlflow, pandas
from sklearn.tree import DecisionTreeClassifier
import venturalitica as vl
train, test = pandas.read_csv("train.csv"), pandas.read_csv("test.csv")
features = ["amount", "hours"]
mlflow.set_experiment("people")
with mlflow.start_run(run_name="people"):
    with vl.monitor("people", policy="model_policy.yaml") as run:
        run.log_input(test, name="test")
        tree = DecisionTreeClassifier(max_depth=3, random_state=0)
        model = vl.wrap(tree, policy="model_policy.yaml")
        model.fit(train[features], train["target"], audit_data=test, target="target")
        vl.enforce(test, policy="model_policy.yaml", phase="data", target="target")
"""
COMMANDS = (
    ("check", "test.csv", "--phase", "data"),
    ("runs", "show", "last", "--details"),
    ("runs", "list"),
    ("verify",),
    ("report", "run", "last", "--out", "last.html"),
    ("report", "site", "site"),
)
UNREAD = ("vault/", "keys/", "config/", "cache/", "log/checkpoint", "train.csv", "test.csv")
"""The vault is sent nowhere; the rest is data, random, or a signature."""


def tables(*, other: bool) -> tuple[list[Row], list[Row]]:
    """Rows to train on and to judge; `other`: of each kind that is kept back, two for three."""
    chance = random.Random(7)

    def row(number: int) -> Row:
        target = chance.random() < 0.5
        return {
            "amount": round(chance.random() * 1000 + (300 if target else 0), 3),
            "hours": round(chance.random() * 50, 3),
            "gender": chance.choice("fm"),
            "region": chance.choice(["r1", "r2", "r3"]),
            "sector": chance.choice("abc"),
            "place": chance.choice("uvw"),
            "note": f"n{number}",
            "target": int(target),
        }

    train = [row(number) for number in range(400)]
    test = [row(1000 + number) for number in range(300)]
    # All of these are one to the tree: whoever of them is moved, no prediction is another.
    good = iter([one for one in test if one["target"] == 1 and one["amount"] > 1010])
    for name, many in (("x", 3), ("y", 6), ("z", 9)):
        for _ in range(many):
            next(good)["gender"] = name
    if other:
        next(one for one in test if one["gender"] == "x")["gender"] = "y"
    rest = list(good)
    for one in test:
        if one["region"] == "r3":
            one["region"] = "r1"
    for one in rest[:12]:
        one.update(region="r3", sector="d", place="w")
    few = 2 if other else 3
    for one in rest[:few]:
        one["region"] = ""
    for one in rest[3 : 3 + few]:
        one["sector"] = "q"
    for one in test[:30]:
        one["place"] = ""
    for place in range(3):
        train[place].update(amount=rest[20 + place]["amount"], hours=rest[20 + place]["hours"])
        rest[34 + place].update(rest[30 + place])
    if other:
        rest[22]["hours"] += 0.001  # not a row of the training any more
        rest[36]["note"] = "another"  # nor a copy
    return train, test


def everything(folder: Path, *, other: bool, environment: dict[str, str]) -> dict[str, str]:
    """All texts that training and commands write or deliver, by place."""
    for name, rows in zip(("train", "test"), tables(other=other), strict=True):
        lines = [",".join(rows[0]), *(",".join(map(str, one.values())) for one in rows)]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n")
    (folder / "model_policy.yaml").write_text(POLICY)
    (folder / "train.py").write_text(SCRIPT)
    said = run(folder, ["train.py"], environment)
    found = {"train": said}
    for command in COMMANDS:
        found[" ".join(command)] = run(folder, ["-m", "venturalitica", *command], environment)
    for name, content in written(folder):
        found[name] = found.get(name, "") + content
    assert len(found) > 40
    return {alike(name, folder): alike(content, folder) for name, content in found.items()}


def run(folder: Path, command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1, 3), done.stderr
    return done.stdout + done.stderr


def written(folder: Path) -> Iterator[tuple[str, str]]:
    """The texts of all files: payloads decoded, databases by table."""
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if not file.is_file() or any(part in name for part in UNREAD):
            continue
        if file.suffix == ".db":
            yield from rows_of(name, file, folder)
            continue
        content = file.read_bytes().decode("utf-8", "replace")
        payloads = PAYLOAD.findall(content)
        for payload in payloads:
            yield name, json.dumps(json.loads(base64.b64decode(payload)), indent=1)
        if not payloads:
            yield name, content


PAYLOAD = re.compile(r'\\?"payload\\?": ?\\?"([A-Za-z0-9+/=]+)')
"""In an envelope, alone or as a text in a bundle."""


def rows_of(name: str, file: Path, folder: Path) -> Iterator[tuple[str, str]]:
    with sqlite3.connect(file) as database:
        listed = database.execute("select name from sqlite_master where type = 'table'")
        for (table,) in listed.fetchall():
            found = [str(row) for row in database.execute(f'select * from "{table}"').fetchall()]
            # Moments; a digest that is of digits alone by chance is no other word than one.
            found = [re.sub(r"(?<![.\w])\d{12,}\b", "DIGEST", row) for row in found]
            yield f"{name} {table}", "\n".join(sorted(found, key=lambda row: alike(row, folder)))


SAME = (
    (r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?Z?", "TIME"),
    (r"(?<!\w)(?=[0-9]*[a-f])[0-9a-f]{8,}(?!\w)", "DIGEST"),
    (r"(?<![.\w])[0-9]{8,}(?![.\w])", "DIGEST"),
    (r"[A-Za-z0-9+/=_-]{40,}", "BYTES"),
    (r"\b[a-z]+-[a-z]+-\d+\b", "NAME"),
    (r"Ed25519|ECDSA P-256", "KEY"),
    (r"\b[\d,]+ bytes", "BYTES"),
    (r"--port(</span>)? \d+|127\.0\.0\.1:\d+", "PORT"),
    (r"<dt>Took</dt><dd>[^<]*", "TOOK"),
    (r"\b\d+(\.\d+)? (ms|s|min)\b", "TOOK"),
)


def alike(text: str, folder: Path) -> str:
    """The text without what is another in each run: places, times, digests, random names."""
    text = text.replace("<wbr>", "").replace(str(folder), "PLACE").replace(folder.name, "PLACE")
    for pattern, word in SAME:
        text = re.sub(pattern, word, text)
    return text


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    unset = ("MLFLOW_", "VENTURALITICA_", "WANDB_")
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith(unset)},
        "MLFLOW_TRACKING_URI": "sqlite:///mlflow.db",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "VENTURALITICA_HOME": ".venturalitica",
        "VENTURALITICA_CONFIG": "config",
        "VENTURALITICA_TRACKER_WAIT": "100",
        "PYTHONWARNINGS": "ignore",
    }


def test_two_tables_that_differ_in_what_is_kept_back_leave_the_same(
    tmp_path: Path, environment: dict[str, str], empty_store: Any
) -> None:
    found = []
    for name in ("one", "two"):
        folder = tmp_path / f"people-{name}"
        folder.mkdir()
        empty_store(folder / "mlflow.db")
        found.append(everything(folder, other=name == "two", environment=environment))
    one, two = found
    assert one.keys() == two.keys()
    told = [name for name in one if sorted(one[name].split("\n")) != sorted(two[name].split("\n"))]
    assert told == [], differing(one[told[0]], two[told[0]])
    assert "1 group is not judged" in "".join(one.values())
    assert "fewer than 5 rows have no region" in "".join(one.values())


def differing(one: str, two: str) -> list[str]:
    mine, theirs = Counter(one.split("\n")), Counter(two.split("\n"))
    return sorted(((mine - theirs) + (theirs - mine)).elements())[:6]


COUNTS = re.compile(r"\bn=([\d,]+)|\b([\d,]+) (?:rows?|missing)\b|>([\d,]+) rows?<")


def test_of_the_demo_no_small_count_follows(tmp_path: Path, environment: dict[str, str]) -> None:
    """One of the counts tells that the only woman of sixty or over is a bad credit, refused."""
    out = tmp_path / "demo"
    said = run(tmp_path, ["-m", "venturalitica", "demo", "--out", str(out)], environment)
    environment = environment | {"VENTURALITICA_HOME": str(out / ".venturalitica")}
    said += run(out, ["-m", "venturalitica", "report", "site", "site"], environment)
    texts = [said, *(content for _, content in written(out))]
    counts = [
        int("".join(m.groups("")).replace(",", "")) for t in texts for m in COUNTS.finditer(t)
    ]
    assert len(counts) > 20
    assert not [count for count in counts if 0 < count < MIN_CELL]

    (record,) = [json.loads(t) for name, t in written(out) if name.endswith("entries.jsonl")]
    told = record["predicate"]
    kept = json.loads((out / f".venturalitica/vault/{told['tally']['vault']}.json").read_text())
    tally = Tally.from_json(json.loads(kept["value"]))
    attacker = Attacker(tally, told["verdicts"], told["axes"], least=MIN_CELL)
    assert attacker.given_away() == []
    small = [cell for cell in tally.table(("target", "prediction", "gender", "age")).cells
             if cell[-1] < MIN_CELL]  # fmt: skip
    assert len(small) > 3
    for target, prediction, gender, age, count in small:
        low, high = attacker.solve({"gender": gender, "age": age}, (target, prediction))
        assert low < high, (target, prediction, gender, age, count)
