"""`venturalitica gate` on a real MLflow store: what it says, sets and puts on record."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import jsonschema_rs
import junitparser
import pytest
from typer.testing import CliRunner

import venturalitica as vl
from tests.gate.project import POLICY
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.ledger.lifecycle.ties import decisions

SARIF = Path(__file__).parents[1] / "data" / "sarif-2.1.0" / "sarif-schema-2.1.0.json"
pytestmark = pytest.mark.filterwarnings("ignore")


def own_key(path: Path) -> str:
    """A person's own key, made as `docs/gate.md` says."""
    command = f"openssl ecparam -name prime256v1 -genkey -noout -out {path}"
    subprocess.run(command.split(), check=True)
    path.chmod(0o600)
    return str(path)


def called(*words: str) -> Any:
    return CliRunner().invoke(app, ["gate", *words])


def champion(project: Any) -> str | None:
    found: dict[str, Any] = project.client.get_registered_model("credit").aliases
    return None if "champion" not in found else str(found["champion"])


def test_the_alias_follows_the_decision_and_the_decision_is_on_record(project: Any) -> None:
    strict = project.folder / "strict.yaml"
    strict.write_text(POLICY.replace("0.40", "0.9999"))
    refused = called("models:/credit/1", "--policy", "strict.yaml", "--set-alias", "champion")
    assert refused.exit_code == 1
    assert "REFUSED  credit 1: control 'recall' failed: " in refused.stdout
    assert champion(project) is None
    allowed = called("models:/credit/1", "--set-alias", "champion")
    assert allowed.exit_code == 0, allowed.output
    assert (
        "ALLOWED  credit 1: all 2 controls of credit 1.0 are met on these files" in allowed.stdout
    )
    assert champion(project) == "1"
    ledger = open_ledger(create=False)
    found = [one for _, one in decisions(ledger)]
    assert [(one.passed, one.alias, one.decision.rule) for one in found] == [
        (False, "champion", "control"),
        (True, "champion", "allowed"),
    ]
    assert vl.verify().ok
    kept = project.client.list_artifacts(project.run, "venturalitica/decisions")
    assert len(kept) == 2
    assert vl.verify(project.run).ok


def test_a_swapped_file_is_refused_by_its_name(project: Any) -> None:
    (file,) = project.folder.glob("artifacts/models/*/artifacts/model.pkl")
    file.write_bytes(file.read_bytes() + b"\0")
    found = called("models:/credit/1", "--set-alias", "champion", "--json")
    told = json.loads(found.stdout)
    assert (found.exit_code, told["rule"], told["alias_set"]) == (1, "other-files", None)
    assert "model.pkl has other bytes" in told["sentence"]
    assert champion(project) is None


def test_edited_evidence_is_refused(project: Any) -> None:
    (file,) = project.folder.glob("artifacts/*/artifacts/venturalitica/evidence.json")
    file.write_text(file.read_text().replace('"index":0', '"index":1'))
    told = json.loads(called("models:/credit/1", "--set-alias", "champion", "--json").stdout)
    assert (told["allowed"], champion(project)) == (False, None)


def test_a_version_that_points_at_another_run_is_refused(project: Any) -> None:
    made = project.client.create_model_version(
        "credit", source=f"{project.folder}/artifacts", run_id=project.run
    )
    told = json.loads(called(f"models:/credit/{made.version}", "--json").stdout)
    assert (told["allowed"], told["rule"]) == (False, "other-files")


def test_a_sign_off_is_asked_for_and_counts(project: Any) -> None:
    wanted = ["models:/credit/1", "--require-approval", "Head of risk"]
    missing = called(*wanted)
    assert missing.exit_code == 1
    assert "1 approval by 'Head of risk' asked for" in missing.stdout
    signed = ["approve", "0", "--as", "Ada", "--role", "Head of risk", "--yes"]
    assert CliRunner().invoke(app, signed).exit_code == 0
    # The key of the training is no person's.
    assert "signed the record itself" in called(*wanted).stdout
    signed += ["--key", own_key(project.folder / "ada.pem")]
    assert CliRunner().invoke(app, signed).exit_code == 0
    assert called(*wanted).exit_code == 0
    rejected = [*signed, "--reject"]
    assert CliRunner().invoke(app, rejected).exit_code == 0
    assert "Head of risk rejected it" in called(*wanted).stdout


def test_no_tally_to_judge_another_policy_by_is_said_apart(project: Any) -> None:
    (project.folder / "other.yaml").write_text(POLICY.replace("0.40", "0.41"))
    assert called("models:/credit/1", "--policy", "other.yaml").exit_code == 0
    shutil.move(project.folder / ".venturalitica" / "vault", project.folder / "away")
    assert called("models:/credit/1", "--policy", "other.yaml").exit_code == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["models:/credit/9"], "no model 'models:/credit/9'"),
        (["evidence.json"], "no such file"),
        (["models:/credit/1", "--max-age", "soon"], "expected days or hours"),
        (["models:/credit/1", "--require-approval", "Auditor:0"], "how many persons"),
        (["models:/credit/1", "--policy", "none.yaml"], "none.yaml"),
        (["models:/credit/1", "--signers", "none.pem"], "none.pem"),
    ],
)
def test_a_wrong_call_is_said_and_nothing_decided(project: Any, words: Any, said: str) -> None:
    found = called(*words, "--set-alias", "champion")
    assert found.exit_code == 2
    assert said in found.output
    assert champion(project) is None
    assert list(decisions(open_ledger(create=False))) == []


def test_a_bundle_and_a_run_are_asked_about_too(project: Any) -> None:
    assert called(f"runs:/{project.run}").exit_code == 0
    (file,) = project.folder.glob("artifacts/*/artifacts/venturalitica/evidence.json")
    alone = called(str(file))
    assert alone.exit_code == 0
    assert "which files it is about was not compared" in alone.stdout
    assert called(str(file), "--set-alias", "champion").exit_code == 2


def test_it_is_told_in_the_formats_of_ci(project: Any) -> None:
    (project.folder / "strict.yaml").write_text(POLICY.replace("0.40", "0.9999"))
    words = ["models:/credit/1", "--policy", "strict.yaml", "--format", "junit=gate.xml"]
    assert called(*words, "--format", "sarif=gate.sarif").exit_code == 1
    (suite,) = junitparser.JUnitXml.fromfile("gate.xml")
    assert (suite.tests, suite.failures) == (1, 1)
    (result,) = json.loads(Path("gate.sarif").read_text())["runs"][0]["results"]
    place = result["locations"][0]["physicalLocation"]
    line = place["region"]["startLine"]
    assert "id: recall" in (project.folder / "strict.yaml").read_text().splitlines()[line - 1]


def test_a_control_is_shown_where_its_policy_lies(project: Any) -> None:
    """In a folder below, beside another policy of the same name."""
    rules = project.folder / "rules"
    rules.mkdir()
    text = "# moved\n" + POLICY.replace("0.40", "0.9999")
    (rules / "model_policy.yaml").write_text(text)
    words = ["models:/credit/1", "--policy", str(rules / "model_policy.yaml")]
    formats = ("junit", "sarif", "gitlab", "github", "markdown", "html", "json")
    assert called(*words, *(f"--format={one}=made.{one}" for one in formats)).exit_code == 1
    line = next(n for n, one in enumerate(text.splitlines(), 1) if "id: recall" in one)
    log = json.loads(Path("made.sarif").read_text())
    jsonschema_rs.validator_for(json.loads(SARIF.read_bytes())).validate(log)
    place, *_ = log["runs"][0]["results"][0]["locations"]
    assert place["physicalLocation"] == {
        "artifactLocation": {"uri": "rules/model_policy.yaml", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": line},
    }
    (issue,) = json.loads(Path("made.gitlab").read_text())
    assert issue["location"] == {"path": "rules/model_policy.yaml", "lines": {"begin": line}}
    command = Path("made.github").read_text()
    assert command.startswith(f"::error file=rules/model_policy.yaml,line={line},title=recall::")
    for one in formats:
        said = Path(f"made.{one}").read_text()
        assert "control 'recall' failed" in said.replace("&#39;", "'").replace("&apos;", "'"), one
        assert str(project.folder) not in said, one


def test_a_policy_that_cannot_be_read_is_shown_at_its_line(project: Any) -> None:
    rules = project.folder / "rules"
    rules.mkdir()
    (rules / "wrong.yaml").write_text(POLICY.replace("metric: recall", "metric: recal"))
    words = ["models:/credit/1", "--policy", str(rules / "wrong.yaml")]
    found = called(*words, "--format", "github", "--format", "junit=gate.xml")
    assert found.exit_code == 2
    assert found.stdout.startswith("::error file=rules/wrong.yaml,line=6,title=policy%3A Error::")
    assert str(project.folder) not in found.stdout
    (suite,) = junitparser.JUnitXml.fromfile("gate.xml")
    assert (suite.tests, suite.errors) == (1, 1)


def test_each_command_of_the_page_works_one_after_another(project: Any) -> None:
    page = (Path(__file__).parents[2] / "docs" / "gate.md").read_text(encoding="utf-8")
    commands = re.findall(r"^\$ venturalitica (.+)$", page, re.MULTILINE)
    assert len(commands) == page.count("$ venturalitica ") > 8
    (file,) = project.folder.glob("artifacts/*/artifacts/venturalitica/evidence.json")
    shutil.copy(file, "evidence.json")
    assert "$ openssl ecparam -name prime256v1 -genkey -noout -out ada.pem" in page
    own_key(Path("ada.pem"))
    public = "openssl ec -in ada.pem -pubout -out ada.pub"
    assert f"$ {public}" in page
    subprocess.run(public.split(), check=True)
    for command in commands:
        found = CliRunner().invoke(app, shlex.split(command))
        assert found.exit_code == 0, (command, found.output)
    assert champion(project) == "1"
    assert Path("gate.xml").stat().st_size
    (start,) = re.findall(r"(?s)^```sh\n(.+?)^```$", page, re.MULTILINE)
    refuses_what_was_swapped(start)
    serves(start)


def refuses_what_was_swapped(start: str) -> None:
    """The start-up of the page, when a file is another one than was downloaded."""
    download, rest = start.split("\n", 1)
    found = started(f"{download}\necho x >> model/model.pkl\n{rest}").communicate(timeout=120)
    assert "may not be served" in found[1], found[1][-2000:]
    shutil.rmtree("model")


def serves(start: str) -> None:
    """The start-up of the page, at a port of its own, serves until it is ended."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = started(f"{start.rstrip()} --port {port}\n")
    try:
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and serving.poll() is None:
            with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/ping", timeout=5) as answer:
                assert answer.status == 200
                return
            time.sleep(0.2)
        pytest.fail(f"it did not serve: {serving.poll()}")
    finally:
        os.killpg(serving.pid, signal.SIGTERM)
        serving.communicate(timeout=60)


def started(lines: str) -> subprocess.Popen[str]:
    """A shell that runs these lines with this Python's programs first, in a group of its own."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.Popen(
        ["sh", "-c", lines],
        env=os.environ | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
