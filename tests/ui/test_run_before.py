"""Which attempt a run was, what became of those before it, and whether the commitment was kept."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import venturalitica as vl
from tests.ui.client import Client, client_for, shown, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import ALONE, FIRST, SECOND, Shelf, mlflow_run, passed
from venturalitica.audit.committing import commit_to
from venturalitica.core.prior import Attempts, Committed, Prior
from venturalitica.core.record import Run
from venturalitica.core.text import visible
from venturalitica.ledger import Entry, Outbox
from venturalitica.ledger.index.counts import attempts
from venturalitica.ledger.index.cross_check import EDITED
from venturalitica.ledger.records.kinds.beginning import Beginning
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.policy import parse_policy
from venturalitica.system.settings import Settings
from venturalitica.ui.reader import Desk
from venturalitica.ui.static_export import export

POLICY = """\
policy: loan
version: "1"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.9"}
"""
TRUTH = np.arange(200) % 2
OTHERS = np.arange(200) // 100
DATA = {"name": "test.csv", "rows": 300, "identity": {"of": ["target"], "key": "0" * 16}}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model_policy.yaml").write_text(POLICY)
    return tmp_path / "evidence"


def attempt(wrong: int, target: Any = TRUTH, **more: Any) -> None:
    """A monitored run with one audit, in which so many answers are wrong."""
    with vl.monitor("training", policy="model_policy.yaml"):
        answers = target.copy()
        answers[:wrong] = 1 - answers[:wrong]
        vl.enforce(target=target, prediction=answers, **more)


def commit(rows: int | None = 200) -> None:
    commit_to(vl.read_policy("model_policy.yaml"), None, rows=rows, authority=None)


def lead(client: Client, entry: int) -> str:
    """What the page says right below the answer."""
    page = client.get(f"/runs/{entry}").text
    found = re.search(r'<p class="run-came">(.*?)</p>', page, re.DOTALL)
    assert found is not None
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())


def test_the_first_attempt_without_a_commitment_says_both(home: Path) -> None:
    attempt(0)  # 0 begin, 1 audit, 2 run
    for entry in (1, 2):
        said = lead(client_for(home), entry)
        assert "The first attempt at these data, as far as this log holds them." in said
        assert "No commitment was made before this run." in said


def test_earlier_attempts_are_counted_by_what_became_of_them(home: Path) -> None:
    attempt(100)  # 0 begin, 1 audit, 2 run: red
    commit()  # 3
    with pytest.raises(ZeroDivisionError), vl.monitor("training", policy="model_policy.yaml"):
        1 / 0  # noqa: B018 - 4 begin, 5 run
    attempt(100)  # 6, 7, 8: red
    attempt(100)  # 9, 10, 11: red
    attempt(50, OTHERS)  # 12, 13, 14: other data
    attempt(0)  # 15, 16, 17
    client = client_for(home)
    for entry in (16, 17):
        assert (
            "Attempt 4 since the commitment in entry 3: of the 3 before it 2 were red and 1 ended "
            "with an exception. 1 more attempt came before the commitment." in lead(client, entry)
        )
    answer = client.get("/runs/17")
    assert "Earlier attempts: 4" in words(answer)
    for link in (2, 5, 8, 11):
        assert f'<td><a href="/runs/{link}">{link}</a></td>' in answer.text
    assert '<td><a href="/runs/14">14</a></td>' not in answer.text, "it judged other data"
    assert "1 of 1 control failed, before the commitment" in words(answer)
    assert "ended with builtins.ZeroDivisionError" in words(answer)


def test_a_run_that_never_ended_is_an_attempt(shelf: Shelf) -> None:
    shelf.ledger.append(beginning("f" * 32, shelf))
    shelf.audit()
    client = client_for(shelf.home)
    said = words(client.get("/runs/1"))
    assert "begun, no end on record" in said
    assert '<td><a href="/runs/0">0</a></td>' in client.get("/runs/1").text


def test_two_audits_of_one_run_are_one_attempt(home: Path) -> None:
    with vl.monitor("training", policy="model_policy.yaml"):
        for _ in range(2):
            vl.enforce(target=TRUTH, prediction=TRUTH.copy())
    attempt(0)
    assert "cannot be listed" not in words(client_for(home).get("/runs/2"))
    said = lead(client_for(home), 5)
    assert "Attempt 2 at these data: the one before it was" in said
    assert "The first attempt" in lead(client_for(home), 2), "its own run is not before it"


def test_a_commitment_that_was_kept_and_one_that_was_not(home: Path) -> None:
    commit(rows=200)
    attempt(0)
    attempt(0, OTHERS[:150])
    client = client_for(home)
    kept, broken = words(client.get("/runs/2")), words(client.get("/runs/5"))
    assert "Rows planned 200 kept as many were judged" in kept
    assert "Rows planned 200 not kept another number of rows was judged" in broken
    assert "was not kept: another number of rows was judged" in lead(client, 5)
    assert "Policy text loan 1 kept judged by this very text" in broken
    assert "none: no authority says when it was" in kept
    run = lead(client, 6)
    assert "was not kept by entry 5: another number of rows was judged" in run


def test_the_key_of_the_commitment_is_told(home: Path, tmp_path, monkeypatch) -> None:
    commit()
    attempt(0)
    own = client_for(home).get("/runs/2").text
    folded = own[own.index("The commitment in entry 0") :]
    assert "your own" in folded[: folded.index("</dl>")]
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "nobody"))
    strange = client_for(home).get("/runs/2").text
    folded = strange[strange.index("The commitment in entry 0</summary>") :]
    assert "your own" not in folded[: folded.index("</dl>")]


def test_a_commitment_for_a_run_without_audits_is_found_by_its_text(home: Path) -> None:
    commit()
    with vl.monitor("training", policy="model_policy.yaml"):
        pass
    assert "The commitment in entry 0 dates the policy text" in lead(client_for(home), 2)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


def beginning(run_id: str, shelf: Shelf, name: str = "training") -> dict[str, Any]:
    run = Run(id=run_id, name=name, started_at="2026-11-01T09:00:00Z", source="monitor")
    policy = parse_policy(FIRST.encode())
    return Beginning(run=run, policy=policy, open=(), retention={}).statement()


def committed(shelf: Shelf, policy: str = FIRST, **said: Any) -> Entry:
    made = Commitment.made(
        parse_policy(policy.encode()).snapshot,
        data=said.get("data", DATA),
        rows=said.get("rows", 300),
        now=datetime(2026, 10, 1, tzinfo=UTC),
        nonce="a" * 64,
    )
    return shelf.ledger.append(made.statement())


def judged_after(shelf: Shelf, made: Entry, policy: str = FIRST, **changes: Any) -> Entry:
    """An audit that names a commitment."""
    said = Committed(
        entry=made.index,
        evidence_sha256=made.evidence_sha256,
        committed_at="x",
        timestamped_at=None,
        data=True,
        rows=True,
    )
    prior = Prior(commitment=replace(said, **changes), attempts=Attempts(audits=7))
    statement = shelf.statement(policy, passed())
    statement["predicate"]["prior"] = prior.to_json()
    return shelf.ledger.append(statement)


def test_a_record_that_is_named_and_is_no_commitment_is_not_believed(shelf: Shelf) -> None:
    other = shelf.audit(ALONE, passed())
    entry = judged_after(shelf, other)
    said = lead(client_for(shelf.home), entry.index)
    assert "The commitment in entry 0 cannot be believed" in said
    made = committed(shelf)
    entry = judged_after(shelf, made, evidence_sha256="e" * 64)
    assert "cannot be believed" in lead(client_for(shelf.home), entry.index)
    entry = judged_after(shelf, made, entry=99)
    assert "there is no such entry in this log" in lead(client_for(shelf.home), entry.index)


def test_audits_that_a_record_counts_and_the_log_lacks_are_said(shelf: Shelf) -> None:
    entry = judged_after(shelf, committed(shelf))
    answer = client_for(shelf.home).get(f"/runs/{entry.index}")
    gone = "7 earlier audits of these data that the record counts cannot be listed"
    assert gone in words(answer)


def test_whatever_was_committed_to_or_tried_is_only_read(shelf: Shelf) -> None:
    entries: list[tuple[int, str]] = []
    for naughty in NAUGHTY:
        text = visible(naughty)[:300]
        shelf.ledger.append(beginning(f"{len(entries):032x}", shelf, name=text))
        made = committed(shelf, SECOND, data=DATA | {"name": text})
        named = judged_after(shelf, made, SECOND)
        entries.append((named.index, text))
    statement = shelf.statement(FIRST, passed(), name=NAUGHTY[0])
    last = shelf.ledger.append(statement)
    client = client_for(shelf.home)
    for index, text in entries:
        answer = client.get(f"/runs/{index}")
        assert answer.status_code == 200
        assert " ".join(text.split()) in " ".join(inert(answer.text).split())
    assert visible(NAUGHTY[0]) in inert(client.get(f"/runs/{last.index}").text)


def test_very_many_attempts_are_told_by_the_last(home: Path, monkeypatch) -> None:
    for _ in range(13):
        vl.enforce(target=TRUTH, prediction=TRUTH.copy(), policy="model_policy.yaml")
    client = client_for(home)
    assert "Attempt 13 at these data: the last 10 before it were" in lead(client, 12)
    assert "Earlier attempts: the last 10 of 12" in words(client.get("/runs/12"))
    monkeypatch.setattr(attempts, "MOST", 11)
    assert "Attempt more than 11 at these data" in lead(client, 12)
    assert "Earlier attempts: the last 10 of 11 or more" in words(client.get("/runs/12"))


def test_an_edited_index_hides_no_attempt_and_turns_none_green(home: Path) -> None:
    attempt(100)
    attempt(100)
    client = client_for(home)
    assert "the one before it was red" in lead(client, 5)
    for line in (
        "UPDATE runs SET light = 'green', failed = 0, passed = 1 WHERE entry IN (1, 2)",
        "UPDATE runs SET data = NULL WHERE entry = 1",
    ):
        with closing(sqlite3.connect(home / "index.db")) as database:
            assert database.execute(line).rowcount
            database.commit()
        said = words(client.get("/runs/4"))
        assert "was green" not in said
        seen = shown(EDITED) in said or "that the record counts cannot be listed" in said
        assert seen, line


def test_an_export_draws_a_page_again_where_an_earlier_attempt_stands_otherwise(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    item = {"name": "test", "context": "audit", "sha256": "1" * 64, "rows": 9, "columns": []}
    item |= {"identity": {"of": ["target"], "sha256": "1" * 64}, "training_rows": False}
    waits = shelf.audit(ALONE, passed(), data=(item,), trackers=(mlflow_run(),))
    shelf.audit(ALONE, passed(), data=(item,))
    folder, desk = tmp_path / "site", Desk(shelf.home, settings=Settings.current())
    export(desk, folder)
    assert "the one before it was amber" in (folder / "runs" / "1.html").read_text()
    Outbox(shelf.ledger).confirm(waits.index, "mlflow", mlflow_run().run_id)
    export(desk, folder)
    assert "the one before it was green" in (folder / "runs" / "1.html").read_text()
    desk.close()


def test_a_run_without_a_policy_is_no_attempt_at_one(shelf: Shelf) -> None:
    for _ in range(2):
        statement = shelf.statement(None, kind="run", circumstances=None, light="grey")
        statement["predicate"]["verdicts"] = []
        shelf.ledger.append(statement)
    answer = client_for(shelf.home).get("/runs/1")
    assert answer.status_code == 200
    assert "run-came" not in answer.text
    assert "What came before" not in answer.text


def test_a_run_of_many_audits_hides_no_other_attempt(shelf: Shelf) -> None:
    item = {"name": "test", "context": "audit", "sha256": "1" * 64, "rows": 9, "columns": []}
    item |= {"identity": {"of": ["target"], "sha256": "1" * 64}, "training_rows": False}
    for number, times in enumerate((1, 120, 1, 1)):
        for time in range(times):
            verdicts = [] if (number, time) == (1, 7) else [passed()]
            shelf.audit(
                ALONE if verdicts else FIRST, *verdicts, data=(item,), run_id=f"{number:032x}"
            )
    said = lead(client_for(shelf.home), 122)
    assert "Attempt 4 at these data: of the 3 before it 2 were green and 1 was red." in said
