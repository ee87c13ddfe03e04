"""Signing off in the browser: asked twice, signed once, by what was shown, and never unasked."""

from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import ALONE, Shelf, passed
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.lifecycle.approve import every_sign_off
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.signing.signer import new_key_pem, read_private
from venturalitica.system.settings import Settings
from venturalitica.ui.signing import Signing

ADA = {
    "decision": "approved",
    "person": "Ada Lovelace",
    "role": "Head of credit risk",
    "comment": "Looked at the groups.",
}
TOKEN = "a-token-of-some-length"


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Entry 0 is red, entry 1 green, where its key is the reader's own."""
    shelf = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    shelf.audit()
    shelf.audit(ALONE, passed())
    return shelf


def writing(shelf: Shelf, own: Any = None, **guard: Any) -> Client:
    return client_for(shelf.home, signing=Signing(Settings.current(), shelf.home, own), **guard)


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return writing(shelf)


def word_of(page: Any) -> str:
    found = re.search(r'name="word" value="([0-9a-f]{32})"', page.text)
    assert found, words(page)
    return found[1]


def asked(client: Client, entry: int = 0, **changes: str) -> Any:
    return client.post(f"/runs/{entry}/sign-off", ADA | changes)


def sign(client: Client, word: str, entry: int = 0, **options: Any) -> Any:
    return client.post(f"/runs/{entry}/sign-off/signed", {"word": word}, **options)


def made(shelf: Shelf) -> list[Any]:
    return every_sign_off(Ledger.open(shelf.home))


def test_it_is_asked_twice_and_is_the_record_of_the_command_line(
    shelf: Shelf, client: Client
) -> None:
    assert "Approve or reject this record" in client.get("/runs/0").text
    assert client.get("/runs/0/sign-off").status_code == 200
    page = asked(client)
    assert page.status_code == 200
    digest = shelf.ledger.entry(0).evidence_sha256
    for said in ("Red", digest, *ADA.values(), shelf.ledger.signer_id):
        assert said.lower() in words(page).lower()
    assert "not passed: gender-parity" in words(page)
    assert made(shelf) == []
    answer = sign(client, word_of(page))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs/0#sign-off"
    (one,) = made(shelf)
    assert (one.entry, one.evidence_sha256, one.light) == (0, digest, "red")
    assert (one.decision, one.role) == ("approved", ADA["role"])
    assert one.keyid == shelf.ledger.signer_id
    told = one.told(Vault(shelf.home))
    assert (told["person"], told["comment"]) == (ADA["person"], ADA["comment"])
    assert b"Lovelace" not in (shelf.home / "log" / "entries.jsonl").read_bytes()
    assert verify_ledger(shelf.home).ok
    assert "Approved by Ada Lovelace" in words(client.get("/runs/0"))


def test_a_rejection_and_a_persons_own_key(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "ada.pem"
    path.write_bytes(new_key_pem())
    path.chmod(0o600)
    own = read_private(path)
    client = writing(shelf, own)
    page = asked(client, 1, decision="rejected")
    assert own.keyid in words(page)
    assert sign(client, word_of(page), 1).status_code == 303
    (one,) = made(shelf)
    assert (one.decision, one.light, one.keyid) == ("rejected", "green", own.keyid)


def test_a_double_click_signs_once(shelf: Shelf, client: Client) -> None:
    word = word_of(asked(client))
    answers: list[int] = []
    clicks = [
        threading.Thread(target=lambda: answers.append(sign(client, word).status_code))
        for _ in range(4)
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert answers == [303] * 4
    assert sign(client, word).status_code == 303
    assert len(made(shelf)) == 1


def test_what_was_confirmed_is_signed_whatever_else_is_sent(shelf: Shelf, client: Client) -> None:
    form = {"word": word_of(asked(client)), "person": "Mallory", "decision": "rejected"}
    assert client.post("/runs/0/sign-off/signed", form).status_code == 303
    (one,) = made(shelf)
    assert one.decision == "approved"
    assert one.told(Vault(shelf.home))["person"] == "Ada Lovelace"


@pytest.mark.parametrize("word", ["", "0" * 32, "<script>"])
def test_a_word_of_nobody_signs_nothing(word: str, shelf: Shelf, client: Client) -> None:
    asked(client)
    assert sign(client, word).status_code == 409
    assert made(shelf) == []


def test_a_word_is_for_its_record_alone(shelf: Shelf, client: Client) -> None:
    assert sign(client, word_of(asked(client)), 1).status_code == 409
    assert made(shelf) == []


def test_another_record_in_its_place_is_asked_for_again(
    shelf: Shelf, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = word_of(asked(client, 1))
    other = Shelf(tmp_path / "other")
    monkeypatch.setattr(Shelf, "config", shelf.config)
    other.audit()
    other.audit(ALONE, passed(), name="another")
    shutil.rmtree(shelf.home)
    shutil.copytree(other.home, shelf.home)
    client.app.state.desk._seen = None  # this server was started after it
    answer = sign(client, word, 1)
    assert answer.status_code == 409
    assert "Nothing was signed" in words(answer)
    assert made(shelf) == []
    assert word_of(answer) != word
    assert sign(client, word_of(answer), 1).status_code == 303
    assert len(made(shelf)) == 1


def test_another_light_is_asked_for_again(shelf: Shelf, client: Client) -> None:
    word = word_of(asked(client, 1))
    client.app.state.desk.disproof = "The log was altered."
    answer = sign(client, word, 1)
    assert answer.status_code == 409
    assert made(shelf) == []
    client.app.state.desk.disproof = ""
    assert sign(client, word_of(answer), 1).status_code == 409  # and back again, once more
    assert sign(client, word, 1).status_code == 303


def test_another_key_is_asked_for_again(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = word_of(asked(client))
    signing = client.app.state.signing
    monkeypatch.setattr(signing, "key", lambda: "f" * 64)
    assert sign(client, word).status_code == 409
    assert made(shelf) == []


@pytest.mark.parametrize("address", ["/runs/0/sign-off", "/runs/0/sign-off/signed"])
def test_without_write_nothing_is_signed(shelf: Shelf, address: str) -> None:
    client = client_for(shelf.home)
    answer = client.post(address, ADA | {"word": "0" * 32})
    assert answer.status_code == 403
    assert "signs nothing" in words(answer)
    assert client.get("/runs/0/sign-off").status_code == 403
    assert 'sign-off"' not in client.get("/runs/0").text.replace('id="sign-off"', "")
    assert "--write" not in client.get("/").text
    assert made(shelf) == []


def test_every_page_says_that_sign_offs_are_signed(client: Client) -> None:
    for address in ("/", "/runs", "/runs/0", "/policies", "/evidence", "/integrations", "/nope"):
        assert "ui --write" in client.get(address).text, address


@pytest.mark.parametrize("address", ["/runs/0/sign-off", "/runs/0/sign-off/signed"])
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"host": "evil.example:8610"}, 421),
        ({"host": "10.0.0.7:8610"}, 421),
    ],
    ids=str,
)
def test_from_elsewhere_nothing_is_signed(
    shelf: Shelf, client: Client, address: str, headers: dict[str, str], status: int
) -> None:
    form = ADA | {"word": word_of(asked(client))}
    assert client.post(address, form, headers=headers).status_code == status
    assert made(shelf) == []


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_a_form_without_our_word_signs_nothing(shelf: Shelf, client: Client, csrf: str) -> None:
    word = word_of(asked(client))
    form = {"word": word, "csrf": csrf}
    assert client.post("/runs/0/sign-off/signed", form).status_code == 403
    assert client.post("/runs/0/sign-off", ADA | {"csrf": csrf}).status_code == 403
    assert client.get(f"/runs/0/sign-off/signed?word={word}").status_code == 405
    assert made(shelf) == []


def test_on_an_open_host_the_token_is_asked_for_first(shelf: Shelf) -> None:
    client = writing(shelf, host="0.0.0.0", token=TOKEN)
    assert asked(client).status_code == 401
    assert sign(client, "0" * 32).status_code == 401
    assert client.get(f"/?token={TOKEN}").status_code == 303
    assert sign(client, word_of(asked(client))).status_code == 303
    assert len(made(shelf)) == 1


def test_without_a_key_nothing_is_signed_and_none_is_made(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = writing(shelf)
    word = word_of(asked(ready))
    shutil.move(shelf.config, tmp_path / "away")
    client = writing(shelf)
    for answer in (client.get("/runs/0/sign-off"), asked(client)):
        assert answer.status_code == 403
        assert "no signing key" in words(answer)
    assert sign(ready, word).status_code == 403
    assert made(shelf) == []
    assert not shelf.config.exists()


def test_a_locked_key_says_how_it_is_opened(
    shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "locked.pem"
    path.write_bytes(new_key_pem("a passphrase"))
    path.chmod(0o600)
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY", str(path))
    answer = asked(writing(shelf))
    assert answer.status_code == 403
    assert "VENTURALITICA_SIGNING_KEY_PASSPHRASE" in words(answer)
    monkeypatch.setenv("VENTURALITICA_SIGNING_KEY_PASSPHRASE", "a passphrase")
    client = writing(shelf)
    assert sign(client, word_of(asked(client))).status_code == 303


@pytest.mark.parametrize(
    "changes",
    [
        {"person": " "},
        {"role": ""},
        {"comment": "\n"},
        {"decision": "noticed"},
        {"decision": ""},
        {"role": "x" * 201},
        {"comment": "\u00e9" * 40_000},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_what_is_missing_is_asked_for(
    shelf: Shelf, client: Client, changes: dict[str, str]
) -> None:
    answer = client.post("/runs/0/sign-off", ADA | changes)
    assert answer.status_code in (400, 413)
    assert 'name="word"' not in answer.text
    assert made(shelf) == []


def test_other_records_cannot_be_signed_off(shelf: Shelf, client: Client) -> None:
    sign(client, word_of(asked(client)))
    for entry in (2, 99):
        assert client.get(f"/runs/{entry}/sign-off").status_code == 404
        assert asked(client, entry).status_code == 404
        assert sign(client, "0" * 32, entry).status_code in (404, 409)


@pytest.mark.parametrize("text", NAUGHTY)
def test_hostile_words_are_shown_inert_and_signed_as_they_are(
    text: str, shelf: Shelf, client: Client
) -> None:
    page = asked(client, person=text, role=text[:200], comment=text)
    if page.status_code == 400:
        assert made(shelf) == []
        return
    inert(page.text)
    assert sign(client, word_of(page)).status_code == 303
    (one,) = made(shelf)
    kept = text.encode(errors="replace").decode().replace("\r\n", "\n").strip()
    assert one.told(Vault(shelf.home))["person"] == kept
    inert(client.get("/runs/0").text)
