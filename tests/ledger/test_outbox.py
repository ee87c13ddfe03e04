"""The outbox: due by the log, done by receipts, and nothing lost with the index."""

from __future__ import annotations

import json
import threading

from venturalitica.ledger import Ledger, Outbox

RUN_A = {"tracker": "mlflow", "run_id": "a", "uri": "http://x"}
RUN_B = {"tracker": "wandb", "run_id": "b", "uri": ""}


def waiting(ledger: Ledger) -> list[tuple[int, str, int, str]]:
    items = Outbox(ledger).waiting()
    return [(item.index, item.tracker, item.attempts, item.last_error) for item in items]


def test_from_due_to_done(ledger: Ledger, statement) -> None:
    assert Outbox(ledger).waiting() == []
    ledger.append(statement(0, trackers=[RUN_A, RUN_B]))
    ledger.append(statement(1))
    assert waiting(ledger) == [(0, "mlflow", 0, ""), (0, "wandb", 0, "")]
    assert Outbox(ledger).waiting()[0].run == RUN_A
    Outbox(ledger).failed(0, "mlflow", "a", "refused")
    Outbox(ledger).failed(0, "mlflow", "a", "timed out")
    assert waiting(ledger)[0] == (0, "mlflow", 2, "timed out")
    Outbox(ledger).confirm(0, "mlflow", "a", "read back")
    assert waiting(ledger) == [(0, "wandb", 0, "")]
    Outbox(ledger).confirm(0, "mlflow", "a", "again")
    (ledger.home / "index.db").unlink()
    assert waiting(ledger) == [(0, "wandb", 0, "")]
    Outbox(ledger).confirm(0, "wandb", "b", "")
    assert waiting(ledger) == []


def test_what_an_offline_run_keeps_waits_and_is_no_failure(ledger: Ledger, statement) -> None:
    ledger.append(statement(0, trackers=[RUN_B]))
    Outbox(ledger).keep(0, "wandb", "b", "kept in ./wandb, not uploaded")
    (item,) = Outbox(ledger).waiting()
    assert (item.kept, item.attempts) == (True, 0)
    assert item.last_error == "kept in ./wandb, not uploaded"
    Outbox(ledger).failed(0, "wandb", "b", "who are you?")
    (item,) = Outbox(ledger).waiting()
    assert (item.kept, item.attempts, item.last_error) == (False, 1, "who are you?")
    Outbox(ledger).keep(0, "wandb", "b", "kept in ./wandb, not uploaded")
    assert Outbox(ledger).waiting()[0].kept
    Outbox(ledger).confirm(0, "wandb", "b", "read back")
    Outbox(ledger).keep(0, "wandb", "b", "kept in ./wandb, not uploaded")
    assert Outbox(ledger).waiting() == []


def test_a_page_that_is_missing_is_due_and_the_evidence_is_not(ledger: Ledger, statement) -> None:
    ledger.append(statement(0, trackers=[RUN_A, RUN_B]))
    outbox = Outbox(ledger)
    assert [item.confirmed for item in outbox.waiting(pages=True)] == [False, False]
    outbox.failed(0, "mlflow", "a", "refused")
    outbox.confirm(0, "mlflow", "a", "read back", page=False)
    outbox.confirm(0, "wandb", "b", "read back", page=False)
    assert outbox.waiting() == []
    assert [item.confirmed for item in outbox.waiting(pages=True)] == [True, True]
    outbox.confirm(0, "mlflow", "a", "read back")
    outbox.confirm(0, "mlflow", "a", "delivered again", page=False)
    (item,) = outbox.waiting(pages=True)
    assert (item.tracker, item.confirmed) == ("wandb", True)


def test_a_receipt_of_a_version_that_says_nothing_of_pages_is_for_both(ledger: Ledger, statement):
    ledger.append(statement(0, trackers=[RUN_A]))
    Outbox(ledger).confirm(0, "mlflow", "a", "read back")
    older = json.loads(Outbox(ledger).path.read_text())
    del older["page"]
    Outbox(ledger).path.write_text(json.dumps(older) + "\n")
    assert Outbox(ledger).waiting(pages=True) == []


def test_a_receipt_is_for_one_run_and_one_entry(ledger: Ledger, statement) -> None:
    ledger.append(statement(0, trackers=[RUN_A]))
    ledger.append(statement(1, trackers=[RUN_A]))
    Outbox(ledger).confirm(0, "mlflow", "other run", "")
    Outbox(ledger).confirm(0, "wandb", "a", "")
    Outbox(ledger).confirm(1, "mlflow", "a", "")
    assert waiting(ledger) == [(0, "mlflow", 0, "")]


def test_a_receipt_of_another_log_confirms_nothing(
    ledger: Ledger, statement, signer, tmp_path
) -> None:
    ledger.append(statement(0, trackers=[RUN_A]))
    Outbox(ledger).confirm(0, "mlflow", "a", "")
    other = Ledger.open(tmp_path / "other", signer=signer)
    other.append(statement(0, trackers=[RUN_A]))
    Outbox(other).path.write_bytes(Outbox(ledger).path.read_bytes())
    assert len(Outbox(other).waiting()) == 1


def test_torn_and_strange_receipts_lose_only_themselves(ledger: Ledger, statement) -> None:
    ledger.append(statement(0, trackers=[RUN_A, RUN_B]))
    Outbox(ledger).confirm(0, "mlflow", "a", "")
    with Outbox(ledger).path.open("ab") as stream:
        stream.write(b'\xff\n[]\n{"index":0}\n{"index": 0, "tracker": "wandb", "run')
    assert waiting(ledger) == [(0, "wandb", 0, "")]
    Outbox(ledger).confirm(0, "wandb", "b", "")
    assert waiting(ledger) == []


def test_no_credentials_in_receipts(ledger: Ledger, statement) -> None:
    ledger.append(statement(0, trackers=[RUN_A]))
    Outbox(ledger).failed(0, "mlflow", "a", "GET https://me:hunter2@host/?token=s3cr3t-t0ken: 500")
    kept = Outbox(ledger).path.read_text()
    assert "hunter2" not in kept
    assert "s3cr3t-t0ken" not in kept
    assert "https://host/" in kept


def test_many_at_once(ledger: Ledger, statement) -> None:
    for number in range(6):
        ledger.append(statement(number, trackers=[RUN_A]))
    threads = [
        threading.Thread(target=Outbox(ledger).confirm, args=(number, "mlflow", "a", ""))
        for number in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert waiting(ledger) == []
    assert len(list(Outbox(ledger).attempts())) == 6
