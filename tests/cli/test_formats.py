"""`check` and `verify` in the formats of other tools: which document goes where, what it holds."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from junitparser import JUnitXml

import venturalitica as vl
from tests.cli.test_check import CALL, POLICY, write
from venturalitica.audit.delivery import Delivery
from venturalitica.cli.formats.audit import findings
from venturalitica.trackers.base import RunRef

EVERY = ("table", "json", "junit", "sarif", "github", "gitlab", "markdown", "html")


@pytest.fixture(autouse=True)
def outside_of_a_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_WORKSPACE", "CI_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)


def is_green(text: str) -> bool:
    """Whether a CI would show this JUnit document as green."""
    document = JUnitXml.fromstring(text.encode())
    assert document.tests
    return not document.failures and not document.errors


def judged(call: Any, project: Any, *more: str, female: int = 60, male: int = 90) -> Any:
    write(project, female=female, male=male)
    return call("check", "loans.csv", *CALL, *more)


@pytest.mark.parametrize("form", EVERY)
def test_each_format_goes_to_stdout_or_to_a_file(call: Any, project: Any, form: str) -> None:
    printed = judged(call, project, "--format", form)
    assert printed.exit_code == 1
    assert "parity" in printed.stdout
    named = judged(call, project, "--format", f"{form}=made/here.txt")
    paired = judged(call, project, "--format", form, "--output", "there.txt")
    for result, file in ((named, "made/here.txt"), (paired, "there.txt")):
        assert result.exit_code == 1
        assert "RED  Of 3 controls" in result.stdout, "the table is on stdout where nothing else is"
        assert "parity" in (project / file).read_text()


def test_files_pair_with_formats_in_their_order(call: Any, project: Any) -> None:
    options = "--format junit --format json=f.json --format sarif --output j.xml --output s.sarif"
    assert judged(call, project, *options.split()).exit_code == 1
    assert not is_green((project / "j.xml").read_text())
    assert json.loads((project / "s.sarif").read_text())["version"] == "2.1.0"
    facts = json.loads((project / "f.json").read_text())
    assert facts["light"] == "red"


def test_json_means_what_it_meant_and_goes_with_files(call: Any, project: Any) -> None:
    result = judged(call, project, "--json", "--format", "junit=j.xml")
    assert json.loads(result.stdout)["exit_status"] == 1
    assert (project / "j.xml").exists()
    alone = json.loads(judged(call, project, "--format", "json").stdout)
    assert alone.keys() == json.loads(result.stdout).keys()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--format jnit", "did you mean 'junit'?"),
        ("--format junit=", "a file is missing"),
        ("--format junit --format sarif", "junit and sarif would both go to stdout"),
        ("--json --format html", "html and json would both go to stdout"),
        ("--format table --format json", "table and json would both go to stdout"),
        ("--format junit=x --format sarif=./x", "two formats go to this file"),
        ("--output x", "has no --format"),
        ("--format junit=x --output y", "has no --format"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_judged(
    call: Any, project: Any, options: str, said: str
) -> None:
    result = judged(call, project, *options.split())
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert not (project / ".venturalitica" / "log").exists()


def test_github_prints_annotations_beside_the_table_and_writes_the_summary(
    call: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = project / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    result = judged(call, project, "--format", "table", "--format", "github")
    assert "RED  Of 3 controls" in result.stdout
    assert "::error file=model_policy.yaml,line=9,title=parity%3A Failed::" in result.stdout
    said = summary.read_text()
    assert said.startswith("before\n")
    for control in ("accuracy", "parity", "complete"):
        assert f"| {control} | " in said
    call("verify", "--format", "github")
    assert "| checkpoint | " in summary.read_text()


def test_a_policy_is_named_from_the_root_of_the_repository(
    call: Any, project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(project, female=60, male=90)
    (project / "rules").mkdir()
    (project / "model_policy.yaml").rename(project / "rules" / "p.yaml")
    asked = ("check", "loans.csv", *CALL, "--policy", str(project / "rules" / "p.yaml"))
    assert "file=rules/p.yaml,line=9," in call(*asked, "--format", "github").stdout
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project.parent))
    assert "file=project/rules/p.yaml,line=9," in call(*asked, "--format", "github").stdout
    monkeypatch.setenv("GITHUB_WORKSPACE", str(project / "other"))
    (project / ".git").mkdir()
    assert "file=rules/p.yaml,line=9," in call(*asked, "--format", "github").stdout


@pytest.mark.parametrize("case", ["green", "red", "unknown", "phase", "unwritten", "no policy"])
def test_junit_is_green_only_where_the_exit_status_is_0(
    call: Any, project: Any, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    write(project, female=60 if case == "red" else 90, male=90)
    options = [*CALL]
    if case == "unknown":
        text = (project / "loans.csv").read_text().replace("1,1,F", "1,,F", 1)
        (project / "loans.csv").write_text(text)
    if case == "phase":
        options = ["--target", "class", "--phase", "data"]
    if case == "unwritten":
        (project / "file").write_text("in the way")
        monkeypatch.setenv("VENTURALITICA_HOME", str(project / "file"))
    if case == "no policy":
        (project / "model_policy.yaml").write_text("policy: x\n")
    result = call("check", "loans.csv", *options, "--format", "junit=j.xml")
    text = (project / "j.xml").read_text()
    assert is_green(text) is (result.exit_code == 0), text
    assert (result.exit_code == 0) is (case in ("green", "phase"))


ODD = "::error::owned,%0A<script>a|b]]>"


def _forty(*, before: int) -> str:
    """Forty controls, ids and titles that attack a format among them, below so many lines."""
    controls = [f'{{id: "{ODD}", metric: accuracy, must: ">= 0.99", title: "{ODD}"}}']
    controls += [f'{{id: low-{n}, metric: accuracy, must: ">= 0.99"}}' for n in range(14)]
    controls += [f'{{id: high-{n}, metric: accuracy, must: ">= 0.1"}}' for n in range(12)]
    parity = 'metric: demographic_parity_ratio, across: gender, must: ">= 0.9", on_fail: block'
    controls += [f"{{id: held-{n}, {parity}}}" for n in range(13)]
    head = "policy: many\nversion: '1'\nroles:\n  target: {favorable: 1}\ncontrols:\n"
    return "# more\n" * before + head + "".join(f"  - {one}\n" for one in controls)


def _at_their_lines(project: Any, policy: str) -> dict[str, Any]:
    """Fingerprints of the results of `s.sarif`, each at the line of its control."""
    (run,) = json.loads((project / "s.sarif").read_text())["runs"]
    lines = policy.splitlines()
    for one in run["results"]:
        (place,) = one["locations"]
        line = lines[place["physicalLocation"]["region"]["startLine"] - 1]
        assert f"id: {one['ruleId']}," in line.replace('"', "")
    return {one["ruleId"]: one["partialFingerprints"] for one in run["results"]}


def test_forty_controls_with_hostile_ids_are_each_at_their_line(call: Any, project: Any) -> None:
    formats = ("--format=junit=j.xml", "--format=sarif=s.sarif", "--format=github")
    found = []
    for before in (0, 7):
        policy = _forty(before=before)
        write(project, female=60, male=90, policy=policy)
        with (project / "loans.csv").open("a") as stream:
            stream.write("1,1,X\n" * 3)
        result = call("check", "loans.csv", *CALL, *formats)
        assert result.exit_code == 1
        found.append(_at_their_lines(project, policy))
        kinds = [line.split(" ")[0] for line in result.stdout.splitlines()]
        assert {kind: kinds.count(kind) for kind in kinds} == {"::error": 10, "::notice": 10}
        document = JUnitXml.fromfile(str(project / "j.xml"))
        assert (document.tests, document.failures, document.errors) == (41, 15, 13)
    assert found[0] == found[1]
    assert len(found[0]) == 28
    assert ODD in found[0]


def test_an_error_leaves_no_earlier_green_file(call: Any, project: Any) -> None:
    assert judged(call, project, "--format", "junit=j.xml", female=90).exit_code == 0
    assert is_green((project / "j.xml").read_text())
    (project / "loans.csv").unlink()
    result = call("check", "loans.csv", *CALL, "--format", "junit=j.xml", "--format", "sarif=s")
    assert result.exit_code == 2
    assert "there is no file" in result.stderr
    assert not is_green((project / "j.xml").read_text())
    (run,) = json.loads((project / "s").read_text())["runs"]
    assert run["invocations"][0]["executionSuccessful"] is False
    assert len(run["results"]) == 1


def test_problems_of_a_policy_are_annotated_at_their_lines(call: Any, project: Any) -> None:
    write(project, female=90, male=90, policy=POLICY.replace("metric: completeness", "metric: x"))
    result = call("check", "loans.csv", *CALL, "--format", "github")
    assert result.exit_code == 2
    (line,) = result.stdout.splitlines()
    assert line.startswith("::error file=model_policy.yaml,line=15,title=policy%3A Error::")


def test_no_document_tells_what_the_record_withholds_or_rounds(call: Any, project: Any) -> None:
    options = [f"--format={form}=out.{form}" for form in EVERY]
    judged(call, project, *options)
    for form in EVERY:
        text = (project / f"out.{form}").read_text()
        assert "0.667" in text or "0.6667" in text, form
        assert "0.66666" not in text, f"{form} has the exact value"
    with (project / "loans.csv").open("a") as stream:
        stream.write("1,1,X\n" * 3)
    assert call("check", "loans.csv", *CALL, *options).exit_code == 3
    for form in EVERY:
        text = (project / f"out.{form}").read_text()
        assert "fewer than 5 rows" in text or form == "markdown", form
        assert "n=3" not in text, form
        assert "0.600" not in text, f"{form}: with the other group's value it would tell X's"


def test_a_file_that_cannot_be_written_is_status_2_and_the_others_are_written(
    call: Any, project: Any
) -> None:
    (project / "folder").mkdir()
    result = judged(call, project, "--format", "junit=folder", "--format", "json=f.json", female=90)
    assert result.exit_code == 2
    assert "folder: cannot be written" in result.stderr
    assert json.loads((project / "f.json").read_text())["light"] == "green"


@pytest.mark.parametrize("form", EVERY)
def test_verify_in_each_format_shows_what_held(call: Any, project: Any, form: str) -> None:
    judged(call, project)
    result = call("verify", "--format", form, "--output", "v.txt")
    assert result.exit_code == 0
    text = (project / "v.txt").read_text()
    if form == "gitlab":
        assert json.loads(text) == []
    else:
        assert "checkpoint" in text


def test_verify_is_red_where_it_fails_and_where_witnesses_were_asked_for_in_vain(
    call: Any, project: Any
) -> None:
    judged(call, project)
    asked = call("verify", "--witnesses", "--format", "junit=w.xml")
    assert asked.exit_code == 3
    assert not is_green((project / "w.xml").read_text())
    log = project / ".venturalitica" / "log" / "entries.jsonl"
    log.write_bytes(log.read_bytes().replace(b"payload", b"payloae", 1))
    broken = call("verify", "--format", "junit=v.xml", "--format", "gitlab=g.json")
    assert broken.exit_code == 1
    assert not is_green((project / "v.xml").read_text())
    assert json.loads((project / "g.json").read_text())
    gone = call("verify", "nothing.json", "--format", "junit=n.xml")
    assert gone.exit_code == 2
    assert not is_green((project / "n.xml").read_text())


def test_genuine_evidence_of_a_failure_says_so(call: Any, project: Any) -> None:
    judged(call, project)
    for form in ("junit", "sarif", "github", "markdown", "html"):
        text = call("verify", "--format", form).stdout
        assert "the evidence is genuine; the lights it records: 1 RED" in text, form


def test_nothing_is_called_delivered_that_was_not(project: Any) -> None:
    write(project, female=90, male=90)
    table = {"class": [0, 1] * 50, "guess": [0, 1] * 50, "sex": ["F", "F", "M", "M"] * 25}
    audit = vl.enforce(table, target="class", prediction="guess", gender="sex")
    address = "https://me:hunter2@host/x"
    run = RunRef("mlflow", "0123", url=address)
    each = (
        Delivery(run, 0, delivered=True),
        Delivery(run, 0, delivered=False, detail=f"{address} did not answer"),
        Delivery(run, 0, delivered=False, detail="offline run", kept=True),
    )
    found = findings(replace(audit, deliveries=each))
    at_tracker = [one for one in found.items if one.name == "evidence at mlflow"]
    assert [(one.words, one.outcome, one.light) for one in at_tracker] == [
        ("Delivered", "passed", "green"),
        ("Waits", "skipped", "amber"),
        ("Kept", "skipped", "amber"),
    ]
    assert found.light == "amber"
    assert "hunter2" not in str(found)
    waiting = findings(replace(audit, entry=None, waiting="another writes")).items[-1]
    assert (waiting.name, waiting.outcome, waiting.message) == (
        "evidence",
        "skipped",
        "another writes",
    )
