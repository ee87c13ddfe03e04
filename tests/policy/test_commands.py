"""`venturalitica policy ...` and `venturalitica init`, as a user types them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from venturalitica.cli.app import app
from venturalitica.policy import read_policy
from venturalitica.policy.schema import json_schema

Call = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "loans"
    path.mkdir()
    monkeypatch.chdir(path)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("NO_COLOR", "1")
    return path


@pytest.fixture
def call(folder: Path) -> Call:
    def run(*arguments: object) -> Any:
        result = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


@pytest.fixture
def policy(folder: Path, good: str) -> Path:
    path = folder / "model_policy.yaml"
    path.write_text(good)
    return path


def test_lint_says_ok(call: Call, policy: Path) -> None:
    result = call("policy", "lint")
    assert result.exit_code == 0
    assert result.stdout == "model_policy.yaml: ok (credit-scoring 1.2, 5 controls)\n"
    assert result.stderr == ""


def test_lint_prints_every_problem_of_every_file(call: Call, policy: Path, good: str) -> None:
    Path("b.yaml").write_text(good.replace("metric: accuracy", "metric: acuracy"))
    result = call("policy", "lint", "b.yaml", policy, "c.yaml")
    assert result.exit_code == 2
    lines = result.stdout.splitlines()
    assert lines[0].startswith("b.yaml:11: control 'accuracy': unknown metric 'acuracy'; did you")
    assert lines[1].endswith("ok (credit-scoring 1.2, 5 controls)")
    assert lines[2].startswith("c.yaml: there is no such policy file")


def test_hints_go_to_stderr_and_change_nothing(call: Call, policy: Path, good: str) -> None:
    policy.write_text(good.replace(">= 0.70", "== 0.70"))
    result = call("policy", "lint")
    assert result.exit_code == 0
    assert result.stderr.startswith("model_policy.yaml:12: hint: control 'accuracy': '== 0.70'")


def test_a_rule_that_cannot_fail_fails_lint(call: Call, policy: Path, good: str) -> None:
    policy.write_text(good.replace(">= 0.70", ">= 0"))
    result = call("policy", "lint")
    assert result.exit_code == 1
    assert result.stdout.startswith(
        "model_policy.yaml:12: control 'accuracy': '>= 0': this rule cannot fail"
    )
    assert "ok (" not in result.stdout
    (facts,) = json.loads(call("policy", "lint", "--json").stdout)
    assert facts["ok"] is True
    assert facts["faults"][0]["line"] == 12
    assert call("policy", "show").exit_code == 0, "it is read"


def test_lint_json(call: Call, policy: Path, good: str) -> None:
    Path("bad.yaml").write_text(good.replace('"1.2"', "1.2").replace(">= 0.70", ">= 0"))
    result = call("policy", "lint", policy, "bad.yaml", "--json")
    assert result.exit_code == 2
    right, wrong = json.loads(result.stdout)
    assert right["ok"] is True
    assert right["policy"]["sha256"] == hashlib.sha256(policy.read_bytes()).hexdigest()
    assert (wrong["ok"], wrong["policy"], wrong["errors"][0]["line"]) == (False, None, 2)


def test_show(call: Call, policy: Path) -> None:
    result = call("policy", "show")
    assert result.exit_code == 0
    assert "credit-scoring, version 1.2" in result.stdout
    assert hashlib.sha256(policy.read_bytes()).hexdigest() in result.stdout
    assert "selection rate across gender: ratio of lowest to highest must be >= 0.80" in (
        " ".join(result.stdout.split())
    )
    assert "male: A91, A93, A94; female: A92, A95" in result.stdout
    assert "published" not in result.stdout


def test_show_says_that_tallies_are_published(call: Call, policy: Path, good: str) -> None:
    policy.write_text(good.replace("roles:", "disclosure: {tallies: publish}\nroles:", 1))
    assert "its tallies are published beside the evidence" in call("policy", "show").stdout
    facts = json.loads(call("policy", "show", "--json").stdout)
    assert facts["disclosure"] == {"min_cell": 5, "tallies": "publish"}
    policy.write_text(good.replace("roles:", "disclosure: {tallies: share}\nroles:", 1))
    result = call("policy", "lint")
    assert result.exit_code == 2
    assert "expected 'keep' or 'publish'" in result.stdout
    policy.write_text(good.replace("roles:", "disclosure: {min: 5}\nroles:", 1))
    assert "(known here: min_cell, tallies)" in call("policy", "lint").stdout


KEYS = "a" * 64, "b" * 64


def _with(good: str, approvals: str) -> str:
    return good.replace("roles:", f"approvals: {approvals}\nroles:", 1)


def test_show_says_who_must_sign_off(call: Call, policy: Path, good: str) -> None:
    asked = f"[{{role: Head of risk}}, {{role: Validator, count: 2, keys: [{', '.join(KEYS)}]}}]"
    policy.write_text(_with(good, asked))
    said = " ".join(call("policy", "show").stdout.split())
    assert "the gate asks for sign-offs: Head of risk; 2 × Validator (keys aaaa" in said
    head, validator = json.loads(call("policy", "show", "--json").stdout)["approvals"]
    assert head == {"role": "Head of risk", "count": 1, "keys": None}
    assert validator == {"role": "Validator", "count": 2, "keys": [*KEYS]}
    hints = " ".join(call("policy", "lint").stderr.split())
    assert "every key that is trusted may sign off as 'Head of risk'" in hints
    assert "'Validator'" not in hints


@pytest.mark.parametrize(
    ("approvals", "said"),
    [
        ("[]", "expected a list of functions, each starting with '- role: ...'"),
        ("Auditor", "expected a list of functions"),
        ("[Auditor]", "expected a mapping with at least 'role'"),
        ("[{count: 2}]", "approval 1: 'role' is missing; expected a function as text"),
        ("[{role: A, counts: 2}]", "unknown key 'counts'; did you mean 'count'?"),
        ("[{role: A, count: 0}]", "expected a whole number of persons from 1 to 20"),
        ("[{role: A, count: true}]", "expected a whole number of persons"),
        ("[{role: A, keys: [abc]}]", "expected the id of a key, 64 digits and letters"),
        ("[{role: A, keys: []}]", "expected a list of ids of keys"),
        ("[{role: A, keys: null}]", "expected a list of ids of keys"),
        (f"[{{role: A, count: 2, keys: [{KEYS[0]}]}}]", "it would never be met"),
        ("[{role: Head of risk}, {role: head  OF risk}]", "asks twice for the role"),
    ],
)
def test_wrong_approvals_are_said(
    call: Call, policy: Path, good: str, approvals: str, said: str
) -> None:
    policy.write_text(_with(good, approvals))
    result = call("policy", "lint")
    assert result.exit_code == 2
    assert said in " ".join(result.stdout.split())


@pytest.mark.parametrize("value", ["-1", "'5'", "true", "5.5", "1000000"])
def test_what_min_cell_may_be_is_said(call: Call, policy: Path, good: str, value: str) -> None:
    policy.write_text(good.replace("roles:", f"disclosure: {{min_cell: {value}}}\nroles:", 1))
    result = call("policy", "lint")
    assert result.exit_code == 2
    assert "expected a whole number of rows from 0 to 1,000" in " ".join(result.stdout.split())


def test_show_json(call: Call, policy: Path) -> None:
    facts = json.loads(call("policy", "show", policy, "--json").stdout)
    assert facts["sha256"] == hashlib.sha256(policy.read_bytes()).hexdigest()
    assert facts["controls"][1]["on_fail"] == "block"
    assert facts["controls"][1]["threshold"] == 0.8
    assert facts["roles"][1]["map"][0] == ["A91", "male"]


def test_show_of_a_wrong_file_is_status_2_and_no_traceback(call: Call, policy: Path) -> None:
    policy.write_text("policy: [x\n")
    result = call("policy", "show")
    assert result.exit_code == 2
    assert "model_policy.yaml:2: the bracket that opens at line 1" in result.stderr
    assert "Traceback" not in result.stderr


def test_hostile_text_is_inert(call: Call, policy: Path, good: str) -> None:
    policy.write_text(good.replace("title: Credit scoring", "title: Credit[red] [/blue]"))
    assert "Credit[red] [/blue], accuracy" in call("policy", "show").stdout
    policy.write_text(good.replace("id: accuracy", 'id: "x\\e[31m"'))
    result = call("policy", "lint")
    assert result.exit_code == 2
    assert "\x1b" not in result.stdout


def test_schema_has_the_metrics(call: Call) -> None:
    assert json.loads(call("policy", "schema").stdout) == json_schema()


def test_init_writes_four_files(call: Call, folder: Path) -> None:
    result = call("init")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "wrote model_policy.yaml",
        "wrote .env.example",
        "wrote .github/workflows/venturalitica.yml",
        "wrote .gitignore: .env, .venturalitica/, signing_key*.pem",
    ]
    assert read_policy("model_policy.yaml").name == "loans"
    workflow = YAML(typ="safe", pure=True).load(Path(".github/workflows/venturalitica.yml"))
    steps = workflow["jobs"]["policy"]["steps"]
    assert steps[-1]["run"] == "venturalitica policy lint model_policy.yaml"
    full = Path(".github/workflows/venturalitica.yml").read_text().replace("      # - ", "      - ")
    full = re.sub(r"^      #   (?!openssl)", "        ", full, flags=re.MULTILINE)
    steps = YAML(typ="safe", pure=True).load(full)["jobs"]["policy"]["steps"]
    judge, verify, upload = steps[-3:]
    assert judge["run"].startswith("venturalitica check ")
    assert "secrets.VENTURALITICA_SIGNING_KEY" in judge["env"]["VENTURALITICA_SIGNING_KEY"]
    assert (verify["run"], verify["if"]) == ("venturalitica verify", "always()")
    assert upload["with"]["path"] == ".venturalitica"
    assert upload["with"]["include-hidden-files"] is True, "a folder with a dot is left out else"
    settings = Path(".env.example").read_text().splitlines()
    assert all(line.startswith("#") or not line for line in settings), "no value is set"
    assert "# WANDB_API_KEY=" in settings
    assert ".venturalitica does not belong in git" in result.stderr
    assert call("policy", "lint").exit_code == 0


def test_init_adds_to_gitignore_what_is_missing(call: Call, folder: Path) -> None:
    ignore = Path(".gitignore")
    ignore.write_bytes(b"*.pyc\r\n/.venturalitica\r\n!.env")
    assert "added to .gitignore: signing_key*.pem" in call("init", "--force").stdout
    assert ignore.read_bytes().startswith(b"*.pyc\r\n/.venturalitica\r\n!.env\r\n# venturalitica")
    assert ignore.read_bytes().endswith(b"\r\nsigning_key*.pem\r\n")
    before = ignore.read_bytes()
    result = call("init", "--force")
    assert result.exit_code == 0
    assert "kept .gitignore" in result.stderr
    assert ignore.read_bytes() == before


def test_git_leaves_out_what_init_says(call: Call, folder: Path) -> None:
    git = shutil.which("git")
    if git is None:
        pytest.skip("git is not here")
    call("init")
    subprocess.run([git, "init", "-q"], check=True)
    for name in (".env", ".venturalitica/log/entries.jsonl", "signing_key.pem"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x")
    listed = [git, "ls-files", "--others", "--exclude-standard"]
    seen = subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split()
    assert set(seen) == {
        ".env.example", ".gitignore", "model_policy.yaml",
        ".github/workflows/venturalitica.yml",
    }  # fmt: skip


def test_init_fits_the_data(call: Call, folder: Path) -> None:
    rows = "\n".join(f"{'mf'[n % 2]},{n},{'bad' if n % 3 else 'good'},{n / 7}" for n in range(60))
    Path("loans.csv").write_text(f"sex,age,outcome,amount\n{rows}\n")
    assert call("init", "loans.csv", "--target", "outcome").exit_code == 0
    text = Path("model_policy.yaml").read_text()
    assert "    column: outcome\n    # 2 values: bad, good\n" in text
    assert "    # favorable: bad\n    # favorable: good\n" in text
    assert "  # sex:  # 2 values: f, m\n" in text
    assert "  # age:  # numbers from 0 to 59\n" in text
    assert "  #   bins: [15, 30, 45]  #" in text
    assert text.index("# sex:") < text.index("# age:")
    assert "amount" not in text, "a measurement groups nobody"
    assert call("policy", "lint").exit_code == 0


def test_init_reads_what_another_sign_separates(call: Call, folder: Path) -> None:
    (folder / "loans.csv").write_text("outcome;age\n1;30\n\n0;41\n")
    refused = call("init", "loans.csv")
    assert (refused.exit_code, "--separator ';'" in refused.stderr) == (2, True)
    assert call("init", "loans.csv", "--target", "outcome", "--separator", ";").exit_code == 0
    assert "favorable: 1" in (folder / "model_policy.yaml").read_text()


def test_init_overwrites_only_with_force(call: Call, folder: Path) -> None:
    Path("model_policy.yaml").write_text("mine")
    refused = call("init")
    assert refused.exit_code == 2
    assert "model_policy.yaml exists and is kept; --force overwrites it" in refused.stderr
    assert Path("model_policy.yaml").read_text() == "mine"
    assert not Path(".env.example").exists()
    assert call("init", "--force").exit_code == 0
    assert Path("model_policy.yaml").read_text() != "mine"


def test_init_keeps_the_other_files(call: Call, folder: Path) -> None:
    Path(".env.example").write_text("MINE=1")
    result = call("init")
    assert result.exit_code == 0
    assert "kept .env.example (it exists; --force overwrites it)" in result.stderr
    assert Path(".env.example").read_text() == "MINE=1"


def test_init_names_the_nearest_column(call: Call, folder: Path) -> None:
    Path("loans.csv").write_text("sex,outcome\nm,1\nf,0\n")
    result = call("init", "loans.csv", "--target", "outcom")
    assert result.exit_code == 2
    assert "loans.csv has no column 'outcom'; did you mean 'outcome'?" in result.stderr
    assert not Path("model_policy.yaml").exists()
    assert call("init", "--target", "outcome").exit_code == 2
    assert call("init", "nope.csv").exit_code == 2
