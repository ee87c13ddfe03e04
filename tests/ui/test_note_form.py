"""A note from the browser: asked twice, signed once, without a decision, and never unasked."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import Shelf
from tests.ui.test_sign_off import sign, word_of, writing
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.lifecycle.approve import every_sign_off, notes
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.signing.signer import new_key_pem, read_private

GRACE = {
    "decision": "noted",
    "person": "Grace Hopper",
    "comment": "The sample of May\r\nhas no pensioners.",
    "control": "gender-parity",
}
TEXT = "The sample of May\nhas no pensioners."


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Entry 0 is red, where its key is the reader's own."""
    shelf = Shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    shelf.audit()
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return writing(shelf)


def asked(client: Client, **changes: str) -> Any:
    return client.post("/runs/0/sign-off", GRACE | changes)


def made(shelf: Shelf) -> tuple[Any, ...]:
    return notes(Ledger.open(shelf.home)).get(0, ())


def test_it_is_asked_twice_and_is_the_record_of_the_command_line(
    shelf: Shelf, client: Client
) -> None:
    form = client.get("/runs/0/sign-off")
    assert 'value="noted"' in form.text
    assert '<option value="gender-parity">' in form.text
    page = asked(client)
    said = words(page)
    for part in ("none: it is a note", "Grace Hopper", "gender-parity", shelf.ledger.signer_id):
        assert part in said
    assert shelf.ledger.entry(0).evidence_sha256 in said
    assert "Role" not in said
    assert made(shelf) == ()
    answer = sign(client, word_of(page))
    assert (answer.status_code, answer.headers["location"]) == (303, "/runs/0#notes")
    (one,) = made(shelf)
    assert (one.entry, one.control, one.keyid) == (0, "gender-parity", shelf.ledger.signer_id)
    told = one.told(Vault(shelf.home))
    assert (told["person"], told["text"]) == ("Grace Hopper", TEXT)
    log = (shelf.home / "log" / "entries.jsonl").read_bytes()
    assert b"Hopper" not in log
    assert verify_ledger(shelf.home).ok
    assert every_sign_off(shelf.ledger) == []
    said = words(client.get("/runs/0"))
    assert "has no pensioners" in said
    assert "The light is red" in said
    assert "Nobody has signed this record off" in said


def test_of_a_red_record_nothing_is_approved_all_the_same(client: Client) -> None:
    assert "You approve it" not in words(asked(client))


def test_it_is_signed_once_and_as_it_was_shown(shelf: Shelf, client: Client) -> None:
    word = word_of(asked(client))
    form = {"word": word, "decision": "approved", "person": "Mallory", "comment": "x"}
    for _ in range(2):
        answer = client.post("/runs/0/sign-off/signed", form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/runs/0#notes")
    (one,) = made(shelf)
    assert one.told(Vault(shelf.home))["person"] == "Grace Hopper"
    assert every_sign_off(shelf.ledger) == []


def test_a_key_of_ones_own_signs_it(shelf: Shelf, tmp_path: Path) -> None:
    path = tmp_path / "grace.pem"
    path.write_bytes(new_key_pem())
    path.chmod(0o600)
    own = read_private(path)
    client = writing(shelf, own)
    assert sign(client, word_of(asked(client, control=""))).status_code == 303
    (one,) = made(shelf)
    assert (one.keyid, one.control) == (own.keyid, None)
    assert verify_ledger(shelf.home).ok


def test_a_changed_record_of_the_log_is_asked_again(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    word = word_of(asked(client))
    monkeypatch.setattr(client.app.state.signing, "key", lambda: "f" * 64)
    again = sign(client, word)
    assert again.status_code == 409
    assert "has no pensioners" in words(again)
    assert made(shelf) == ()


def test_without_write_no_note_is_signed(shelf: Shelf) -> None:
    client = client_for(shelf.home)
    assert asked(client).status_code == 403
    assert sign(client, "0" * 32).status_code == 403
    assert "write a note" not in client.get("/runs/0").text
    assert made(shelf) == ()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "http://evil.example", "sec-fetch-site": "cross-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"host": "evil.example:8610"}, 421),
    ],
    ids=str,
)
def test_from_another_host_no_note_is_signed(
    shelf: Shelf, client: Client, headers: dict[str, str], status: int
) -> None:
    word = word_of(asked(client))
    assert client.post("/runs/0/sign-off", GRACE, headers=headers).status_code == status
    answer = client.post("/runs/0/sign-off/signed", {"word": word}, headers=headers)
    assert answer.status_code == status
    assert made(shelf) == ()


@pytest.mark.parametrize("csrf", ["", "0" * 64])
def test_without_our_token_no_note_is_signed(shelf: Shelf, client: Client, csrf: str) -> None:
    word = word_of(asked(client))
    assert client.post("/runs/0/sign-off", GRACE | {"csrf": csrf}).status_code == 403
    signed = client.post("/runs/0/sign-off/signed", {"word": word, "csrf": csrf})
    assert signed.status_code == 403
    assert made(shelf) == ()


def test_without_a_key_no_note_is_signed(shelf: Shelf, client: Client, tmp_path: Path) -> None:
    word = word_of(asked(client))
    shutil.move(shelf.config, tmp_path / "away")
    assert asked(writing(shelf)).status_code == 403
    assert sign(client, word).status_code == 403
    assert made(shelf) == ()
    assert not shelf.config.exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"person": " "}, "The name is empty"),
        ({"comment": "\n"}, "The note is empty"),
        ({"comment": "x" * 2_001}, "2,001 characters"),
        ({"person": "x" * 201}, "201 characters"),
        ({"comment": "a\x1b[31mb"}, "not shown as they are"),
        ({"control": "gender"}, "no control 'gender'"),
    ],
    ids=str,
)
def test_what_is_no_note_is_said(
    shelf: Shelf, client: Client, changes: dict[str, str], said: str
) -> None:
    answer = asked(client, **changes)
    assert answer.status_code == 400
    assert said in words(answer)
    assert 'name="word"' not in answer.text
    assert made(shelf) == ()


@pytest.mark.parametrize("text", NAUGHTY)
def test_hostile_words_are_refused_or_inert(text: str, shelf: Shelf, client: Client) -> None:
    page = asked(client, person=text, comment=text, control="")
    inert(page.text)
    inert(asked(client, control=text).text)
    if page.status_code == 400:
        assert made(shelf) == ()
        return
    assert sign(client, word_of(page)).status_code == 303
    (one,) = made(shelf)
    assert one.told(Vault(shelf.home))["text"] == text.replace("\r\n", "\n").strip()
    inert(client.get("/runs/0").text)
