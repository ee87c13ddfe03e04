"""A list of runs is read a portion at a time, and of the receipts only those of what is shown."""

from __future__ import annotations

import json
from typing import Any

import pytest

from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.ledger import receipts as receipts_read
from venturalitica.ledger.lifecycle.ties import attached_by_record
from venturalitica.ledger.outbox import attempt_in
from venturalitica.review import run_list
from venturalitica.system.settings import Settings


@pytest.fixture
def ledger(project) -> Ledger:
    """Forty records, each due at one run; a receipt confirms all but entry 30 and the oldest."""
    import venturalitica as vl

    settings = Settings.current()
    (project / "model_policy.yaml").write_text(
        'policy: p\nversion: "1"\ncontrols: [{id: many, metric: row_count, must: ">= 1"}]\n'
    )
    vl.enforce(target=[0, 1] * 5, prediction=[0, 1] * 5)
    found = Ledger.open(settings.home, signer=load_signer(None, settings.config))
    made = dict(found.entry(0).record.json)
    predicate = {name: value for name, value in made["predicate"].items() if name != "log"}
    for number in range(1, 40):
        run = {"tracker": "mlflow", "run_id": f"run-{number}", "uri": "http://x"}
        entry = found.append({**made, "predicate": {**predicate, "trackers": [run]}})
        if number not in (1, 30):
            Outbox(found).confirm(entry.index, "mlflow", run["run_id"])
    return found


def listed(call: Any, *options: object) -> list[dict[str, Any]]:
    result = call("runs", "list", "--json", *options)
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)  # type: ignore[no-any-return]


@pytest.mark.parametrize("portion", [1, 7, 40, 500])
def test_portions_make_one_list(call, ledger, monkeypatch, portion):
    monkeypatch.setattr(run_list, "PORTION", portion)
    found = listed(call, "--limit", 100)
    assert [one["index"] for one in found] == list(range(39, -1, -1))
    assert [one["index"] for one in found if one["waiting"]] == [30, 1]
    assert {one["light"] for one in found if one["waiting"]} == {"amber"}
    late = [one["index"] for one in found if one["light"] == "amber"]
    assert [one["index"] for one in listed(call, "--light", "amber", "--limit", 100)] == late
    assert [one["index"] for one in listed(call, "--light", "amber", "--limit", 1)] == late[:1]
    assert listed(call, "--light", "red") == []


def test_only_the_receipts_of_what_is_shown_are_read(call, ledger, monkeypatch):
    monkeypatch.setattr(receipts_read, "_BLOCK", 512)
    read: list[bytes] = []
    real = attempt_in

    def counted(line: bytes) -> Any:
        read.append(line)
        return real(line)

    monkeypatch.setattr(receipts_read, "attempt_in", counted)
    assert [one["waiting"] for one in listed(call, "--limit", 3)] == [False] * 3
    assert 3 < len(read) < 12
    read.clear()
    assert [one["waiting"] for one in listed(call, "--limit", 12)] == [False] * 9 + [True] + [
        False
    ] * 2
    assert len(read) >= 37


def test_the_list_is_printed_as_it_is_read(call, ledger, monkeypatch):
    whole = call("runs", "list", "--json", "--limit", 100).stdout
    assert whole == json.dumps(json.loads(whole), indent=2) + "\n"
    monkeypatch.setattr(run_list, "PORTION", 10)

    def broken(*_: object) -> Any:
        raise RuntimeError("the second portion")

    real = attached_by_record
    asked: list[int] = []

    def once(*arguments: Any) -> Any:
        asked.append(1)
        return real(*arguments) if len(asked) < 2 else broken()

    monkeypatch.setattr(run_list, "attached_by_record", once)
    from typer.testing import CliRunner

    from venturalitica.cli.app import app

    result = CliRunner().invoke(app, ["runs", "list", "--json", "--limit", "100"])
    assert result.stdout.count('"index":') >= 10
    assert result.exit_code != 0
