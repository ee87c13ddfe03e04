"""What is downloaded is what the ledger holds, and no browser runs it."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import FIRST, Shelf, pruned_shelf, with_policy_bytes
from venturalitica.ledger import verify_bundle
from venturalitica.ui.pages.downloads import FALLBACK, safe_name


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def test_the_bundle_verifies_alone(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    shelf.audit()
    answer = client.get("/runs/1/download/bundle")
    assert answer.headers["content-disposition"] == 'attachment; filename="evidence-1.json"'
    assert verify_bundle(answer.content).ok
    assert answer.content == shelf.ledger.bundle(1)


def test_the_report_is_the_page_of_report_run(shelf: Shelf, client: Client) -> None:
    shelf.sign_off(shelf.audit())
    answer = client.get("/runs/0/download/report")
    assert answer.headers["content-disposition"] == 'attachment; filename="report-0.html"'
    assert answer.text.startswith("<!DOCTYPE html>")
    assert "Ada Lovelace" in answer.text


def test_the_policy_is_its_exact_bytes_and_never_run(shelf: Shelf, client: Client) -> None:
    data = b"<script>alert(1)</script>\r\n\xff\x00"
    name = "../../etc/<img src=x>.html"
    shelf.ledger.append(with_policy_bytes(shelf.statement(), data, filename=name))
    answer = client.get("/runs/0/download/policy")
    assert answer.content == data
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-disposition"] == 'attachment; filename="img_src_x.html"'


def test_bytes_that_are_not_of_their_digest_are_refused(shelf: Shelf, client: Client) -> None:
    statement = shelf.statement()
    statement["predicate"]["policy"]["bytes"] = base64.b64encode(b"x").decode()
    shelf.ledger.append(statement)
    answer = client.get("/runs/0/download/policy")
    assert answer.status_code == 503
    assert "its policy's bytes have" in words(answer)
    assert client.get("/runs/0/download/bundle").status_code == 200


@pytest.mark.parametrize("address", ["1/download/bundle", "0/download/x", "0/download/%3Cb%3E"])
def test_what_is_not_there_is_a_page(shelf: Shelf, client: Client, address: str) -> None:
    shelf.audit()
    answer = client.get(f"/runs/{address}")
    assert answer.status_code == 404
    assert "<b>" not in answer.text


def test_other_records_have_a_bundle_and_nothing_else(shelf: Shelf, client: Client) -> None:
    shelf.sign_off(shelf.audit(None))
    assert verify_bundle(client.get("/runs/1/download/bundle").content).ok
    assert "it has no report" in words(client.get("/runs/1/download/report"))
    for entry in (0, 1):
        answer = client.get(f"/runs/{entry}/download/policy")
        assert answer.status_code == 404
        assert "No policy was in force" in words(answer)


def test_of_a_pruned_entry_nothing_can_be_taken(tmp_path: Path) -> None:
    client = client_for(pruned_shelf(tmp_path).home)
    answer = client.get("/runs/3/download/bundle")
    assert answer.status_code == 404
    assert "pruned" in words(answer)


@pytest.mark.parametrize(
    ("recorded", "safe"),
    [
        ("model_policy.yaml", "model_policy.yaml"),
        ("dir/policy v1.yaml", "policy_v1.yaml"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("", FALLBACK),
        ("...", FALLBACK),
        ("CON.yaml", FALLBACK),
        ("lpt1", FALLBACK),
        ('a"; filename="b.exe', "a_filename_b.exe"),
        ("a\r\nset-cookie: x", "a_set-cookie_x"),
        ("p.v1..yaml_", "p.v1.yaml_"),
        ("политика.yaml", FALLBACK),
        ("x" * 300 + ".yaml", "x" * 95 + ".yaml"),
    ],
)
def test_names_are_safe_everywhere(recorded: str, safe: str) -> None:
    assert safe_name(recorded) == safe


def test_the_source_of_the_fallback_is_a_policy(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    assert client.get("/runs/0/download/policy").content == FIRST.encode()
