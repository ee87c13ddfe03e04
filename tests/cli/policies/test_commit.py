"""`policy commit`: a policy on record before it judges, listed, shown, named and verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests import authority as tsa
from tests.cli.conftest import CallCli
from venturalitica.system import settings

POLICY = """\
policy: loan
version: "1.0"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.50"
"""


@pytest.fixture
def files(project: Path) -> Path:
    (project / "model_policy.yaml").write_text(POLICY)
    rows = [(number % 2, (number + number // 40) % 2) for number in range(100)]
    (project / "test.csv").write_text("label\n" + "".join(f"{truth}\n" for truth, _ in rows))
    judged = "".join(f"{truth},{said}\n" for truth, said in rows)
    (project / "judged.csv").write_text(f"label,said\n{judged}")
    return project


DATA = ("--data", "test.csv", "--target", "label")
JUDGED = ("check", "judged.csv", "--target", "label", "--prediction", "said")


def test_an_audit_of_the_same_file_names_it(call: CallCli, files: Path) -> None:
    result = call("policy", "commit", *DATA, "--rows", "100")
    assert result.exit_code == 0, result.stderr
    assert "Committed to loan 1.0" in result.stdout
    assert "Test data: test.csv, 100 rows." in result.stdout
    said = " ".join(result.stdout.split())
    assert "Entry 0 says so. It proves that this text was there before the audits" in said
    assert "it does not prove that nobody had looked at the data." in said
    assert "came before it" not in said
    audit = json.loads(call(*JUDGED, "--json").stdout)
    (shown,) = json.loads(call("runs", "show", audit["evidence"]["index"], "--json").stdout)
    named = shown["predicate"]["prior"]["commitment"]
    assert (named["entry"], named["data"], named["rows"]) == (0, True, True)
    (listed,) = json.loads(call("runs", "list", "--kind", "commitment", "--json").stdout)
    assert (listed["index"], listed["policy"]) == (0, "loan")
    assert [row["kind"] for row in json.loads(call("runs", "list", "--json").stdout)] == ["audit"]
    told = call("runs", "show", "0").stdout
    for said in (
        "commitment: recorded",
        "policy     loan 1.0 (model_policy.yaml)",
        "planned    100 rows",
    ):
        assert said in told
    shown = " ".join(call("runs", "show", "1").stdout.split())
    assert "before This policy text was committed to in entry 0" in shown
    assert "This log holds no earlier audits of these data" in shown
    verified = call("verify")
    assert verified.exit_code == 0, verified.stdout
    assert "attempts" in verified.stdout


def test_with_a_time_stamp_that_a_root_bears_out(
    call: CallCli, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = tsa.Authority(files / "tsa")
    with tsa.served(one.answer) as url:
        result = call("policy", "commit", "--timestamp", url, "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert told["timestamped_at"].startswith("20")
    assert told["unstamped"] is None
    unknown = call("verify")
    assert unknown.exit_code == 0
    assert "authority not known here: CN=Authority of tests" in unknown.stdout
    known = call("verify", "--tsa-roots", one.roots)
    assert known.exit_code == 0
    assert "not known here" not in known.stdout
    monkeypatch.setenv("VENTURALITICA_TSA_ROOTS", str(one.roots))
    assert "not known here" not in call("verify").stdout
    # Who hands over a folder could make his own authority known.
    monkeypatch.setattr(settings, "_from_dotenv", {"VENTURALITICA_TSA_ROOTS"})
    assert "not known here" in call("verify").stdout
    wrong = call("verify", "--tsa-roots", "model_policy.yaml")
    assert wrong.exit_code == 2
    assert "holds no certificates in PEM" in wrong.stderr


def test_an_authority_that_fails_costs_the_time_stamp_alone(
    call: CallCli, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tsa.served(lambda _: b"no", status=503) as url:
        monkeypatch.setenv("VENTURALITICA_TIMESTAMP", url)
        result = call("policy", "commit")
    assert result.exit_code == 1
    assert "Entry 0 says so." in result.stdout
    assert "no time stamp: the time-stamping authority at" in result.stderr
    assert "commit again" in result.stderr
    monkeypatch.delenv("VENTURALITICA_TIMESTAMP")
    assert call("verify").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--timestamp", "http://tsa.example"), "--timestamp 'http://tsa.example': expected the"),
        (("--data", "test.csv"), "role 'target' is not bound"),
        (("--data", "test.csv", "--target", "lable"), "did you mean 'label'"),
        (
            ("--data", "test.csv", "--target", "label", "--rows", "7"),
            "--rows 7: the data of --data have",
        ),
        (("--data", "none.csv", "--target", "label"), "none.csv"),
        (("none.yaml",), "none.yaml"),
    ],
)
def test_what_is_wrong_records_nothing(
    call: CallCli, files: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = call("policy", "commit", *arguments)
    assert result.exit_code == 2, result.stdout
    assert message in result.stderr
    assert not (files / ".venturalitica" / "log").exists()


def test_a_commitment_after_audits_says_what_it_comes_too_late_for(
    call: CallCli, files: Path
) -> None:
    assert call(*JUDGED).exit_code == 0
    assert call(*JUDGED).exit_code == 0
    said = " ".join(call("policy", "commit").stdout.split())
    assert "2 audits by this text came before it (the last in entry 1)" in said
    assert "for those it proves nothing" in said
    (files / "model_policy.yaml").write_text(POLICY.replace('"1.0"', '"1.1"'))
    assert json.loads(call("policy", "commit", "--json").stdout)["audits_before"] == 0


def test_a_version_that_has_judged_with_another_text_is_warned_of(
    call: CallCli, files: Path
) -> None:
    linted = call("policy", "lint")
    assert (linted.exit_code, linted.stderr) == (0, "")
    assert not (files / ".venturalitica").exists()
    assert "another text" not in call(*JUDGED).stderr
    assert call("policy", "lint").stderr == ""
    looser = POLICY.replace("0.50", "0.10")
    (files / "model_policy.yaml").write_text(looser)
    warning = "version 1.0 has judged with another text (entry 0): raise the version"
    linted = call("policy", "lint")
    assert linted.exit_code == 0
    assert warning in " ".join(linted.stderr.split())
    assert json.loads(call("policy", "lint", "--json").stdout)[0]["warning"] == warning
    assert warning in " ".join(call(*JUDGED).stderr.split())
    (files / "model_policy.yaml").write_text(looser.replace('"1.0"', '"1.1"'))
    assert "another text" not in call("policy", "lint").stderr
    assert "another text" not in call(*JUDGED).stderr


def test_lint_is_silent_where_the_log_cannot_be_read(call: CallCli, files: Path) -> None:
    assert call(*JUDGED).exit_code == 0
    (files / "model_policy.yaml").write_text(POLICY.replace("0.50", "0.10"))
    (files / ".venturalitica" / "log" / "checkpoint").write_text("no checkpoint")
    linted = call("policy", "lint")
    assert (linted.exit_code, linted.stderr) == (0, "")
