"""One message for each change of a light: to real receivers on loopback, over restarts."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

import venturalitica as vl
from tests.ui.shelf import FIRST, Shelf, loan_verdicts, mlflow_run, passed
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.ledger import load_signer
from venturalitica.policy import parse_policy
from venturalitica.system.settings import Settings
from venturalitica.ui.notify.destination import label_of, without_secrets
from venturalitica.ui.notify.destinations import destinations
from venturalitica.ui.notify.message import message, plain
from venturalitica.ui.notify.watcher import FIRST_PAUSE, LONGEST_PAUSE, Watcher
from venturalitica.ui.notify.webhook import HEADER, SECRET
from venturalitica.ui.reader import Desk

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")  # by Apprise, to load mail

KEY = "a secret of the receiver, too"


class Receiver:
    """A real server on loopback. `answer` is the status it gives; `got` is what it took."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.refused = 0
        self.answer = 200
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.asked = threading.Event()
        self._start(0)

    def _start(self, port: int) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked.set()
                receiver.may_answer.wait(60)
                if receiver.answer < 300:
                    receiver.got.append((self.path, dict(self.headers), body))
                else:
                    receiver.refused += 1
                self.send_response(receiver.answer)
                self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                raise AssertionError("a message is no GET")

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", port), Handler)
        self.port = self.server.server_port
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def start_again(self) -> None:
        self._start(self.port)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(body) for *_, body in self.got]

    @property
    def lights(self) -> list[tuple[str, str]]:
        return [(one["was"], one["light"]) for one in self.facts]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    yield found
    found.stop()


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Evidence by the reader's own key, with one green run."""
    made = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(made.config))
    monkeypatch.setenv(SECRET, KEY)
    green(made)
    return made


def green(shelf: Shelf, **settings: Any) -> Any:
    return shelf.audit(ALONE, passed(), **settings)


def red(shelf: Shelf, **settings: Any) -> Any:
    return shelf.audit(ALONE, failed(), **settings)


ALONE = """\
policy: credit-scoring
version: "1.0"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
"""


def failed() -> Any:
    return replace(passed(), status="failed", value=0.61, reason="0.61, must be >= 0.70")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def watcher(shelf: Shelf, *addresses: str, **options: Any) -> Watcher:
    """A process that was just started."""
    desk = Desk(shelf.home, settings=Settings.current())
    return Watcher(desk, destinations(addresses), **options)


def hook(receiver: Receiver) -> str:
    return f"http://{receiver.host}/hooks/Zk3vSecretPath"


def test_a_change_is_told_once_with_sentence_and_link_and_nothing_old(
    shelf: Shelf, receiver: Receiver
) -> None:
    watching = watcher(shelf, hook(receiver), base="https://audit.example.com/")
    assert watching.once().told == ()
    entry = red(shelf)
    watching.once()
    watching.once()
    [said] = receiver.facts
    assert said["sentence"] == "accuracy failed: 0.610, must be >= 0.70."
    assert (said["was"], said["light"]) == ("green", "red")
    assert (said["policy"], said["name"], said["entry"]) == ("credit-scoring", "training", 1)
    assert said["controls"] == ["accuracy"]
    assert said["link"] == "https://audit.example.com/runs/1"
    assert said["evidence_sha256"] == entry.evidence_sha256


def test_the_signature_is_checked_as_the_documentation_shows(
    shelf: Shelf, receiver: Receiver
) -> None:
    watching = watcher(shelf, hook(receiver))
    watching.once()
    red(shelf)
    watching.once()
    [(_, headers, body)] = receiver.got
    page = (Path(__file__).parents[3] / "docs" / "notify.md").read_text()
    code = page.split("```python\n")[1].split("```")[0]
    names: dict[str, Any] = {}
    exec(code, names)
    is_genuine = names["is_genuine"]
    assert is_genuine(headers[HEADER], body, KEY)
    assert not is_genuine(headers[HEADER], body + b" ", KEY)
    assert not is_genuine(headers[HEADER], body, KEY + "x")
    assert not is_genuine(headers[HEADER].replace("t=", "t=1"), body, KEY)
    assert not is_genuine("t=1764493200,v1=" + headers[HEADER][-64:], body, KEY)


def test_restarts_tell_nothing_twice_and_what_was_missed(shelf: Shelf, receiver: Receiver) -> None:
    watcher(shelf, hook(receiver)).once()
    red(shelf)
    watcher(shelf, hook(receiver)).once()
    watcher(shelf, hook(receiver)).once()
    assert receiver.lights == [("green", "red")]
    green(shelf)
    red(shelf)
    red(shelf)
    green(shelf)
    watcher(shelf, hook(receiver)).once()
    flaps = [("red", "green"), ("green", "red"), ("red", "green")]
    assert receiver.lights[1:] == flaps
    assert len({one["id"] for one in receiver.facts}) == 4


def test_a_receiver_that_is_down_is_told_when_it_is_up_in_order(
    shelf: Shelf, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    watching = watcher(shelf, hook(receiver), clock=clock)
    watching.once()
    receiver.stop()
    red(shelf)
    assert watching.once().missed == (f"http://{receiver.host}/…",)
    green(shelf)
    receiver.start_again()
    assert watching.once().told == ()  # it rests
    clock.now += FIRST_PAUSE
    watching.once()
    assert receiver.lights == [("green", "red"), ("red", "green")]
    assert "nothing is lost" in caplog.text
    assert "Secret" not in caplog.text


@pytest.mark.parametrize("answer", [302, 307, 400, 500])
def test_an_answer_that_is_none_is_tried_again_ever_more_seldom(
    shelf: Shelf, receiver: Receiver, answer: int
) -> None:
    clock = Clock()
    watching = watcher(shelf, hook(receiver), clock=clock)
    watching.once()
    red(shelf)
    receiver.answer = answer
    for _ in range(1000):
        watching.look()
        clock.now += 2
    assert 8 <= receiver.refused <= 2000 / LONGEST_PAUSE + 10
    receiver.answer = 204
    clock.now += LONGEST_PAUSE
    watching.look()
    assert receiver.lights == [("green", "red")]


def test_one_that_is_down_keeps_no_other_waiting(shelf: Shelf, receiver: Receiver) -> None:
    down = Receiver()
    down.stop()
    watching = watcher(shelf, hook(down), hook(receiver))
    watching.once()
    red(shelf)
    assert watching.once().missed == (f"http://{down.host}/…",)
    assert receiver.lights == [("green", "red")]


def test_apprise_sends_it_too(shelf: Shelf, receiver: Receiver) -> None:
    address = f"json://user:Pa55word@{receiver.host}/notify"
    watching = watcher(shelf, address, base="https://audit.example.com")
    watching.once()
    red(shelf)
    watching.once()
    watching.once()
    [(path, _, body)] = receiver.got
    said = json.loads(body)
    assert path == "/notify"
    assert said["title"] == "credit-scoring, training: red (was green)"
    assert said["type"] == "failure"
    first, where, link = said["message"].splitlines()
    assert first == "accuracy failed: 0.610, must be >= 0.70."
    assert where.startswith("Entry 1, version 1.0, 2026-11-01 ")
    assert link == "https://audit.example.com/runs/1"


def test_what_apprise_says_of_a_failure_is_told_without_secrets(
    shelf: Shelf, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    watching = watcher(shelf, f"json://user:Pa55word@{receiver.host}/SecretPath")
    watching.once()
    red(shelf)
    receiver.answer = 401
    assert watching.once().missed == (f"json://{receiver.host}/…",)
    assert "401" in caplog.text
    assert "Pa55" not in caplog.text
    assert "Secret" not in caplog.text


def test_since_tells_old_changes_at_the_first_start_only(shelf: Shelf, receiver: Receiver) -> None:
    day = shelf.clock.now + timedelta(days=1)
    red(shelf)
    shelf.clock.now = day
    green(shelf)
    red(shelf)
    for _ in range(2):
        watcher(shelf, hook(receiver), since=day.isoformat()).once()
    assert receiver.lights == [("red", "green"), ("green", "red")]


def test_a_new_pipeline_is_told_from_its_first_run_also_of_an_empty_folder(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    monkeypatch.setenv(SECRET, KEY)
    watching = watcher(shelf, hook(receiver))
    assert watching.look().told == ()
    assert not shelf.home.exists()
    red(shelf)
    watching.look()
    green(shelf, name="nightly")
    watching.look()
    assert [(one["name"], one["was"], one["light"]) for one in receiver.facts] == [
        ("training", "grey", "red"),
        ("nightly", "grey", "green"),
    ]


def test_sign_offs_erasures_and_what_waits_for_a_tracker_change_no_light(
    shelf: Shelf, receiver: Receiver
) -> None:
    watching = watcher(shelf, hook(receiver))
    watching.once()
    entry = red(shelf)
    watching.once()
    signed = shelf.sign_off(entry, "rejected")
    shelf.erase(signed)
    green(shelf, trackers=(mlflow_run(),))
    watching.once()
    watching.once()
    assert receiver.lights == [("green", "red"), ("red", "green")]
    assert b"Lovelace" not in b"".join(body for *_, body in receiver.got)


def test_a_pipeline_that_gets_a_tracker_is_not_told_anew(shelf: Shelf, receiver: Receiver) -> None:
    red(shelf)
    watching = watcher(shelf, hook(receiver))
    watching.once()
    red(shelf, trackers=(mlflow_run(),))
    watching.once()
    assert receiver.got == []


def test_of_a_run_under_way_only_red_is_told(
    shelf: Shelf, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(shelf.home))
    rules = parse_policy(PHASES.encode())
    watching = watcher(shelf, hook(receiver))
    watching.once()
    truth = [0, 1] * 60

    def train(prediction: list[int]) -> None:
        with vl.monitor("training", policy=rules):
            vl.enforce({"y": truth}, target="y", phase="data")
            watching.once()
            vl.enforce({"y": truth, "p": prediction}, target="y", prediction="p", phase="model")
            watching.once()

    train([1, *truth[1:]])  # amber after the first phase: it left a control out
    assert receiver.lights == []
    watching.once()
    assert receiver.lights == [("grey", "green")]
    train([0] * 120)
    assert receiver.lights[1:] == [("green", "red")]
    watching.once()
    assert receiver.lights[2:] == []


PHASES = """\
policy: phases
version: "1"
controls:
  - {id: enough, metric: row_count, must: ">= 100"}
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
"""


def test_a_record_by_an_unknown_key_is_told_amber(
    shelf: Shelf, receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watcher(shelf, hook(receiver)).once()
    stranger = tmp_path / "stranger"
    load_signer(None, stranger)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(stranger))
    watcher(shelf, hook(receiver)).once()
    assert receiver.lights == [("green", "amber")]
    assert "which is not yours" in receiver.facts[0]["sentence"]


def test_another_log_in_its_place_is_told_once_and_watched_anew(
    shelf: Shelf, receiver: Receiver, tmp_path: Path
) -> None:
    watcher(shelf, hook(receiver), base="https://audit.example.com").once()
    other = Shelf(tmp_path / "other")
    red(other)
    shutil.rmtree(shelf.home / "log")
    shutil.copytree(other.home / "log", shelf.home / "log")
    shutil.copytree(other.home / "keys", shelf.home / "keys", dirs_exist_ok=True)
    for _ in range(2):
        watcher(shelf, hook(receiver), base="https://audit.example.com").once()
    [said] = receiver.facts
    assert (said["light"], said["entry"]) == ("red", None)
    assert "Another log" in said["sentence"]
    assert said["link"] == "https://audit.example.com/evidence"


@pytest.mark.parametrize("restart", [False, True])
def test_an_end_that_was_cut_off_is_told(shelf: Shelf, receiver: Receiver, restart: bool) -> None:
    kept = shelf.folder / "kept"
    shutil.copytree(shelf.home, kept)
    watching = watcher(shelf, hook(receiver))
    watching.once()
    red(shelf)
    watching.once()
    for name in ("log/entries.jsonl", "log/checkpoint"):
        shutil.copy(kept / name, shelf.home / name)
    (shelf.home / "index.db").unlink()
    for _ in range(2):
        (watcher(shelf, hook(receiver)) if restart else watching).once()
    found = [one for one in receiver.facts if one["entry"] is None]
    assert [one["sentence"] for one in found] == [
        "The log has 1 entries, and 2 were seen: its end was cut off."
    ]


def test_an_altered_log_is_told_once_and_ends_nothing(
    shelf: Shelf, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    watching = watcher(shelf, hook(receiver))
    watching.look()
    entries = shelf.home / "log" / "entries.jsonl"
    whole = entries.read_bytes()
    entries.write_bytes(whole.replace(b"a", b"b"))
    watching.look()
    assert receiver.got == []  # it may be in the middle of being written
    for _ in range(3):
        watching.look()
    assert [one["light"] for one in receiver.facts] == ["red"]
    assert caplog.text.count("nobody is told") == 1
    entries.write_bytes(whole)
    red(shelf)
    watching.look()
    assert receiver.lights[1:] == [("green", "red")]
    entries.write_bytes(whole.replace(b"a", b"b"))
    with pytest.raises(EvidenceError):
        watcher(shelf, hook(receiver)).once()
    assert len(receiver.got) == 3


def test_a_log_that_is_gone_is_told(shelf: Shelf, receiver: Receiver) -> None:
    watcher(shelf, hook(receiver)).once()
    shutil.rmtree(shelf.home / "log")
    for _ in range(2):
        with pytest.raises(EvidenceError):
            watcher(shelf, hook(receiver)).once()
    assert ["there is no evidence" in one["sentence"] for one in receiver.facts] == [True]


def test_two_watchers_of_one_destination_tell_once(shelf: Shelf, receiver: Receiver) -> None:
    both = [watcher(shelf, hook(receiver)) for _ in range(2)]
    for one in both:
        one.once()
    for change in (red, green, red):
        change(shelf)
    threads = [threading.Thread(target=one.once) for one in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert receiver.lights == [("green", "red"), ("red", "green"), ("green", "red")]


def test_what_is_kept_holds_no_address(shelf: Shelf, receiver: Receiver) -> None:
    watcher(shelf, hook(receiver), f"json://user:Pa55word@{receiver.host}/").once()
    for path in (shelf.home / "cache" / "told").iterdir():
        data = path.read_bytes() + path.name.encode()
        assert not any(word in data for word in (b"127.0.0.1", b"Secret", b"Pa55"))
        assert path.suffix == ".lock" or path.stat().st_mode & 0o777 == 0o600


def test_of_a_group_of_few_people_no_number_is_told(
    shelf: Shelf, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(shelf.home))
    rules = parse_policy(
        b'policy: few\nversion: "1"\ncontrols:\n'
        b'  - {id: parity, metric: demographic_parity_ratio, across: town, must: ">= 0.99"}\n'
    )
    town = ["Aa"] * 200 + ["Bb"] * 196 + ["Dd"] * 100 + ["Cedarvale"] * 4
    guess = [0, 1] * 100 + [0, 0, 0, 1] * 49 + [0, 0, 0, 1] * 25 + [1, 1, 1, 0]
    watching = watcher(shelf, hook(receiver), f"json://{receiver.host}/")
    watching.once()
    vl.enforce({"p": guess, "town": town}, prediction="p", town="town", policy=rules)
    watching.once()
    told = [body.decode() for *_, body in receiver.got]
    assert len(told) == 2
    assert all("parity failed: 0.500, must be >= 0.99" in one for one in told)
    assert not any("Cedarvale" in one or "0.75" in one for one in told)


HOSTILE = "<!channel> @everyone [here](http://evil.example)\n<script>x</script> ```\u202e"


def test_hostile_names_act_on_no_messenger(shelf: Shelf, receiver: Receiver) -> None:
    watching = watcher(shelf, f"json://{receiver.host}/", hook(receiver))
    watching.once()
    red(shelf, name=HOSTILE)
    told = watching.once().told
    said = message(told[0][1])
    words = [
        said.title,
        said.text,
        *(json.loads(body)["sentence"] for *_, body in receiver.got[1:]),
    ]
    for text in words:
        assert not any(bad in text for bad in ("<!", "@", "](", "://", "<script", "```", "\u202e"))
    assert "\n" not in said.title
    assert plain(">= 0.70 and a < b") == ">= 0.70 and a < b"


WRONG = {
    "nothing": "no address",
    "http://user:Pa55word@host/": "no address of a webhook",
    "http://host:port-Pa55word/": "no address of a webhook",
    "nosuchservice://Pa55word": "Apprise cannot read",
}


@pytest.mark.parametrize("address", WRONG)
def test_an_address_that_cannot_be_used_is_said_and_not_shown(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SECRET, KEY)
    monkeypatch.setenv("VENTURALITICA_NOTIFY", f"json://localhost {address}")
    with pytest.raises(SettingsError, match=WRONG[address]) as found:
        destinations(())
    assert "VENTURALITICA_NOTIFY (2)" in str(found.value)
    assert "Pa55" not in str(found.value) + caplog.text


def test_a_webhook_needs_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "short")
    with pytest.raises(SettingsError, match="5 characters: expected 16 or more"):
        destinations(["https://host/path"])


def test_labels_show_no_secrets() -> None:
    assert label_of("slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#it") == "slack://…"
    assert label_of("https://u:p@host.example:8443/path?key=1") == "https://host.example:8443/…"
    found = without_secrets("no route to /hook/abcdef at host", "https://host/hook/abcdef")
    assert "abcdef" not in found
    assert repr(destinations(["json://u:Pa55word@h/"])).count("Pa55") == 0


def test_verdicts_of_the_shelf_tell_the_worst(shelf: Shelf, receiver: Receiver) -> None:
    watching = watcher(shelf, hook(receiver))
    watching.once()
    shelf.audit(None, name="other")
    shelf.audit(FIRST, *loan_verdicts(), name="loans")
    watching.once()
    assert receiver.facts[-1]["sentence"].startswith("gender-parity failed: 0.700, must be >= 0.80")
