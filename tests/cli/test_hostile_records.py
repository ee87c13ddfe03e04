"""Text of a record or a policy cannot act on a terminal, nor look like a line of ours."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_ledger_commands import statement
from venturalitica.audit.project import open_ledger
from venturalitica.cli.commands import COMMANDS
from venturalitica.core.verdict import GroupValue, Verdict
from venturalitica.ledger import Ledger
from venturalitica.ledger.records.notes.note import Note
from venturalitica.ledger.records.vault import Pair
from venturalitica.trackers.base import RunRef

FORGED = "FORGED verified"
NAUGHTY = f"x\n{FORGED}\r\n{FORGED}\x1b[2J\x1b]0;y\x07\u2028{FORGED}\x85{FORGED}\u202e"
KEPT = {
    *("status", "on_fail", "light", "kind", "sha256", "bytes", "id", "tracker", "run_id"),
    *("started_at", "ended_at", "keep_until", "evidence_sha256", "policy", "method", "schedule"),
}
POLICY = """\
policy: loans
version: "1"
title: "A title\\nFORGED verified"
controls:
  - id: accuracy
    title: "x\\nFORGED verified"
    metric: accuracy
    must: ">= 0.7"
    remedy: "x\\nFORGED verified"
"""


def naughty(value: Any, key: str = "") -> Any:
    """The value with every text in it replaced, but for words and digests that must be right."""
    if isinstance(value, dict):
        return {name: naughty(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [naughty(item, key) for item in value]
    return NAUGHTY if isinstance(value, str) and key not in KEPT else value


def hostile(made: dict[str, Any], data: bytes) -> dict[str, Any]:
    """A statement all of whose texts are naughty; its policy is `data`."""
    predicate = naughty(made["predicate"])
    digest = hashlib.sha256(data).hexdigest()
    text = base64.b64encode(data).decode()
    predicate["policy"] = naughty(made["predicate"]["policy"]) | {"sha256": digest, "bytes": text}
    subjects = [("policy/p", digest), ("data/audit/x", "ab" * 32)]
    named = [{"name": name, "digest": {"sha256": sha256}} for name, sha256 in subjects]
    return made | {"predicate": predicate, "subject": named}


@pytest.fixture
def ledger(call: Any) -> Ledger:
    """Audits, a run, a record of no known kind, a sign-off, an erasure, a note: all naughty."""
    verdict = Verdict(
        control="c",
        status="failed",
        reason="r",
        title="t",
        remedy="r",
        must="m",
        article="a",
        groups=(GroupValue("g", 1, 0.5),),
        notes=("n",),
    )
    found = open_ledger()
    nowhere = RunRef("memory", "gone", uri="u", url="http://u", run_name="n")
    found.append(hostile(statement(1, [verdict], trackers=[nowhere]), b"\xff"))
    found.append(hostile(statement(2, [verdict]), POLICY.encode()))
    run = statement(3, kind="run", light="red", exception={"type": "ValueError"})
    run["predicate"]["audits"] = [{"index": "x", "light": "red", "policy": "x"}]
    found.append(hostile(run, b"\xff"))
    odd = naughty({"n": "x", "list": ["x"], "object": {"y": ["z"]}})
    found.append(statement(4) | {"predicateType": NAUGHTY, "predicate": odd})
    person = ("--as", NAUGHTY, "--role", NAUGHTY, "--comment", NAUGHTY)
    assert call("approve", "0", *person, "--reject").exit_code == 0
    assert call("erase", "4", "--reason", NAUGHTY, "--yes").exit_code == 0
    note(found)
    return found


def note(ledger: Ledger) -> None:
    """A note as no command of ours writes one: whoever holds a key may sign anything."""
    entry = ledger.entry(1)
    pairs = [Pair.of(NAUGHTY), Pair.of(NAUGHTY)]
    made = Note(
        index=-1,
        entry=1,
        evidence_sha256=entry.evidence_sha256,
        run_id=entry.record.run.id,
        control=NAUGHTY,
        noted_at=NAUGHTY,
        keyid=ledger.signer_id,
        person=pairs[0].reference,
        text=pairs[1].reference,
    )
    ledger.append(made.statement(), pairs=pairs)


COMMAND_LINES = [
    *(
        "runs list",
        "runs list --kind approval",
        "runs list --kind decision",
        "runs list --kind note",
        "runs show 0",
        "runs show 0 --details",
    ),
    *("runs show 1 --details", "runs show 2", "runs show 2 --details", "runs show 3"),
    *(
        "runs show 4",
        "runs show 5",
        "runs show 6",
        "runs show 1",
        "runs show last",
        "runs show NAUGHTY",
    ),
    *("runs list --policy NAUGHTY", "runs list --since NAUGHTY"),
    *("verify", "verify NAUGHTY", "verify bundles", "verify --run NAUGHTY", "verify --aliases"),
    *("policy history", "policy history --format markdown", "policy history NAUGHTY"),
    *("policy show", "policy lint", "policy lint bad.yaml", "policy show bad.yaml"),
    *("policy diff model_policy.yaml NAUGHTY", "policy diff NAUGHTY@NAUGHTY model_policy.yaml"),
    *("policy commit NAUGHTY", "policy commit --data NAUGHTY", "policy commit --timestamp NAUGHTY"),
    *("policy plan --from NAUGHTY", "policy plan --from 0", "policy plan --rates NAUGHTY"),
    *("policy diff 1 model_policy.yaml", "policy diff model_policy.yaml bad.yaml"),
    *(
        "report run 0 --format markdown",
        "report run 1 --format markdown",
        "report run 2 --format markdown",
    ),
    *("report run 3", "report run NAUGHTY", "approve 0 --as NAUGHTY --role NAUGHTY"),
    *(
        "approve 1 --as NAUGHTY --role NAUGHTY --reject",
        "erase 4",
        "erase 0 --reason NAUGHTY --yes",
    ),
    *("check NAUGHTY --target NAUGHTY", "check rows.csv --target NAUGHTY", "check rows.csv"),
    *("check rows.csv --target y --prediction p --role NAUGHTY=y", "prune", "prune --yes"),
    *("check rows.csv --target y --prediction p --details", "keys show", "keys export"),
    *("check rows.csv --target y --prediction p --format github", "verify --format junit"),
    *("check rows.csv --target NAUGHTY --format junit=j.xml", "verify --format sarif"),
    *("check rows.csv --format NAUGHTY", "verify --format gitlab", "verify --format markdown"),
    *("verify bundles --format github", "verify --format html", "verify --output NAUGHTY"),
    *("baseline NAUGHTY", "baseline rows.csv --force", "baseline rows.csv --out NAUGHTY"),
    *("baseline rows.csv --role NAUGHTY=y", "baseline rows.csv --column NAUGHTY"),
    *("bind NAUGHTY", "bind gone", "attach 0 NAUGHTY", "attach NAUGHTY gone"),
    *("place NAUGHTY --on 2024-02-29 --yes", "place 0 --on NAUGHTY", "place 0 --on 2024-02-29"),
    *(
        "carry NAUGHTY",
        "carry bundles",
        "carry out --since NAUGHTY",
        "take NAUGHTY",
        "take bundles",
    ),
    *("take out", "take out --signers NAUGHTY"),
    *("gate-server lint NAUGHTY", "gate-server schema"),
    *("gate NAUGHTY", "gate bundles/evidence.json --format github", "gate 0 --policy NAUGHTY"),
    *("watch --once --since 2020-01-01", "watch --once --to NAUGHTY", "watch --since NAUGHTY"),
    *("watch --once --link-base NAUGHTY", "watch --once --json"),
    *("override NAUGHTY --alias NAUGHTY --because NAUGHTY --as NAUGHTY --for 1h --yes",),
    *("note 0 NAUGHTY --as NAUGHTY", "note 0 x --as x --control NAUGHTY", "note NAUGHTY x --as x"),
    *("erase 1 --notes", "note 0 seen --as x --control NAUGHTY"),
    *("sync", "reindex", "doctor", "metrics NAUGHTY", "init rows.csv --target NAUGHTY --force"),
]
ELSEWHERE = {"demo", "ui"}
"""Nothing that is foreign comes in."""


def test_every_command_is_among_these() -> None:
    called = {line.split()[0] for line in COMMAND_LINES}
    assert called | ELSEWHERE >= {command.name for command in COMMANDS}


@pytest.fixture
def folder(project: Path, ledger: Ledger) -> Path:
    (project / "model_policy.yaml").write_text(POLICY)
    forged = 'x: 1\npolicy: "x\\nFORGED verified"\nversion: "\\nFORGED verified"\ncontrols: []\n'
    (project / "bad.yaml").write_text(forged)
    (project / "rows.csv").write_text(f'y,p,"x\n{FORGED}"\n' + "1,1,0\n" * 30)
    (project / "bundles").mkdir()
    for index in range(ledger.size):
        (project / "bundles" / f"{index}\n{FORGED}.json").write_bytes(ledger.bundle(index))
    return project


def forged_lines(text: str) -> Iterator[str]:
    """Lines that foreign text begins, and control characters in any."""
    for line in text.splitlines():
        if line.startswith(("FORGED", "venturalitica: FORGED")):
            yield line
        if any(ord(character) < 32 or character in "\u2028\u202e\x85" for character in line):
            yield repr(line)


def test_no_command_prints_a_line_that_is_not_ours(
    call: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "4000")
    shown = 0
    for line in COMMAND_LINES:
        words = [word.replace("NAUGHTY", NAUGHTY) for word in line.split()]
        result = call(*words)
        printed = result.stdout + result.stderr
        assert not list(forged_lines(printed)), line
        assert "fault in venturalitica" not in printed, line
        shown += FORGED in printed
    assert shown > 20, "the texts are not shown at all"
