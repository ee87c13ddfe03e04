"""`venturalitica baseline`: a signed file of distributions, and `check` against it."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from venturalitica.cli.reading import data_files

POLICY = """\
policy: batches
version: "1"
roles: {gender: {column: sex}}
controls:
  - {id: all, metric: chi_square_distance, columns: all, against: baseline.json, must: "<= 0.2"}
  - {id: one, metric: jensen_shannon_distance, of: gender, against: baseline.json, must: "<= 0.2"}
"""


def write_rows(path: Path, rows: int, seed: int, *, older: float = 0.0) -> None:
    draw = random.Random(seed)
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["age", "sex", "town"])
        for _ in range(rows):
            age = round(draw.gauss(40 + older, 9), 1)
            writer.writerow([age, draw.choice("fm"), draw.choice(["north", "south", "west"])])


@pytest.fixture
def files(project: Path) -> Path:
    (project / "model_policy.yaml").write_text(POLICY)
    write_rows(project / "train.csv", 3_000, 1)
    write_rows(project / "same.csv", 2_000, 2)
    write_rows(project / "older.csv", 2_000, 3, older=9)
    return project


def test_it_is_written_and_checked_against(call, files: Path) -> None:
    made = call("baseline", "train.csv")
    assert made.exit_code == 0, made.stderr
    assert "wrote baseline.json: 3,000 rows, signed by key" in made.stdout
    assert call("check", "same.csv").exit_code == 0
    moved = call("check", "older.csv", "--json")
    assert moved.exit_code == 1
    found = {verdict["control"]: verdict for verdict in json.loads(moved.stdout)["verdicts"]}
    assert (found["all"]["status"], found["one"]["status"]) == ("failed", "passed")
    assert [group["name"] for group in found["all"]["groups"]] == ["age", "sex", "town"]
    assert call("verify").exit_code == 0


def test_many_rows_stay_on_the_engine_and_give_the_same(
    call, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen() -> tuple[list[dict], list[dict]]:
        made = json.loads(call("baseline", "train.csv", "--force", "--json").stdout)
        verdicts = json.loads(call("check", "older.csv", "--json").stdout)["verdicts"]
        return made["distributions"], [verdict["groups"] for verdict in verdicts]

    few = seen()
    monkeypatch.setattr(data_files, "_FEW_BYTES", 0)
    monkeypatch.setattr(data_files, "LAZY_ABOVE", 100)
    assert seen() == few
    assert call("verify").exit_code == 0


def test_what_is_printed_for_programs_holds_no_count(call, files: Path) -> None:
    told = json.loads(call("baseline", "train.csv", "--json", "--out", "b.json").stdout)
    assert (told["file"], told["rows"], told["left_out"]) == ("b.json", 3_000, {})
    assert {"name": "age", "role": False, "cells": 10} in told["distributions"]
    assert {"name": "gender", "role": True, "cells": 3} in told["distributions"]
    assert "counts" not in json.dumps(told)


def test_only_some_columns(call, files: Path) -> None:
    told = json.loads(call("baseline", "train.csv", "--column", "age", "--json").stdout)
    assert [one["name"] for one in told["distributions"]] == ["age", "gender"]
    wrong = call("baseline", "train.csv", "--column", "aeg", "--force")
    assert wrong.exit_code == 2
    assert "there is no column 'aeg'; did you mean 'age'?" in wrong.stderr


def test_a_file_is_not_overwritten_unasked(call, files: Path) -> None:
    assert call("baseline", "train.csv").exit_code == 0
    before = (files / "baseline.json").read_bytes()
    kept = call("baseline", "same.csv")
    assert kept.exit_code == 2
    assert "exists and is kept; --force overwrites it" in kept.stderr
    assert (files / "baseline.json").read_bytes() == before
    assert call("baseline", "same.csv", "--force").exit_code == 0
    assert (files / "baseline.json").read_bytes() != before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["train.csv", "--out", "baseline.txt"], "expected a name that ends with .json"),
        (["train.csv", "--role", "gender"], "expected ROLE=COLUMN"),
        (["train.csv", "--role", "gendre=sex"], "is no role of the policy; did you mean 'gender'?"),
        (["nothing.csv"], "nothing.csv"),
    ],
)
def test_what_is_wrong_is_said(call, files: Path, arguments: list[str], why: str) -> None:
    result = call("baseline", *arguments)
    assert result.exit_code == 2
    assert why in result.stderr
    assert not (files / "baseline.json").exists()


def test_too_few_rows_tell_nothing(call, files: Path) -> None:
    write_rows(files / "few.csv", 4, 1)
    result = call("baseline", "few.csv")
    assert result.exit_code == 2
    assert "fewer than 5 rows" in result.stderr


def test_without_a_policy_only_columns_are_looked_at(call, files: Path) -> None:
    (files / "model_policy.yaml").unlink()
    told = json.loads(call("baseline", "train.csv", "--json").stdout)
    assert [one["role"] for one in told["distributions"]] == [False] * 3


def test_a_plan_of_it_says_why_there_is_none(call, files: Path) -> None:
    call("baseline", "train.csv")
    call("check", "same.csv")
    planned = call("policy", "plan", "model_policy.yaml", "--from", "last")
    assert "cannot be planned" in planned.stdout + planned.stderr
