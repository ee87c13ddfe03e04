"""The Evidence page: the log as it is, verified now; a bundle dropped; how to do it yourself."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.shelf import ALONE, Shelf, passed, pruned_shelf
from venturalitica.reports.summary import without_us
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.verification_steps import MEANINGS, bundle_command, log_command


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def client(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    return client_for(shelf.home)


def dropped(client: Client, data: bytes, name: str = "evidence.json") -> Any:
    answer = client.post("/evidence/bundle", files={"bundle": (name, data, "application/json")})
    assert answer.status_code == 303
    return client.get(answer.headers["location"])


def verified(client: Client) -> Any:
    answer = client.post("/evidence/verify")
    assert answer.status_code == 303
    for _ in range(600):
        page = client.get(answer.headers["location"])
        if "Verifying the log" not in page.text:
            return page
        time.sleep(0.05)
    raise AssertionError("it never ended")


def lines_of(page: str) -> list[str]:
    return [
        unescape(re.sub(r"</?span>", "", code))
        for code in re.findall(r'class="ui-line"><code[^>]*>(.*?)</code>', page, re.S)
    ]


def test_without_a_log_a_bundle_can_be_verified_all_the_same(
    empty_client: Client, shelf: Shelf
) -> None:
    said = words(empty_client.get("/evidence"))
    assert "There is no log yet" in said
    assert "Verify now" not in said
    shelf.audit()
    page = dropped(empty_client, shelf.ledger.bundle(0))
    assert "<h1>Verified:" in page.text
    assert "key first seen here" in words(page)


def test_it_shows_log_checkpoint_keys_and_what_waits(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    ledger = shelf.ledger
    answer = client.get("/evidence")
    assert answer.status_code == 200
    said = words(answer)
    assert ledger.head().origin in said
    assert ledger.checkpoint.splitlines()[-1] in unescape(answer.text)
    assert said.count("your own") == 2
    assert ledger.signer_id[:16] in said
    assert "ten-years" in said
    assert "not verified since this server was started" in said
    assert "Nothing was erased or pruned here" in said


def test_a_key_of_somebody_else_is_said_to_be_first_seen(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shelf.audit()
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "auditor"))
    said = words(client_for(shelf.home).get("/evidence"))
    assert "your own" not in said
    assert said.count("first seen here") == 2
    assert not (tmp_path / "auditor").exists(), "no key is made by looking"


def test_what_was_rotated_erased_and_kept_is_listed(shelf: Shelf, client: Client) -> None:
    entry = shelf.audit()
    shelf.sign_off(entry)
    said = words(client.get("/evidence"))
    assert "2 values" in said
    shelf.rotate()
    shelf.erase(entry, shelf.ledger.entry(1))
    said = words(client.get("/evidence"))
    assert "Keys handed over Entry 2" in said
    assert "Erased Entry 3" in said
    assert "retired in entry 2" in said
    assert "0 values" in said


def test_a_pruned_log_is_shown_and_its_lines_are_not_counted_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = pruned_shelf(tmp_path)
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    client = client_for(shelf.home)
    assert "Pruned Entry 10" in words(client.get("/evidence"))
    page = verified(client)
    assert "<h1>Verified</h1>" in page.text
    assert not [line for line in lines_of(page.text) if "sed -n" in line and "p " in line[:12]]


def test_verify_now_tells_how_it_went_and_what_it_covered(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    shelf.audit()
    page = verified(client)
    said = words(page)
    assert "<h1>Verified</h1>" in page.text
    assert "2 records" in said
    assert "Every step that could be made held" in said
    assert "Not checked witnesses" in said
    assert "http-equiv" not in page.text, "nothing is refreshed once it has ended"
    said = words(client.get("/evidence"))
    assert "2 records, up to entry 1" in said
    shelf.audit()
    for grown in (client.get("/evidence"), client.get(str(page.url))):
        assert "Grown since" in words(grown)
        assert "It held then" in words(grown)
        assert "Every step that could be made held" not in grown.text
        told = re.sub(r"<code.*?</code>", "", grown.text, flags=re.DOTALL)
        assert not re.search(r"Verified[.<]", told), "nor is its result green any more"


def told(client: Client) -> None:
    """Wait until the verification has told how far it is; what `latest` gives does not change."""
    for _ in range(1000):
        job = Jobs.of(client.app).latest("verify")
        if job is not None and job.total:
            return
        time.sleep(0.01)
    raise AssertionError("the verification never told how far it is")


def test_while_it_runs_the_page_refreshes_with_and_without_scripts(
    shelf: Shelf, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    shelf.audit()
    gate = threading.Event()

    def slowly(source: Any, *, progress: Any, **options: Any) -> Any:
        progress(3, 8)
        gate.wait(60)

    monkeypatch.setattr("venturalitica.review.verification.verify_source", slowly)
    address = client.post("/evidence/verify").headers["location"]
    told(client)
    page = client.get(address)
    assert '<noscript><meta http-equiv="refresh"' in page.text
    assert 'hx-trigger="every 1s"' in page.text
    assert "3 records of 8" in words(page)
    assert client.post("/evidence/verify").headers["location"] == address
    assert "see how far it is" in words(client.get("/evidence"))
    fragment = client.get(address.replace("/evidence/", "/live/"))
    assert "<html" not in fragment.text
    gate.set()


def test_a_tampered_log_is_red_at_the_entry_and_the_page_stands(
    shelf: Shelf, client: Client
) -> None:
    for _ in range(3):
        shelf.audit()
    entries = shelf.home / "log" / "entries.jsonl"
    lines = entries.read_bytes().splitlines(keepends=True)
    lines[1] = lines[1].replace(b'"payload":"ey', b'"payload":"ez', 1)
    entries.write_bytes(b"".join(lines))
    answer = client.get("/evidence")
    assert answer.status_code == 200
    assert "Verify now" in words(answer)
    page = verified(client)
    assert "<h1>Not verified</h1>" in page.text
    assert "entry 1" in words(page)
    assert words(page).index("Failed") < words(page).index("Held")
    assert "Not verified" in words(client.get("/evidence"))


@pytest.mark.parametrize("damage", ["checkpoint", "log"])
def test_what_is_damaged_is_said_and_can_still_be_verified(
    shelf: Shelf, client: Client, damage: str
) -> None:
    shelf.audit()
    (shelf.home / "log" / "checkpoint").unlink()
    if damage == "log":
        (shelf.home / "log" / "entries.jsonl").unlink()
    answer = client.get("/evidence")
    assert answer.status_code == 200
    assert {"checkpoint": "no checkpoint here", "log": "lost or removed"}[damage] in words(answer)
    assert "<h1>Verified</h1>" not in verified(client).text


def test_an_honest_bundle_and_a_tampered_one(shelf: Shelf, client: Client) -> None:
    shelf.audit()
    data = shelf.ledger.bundle(0)
    page = dropped(client, data)
    assert "<h1>Verified:" in page.text
    assert "signed by your own key" in words(page)
    bad = dropped(client, data.replace(b"venturalitica/log/", b"venturalitica/lag/"))
    assert "<h1>Not verified:" in bad.text
    assert "Failed" in words(bad)


def test_a_red_record_that_verifies_is_said_to_be_red(shelf: Shelf, client: Client) -> None:
    """The seal of an intact envelope is not the answer to what is in it."""
    entry = shelf.audit()
    page = dropped(client, shelf.ledger.bundle(0))
    said = words(page)
    assert "vl-edge-red" in page.text
    for told in (
        "Verified: evidence.json", "audit, entry 0 of a log with 1", "2026-11-01",
        "credit-scoring 1.0", "Red", "1 of 3 controls failed, 1 not evaluated",
        entry.signer, "training 00000000000000000000000000000001",
    ):  # fmt: skip
        assert told in said, told
    assert said.index("1 of 3 controls failed") < said.index("Every step that could be made")
    (report,) = re.findall(r'href="(/evidence/bundle/\w+/report)"', page.text)
    assert "vl-answer vl-is-red" in client.get(report).text
    assert "1 of 3 controls failed" in words(client.get("/runs/0"))
    whole = verified(client)
    for apart in (page, whole):
        record, evidence = re.findall(r'<section class="vl-answer vl-is-(\w+)"', apart.text)
        assert (record, evidence) == ("red", "green")
    assert "What is recorded Red: 1 of 3 controls failed" in said
    assert "What is recorded 1 red Whether the evidence is sound Verified" in words(whole)


def test_a_green_record_of_another_key_is_amber_and_an_edited_one_red(
    shelf: Shelf, client: Client, tmp_path: Path
) -> None:
    other = Shelf(tmp_path / "other")
    other.audit(ALONE, passed())
    data = other.ledger.bundle(0)
    shelf.audit(ALONE, passed())
    assert "vl-edge-green" in dropped(client, shelf.ledger.bundle(0)).text
    page = dropped(client, data)
    assert "vl-edge-amber" in page.text
    assert "which is not yours" in words(page)
    assert "It says green: none of 1 control failed Amber at best" in words(page)
    edited = dropped(client, data.replace(b'"sig\\":\\"M', b'"sig\\":\\"N', 1))
    assert "It says green: none of 1 control failed Nothing in it is proven." in words(edited)
    assert 'vl-answer vl-is-green"' not in page.text + edited.text
    assert "vl-edge-red" in edited.text
    assert "<h1>Not verified:" in edited.text


@pytest.mark.parametrize("keys", ["none", "unreadable", "named"])
def test_nobody_is_taken_on_the_word_of_a_bundle(
    keys: str, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shelf.audit(ALONE, passed())
    data = shelf.ledger.bundle(0)
    named = tmp_path / "trusted.pem"
    if keys == "named":
        named.write_text(json.loads(data)["keys"][shelf.ledger.entry(0).signer])
    if keys != "none":
        named.touch()
        monkeypatch.setenv("VENTURALITICA_TRUSTED_KEYS", str(named))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "auditor"))
    page = dropped(client_for(tmp_path / "nothing" / "evidence"), data)
    green = keys == "named"
    assert "<h1>Verified" in page.text
    assert ("vl-edge-green" in page.text) == green
    assert ("Green: none of 1 control failed" in words(page)) == green
    assert ("which is not yours" in words(page)) != green


def test_a_bundle_of_a_sign_off_says_so_and_has_no_report(shelf: Shelf, client: Client) -> None:
    shelf.sign_off(shelf.audit())
    page = dropped(client, shelf.ledger.bundle(1))
    assert "sign-off, entry 1" in words(page)
    assert "Open as a report" not in words(page)
    assert client.get(page.url.path + "/report").status_code == 404


@pytest.mark.parametrize("data", [b"", b"\x00" * 100, b"[" * 5000, b'{"format": 1}', b"\xff\xfe"])
def test_what_is_no_bundle_is_refused_with_a_reason(client: Client, data: bytes) -> None:
    page = dropped(client, data)
    assert page.status_code == 200
    assert "<h1>Not verified:" in page.text


def test_a_hostile_file_name_is_only_text(shelf: Shelf, client: Client) -> None:
    page = dropped(client, b"{}", name="<script>alert(1)</script>.json")
    assert "<script>alert" not in page.text
    assert "alert(1)" in words(page)


def test_nothing_chosen_and_results_forgotten_are_pages(client: Client) -> None:
    answer = client.post("/evidence/bundle")
    assert answer.status_code == 400
    assert "choose a bundle" in words(answer)
    assert client.get("/evidence/bundle/nowhere").status_code == 404
    assert client.get("/evidence/verify/nowhere").status_code == 404
    assert client.get("/live/verify/nowhere").status_code == 404


def run(line: str, folder: Path) -> str:
    shell = ["bash", "-euo", "pipefail", "-c", line]
    env = os.environ | {"TMPDIR": str(folder)}
    done = subprocess.run(shell, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


TOOLS = pytest.mark.skipif(
    not (shutil.which("openssl") and shutil.which("jq")), reason="openssl and jq are not here"
)


@TOOLS
def test_the_lines_for_a_bundle_do_what_the_steps_did(shelf: Shelf, tmp_path: Path) -> None:
    shelf.audit()
    entry, policy = shelf.ledger.entry(0), shelf.statement()["predicate"]["policy"]
    (tmp_path / "my evidence.json").write_bytes(shelf.ledger.bundle(0))

    def said(step: str) -> str:
        return run(bundle_command(step, "my evidence.json"), tmp_path)

    assert said("signatures") == "Verified OK\n"
    assert said("policy").split() == [policy["sha256"], "-", policy["sha256"]]
    assert '"index": 0' in said("chain")
    assert "in-toto.io/Statement/v1" in said("statements")
    assert entry.statement["subject"][0]["digest"]["sha256"] in said("subjects")
    assert "Verified OK" in said("checkpoint")
    ids = said("keys").split()
    assert ids[0] == ids[2]
    assert ids[3] == ids[5]
    assert '"size": 1' in said("bundle")
    assert '"red"' in said("lights")


@TOOLS
def test_the_lines_of_a_report_check_its_record(shelf: Shelf, tmp_path: Path) -> None:
    shelf.audit()
    entry = shelf.ledger.entry(0)
    bundle = shelf.ledger.bundle(0)
    (tmp_path / "evidence.json").write_bytes(bundle)
    verified, key, record = run(without_us(), tmp_path).splitlines()
    assert verified == "Verified OK"
    assert key.split()[0] == entry.signer
    assert record.split()[0] == entry.evidence_sha256
    forged = json.loads(bundle)
    forged["envelope"] = forged["envelope"].replace('"payload":"e', '"payload":"f', 1)
    assert forged["envelope"] != json.loads(bundle)["envelope"]
    (tmp_path / "evidence.json").write_text(json.dumps(forged))
    with pytest.raises(AssertionError):
        run(without_us(), tmp_path)


@TOOLS
def test_the_lines_for_a_log_do_what_the_steps_did(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path / "a folder")
    for _ in range(3):
        shelf.audit()
    shelf.rotate()

    def said(step: str, entry: int = 1) -> str:
        return run(log_command(step, str(shelf.home), entry=entry), tmp_path)

    assert said("signatures") == said("signatures", 0) == "Verified OK\n"
    assert said("chain").count(shelf.ledger.leaf(0)) == 2
    assert "Verified OK" in said("checkpoint")
    sha256 = shelf.ledger.entry(1).statement["predicate"]["policy"]["sha256"]
    assert said("policy").split()[0] == sha256
    assert said("log").split()[-1] == "4"
    told = said("keys").splitlines()
    assert len(told) == 8
    for digest, path in zip(told[::2], told[1::2], strict=True):
        assert digest.split()[0] == Path(path).stem


def test_every_step_of_a_verification_has_its_meaning_and_line(
    shelf: Shelf, client: Client
) -> None:
    entry = shelf.audit()
    shelf.sign_off(entry)
    shelf.rotate()
    shelf.odd()
    page = verified(client).text
    names = re.findall(r'class="ev-name">(.*?)<', page)
    assert len(names) > 12
    assert set(names) <= MEANINGS.keys()
    assert len(lines_of(page)) == len(names)


def test_the_steps_are_those_that_the_docs_list() -> None:
    text = (Path(__file__).parents[2] / "docs" / "evidence.md").read_text()
    table = text[text.index("| step | what it shows |") :]
    listed = set(re.findall(r"^\| (`.*?`) \|", table, re.M))
    named = {name.strip("`") for cell in listed for name in cell.split(", ")}
    # A page verifies a log or a bundle: no folder of bundles, no run and no aliases of a tracker.
    assert named - {"one log", "run", "audits of the run", "aliases"} == MEANINGS.keys()


def test_a_file_sent_with_a_form_that_is_not_ours_is_let_go(client: Client) -> None:
    import gc

    answer = client.post(
        "/evidence/bundle", {"csrf": "another"}, files={"bundle": ("evidence.json", b"{}")}
    )
    assert answer.status_code == 403
    gc.collect()  # a file left open is a warning, and that an error here
