"""The evidence logs that the browser looks at: honest, hostile, and waiting for a tracker."""

from __future__ import annotations

import copy
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from venturalitica.core.encoding import canonical_json
from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.ledger.lifecycle.approve import approve
from venturalitica.ledger.lifecycle.erase import erase
from venturalitica.ledger.records.notes.note import Note
from venturalitica.ledger.records.vault import Pair

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def written_history(folder: Path) -> Path:
    """The demo's history, 40 runs over three policy versions; gives its ledger's folder."""
    from venturalitica.demo.history import write_history

    home: Path = write_history(folder).home
    return home


def an_audit(home: Path) -> dict[str, Any]:
    """The last audit of a log as a statement that can be recorded anew, its tracker run in it."""
    audits = [
        entry.statement
        for entry in Ledger.open(home).entries()
        if entry.statement["predicateType"].startswith("urn:venturalitica:audit:")
    ]
    statement = dict(copy.deepcopy(audits[-1]))
    del statement["predicate"]["log"]
    statement["predicate"]["trackers"] = [tracker_run()]
    statement["predicate"]["exception"] = {"type": "ValueError", "at": "train.py:3"}
    statement["predicate"]["light"] = "red"
    return statement


def tracker_run(**changes: Any) -> dict[str, Any]:
    """A run of MLflow as statements name it; nothing answers at its address."""
    return {
        "tracker": "mlflow",
        "run_id": "5" * 32,
        "uri": "http://127.0.0.1:9",
        "experiment_id": "0",
        "experiment_name": "Default",
        "run_name": "calm-crane-1",
        "url": f"http://127.0.0.1:9/#/experiments/0/runs/{'5' * 32}",
        "extra": {},
    } | changes


def write_hostile(home: Path, statement: Mapping[str, Any]) -> int:
    """A log in which every text that a record can hold is hostile; gives how many entries it has.

    All of it is signed and sealed as it should be: what hurts is what it says.
    """
    naughty = sys.modules["ui_naughty"]
    signer = load_signer(None, home.parent / "hostile-keys")
    ledger = Ledger.open(home, signer=signer)
    for text in naughty.NAUGHTY:
        ledger.append(naughty.poisoned(statement, text))
    for text in naughty.NAUGHTY[::5]:
        ledger.append(_with_hostile_keys(statement, text))
        for run in _hostile_runs(text):
            ledger.append(_changed(statement, trackers=[run]))
    for version, texts in (("6.1", naughty.NAUGHTY[::2]), ("6.2", naughty.NAUGHTY[1::2])):
        ledger.append(_under(statement, _hostile_policy(version, texts), version))
    for number, text in enumerate(naughty.NAUGHTY[::3]):
        entry = ledger.entry(number)
        approve(
            ledger,
            entry,
            person=f"{text} (person)",
            role=f"{text} (role)"[:200],
            decision=("approved", "rejected")[number % 2],
            light="red",
            keyid=signer.keyid,
            at=NOON,
            comment=f"{text} (comment)",
        )
    size = ledger.size
    erase(ledger, [ledger.entry(size - 1)], reason=f"{naughty.NAUGHTY[0]} (reason)")
    for first in range(0, len(naughty.NAUGHTY), AUDITS_OF_A_RUN):
        inside = [ledger.entry(first + n) for n in range(AUDITS_OF_A_RUN)]
        made = naughty.poisoned(_run_of(statement, inside), naughty.NAUGHTY[first])
        ledger.append(made)
    for number, text in enumerate(naughty.NAUGHTY[1::3]):
        _note(ledger, number, text)
    for waiting in Outbox(ledger).waiting()[:20]:
        text = naughty.NAUGHTY[waiting.index % len(naughty.NAUGHTY)]
        Outbox(ledger).failed(waiting.index, waiting.tracker, waiting.run_id, f"{text} (error)")
    return ledger.size


AUDITS_OF_A_RUN = 5


def _run_of(statement: Mapping[str, Any], inside: list[Any]) -> dict[str, Any]:
    """The record of a run with these audits, and of files that it read and wrote."""
    files = [
        dict(statement["predicate"]["data"][0]) | {"context": context, "size": 9, "columns": []}
        for context in ("input", "output")
    ]
    audits = [
        {"index": one.index, "evidence_sha256": one.evidence_sha256, "light": "red", "policy": ""}
        for one in inside
    ]
    said: dict[str, Any] = {
        "kind": "run",
        "verdicts": [],
        "judging": None,
        "tally": None,
        "intervals": None,
    }
    made = _changed(statement, **said, data=files, audits=audits, prior=None)
    return made | {"predicateType": "urn:venturalitica:run:v1"}


def write_hostile_controls(home: Path, statement: Mapping[str, Any]) -> None:
    """A log of one record, which judged a control of each hostile name."""
    naughty = sys.modules["ui_naughty"].NAUGHTY
    measured = next(
        one for one in statement["predicate"]["verdicts"] if one.get("value") is not None
    )
    verdicts = [{**copy.deepcopy(measured), "control": text} for text in naughty]
    ledger = Ledger.open(home, signer=load_signer(None, home.parent / "hostile-keys"))
    ledger.append(_changed(statement, verdicts=verdicts))


def _note(ledger: Ledger, number: int, text: str) -> None:
    """A note that no writer of ours would sign: whoever holds a key is not held to that."""
    entry = ledger.entry(number)
    said = text.encode(errors="replace").decode()
    pairs = [Pair.of(f"{said} (noted by)"), Pair.of(f"{said} (note)")]
    made = Note(
        index=-1,
        entry=entry.index,
        evidence_sha256=entry.evidence_sha256,
        run_id=entry.record.run.id,
        control=f"{said} (control)"[:200],
        noted_at=f"{said} (time)",
        keyid=str(ledger.signer_id),
        person=pairs[0].reference,
        text=pairs[1].reference,
    )
    ledger.append(made.statement(), pairs=pairs)


def _changed(statement: Mapping[str, Any], **fields: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(statement))
    changed["predicate"] |= fields
    return changed


def _with_hostile_keys(statement: Mapping[str, Any], text: str) -> dict[str, Any]:
    facts = {text: text}
    environment = statement["predicate"]["environment"]
    return _changed(
        statement,
        bindings=facts,
        exception=facts,
        environment=environment | {"packages": facts, "hardware": facts, "git": facts},
    )


def _hostile_runs(text: str) -> Iterator[dict[str, Any]]:
    """Runs of trackers that pages make links of: the name is known, all else is hostile."""
    yield tracker_run(uri=text, url=text)
    yield tracker_run(uri=f"http://127.0.0.1:9/{text}", run_id=text, experiment_id=text, url=None)
    yield tracker_run(uri=f"file:///{text}", url=None)
    yield tracker_run(uri=f"sqlite:///{text}", url=None)
    yield tracker_run(uri="databricks", url=text, run_id=text)
    yield tracker_run(
        tracker="wandb",
        uri="https://api.wandb.ai",
        url=text,
        extra={"entity": text, "project": text, "folder": text, "directory": text},
    )


def _under(statement: Mapping[str, Any], data: bytes, version: str) -> dict[str, Any]:
    """The audit as one under the policy of these bytes."""
    digest = sha256(data).hexdigest()
    policy = {
        "name": "hostile-titles",
        "version": version,
        "title": "Hostile titles",
        "filename": "model_policy.yaml",
        "sha256": digest,
        "bytes": b64encode(data).decode(),
    }
    changed = _changed(statement, policy=policy)
    for subject in changed["subject"]:
        if subject["name"].startswith("policy/"):
            subject |= {"name": "policy/model_policy.yaml", "digest": {"sha256": digest}}
    return changed


def _hostile_policy(version: str, texts: tuple[str, ...]) -> bytes:
    """A policy that can be read, whose prose is hostile."""
    from venturalitica.policy.read import lint

    base = {"policy": "hostile-titles", "version": version, "title": "Hostile titles"}
    controls = [
        {
            "id": f"control-{number}",
            "title": f"{text} (title of {version})",
            "metric": "accuracy",
            "must": f">= 0.{50 + number % 40}",
            "remedy": f"{text} (remedy)",
        }
        for number, text in enumerate(texts)
    ]
    # Some texts are refused before they can be recorded at all.
    taken = [
        control
        for control in controls
        if lint(json.dumps(base | {"controls": [control]}).encode()).ok
    ]
    data = json.dumps(base | {"controls": taken}, indent=1).encode()
    assert lint(data).ok
    assert len(taken) > len(texts) // 2
    return data


def tampered(bundle: bytes) -> bytes:
    """The bundle of a red record that says green instead; its form is as it should be."""
    found = json.loads(bundle)
    envelope = json.loads(found["envelope"])
    payload = b64decode(envelope["payload"])
    changed = payload.replace(b'"light":"red"', b'"light":"green"')
    assert changed != payload
    envelope["payload"] = b64encode(changed).decode()
    found["envelope"] = json.dumps(envelope, separators=(",", ":"))
    return canonical_json(found)
