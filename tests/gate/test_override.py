"""An override lets one version have one alias for a few hours; everything else stays refused."""

from __future__ import annotations

import json
import logging
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

import venturalitica as vl
from tests.gate.test_command import called, champion, own_key
from venturalitica.audit.delivery import settle
from venturalitica.audit.project import open_ledger
from venturalitica.audit.recording import keep
from venturalitica.audit.statement import Unsigned, run_json
from venturalitica.cli.app import app
from venturalitica.errors import EvidenceError
from venturalitica.ledger.lifecycle.ties import decisions
from venturalitica.ledger.records.gate.override import Override, files_sha256
from venturalitica.ledger.records.vault import Pair
from venturalitica.ledger.signing.signer import read_private
from venturalitica.provenance.model_files import read_manifest
from venturalitica.system.settings import Settings
from venturalitica.trackers import tracker

pytestmark = pytest.mark.filterwarnings("ignore")
MODEL = "models:/credit/1"
REFUSED = ("--policy", "strict.yaml", "--set-alias", "champion", "--overrides", "ada.pub")


@pytest.fixture
def strict(project: Any) -> Any:
    """The project, with a policy that its version does not meet, and Ada's keys."""
    text = (project.folder / "model_policy.yaml").read_text()
    (project.folder / "strict.yaml").write_text(text.replace("0.40", "0.9999"))
    for name in ("ada", "eve"):
        key = own_key(project.folder / f"{name}.pem")
        subprocess.run(
            ["openssl", "ec", "-in", key, "-pubout", "-out", f"{name}.pub"],
            check=True,
            capture_output=True,
        )
    return project


def signed(*words: str, key: str = "ada.pem", alias: str = "champion") -> Any:
    said = ["override", MODEL, "--alias", alias, "--as", "Ada Lovelace", "--key", key, "--yes"]
    given = words or ("--because", "2 lets a fraud through", "--for", "24h")
    return CliRunner().invoke(app, [*said, *given])


def test_it_passes_under_an_override_and_everything_says_so(strict: Any) -> None:
    assert called(MODEL, *REFUSED).exit_code == 1
    assert champion(strict) is None
    made = signed("--because", "2 lets a fraud through", "--for", "24h", "--json")
    assert made.exit_code == 0, made.output
    told = json.loads(made.stdout)
    assert (told["alias"], told["deliveries"][0]["delivered"]) == ("champion", True)
    done = called(MODEL, *REFUSED, "--format", "junit=gate.xml")
    assert done.exit_code == 0, done.output
    assert "OVERRIDE  credit 1: allowed by override until " in done.stdout
    assert "2 lets a fraud through; refused else: control 'recall' failed" in done.stdout
    assert "allowed by override until" in Path("gate.xml").read_text()
    assert champion(strict) == "1"
    last = [one for _, one in decisions(open_ledger(create=False))][-1]
    assert (last.passed, last.mode, last.decision.allowed) == (True, "override", False)
    assert last.decision.rule == "control"
    assert last.override is not None
    assert last.override.evidence_sha256 == told["evidence_sha256"]
    assert vl.verify().ok
    assert "Ada" not in (strict.folder / ".venturalitica/log/entries.jsonl").read_text()


@pytest.mark.parametrize(
    ("alias", "said"),
    [
        ("cham pion", "expected letters, digits"),
        ("a" * 256, "at most 255"),
        ("v1", "MLflow reserves"),
        ("V22", "MLflow reserves"),
        ("Latest", "MLflow reserves"),
    ],
)
def test_an_alias_that_mlflow_never_sets_is_not_signed(strict: Any, alias: str, said: str) -> None:
    before = open_ledger(create=False).size
    made = signed(alias=alias)
    assert made.exit_code == 2
    assert said in " ".join(made.stderr.split())
    assert open_ledger(create=False).size == before


def test_in_json_it_stays_a_refusal(strict: Any) -> None:
    assert signed().exit_code == 0
    told = json.loads(called(MODEL, *REFUSED, "--json").stdout)
    assert (told["allowed"], told["rule"], told["alias_set"]) == (False, "control", "champion")
    assert told["override"]["because"] == "2 lets a fraud through"


def test_nobody_may_override_by_default(strict: Any) -> None:
    assert signed().exit_code == 0
    found = called(MODEL, *REFUSED[:4])
    assert found.exit_code == 1
    assert "does not count: key " in found.stdout
    assert champion(strict) is None


def test_another_key_or_another_alias_is_refused(strict: Any) -> None:
    assert signed(key="eve.pem").exit_code == 0
    assert "is none of those that may override here" in called(MODEL, *REFUSED).stdout
    assert signed(alias="staging").exit_code == 0
    found = called(MODEL, *REFUSED)
    assert found.exit_code == 1
    assert champion(strict) is None


def written(project: Any, change: Callable[[Override], Override], *, sign: bool = True) -> None:
    """An override by Ada as a hand that knows the format may write it, at the version's run."""
    ada = read_private(project.folder / "ada.pem")
    pair, now = Pair.of("Ada"), datetime.now(UTC)
    (folder,) = project.folder.glob("artifacts/models/*/artifacts")
    manifest = read_manifest(folder)
    made = change(
        Override(
            name="credit",
            version="1",
            alias="champion",
            files_root=manifest.root,
            files_sha256=files_sha256(manifest),
            because="fraud",
            person=pair.reference,
            keyid=ada.keyid,
            at=now,
            until=now + timedelta(hours=1),
        )
    )
    run = tracker("mlflow").find_run(project.run)
    assert run is not None
    statement = replace(made, until=made.at + timedelta(hours=1)).statement([run_json(run)])
    statement["predicate"]["until"] = made.until.isoformat()
    unsigned = Unsigned(statement, pairs=(pair,), cosigners=(ada,) if sign else ())
    kept = keep(unsigned, (run,), Settings.current())
    assert kept.entry is not None
    settle()


HOUR = timedelta(hours=1)
CHANGES: dict[str, tuple[Callable[[Override], Override], str]] = {
    "expired": (
        lambda one: replace(one, at=one.at - 3 * HOUR, until=one.at - 2 * HOUR),
        "it ended at",
    ),
    "of the future": (
        lambda one: replace(one, at=one.at + HOUR, until=one.at + 2 * HOUR),
        "still to come",
    ),
    "too long": (lambda one: replace(one, until=one.at + 73 * HOUR), "within 72 hours"),
    "backwards": (lambda one: replace(one, until=one.at - HOUR), "within 72 hours"),
    "other files": (lambda one: replace(one, files_sha256="ab" * 32), "for other files"),
    "another version": (lambda one: replace(one, version="2"), "version 2 of 'credit'"),
    "another model": (lambda one: replace(one, name="loans"), "version 1 of 'loans'"),
    "another alias": (lambda one: replace(one, alias="Champion"), "the alias 'Champion'"),
}


def test_written_by_hand_as_it_should_be_it_counts(strict: Any) -> None:
    written(strict, lambda one: one)
    assert called(MODEL, *REFUSED).exit_code == 0


@pytest.mark.parametrize("way", list(CHANGES))
def test_what_is_wrong_with_it_refuses(strict: Any, way: str) -> None:
    change, why = CHANGES[way]
    written(strict, change)
    found = called(MODEL, *REFUSED, "--json")
    assert found.exit_code == 1
    assert why in json.loads(found.stdout)["sentence"]
    assert champion(strict) is None


def test_naming_a_key_is_not_signing_with_it(strict: Any) -> None:
    written(strict, lambda one: one, sign=False)
    found = called(MODEL, *REFUSED, "--json")
    assert "did not sign it" in json.loads(found.stdout)["sentence"]
    assert champion(strict) is None


def test_an_edited_one_refuses(strict: Any) -> None:
    assert signed().exit_code == 0
    (file,) = strict.folder.glob("artifacts/*/artifacts/venturalitica/overrides/*/evidence.json")
    bundle = json.loads(file.read_bytes())
    envelope = json.loads(bundle["envelope"])
    signature = envelope["signatures"][1]["sig"]
    envelope["signatures"][1]["sig"] = signature[:20] + "AAAA" + signature[24:]
    file.write_text(json.dumps({**bundle, "envelope": json.dumps(envelope)}))
    found = called(MODEL, *REFUSED, "--json")
    assert found.exit_code == 1
    assert "does not hold" in json.loads(found.stdout)["sentence"]
    assert champion(strict) is None


def test_what_needs_none_passes_without_one(strict: Any) -> None:
    assert signed().exit_code == 0
    done = called(MODEL, "--set-alias", "champion", "--overrides", "ada.pub", "--json")
    told = json.loads(done.stdout)
    assert (told["allowed"], told["override"]) == (True, None)


def test_a_model_is_served_under_it_with_a_warning(
    strict: Any, caplog: pytest.LogCaptureFixture
) -> None:
    assert signed().exit_code == 0
    assert called(MODEL, *REFUSED).exit_code == 0
    with pytest.raises(EvidenceError, match="not let through"):
        vl.verify_model("models:/credit@champion")
    with pytest.raises(EvidenceError, match="name the model by that"):
        vl.verify_model(MODEL, overrides="ada.pub")
    for policy in (None, "strict.yaml"):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = vl.verify_model("models:/credit@champion", policy=policy, overrides="ada.pub")
        assert (found.allowed, found.rule) == (True, "override")
        assert "is served although refused: allowed by override until" in caplog.text


def test_after_it_ended_nothing_is_served(strict: Any) -> None:
    assert called(MODEL, "--set-alias", "champion").exit_code == 0
    written(strict, CHANGES["expired"][0])
    with pytest.raises(EvidenceError, match="it ended at"):
        vl.verify_model("models:/credit@champion", policy="strict.yaml", overrides="ada.pub")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--because", "x", "--for", "73h"), "1h to 72h"),
        (("--because", "x", "--for", "3d"), "1h to 72h"),
        (("--because", " ", "--for", "1h"), "--because is empty"),
        (("--because", "x" * 501, "--for", "1h"), "1 to 500 characters"),
    ],
)
def test_a_wrong_call_signs_nothing(strict: Any, words: Any, said: str) -> None:
    before = open_ledger(create=False).size
    found = signed(*words)
    assert found.exit_code in (1, 2)
    assert said in found.output
    assert open_ledger(create=False).size == before


def told(*words: str) -> str:
    found = CliRunner().invoke(app, ["runs", *words], env={"COLUMNS": "250"})
    assert found.exit_code == 0, found.output
    return found.stdout


def test_lists_and_records_show_it(strict: Any) -> None:
    assert called(MODEL, *REFUSED).exit_code == 1
    assert signed().exit_code == 0
    assert called(MODEL, *REFUSED).exit_code == 0
    ledger = open_ledger(create=False)
    found = list(decisions(ledger))
    first, second = (told("list", "--kind", "decision").splitlines()[place] for place in (-1, -2))
    assert "refused" in first
    assert "override" in second
    assert "allowed by override until" in second
    assert "2 lets a fraud through" in told("list", "--kind", "override")
    listed = json.loads(told("list", "--kind", "decision", "--json"))
    assert listed[0]["decision"]["override"]["because"] == "2 lets a fraud through"
    assert listed[1]["decision"]["override"] is None
    entry, last = found[-1]
    assert told("show", str(entry)).startswith("RED  allowed by override until")
    (judged,) = [
        place
        for place in range(ledger.size)
        if ledger.entry(place).evidence_sha256 == last.decision.record
    ]
    assert "alias      credit@champion (version 1) allowed by override until" in told(
        "show", str(judged)
    )
    (alias,) = json.loads(told("show", str(judged), "--json"))[0]["aliases"]
    assert (alias["alias"], alias["light"]) == ("champion", "red")
    assert "allowed by override until" in CliRunner().invoke(app, ["verify"]).stdout
