"""Attacks on what keeps a log in care: rotation, sign-offs, the vault, pruning, the inbox.

Each first makes what it attacks, as its owner would, then attacks it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from torture import attacks
from torture.attacks import (
    INSIDER,
    OUTSIDER,
    STRANGER,
    World,
    lines_of,
    record,
    seal,
    write_lines,
)
from venturalitica.core.link import Link
from venturalitica.core.record import ERASURE, STATEMENT_TYPE
from venturalitica.core.text import timestamp
from venturalitica.ledger import Ledger
from venturalitica.ledger.formats.dsse import sign_envelope
from venturalitica.ledger.formats.merkle import Head, leaf_hash, root_of
from venturalitica.ledger.formats.public_key import PublicKey, carry_keys
from venturalitica.ledger.lifecycle.approve import approve
from venturalitica.ledger.lifecycle.erase import erase
from venturalitica.ledger.log.key_history import hand_over, pair_of
from venturalitica.ledger.records.kinds.pruning import Range, prune_statement
from venturalitica.ledger.records.kinds.rotation import Pair, Rotation
from venturalitica.ledger.records.placement import Draft
from venturalitica.ledger.signing.signer import FileSigner, load_signer

Play = Callable[[World, Path], None]
attack: Callable[..., Callable[[Play], Play]] = attacks.attack

THIEF = "thief of a key that was rotated since"


@dataclass(frozen=True)
class Forged:
    """Says to be one key and signs with another."""

    public: PublicKey
    signer: FileSigner

    @property
    def keyid(self) -> str:
        return self.public.keyid

    def sign(self, data: bytes) -> bytes:
        return self.signer.sign(data)


def by_hand(home: Path, statement: Mapping[str, Any], signer: FileSigner) -> None:
    """Append and seal as a program of the attacker's own would: it refuses nothing."""
    lines = lines_of(home)
    link = Link(
        origin=(home / "log" / "checkpoint").read_text().split("\n")[0],
        index=len(lines),
        previous=leaf_hash(lines[-1][:-1]).hex(),
        appended_at=timestamp(datetime.now(UTC)),
        checkpoint_key=signer.checkpoint_signer().keyid,
    )
    payload = Draft(statement).payload(link)
    line = sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()
    write_lines(home, [*lines, line + b"\n"])
    seal(home, signer)


def signed_off(world: World, home: Path) -> int:
    """A sign-off of the owner's, with a name in the vault; gives its entry."""
    ledger = Ledger.open(home, signer=world.ours)
    entry = approve(
        ledger,
        ledger.entry(0),
        person="Ada Example",
        role="owner",
        decision="approved",
        light="green",
        keyid=world.ours.keyid,
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    return entry.index


def pair_in(home: Path) -> Path:
    """The one pair of the vault."""
    (path,) = (home / "vault").glob("*.json")
    return path


@attack(THIEF, found="alone")
def sign_with_a_retired_key(world: World, home: Path) -> None:
    hand_over(
        Ledger.open(home, signer=world.stranger).append, world.ours, world.stranger, reason="lost"
    )
    by_hand(home, record(99), world.ours)


@attack(STRANGER, found="alone")
def appoint_a_key_of_his_own(world: World, home: Path) -> None:
    rotation = Rotation(pair_of(world.ours), pair_of(world.stranger), "lost")
    carry_keys(home / "keys", [world.stranger.public])
    by_hand(home, rotation.statement(), world.stranger)


@attack(STRANGER, found="keys", step="trust")
def appoint_the_heir_of_our_checkpoint_key(world: World, home: Path) -> None:
    """By two keys of his own, one of which says that our checkpoint key belongs to it."""
    heir = load_signer(None, home / "heir")
    ours = Pair(world.stranger.public, world.ours.checkpoint_signer().public)
    ledger = Ledger.open(home, signer=heir)
    ledger.append(Rotation(ours, pair_of(heir)).statement(), cosigners=(world.stranger,))


@attack(STRANGER, found="alone")
def forge_a_rotation_to_shut_us_out(world: World, home: Path) -> None:
    forged = Forged(world.ours.public, world.stranger)
    rotation = Rotation(pair_of(world.ours), pair_of(world.stranger))
    ledger = Ledger.open(home, signer=world.stranger)
    ledger.append(rotation.statement(), cosigners=(forged,))
    assert Ledger.open(home, signer=world.ours).append(record(99)).index == world.size + 1


@attack(OUTSIDER, found="nothing")
def plant_the_mark_of_an_erasure(world: World, home: Path) -> None:
    marks = home / "vault" / "erasing"
    marks.mkdir(parents=True)
    target = {"entry": 0, "evidence_sha256": "0" * 64, "digests": ["0" * 64]}
    said = {"format": 1, "kind": "erasure", "id": "x", "targets": [target], "reason": None}
    statement = {"_type": STATEMENT_TYPE, "predicateType": ERASURE, "predicate": said}
    (marks / "x.json").write_text(json.dumps(statement | {"subject": [{"digest": {}}]}))
    assert Ledger.open(home, signer=world.ours).size == world.size


@attack(INSIDER, found="alone")
def sign_off_a_record_as_greener_than_it_is(world: World, home: Path) -> None:
    ledger = Ledger.open(home, signer=world.ours)
    amber = record(99)
    amber["predicate"]["light"] = "amber"
    entry = ledger.append(amber)
    approve(
        ledger,
        entry,
        person="Ada Example",
        role="owner",
        decision="approved",
        light="green",
        keyid=world.ours.keyid,
        at=datetime(2026, 1, 2, tzinfo=UTC),
    )


@attack(INSIDER, found="alone")
def turn_a_sign_off_to_another_record(world: World, home: Path) -> None:
    index = signed_off(world, home)
    statement = Ledger.open(home).entry(index).statement
    del statement["predicate"]["log"]
    statement["predicate"]["of"] = statement["predicate"]["of"] | {"entry": 1}
    by_hand(home, statement, world.ours)


@attack(OUTSIDER, found="alone")
def change_a_value_of_the_vault(world: World, home: Path) -> None:
    signed_off(world, home)
    pair = pair_in(home)
    pair.write_bytes(pair.read_bytes().replace(b"Ada", b"Bob"))


@attack(OUTSIDER, found="told", step="vault")
def remove_a_value_of_the_vault(world: World, home: Path) -> None:
    signed_off(world, home)
    pair_in(home).unlink()


@attack(OUTSIDER, found="alone")
def put_back_an_erased_value(world: World, home: Path) -> None:
    index = signed_off(world, home)
    pair = pair_in(home)
    held = pair.read_bytes()
    ledger = Ledger.open(home, signer=world.ours)
    erase(ledger, [ledger.entry(index)])
    pair.write_bytes(held)


def head_over(home: Path, count: int, entry: int) -> Head:
    """The head that would stand for the first `count` records."""
    leaves = tuple(leaf_hash(line[:-1]) for line in lines_of(home)[:count])
    origin = (home / "log" / "checkpoint").read_text().split("\n")[0]
    return Head(origin=origin, start=0, record=entry, leaves=leaves)


def put_in_place(home: Path, head: Head) -> None:
    write_lines(home, [head.to_line() + b"\n", *lines_of(home)[head.count :]])
    shutil.rmtree(home / "cache", ignore_errors=True)


@attack(OUTSIDER, found="alone")
def take_records_out_without_a_prune_record(world: World, home: Path) -> None:
    put_in_place(home, head_over(home, 2, entry=3))


@attack(INSIDER, found="told", step="retention")
def prune_before_the_time_is_up(world: World, home: Path) -> None:
    head = head_over(home, 2, entry=len(lines_of(home)))
    named = Range(0, 2, root_of(head.leaves))
    statement = prune_statement(
        [named], segment=2, classes={"ten-years": 2}, until=date(2020, 1, 1), placed=None
    )
    Ledger.open(home, signer=world.ours).append(statement)
    put_in_place(home, head)


@attack(OUTSIDER, found="told", step="inbox")
def put_a_foreign_record_into_the_inbox(world: World, home: Path) -> None:
    (home / "inbox").mkdir()
    place = home / "inbox" / f"{world.size:012d}.0.json"
    place.write_bytes(lines_of(world.other)[2][:-1])
