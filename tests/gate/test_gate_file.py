"""`gate.yaml`: what is wrong in it is told with its line, and then everything is protected."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from venturalitica.cli.app import app
from venturalitica.ledger import Ledger, load_signer
from venturalitica.server.gate_file import Protection, read_gate, schema

WHOLE = """\
gate: "1"
mode: observe
protect:
  - models: ["credit*"]
    aliases: [champion, "prod-*"]
    stages: [Production]
    policy: policies/credit.yaml
    policy_sha256: "%s"
    signers: keys
    approvals: [{role: risk-officer, count: 2}, {role: owner}]
    max_age: 30d
    light: amber
""" % ("a" * 64)
LEAST = """\
gate: "1"
protect:
  - models: [credit]
    aliases: [champion]
    policy: policy.yaml
    signers: keys
"""


def read(folder: Path, text: str) -> Any:
    file = folder / "gate.yaml"
    file.write_text(text)
    return read_gate(file)


def test_it_says_what_is_protected_and_what_is_asked(tmp_path: Path) -> None:
    gate = read(tmp_path, WHOLE)
    assert gate.problems == ()
    assert gate.mode == "observe"
    assert gate.protections == (
        Protection(
            models=("credit*",),
            aliases=("champion", "prod-*"),
            stages=("Production",),
            policy="policies/credit.yaml",
            policy_sha256="a" * 64,
            signers="keys",
            approvals=(("risk-officer", 2), ("owner", 1)),
            max_age=timedelta(days=30),
            light="amber",
        ),
    )
    assert gate.protection("credit-2", alias="Champion")
    assert gate.protection("CREDIT", alias="prod-eu")
    assert gate.protection("credit", stage="Production")
    assert not gate.protection("credit", alias="candidate")
    assert not gate.protection("credit", stage="Staging")
    assert not gate.protection("loans", alias="champion")


@pytest.mark.parametrize(
    ("line", "was", "now", "said"),
    [
        (1, 'gate: "1"', 'gate: "2"', "'gate': found the text '2'; expected the version"),
        (1, 'gate: "1"', "gate: 1", "'gate': found the number 1; expected the version"),
        (1, 'gate: "1"\n', "", "'gate' is missing; expected the version"),
        (2, "protect:", "protekt:", "did you mean 'protect'?"),
        (4, "    aliases: [champion]\n", "    alias: [champion]\n", "did you mean 'aliases'?"),
        (3, "    aliases: [champion]\n", "", "protects nothing; expected aliases or stages"),
        (3, "    signers: keys\n", "", "'signers' is missing; expected the path of the public"),
        (4, "[champion]", "champion", "'aliases': found the text 'champion'; expected a list"),
        (7, "signers: keys", "signers: keys\n    max_age: 3 weeks", "expected how old"),
        (7, "signers: keys", "signers: keys\n    light: red", "'light': found the text 'red'"),
        (
            7,
            "signers: keys",
            "signers: keys\n    stages: [Live]",
            "'stages': found the text 'Live'",
        ),
        (7, "signers: keys", "signers: a\n    signers: b", "'signers' stands at line 6 already"),
        (0, LEAST, "", "the file is empty"),
        (1, LEAST, "- a\n", "found a list; expected a mapping"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(
    tmp_path: Path, line: int, was: str, now: str, said: str
) -> None:
    gate = read(tmp_path, LEAST.replace(was, now))
    assert said in "\n".join(problem.message for problem in gate.problems)
    assert line in [problem.line for problem in gate.problems]
    assert gate.mode == "enforce"
    for alias in ("champion", "anything"):
        assert gate.protection("any model", alias=alias)
    assert gate.protection("any model", stage="Staging")
    assert not gate.protection("any model", stage="Archived")


def test_a_file_that_is_not_there_or_no_file_protects_everything(tmp_path: Path) -> None:
    for place in (tmp_path / "none.yaml", tmp_path):
        gate = read_gate(place)
        assert "cannot be read" in gate.problems[0].message
        assert gate.sha256 == ""
        assert gate.protection("any model", alias="champion")


@pytest.mark.parametrize("text", [WHOLE, LEAST])
def test_the_schema_takes_what_is_read(text: str) -> None:
    jsonschema_rs.validator_for(schema()).validate(YAML(typ="safe", pure=True).load(text))


@pytest.mark.parametrize(
    ("was", "now"),
    [
        ('gate: "1"', "gate: 1"),
        ("protect:", "protekt:"),
        ("    policy: policy.yaml\n", ""),
        ("signers: keys", "signers: [keys]"),
        ("signers: keys", "signers: keys\n    max_age: 3 weeks"),
        ("[champion]", "champion"),
    ],
)
def test_the_schema_refuses_what_is_refused(tmp_path: Path, was: str, now: str) -> None:
    text = LEAST.replace(was, now)
    assert not read(tmp_path, text).ok
    assert not jsonschema_rs.validator_for(schema()).is_valid(
        YAML(typ="safe", pure=True).load(text)
    )


def test_lint_checks_the_file_and_what_it_names(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(LEAST)
    called = CliRunner().invoke(app, ["gate-server", "lint", str(file)])
    assert called.exit_code == 2
    assert "policy.yaml: there is no such policy file" in called.output
    assert "keys: cannot be read" in called.output
    (tmp_path / "policy.yaml").write_text(
        'policy: p\nversion: "1"\ncontrols: [{id: a, metric: accuracy, must: ">= 0.5"}]\n'
    )
    Ledger.open(tmp_path / "log", signer=load_signer(None, tmp_path / "config"))
    (tmp_path / "log" / "keys").rename(tmp_path / "keys")
    called = CliRunner().invoke(app, ["gate-server", "lint", str(file), "--json"])
    assert called.exit_code == 0, called.output
    said = json.loads(called.output)
    assert (said["rules"], said["mode"], said["problems"]) == (1, "enforce", [])
    assert said["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    file.write_text(LEAST.replace("protect:", "protekt:"))
    called = CliRunner().invoke(app, ["gate-server", "lint", str(file)])
    assert called.exit_code == 2
    assert f"{file}:2: found the key 'protekt'" in called.output


def test_a_server_that_is_closed_says_so_below_the_lines_of_its_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from venturalitica.server.application import _tell_again

    monkeypatch.setenv("VENTURALITICA_GATE", str(tmp_path / "gate.yaml"))
    _tell_again()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("\nTHE GATE IS CLOSED: no alias is set")
    assert f"    {tmp_path / 'gate.yaml'}: cannot be read" in said
    caplog.clear()
    read(tmp_path, LEAST)
    _tell_again()
    assert not caplog.records


@pytest.mark.parametrize("page", ["README.md", "docs/gate-server.md"])
def test_the_least_file_that_a_page_shows_protects(page: str, tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / page).read_text("utf-8")
    shown = re.findall(r'^gate: "1"\nprotect:\n(?:  .*\n)+', text, flags=re.MULTILINE)
    assert shown
    found = read(tmp_path, shown[0])
    assert found.problems == ()
    assert found.mode == "enforce"
