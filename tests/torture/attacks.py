"""Attacks on evidence, one function each: what the attacker does to a copy of a real ledger.

`ATTACKS` is what docs/threat-model.md lists. Each says how it must be found:

    alone      `verify` of the files fails
    keys       files alone verify and say that a key is seen first; with `--keys` it fails
    witness    files alone verify and say that no witness was given; with one it fails
    told       files verify, but for one step (`step`), of which they say that it was not made
    nothing    it must not change a word of what `verify` says
"""

from __future__ import annotations

import base64
import importlib
import json
import shutil
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from msgspec.structs import force_setattr

from venturalitica._version import __version__
from venturalitica.ledger import Index, Ledger, Outbox, PublicKey, Witness, load_signer
from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
from venturalitica.ledger.formats.dsse import Envelope, sign_envelope
from venturalitica.ledger.formats.merkle import MemoryTree, leaf_hash
from venturalitica.ledger.formats.public_key import carry_keys
from venturalitica.ledger.signing.signer import FileSigner

make_statement: Callable[..., dict[str, Any]] = importlib.import_module(
    "ledger.conftest"
).make_statement
"""The statement that the ledger's own tests are made of."""


def record(number: int, **changes: Any) -> dict[str, Any]:
    """The statement of one audit, whole enough to be delivered."""
    statement = make_statement(number, package=__version__, **changes)
    for item in statement["predicate"]["data"]:
        item |= {"columns": [], "method": "file"}
    return statement


LINK = {"tracker": "mlflow", "run_id": "0" * 32, "uri": "sqlite:////nowhere/mlflow.db"}


@dataclass(frozen=True)
class World:
    """A log of two writers, what was kept outside, an older copy, another log of the same keys."""

    home: Path
    older: Path
    other: Path
    ours: FileSigner
    colleague: FileSigner
    stranger: FileSigner
    witnesses: tuple[Witness, ...]
    size: int

    @property
    def pinned(self) -> tuple[PublicKey, ...]:
        """The keys that the auditor got by another way."""
        return tuple(
            key
            for signer in (self.ours, self.colleague)
            for key in (signer.public, signer.checkpoint_signer().public)
        )


@dataclass(frozen=True)
class Attack:
    """`play` changes the ledger in the folder it is given."""

    name: str
    who: str
    found: str
    play: Callable[[World, Path], None]
    step: str = ""


ATTACKS: dict[str, Attack] = {}


Play = Callable[[World, Path], None]


def attack(who: str, *, found: str, step: str = "") -> Callable[[Play], Play]:
    """Enter a function among `ATTACKS` by its name."""

    def enter(play: Play) -> Play:
        name = play.__name__.replace("_", "-")
        ATTACKS[name] = Attack(name, who, found, play, step)
        return play

    return enter


def build(folder: Path, *, entries: int) -> World:
    """A log of `entries` records in `folder`, half of them by each of two writers."""
    ours, colleague, stranger = (
        load_signer(None, folder / name) for name in ("ours", "colleague", "stranger")
    )
    home, other = folder / "home" / ".venturalitica", folder / "other" / ".venturalitica"
    witnesses = []
    for number in range(entries):
        ledger = Ledger.open(home, signer=colleague if number % 4 == 1 else ours)
        ledger.append(record(number, trackers=[LINK]))
        if number in (entries // 2, entries - 1):
            witnesses.append(Witness(f"MLflow run {number}", ledger.checkpoint))
        if number == entries - 4:
            shutil.copytree(home, folder / "older")
    for number in range(entries):
        Ledger.open(other, signer=ours).append(record(number))
    with Index.open(Ledger.open(home)):
        pass  # index.db and cache are there to be altered
    Outbox(Ledger.open(home)).failed(0, LINK["tracker"], LINK["run_id"], "it did not answer")
    return World(
        home, folder / "older", other, ours, colleague, stranger, tuple(witnesses), entries
    )


def entries_of(home: Path) -> Path:
    return home / "log" / "entries.jsonl"


def lines_of(home: Path) -> list[bytes]:
    return entries_of(home).read_bytes().splitlines(keepends=True)


def write_lines(home: Path, lines: Iterable[bytes]) -> None:
    entries_of(home).write_bytes(b"".join(lines))


def seal(home: Path, signer: FileSigner, *, origin: str | None = None) -> None:
    """Seal the lines that are there with the key of `signer`, and lay its keys beside them."""
    origin = origin or (home / "log" / "checkpoint").read_text().split("\n")[0]
    sealer = signer.checkpoint_signer()
    leaves = [leaf_hash(line[:-1]) for line in lines_of(home)]
    head = Checkpoint(origin, len(leaves), MemoryTree(leaves).root())
    key = NoteKey(origin, sealer.public.raw_ed25519())
    (home / "log" / "checkpoint").write_text(sign_note(head.text(), key, sealer.sign))
    carry_keys(home / "keys", [signer.public, sealer.public])


def signed_again(
    line: bytes, signer: FileSigner, change: Callable[[dict[str, Any]], None]
) -> bytes:
    """The record of `line`, changed and signed by `signer`."""
    statement = json.loads(Envelope.parse(line[:-1]).payload)
    change(statement["predicate"])
    payload = json.dumps(statement, separators=(",", ":"), sort_keys=True).encode()
    return sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json() + b"\n"


def written_anew(
    home: Path, signer: FileSigner, numbers: Iterable[int], origin: str | None = None
) -> None:
    """A log made from nothing by the holder of a key, under a name of his choice."""
    shutil.rmtree(home)
    ledger = Ledger(home, signer=signer, checkpoint_signer=signer.checkpoint_signer())
    keeper = ledger._keeper()
    if origin is not None:
        force_setattr(keeper, "new_origin", lambda: origin)
    ledger._log.settle(keeper)
    for number in numbers:
        ledger.append(record(number))


def greener(predicate: dict[str, Any]) -> None:
    """The change that an attacker wants: a better number."""
    predicate["verdicts"][0]["value"] = 0.99


# --- Somebody who can write to the folder, without any of its keys --------------------------------

OUTSIDER = "outsider who can write to the folder"


@attack(OUTSIDER, found="alone")
def change_a_record(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[1] = lines[1].replace(b"A", b"B", 1)
    write_lines(home, lines)


@attack(OUTSIDER, found="alone")
def drop_a_record(world: World, home: Path) -> None:
    lines = lines_of(home)
    write_lines(home, lines[:2] + lines[3:])


@attack(OUTSIDER, found="alone")
def drop_the_last_record(world: World, home: Path) -> None:
    write_lines(home, lines_of(home)[:-1])


@attack(OUTSIDER, found="alone")
def swap_two_records(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[1], lines[2] = lines[2], lines[1]
    write_lines(home, lines)


@attack(OUTSIDER, found="alone")
def double_a_record(world: World, home: Path) -> None:
    lines = lines_of(home)
    write_lines(home, [*lines[:2], *lines[1:]])


@attack(OUTSIDER, found="alone")
def cut_inside_a_record(world: World, home: Path) -> None:
    data = entries_of(home).read_bytes()
    entries_of(home).write_bytes(data[: len(data) - len(data.splitlines()[-1]) // 2])


@attack(OUTSIDER, found="alone")
def splice_in_a_record_of_another_log(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[2] = lines_of(world.other)[2]
    write_lines(home, lines)


@attack(OUTSIDER, found="alone")
def put_the_checkpoint_of_another_log(world: World, home: Path) -> None:
    shutil.copy(world.other / "log" / "checkpoint", home / "log" / "checkpoint")


@attack(OUTSIDER, found="alone")
def insert_a_foreign_line(world: World, home: Path) -> None:
    lines = lines_of(home)
    write_lines(home, [*lines[:2], b'{"payload":"","payloadType":"x"}\n', *lines[2:]])


@attack(OUTSIDER, found="alone")
def add_a_foreign_line(world: World, home: Path) -> None:
    write_lines(home, [*lines_of(home), b"{}\n"])


@attack(OUTSIDER, found="alone")
def put_back_the_log_but_not_the_checkpoint(world: World, home: Path) -> None:
    shutil.copy(entries_of(world.older), entries_of(home))


@attack(OUTSIDER, found="alone")
def put_back_the_checkpoint_but_not_the_log(world: World, home: Path) -> None:
    shutil.copy(world.older / "log" / "checkpoint", home / "log" / "checkpoint")


@attack(OUTSIDER, found="alone")
def remove_the_checkpoint(world: World, home: Path) -> None:
    (home / "log" / "checkpoint").unlink()


@attack(OUTSIDER, found="alone")
def remove_the_log(world: World, home: Path) -> None:
    entries_of(home).unlink()


@attack(OUTSIDER, found="alone")
def remove_a_key(world: World, home: Path) -> None:
    (home / "keys" / f"{world.colleague.keyid}.pem").unlink()


@attack(OUTSIDER, found="alone")
def remove_all_keys(world: World, home: Path) -> None:
    shutil.rmtree(home / "keys")


@attack(OUTSIDER, found="alone")
def swap_two_keys(world: World, home: Path) -> None:
    ours, theirs = (home / "keys" / f"{s.keyid}.pem" for s in (world.ours, world.colleague))
    held = ours.read_bytes()
    ours.write_bytes(theirs.read_bytes())
    theirs.write_bytes(held)


@attack(OUTSIDER, found="alone")
def put_another_key_under_a_known_name(world: World, home: Path) -> None:
    path = home / "keys" / f"{world.ours.keyid}.pem"
    path.write_text(world.stranger.public.pem)


# --- The same, with a key of his own --------------------------------------------------------------

STRANGER = "outsider with a key of his own"


@attack(STRANGER, found="alone")
def change_a_record_and_sign_it_with_another_key(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[2] = signed_again(lines[2], world.stranger, greener)
    write_lines(home, lines)
    carry_keys(home / "keys", [world.stranger.public])


@attack(STRANGER, found="alone")
def change_a_record_and_seal_all_with_another_key(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[2] = signed_again(lines[2], world.stranger, greener)
    write_lines(home, lines)
    seal(home, world.stranger)


@attack(STRANGER, found="alone")
def change_the_last_record_and_seal_with_another_key(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[-1] = signed_again(lines[-1], world.stranger, greener)
    write_lines(home, lines)
    seal(home, world.stranger)


@attack(STRANGER, found="alone")
def cut_the_end_and_seal_with_another_key(world: World, home: Path) -> None:
    write_lines(home, lines_of(home)[:-2])
    seal(home, world.stranger)


@attack(STRANGER, found="keys")
def append_with_another_key(world: World, home: Path) -> None:
    Ledger.open(home, signer=world.stranger).append(record(99))


@attack(STRANGER, found="keys")
def put_back_an_older_copy_and_append_with_another_key(world: World, home: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(world.older, home)
    Ledger.open(home, signer=world.stranger).append(record(99))


@attack(STRANGER, found="keys")
def write_the_whole_log_with_another_key(world: World, home: Path) -> None:
    origin = Ledger.open(home).head().origin
    written_anew(home, world.stranger, range(world.size), origin)


# --- Whoever holds the key that signs -------------------------------------------------------------

INSIDER = "insider, or a thief, with the signing key"


@attack(INSIDER, found="alone")
def change_a_record_and_sign_it_with_the_key(world: World, home: Path) -> None:
    lines = lines_of(home)
    lines[2] = signed_again(lines[2], world.ours, greener)
    write_lines(home, lines)
    seal(home, world.ours)


@attack(INSIDER, found="alone")
def sign_a_light_that_the_verdicts_do_not_bear_out(world: World, home: Path) -> None:
    statement = record(99)
    statement["predicate"]["verdicts"][0]["status"] = "failed"
    Ledger.open(home, signer=world.ours).append(statement)


@attack(INSIDER, found="alone")
def sign_another_policy_than_the_digest_names(world: World, home: Path) -> None:
    statement = record(99)
    statement["predicate"]["policy"]["bytes"] = base64.b64encode(b"policy: kinder\n").decode()
    Ledger.open(home, signer=world.ours).append(statement)


@attack(INSIDER, found="alone")
def sign_another_version_than_the_policy_says(world: World, home: Path) -> None:
    statement = record(99)
    data = b'policy: loans\nversion: "1"\ncontrols: [{id: a, metric: accuracy, must: ">= 0.7"}]\n'
    digest = sha256(data).hexdigest()
    named = {"name": "loans", "version": "2", "sha256": digest}
    statement["predicate"]["policy"] |= named | {"bytes": base64.b64encode(data).decode()}
    statement["subject"][0]["digest"]["sha256"] = digest
    Ledger.open(home, signer=world.ours).append(statement)


@attack(INSIDER, found="alone")
def sign_another_tally_than_the_digest_names(world: World, home: Path) -> None:
    statement = record(99)
    statement["predicate"]["tally"]["rows"] += 1
    Ledger.open(home, signer=world.ours).append(statement)


@attack(INSIDER, found="alone")
def sign_another_model_than_the_subject_names(world: World, home: Path) -> None:
    statement = record(99)
    statement["predicate"]["model"]["sha256"] = "0" * 64
    Ledger.open(home, signer=world.ours).append(statement)


@attack(INSIDER, found="witness")
def cut_the_end_and_append_with_the_key(world: World, home: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(world.older, home)
    ledger = Ledger.open(home, signer=world.ours)
    for number in range(90, 99):
        ledger.append(record(number))


@attack(INSIDER, found="witness")
def write_the_whole_log_anew_with_the_key(world: World, home: Path) -> None:
    origin = Ledger.open(home).head().origin
    written_anew(home, world.ours, range(50, 51 + world.size), origin)


@attack(INSIDER, found="witness")
def begin_another_log_with_the_key(world: World, home: Path) -> None:
    written_anew(home, world.ours, range(world.size))


@attack("anybody with an older copy", found="witness")
def put_back_an_older_copy(world: World, home: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(world.older, home)


@attack("anybody with an older copy", found="witness")
def put_back_the_older_log_and_its_checkpoint(world: World, home: Path) -> None:
    shutil.copytree(world.older / "log", home / "log", dirs_exist_ok=True)


# --- What is no record ----------------------------------------------------------------------------


@attack(OUTSIDER, found="nothing")
def edit_the_index(world: World, home: Path) -> None:
    with sqlite3.connect(home / "index.db") as database:
        database.execute("UPDATE runs SET light = 'red', name = 'forged'")
    database.close()


@attack(OUTSIDER, found="nothing")
def break_the_index(world: World, home: Path) -> None:
    with sqlite3.connect(home / "index.db") as database:
        database.execute("UPDATE runs SET trackers = '[', passed = 'x' WHERE entry = 1")
        database.execute("UPDATE meta SET value = 'x' WHERE key = 'size'")
    database.close()


@attack(OUTSIDER, found="nothing")
def say_that_all_was_delivered(world: World, home: Path) -> None:
    receipts = home / "receipts.jsonl"
    lines = receipts.read_text().splitlines()
    said = [json.loads(line) | {"outcome": "confirmed"} for line in lines]
    receipts.write_text("".join(json.dumps(item) + "\n" for item in said))


@attack(OUTSIDER, found="nothing")
def fill_the_receipts_with_rubbish(world: World, home: Path) -> None:
    (home / "receipts.jsonl").write_bytes(b"\xff\0{}\n" * 100 + b'{"index": 1e999}\n')


@attack(OUTSIDER, found="nothing")
def alter_the_cache(world: World, home: Path) -> None:
    for path in (home / "cache").iterdir():
        path.write_bytes(bytes(len(path.read_bytes())))


@attack(OUTSIDER, found="nothing")
def remove_cache_index_and_receipts(world: World, home: Path) -> None:
    shutil.rmtree(home / "cache")
    (home / "index.db").unlink()
    (home / "receipts.jsonl").unlink()
