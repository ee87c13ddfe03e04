"""Five lights: each is lit by what was measured, none by a setting."""

from __future__ import annotations

from typing import Any

import pytest

from venturalitica.ledger.outbox import Attempt, Undelivered
from venturalitica.review.health.integrations import (
    Deliveries,
    Link,
    Recorded,
    health_of,
    is_command,
    link,
)

DIGEST = "ab" * 32
URI = "http://127.0.0.1:5000"


def health(**changes: Any) -> dict[str, Any]:
    return {
        "tracker": "mlflow", "installed": True, "version": "3.17.2", "configured": "environment",
        "uri": URI, "reachable": None, "detail": "", "fix": "",
    } | changes  # fmt: skip


def attempt(index: int = 3, *, confirmed: bool = True, digest: str = DIGEST) -> Attempt:
    at = f"2026-11-26T09:00:{index:02d}.000000Z"
    return Attempt(index, "mlflow", "r" * 32, confirmed, "", at, digest)


def waiting(index: int = 4, error: str = "", **run: Any) -> Undelivered:
    known = {"tracker": "mlflow", "run_id": "r" * 32, "uri": URI}
    return Undelivered(index, known | run, int(bool(error)), error, DIGEST)


def made(facts: Any = None, *attempts: Attempt, waits: Any = (), recorded: Any = None) -> Link:
    return link("mlflow", facts, Deliveries.of(attempts, "mlflow"), waits, recorded)


def lights(found: Link) -> dict[str, str]:
    return {lamp.name: lamp.light for lamp in found.lamps}


def test_a_variable_alone_lights_nothing_green_but_what_is_installed():
    found = made(health(configured="environment"))
    assert lights(found) == {
        "installed": "green", "configured": "amber", "reachable": "grey", "delivered": "grey",
        "read back": "grey",
    }  # fmt: skip
    assert found.light == "grey"


def test_while_it_is_asked_nothing_is_green():
    assert set(lights(made(None)).values()) == {"grey"}
    later = made(None, attempt(), recorded=Recorded(DIGEST, URI))
    assert lights(later)["reachable"] == "grey"
    assert later.light == "grey"


def test_all_is_green_once_it_answers_and_gave_back_the_very_record():
    found = made(health(reachable=True), attempt(), recorded=Recorded(DIGEST, URI))
    assert set(lights(found).values()) == {"green"}
    assert found.light == "green"


def test_a_receipt_of_another_record_is_red():
    found = made(health(reachable=True), attempt(), recorded=Recorded("cd" * 32, URI))
    assert lights(found)["read back"] == "red"
    assert found.light == "red"


def test_a_record_that_is_gone_is_not_compared():
    found = made(health(reachable=True), attempt(), recorded=None)
    assert lights(found)["read back"] == "grey"
    assert found.light == "grey"


def test_a_server_that_is_down_is_red_with_its_own_fix():
    facts = health(reachable=False, detail="does not answer: refused", fix="start the server")
    found = made(facts, waits=[waiting(error="no answer")])
    assert lights(found)["reachable"] == "red"
    assert found.error == "no answer"
    assert found.fix == "start the server"
    assert made(facts).light == "red", "set up, and not there, though nothing was due yet"
    default = made(facts | {"configured": "default"})
    assert default.light == "grey", "nobody asked for it"


def test_what_waits_is_amber_and_a_last_attempt_that_failed_red():
    fresh = made(health(reachable=True), waits=[waiting()])
    assert lights(fresh)["delivered"] == "amber"
    failed = made(
        health(reachable=True), attempt(3), attempt(4, confirmed=False),
        waits=[waiting(4, "refused")], recorded=Recorded(DIGEST, URI),
    )  # fmt: skip
    assert lights(failed)["delivered"] == "red"
    assert lights(failed)["read back"] == "green"
    assert failed.fix == "venturalitica sync"


def test_what_failed_and_was_confirmed_after_all_is_green():
    found = made(
        health(reachable=True), attempt(4, confirmed=False), attempt(5),
        recorded=Recorded(DIGEST, URI),
    )  # fmt: skip
    assert lights(found)["delivered"] == "green"


def test_what_waits_for_another_server_than_the_one_that_is_set_says_how():
    found = made(health(reachable=True), waits=[waiting(uri="http://other:5000")])
    assert found.fix == "MLFLOW_TRACKING_URI=http://other:5000 venturalitica sync"


def test_a_default_is_not_proven_by_a_delivery_elsewhere():
    facts = health(configured="default", uri="sqlite:////mlflow.db")
    found = made(facts, attempt(), recorded=Recorded(DIGEST, URI))
    assert lights(found)["configured"] == "grey"


def test_an_offline_run_of_wandb_is_uploaded_first(tmp_path):
    run: dict[str, Any] = {
        "tracker": "wandb",
        "uri": "",
        "extra": {"offline": True, "folder": str(tmp_path)},
    }
    facts = health(tracker="wandb")
    found = link("wandb", facts, Deliveries(), [waiting(**run)], None)
    assert found.fix == f"wandb sync {tmp_path}"
    (tmp_path / "run-1.wandb.synced").touch()
    found = link("wandb", facts, Deliveries(), [waiting(**run)], None)
    assert found.fix == "venturalitica sync"


def test_a_line_to_type_is_told_from_a_sentence():
    assert is_command('pip install "/src/venturalitica[mlflow]"')
    assert is_command("MLFLOW_TRACKING_URI=http://x venturalitica sync")
    assert not is_command("'wandb login', or set WANDB_API_KEY")


def test_an_address_that_only_the_log_names_is_asked_on_this_machine_only(monkeypatch, tmp_path):
    from venturalitica.trackers.mlflow import health as mlflow_health

    asked = []

    def answers(uri):
        asked.append(uri)
        return True, "answered 200", ""

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(mlflow_health, "answers", answers)
    far = health_of("mlflow", "https://stranger.example")
    assert far["reachable"] is None
    assert far["fix"] == "set MLFLOW_TRACKING_URI=https://stranger.example"
    near = health_of("mlflow", "http://127.0.0.1:5000")
    assert near["reachable"] is True
    assert asked == ["http://127.0.0.1:5000"]


def test_wandb_s_own_server_is_asked_where_a_key_is_set_and_the_log_names_it(monkeypatch, tmp_path):
    from venturalitica.trackers.wandb import health as account

    asked = []

    def answers(server):
        asked.append(server)
        return True, "answers", ""

    for name in ("WANDB_API_KEY", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(account, "answers", answers)
    own = "https://api.wandb.ai"
    assert health_of("wandb", own)["reachable"] is None, "no key"
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert health_of("wandb", "")["reachable"] is None, "nobody uses it"
    assert health_of("wandb", "https://stranger.example")["reachable"] is None
    monkeypatch.setenv("WANDB_MODE", "offline")
    assert health_of("wandb", own)["reachable"] is None
    assert asked == []
    monkeypatch.delenv("WANDB_MODE")
    assert health_of("wandb", own)["reachable"] is True
    assert asked == [own]


def test_a_tracker_that_fails_is_said_without_its_secrets(monkeypatch):
    class Bad:
        name = "bad"

        def health(self, origins=None):
            raise RuntimeError("http://user:hunter2@host")

    monkeypatch.setattr("venturalitica.trackers._named", {"bad": Bad()}.get)
    found = health_of("bad")
    assert "hunter2" not in str(found)
    assert link("bad", found, Deliveries(), [], None).lamp("installed").light == "red"
    assert health_of("nowhere")["installed"] is None


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00", b"garbage, not a database"])
def test_a_file_store_s_lamp_needs_the_file(monkeypatch, tmp_path, content):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///mlflow.db")
    assert health_of("mlflow")["reachable"] is None
    (tmp_path / "mlflow.db").write_bytes(content)
    assert health_of("mlflow")["reachable"] is (content != b"garbage, not a database")


def test_a_folder_that_is_not_there_is_not_reachable_because_a_variable_allows_it(
    monkeypatch, tmp_path
):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", str(tmp_path / "my runs"))
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    assert health_of("mlflow")["reachable"] is None
    (tmp_path / "my runs").mkdir()
    assert health_of("mlflow")["reachable"] is True
