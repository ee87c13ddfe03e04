"""Whoever can write to the folder, and has no key of ours, turns nothing green."""

from __future__ import annotations

import base64
import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.ui.client import client_for, words
from tests.ui.shelf import ALONE, FIRST, Shelf, loan_verdicts, passed
from venturalitica.cli.app import app
from venturalitica.core.verdict import Interval
from venturalitica.ledger import Index, Ledger, load_signer, verify_ledger
from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
from venturalitica.ledger.formats.dsse import Envelope, sign_envelope
from venturalitica.ledger.formats.merkle import MemoryTree, leaf_hash
from venturalitica.ledger.formats.public_key import carry_keys
from venturalitica.ledger.signing.signer import FileSigner

EDITED = 2
PAGES = ("/", "/runs", f"/runs/{EDITED}", f"/compare?a=0&b={EDITED}", "/policies")
COMMANDS = (
    ("runs", "list"),
    ("runs", "list", "--json"),
    ("runs", "list", "--light", "green"),
    ("runs", "show", str(EDITED)),
    ("runs", "show", str(EDITED), "--json"),
    ("report", "run", str(EDITED), "--format", "markdown"),
)


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Three audits of three pipelines, green, red and red; its reader has the key."""
    shelf = Shelf(tmp_path)
    shelf.audit(ALONE, passed(), name="first")
    shelf.audit(FIRST, name="second")
    shelf.audit(FIRST, name="third")
    monkeypatch.setenv("VENTURALITICA_HOME", str(shelf.home))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(shelf.config))
    with Index.open(shelf.ledger):
        pass
    return shelf


@pytest.fixture
def stranger(tmp_path: Path) -> FileSigner:
    return load_signer(None, tmp_path / "stranger")


def lines_of(home: Path) -> list[bytes]:
    return (home / "log" / "entries.jsonl").read_bytes().splitlines()


def write_lines(home: Path, lines: list[bytes]) -> None:
    (home / "log" / "entries.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


def greener(line: bytes, **log: Any) -> bytes:
    """The payload of a line, all of it passed."""
    statement = json.loads(Envelope.parse(line).payload)
    predicate = statement["predicate"]
    predicate["light"] = "green"
    # Each control of its policy, or `verify` would miss some.
    good: Any = {
        "status": "passed",
        "value": 0.9,
        "interval": Interval(0.88, 0.92),
        "conclusive": True,
    }
    predicate["verdicts"] = [replace(one, **good).to_json() for one in loan_verdicts()]
    predicate["log"] |= log
    return json.dumps(statement, sort_keys=True, separators=(",", ":")).encode()


def with_payload(line: bytes, payload: bytes) -> bytes:
    """The line with another payload, under the signature of the old one."""
    made = json.loads(line) | {"payload": base64.b64encode(payload).decode()}
    return json.dumps(made, sort_keys=True, separators=(",", ":")).encode()


def seal(home: Path, signer: FileSigner) -> None:
    """Seal the lines that are there, lay the keys beside them, and make cache and index fit."""
    sealer, lines = signer.checkpoint_signer(), lines_of(home)
    origin = (home / "log" / "checkpoint").read_text().split("\n")[0]
    head = Checkpoint(origin, len(lines), MemoryTree([*map(leaf_hash, lines)]).root())
    carry_keys(home / "keys", (signer.public, sealer.public))
    note = sign_note(head.text(), NoteKey(origin, sealer.public.raw_ed25519()), sealer.sign)
    (home / "log" / "checkpoint").write_text(note)


def without_index(home: Path) -> None:
    (home / "index.db").unlink()


def edit_record_and_leaf(shelf: Shelf, _: FileSigner) -> None:
    lines = lines_of(shelf.home)
    lines[EDITED] = with_payload(lines[EDITED], greener(lines[EDITED]))
    write_lines(shelf.home, lines)
    edit_cache(shelf.home, lines)
    without_index(shelf.home)


def edit_cache(home: Path, lines: list[bytes]) -> None:
    """Every leaf of the cache is that of the line; what the root is made of stays, where it can."""
    from venturalitica.ledger.formats.merkle import stored_position

    with (home / "cache" / "hashes.bin").open("r+b") as stream:
        for index, line in enumerate(lines[:-1]):
            stream.seek(32 * stored_position(0, index))
            stream.write(leaf_hash(line))
    ends = [sum(len(one) + 1 for one in lines[: n + 1]) for n in range(len(lines))]
    (home / "cache" / "offsets.bin").write_bytes(b"".join(e.to_bytes(8, "little") for e in ends))


def seal_with_a_laid_key(shelf: Shelf, stranger: FileSigner) -> None:
    lines = lines_of(shelf.home)
    lines[EDITED] = with_payload(lines[EDITED], greener(lines[EDITED]))
    write_lines(shelf.home, lines)
    seal(shelf.home, stranger)


def sign_with_a_laid_key(shelf: Shelf, stranger: FileSigner) -> None:
    lines = lines_of(shelf.home)
    payload = greener(lines[EDITED])
    lines[EDITED] = sign_envelope(payload, keyid=stranger.keyid, sign=stranger.sign).to_json()
    write_lines(shelf.home, lines)
    seal(shelf.home, stranger)


def resign_to_the_end(shelf: Shelf, stranger: FileSigner) -> None:
    """`verify` says "key first seen here" of this one: nothing contradicts, but it is not ours."""
    lines, sealer = lines_of(shelf.home), stranger.checkpoint_signer()
    for index in range(EDITED, len(lines)):
        named = {"checkpoint_key": sealer.keyid, "record_key": stranger.keyid}
        named |= {"previous": leaf_hash(lines[index - 1]).hex()}
        payload = greener(lines[index], **named)
        lines[index] = sign_envelope(payload, keyid=stranger.keyid, sign=stranger.sign).to_json()
    write_lines(shelf.home, lines)
    seal(shelf.home, stranger)


def edit_and_append_with_a_laid_key(shelf: Shelf, stranger: FileSigner) -> None:
    """The last record is the stranger's own and names the key that seals; ours is edited."""
    Ledger.open(shelf.home, signer=stranger).append(shelf.statement(FIRST, name="fourth"))
    seal_with_a_laid_key(shelf, stranger)


def move_a_green_record(shelf: Shelf, stranger: FileSigner) -> None:
    """Our own green record, in the place of the red one."""
    Ledger.open(shelf.home, signer=stranger).append(shelf.statement(FIRST, name="fourth"))
    lines = lines_of(shelf.home)
    lines[EDITED] = lines[0]
    write_lines(shelf.home, lines)
    seal(shelf.home, stranger)


def edit_index(shelf: Shelf, _: FileSigner) -> None:
    import sqlite3

    database = sqlite3.connect(shelf.home / "index.db")
    for line in (
        "UPDATE runs SET light = 'green', failed = 0",
        "UPDATE verdicts SET light = 'green', status = 'passed'",
    ):
        database.execute(line)
    database.commit()
    database.close()


ATTACKS: tuple[Callable[[Shelf, FileSigner], None], ...] = (
    edit_record_and_leaf,
    seal_with_a_laid_key,
    sign_with_a_laid_key,
    resign_to_the_end,
    edit_and_append_with_a_laid_key,
    move_a_green_record,
    edit_index,
)


def shown(home: Path) -> dict[str, str]:
    client = client_for(home)
    found = {address: words(client.get(address)) for address in PAGES}
    for command in COMMANDS:
        done = CliRunner().invoke(app, list(command))
        # What the record itself says stands in its JSON, beside what is known of it.
        told = re.sub(r'"predicate": \{.*', "", done.output, flags=re.DOTALL)
        found[" ".join(command)] = told
    return found


SAID = re.compile(
    r"does not verify|stands in the log twice|somebody else sealed|is not the one that|altered"
    r"|is not yours|not say what"
)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_nothing_turns_green(
    shelf: Shelf, stranger: FileSigner, attack: Callable[[Shelf, FileSigner], None]
) -> None:
    before = shown(shelf.home)
    attack(shelf, stranger)
    after = shown(shelf.home)
    for place, text in after.items():
        assert greens(text) <= greens(before[place]), place
    place = f"runs show {EDITED}"
    if attack is not edit_index:
        assert SAID.search(after[place]), after[place]
        assert SAID.search(after["/runs"]), after["/runs"]
    verified = verify_ledger(shelf.home).ok
    assert verified == (attack in (resign_to_the_end, edit_index))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_a_server_that_runs_already_sees_it_too(
    shelf: Shelf, stranger: FileSigner, attack: Callable[[Shelf, FileSigner], None]
) -> None:
    client = client_for(shelf.home)
    before = {address: words(client.get(address)) for address in PAGES}
    attack(shelf, stranger)
    for address in PAGES:
        assert greens(words(client.get(address))) <= greens(before[address]), address


def greens(text: str) -> int:
    return len(re.findall(r"\bgreen\b", text, re.IGNORECASE))


def test_a_verification_that_failed_turns_every_light_red(shelf: Shelf) -> None:
    """Here a value beside the log was changed: every record by itself is proven still."""
    shelf.sign_off(shelf.ledger.entry(0))
    client = client_for(shelf.home)
    assert "vl-answer vl-is-green" in client.get("/runs/0").text
    for path in (shelf.home / "vault").iterdir():
        path.write_bytes(path.read_bytes()[:-2] + b" }")
    verify_now(client)
    for address in ("/", "/runs", "/runs/0", "/compare?a=0&b=1", "/policies"):
        page = client.get(address)
        assert "The log did not verify" in words(page), address
        assert "green" not in lit(page.text), address
    assert "/runs/0" not in client.get("/runs?light=green").text
    assert "/runs/0" in client.get("/runs?light=red").text


def test_a_server_misses_the_end_that_was_cut_off(shelf: Shelf, tmp_path: Path) -> None:
    """An older log and its checkpoint verify: only who saw more of it can tell."""
    older = shutil.copytree(shelf.home / "log", tmp_path / "older")
    shelf.audit(FIRST, name="fourth")
    client = client_for(shelf.home)
    client.get("/")
    shutil.rmtree(shelf.home / "log")
    shutil.copytree(older, shelf.home / "log")
    for _ in range(2):
        page = client.get("/runs")
        assert "has seen 4 entries of the log, and now there are 3" in words(page)
        assert "green" not in lit(page.text)
    assert "has seen" not in words(client_for(shelf.home).get("/runs"))


def test_keys_of_others_are_known_once_they_are_named(
    shelf: Shelf, stranger: FileSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(shelf.home, signer=stranger).append(
        shelf.statement(ALONE, passed(), name="a colleague's")
    )
    client = client_for(shelf.home)
    assert "is not yours" in words(client.get("/runs"))
    assert "vl-answer vl-is-amber" in client.get("/runs/3").text
    assert facts_of("3")["light"] == "amber"
    known = tmp_path / "colleague.pem"
    known.write_text(stranger.public.pem)
    monkeypatch.setenv("VENTURALITICA_TRUSTED_KEYS", str(known))
    assert "vl-answer vl-is-green" in client_for(shelf.home).get("/runs/3").text
    assert facts_of("3")["light"] == "green"


def test_a_key_that_took_over_is_known(shelf: Shelf) -> None:
    shelf.rotate()
    shelf.audit(ALONE, passed(), name="later")
    assert "vl-answer vl-is-green" in client_for(shelf.home).get("/runs/4").text
    assert facts_of("0")["light"] == "green"
    assert facts_of("4")["light"] == "green"


def test_without_a_key_of_his_own_the_reader_takes_the_one_that_began(
    shelf: Shelf, stranger: FileSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Ledger.open(shelf.home, signer=stranger).append(shelf.statement(ALONE, passed(), name="new"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "nothing"))
    assert facts_of("0")["light"] == "green"
    assert facts_of("3")["light"] == "amber"


def facts_of(ref: str) -> dict[str, Any]:
    """What the list says of a record, which is what 'runs show' says too."""
    (shown,) = json.loads(CliRunner().invoke(app, ["runs", "show", ref, "--json"]).stdout)
    listed = json.loads(CliRunner().invoke(app, ["runs", "list", "--json"]).stdout)
    (line,) = [one for one in listed if one["index"] == int(ref)]
    assert shown["light"] == line["light"]
    return dict(line)


def lit(page: str) -> set[str]:
    """The lights of the records on a page: their cards, lines, answers and marks."""
    main = page.partition('<h2 id="health">')[0].partition(">Evidence</h2>")[0]
    main = re.sub(r"<(nav|form|figure).*?</\1>", "", main, flags=re.DOTALL)
    found = re.findall(r"vl-edge-(\w+)|vl-answer vl-is-(\w+)|Light: (\w+)", main)
    return {light.lower() for several in found for light in several if light}


def verify_now(client: Any) -> None:
    answer = client.post("/evidence/verify")
    for _ in range(600):
        page = words(client.get(answer.headers["location"]))
        if "Not verified" in page or "Verified" in page:
            return
        time.sleep(0.05)
    raise AssertionError(page)
