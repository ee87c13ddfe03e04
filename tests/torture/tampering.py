"""Everything that can be done to files of evidence, and how each is found.

Nothing may stay unfound: an attack fails a step of `verify`, or `verify` says which step could not
be made and what it needs (keys got another way, a checkpoint kept outside), and fails with that.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import torture.care_attacks
import torture.judged_attacks  # noqa: F401 - enter their attacks too
from torture.attacks import ATTACKS, Attack, World, build, entries_of, lines_of
from torture.run_attacks import at_a_run_in_memory, at_a_run_of_mlflow
from venturalitica.cli.app import run as command_line
from venturalitica.core.encoding import canonical_json
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Index, Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.checkpoint import TextProof, open_checkpoint
from venturalitica.ledger.formats.merkle import leaf_hash, verify_inclusion

SAY = Callable[[str], None]


def run(*, short: bool, seed: int, say: SAY) -> dict[str, str]:
    chance = random.Random(seed)
    figures = {}
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        folder = Path(name)
        world = build(folder / "world", entries=12 if short else 40)
        tiny = build(folder / "tiny", entries=5)
        attempts: list[tuple[str, Callable[[], object]]] = [
            ("attacks of the threat model", lambda: named(world, folder / "play", say)),
            ("exit statuses of the command line", lambda: statuses(world, folder / "cli")),
            ("changed bytes of a log", lambda: log_bytes(tiny, world, chance, short=short)),
            ("changed bytes of a checkpoint", lambda: seal_bytes(tiny, short=short)),
            ("changed bytes of a bundle", lambda: bundle_bytes(tiny, chance, short=short)),
            ("changed bytes of a proof", lambda: proof_bytes(tiny, chance, short=short)),
            ("cuts", lambda: cuts(tiny, world, chance, short=short)),
            ("lines dropped, doubled, swapped, spliced", lambda: lines(world, chance, short=short)),
            ("parts of bundles exchanged", lambda: bundle_parts(world)),
            ("attacks at a tracker's run", lambda: at_a_run_in_memory(world)),
            ("attacks at a run of MLflow", lambda: at_a_run_of_mlflow(world, folder / "mlflow")),
        ]
        attempts = attempts[: -1 if short else None]
        for what, attempt in attempts:
            figures[what] = f"{attempt()}, none unfound"
            say(f"{what}: {figures[what]}")
    return figures


# --- Attacks with a name --------------------------------------------------------------------------


def named(world: World, place: Path, say: SAY) -> str:
    """Play each attack of the threat model once."""
    before = verify_ledger(world.home)
    assert before.ok, before.fault
    found: Counter[str] = Counter()
    for attack in ATTACKS.values():
        with played(attack, world, place) as home:
            check(attack, world, home, before)
        found[attack.found] += 1
    ways = {
        "alone": "by files alone",
        "keys": "with keys",
        "witness": "with a witness",
        "told": "told",
    }
    told = ", ".join(f"{found[way]} {said}" for way, said in ways.items())
    return f"{sum(found.values())} ({told}, {found['nothing']} without effect)"


@contextlib.contextmanager
def played(attack: Attack, world: World, place: Path) -> Iterator[Path]:
    """A copy of the ledger on which the attack was played."""
    home = place / ".venturalitica"
    shutil.copytree(world.home, home)
    attack.play(world, home)
    try:
        yield home
    finally:
        shutil.rmtree(place)


def check(attack: Attack, world: World, home: Path, before: Verification) -> None:
    """Assert that it is found as it says."""
    alone = verify_ledger(home)
    pinned = verify_ledger(home, trusted_keys=world.pinned)
    seen = verify_ledger(home, witnesses=world.witnesses)
    if attack.found == "alone":
        assert not any(found.ok for found in (alone, pinned, seen)), attack.name
        assert alone.fault is not None, attack.name
        return
    assert alone.ok, (attack.name, alone.fault)
    if attack.found == "keys":
        assert step(alone, "trust").ok is None, attack.name
        assert world.stranger.keyid[:16] in step(alone, "trust").detail, attack.name
        assert step(pinned, "trust").ok is False, attack.name
    elif attack.found == "told":
        assert step(alone, attack.step).ok is None, (attack.name, step(alone, attack.step))
    elif attack.found == "witness":
        assert step(alone, "witnesses").ok is None, attack.name
        assert "older copy" in step(alone, "witnesses").detail, attack.name
        assert "witnesses" in {item.name for item in seen.steps if item.ok is False}, attack.name
    else:
        assert alone.steps == before.steps, attack.name
        assert pinned.ok, (attack.name, pinned.fault)
        assert seen.ok, (attack.name, seen.fault)
        answers(world, home)


def answers(world: World, home: Path) -> None:
    """What is no record must not change what the log says of itself, nor what people are shown."""
    status, told = asked("runs", "list", "--json", "--limit", "100", home=home)
    assert status == 0, told
    rows = json.loads(told)
    assert [row["index"] for row in rows] == list(range(world.size))[::-1]
    assert {row["name"] for row in rows} == {"training"}
    assert {row["light"] for row in rows} <= {"green", "amber"}
    assert [entry.index for entry in Ledger.open(home).entries()] == list(range(world.size))
    with Index.open(Ledger.open(home)) as index:
        index.rebuild()
        assert {row.name for row in index.runs()} == {"training"}
        assert {row.light for row in index.runs()} == {"green"}


def step(found: Verification, name: str) -> Step:
    return next(item for item in found.steps if item.name == name)


def statuses(world: World, place: Path) -> int:
    """A few through the command line: 0 sound, 1 altered, 1 with a key that is not trusted."""
    keys = place / "keys.pem"
    place.mkdir()
    keys.write_text("".join(key.pem for key in world.pinned))
    sample = [
        ("change-a-record", (), 1),
        ("drop-the-last-record", (), 1),
        ("remove-all-keys", (), 1),
        ("append-with-another-key", (), 0),
        ("append-with-another-key", ("--keys", str(keys)), 1),
        ("put-back-an-older-copy", (), 0),
        ("edit-the-index", (), 0),
    ]
    for name, options, expected in sample:
        with played(ATTACKS[name], world, place / "play") as home:
            status, told = asked("verify", str(home), "--json", *options)
        assert status == expected, (name, options, status, told)
        assert json.loads(told)["ok"] is (expected == 0), (name, told)
    return len(sample)


def asked(*arguments: str, home: Path | None = None) -> tuple[int, str]:
    """Exit status and output of a command, in the project of that ledger."""
    variables = {"VENTURALITICA_HOME": str(home)} if home else {}
    told, out = io.StringIO(), io.StringIO()
    with (
        mock.patch.dict(os.environ, variables),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(told),
    ):
        status = command_line(arguments)
    return status, out.getvalue()


# --- Bytes ----------------------------------------------------------------------------------------


def log_bytes(tiny: World, world: World, chance: random.Random, *, short: bool) -> int:
    """Bits of the log: all of a small one, some of every record of the larger one."""
    whole = entries_of(tiny.home).read_bytes()
    places = range(len(whole)) if not short else chance.sample(range(len(whole)), 60)
    count = flip(entries_of(tiny.home), places, chance, 2, lambda: verify_ledger(tiny.home).ok)
    start, chosen = 0, []
    for line in lines_of(world.home):
        chosen += chance.sample(range(start, start + len(line)), 1 if short else 4)
        start += len(line)
    return count + flip(
        entries_of(world.home), chosen, chance, 1, lambda: verify_ledger(world.home).ok
    )


def seal_bytes(tiny: World, *, short: bool) -> int:
    """Every bit of the checkpoint."""
    path = tiny.home / "log" / "checkpoint"
    places = range(0, path.stat().st_size, 5 if short else 1)
    return flip(path, places, None, 8, lambda: verify_ledger(tiny.home).ok)


def bundle_bytes(tiny: World, chance: random.Random, *, short: bool) -> int:
    whole = Ledger.open(tiny.home).bundle(2)
    places = range(len(whole)) if not short else chance.sample(range(len(whole)), 150)
    count = 0
    for altered in altered_bytes(whole, places, chance, 2):
        assert not verify_bundle(altered).ok, first_difference(whole, altered)
        count += 1
    return count


def proof_bytes(tiny: World, chance: random.Random, *, short: bool) -> int:
    """A proof as text, held against the record that it is for."""
    bundle = Bundle.parse(Ledger.open(tiny.home).bundle(2))
    whole = TextProof(bundle.index, bundle.proof, bundle.checkpoint).format()
    publics = [key.raw_ed25519() for key in bundle.keys if key.algorithm == "Ed25519"]

    def holds(data: bytes) -> bool:
        try:
            proof = TextProof.parse(data)
            head, _ = open_checkpoint(proof.checkpoint, publics)
        except EvidenceError:
            return False
        leaf = leaf_hash(bundle.envelope)
        return verify_inclusion(
            leaf=leaf, index=proof.index, size=head.size, proof=proof.hashes, root=head.root
        )

    assert holds(whole)
    places = range(0, len(whole), 4 if short else 1)
    count = 0
    for altered in altered_bytes(whole, places, None, 8):
        assert not holds(altered), altered
        count += 1
    return count


def flip(
    path: Path,
    places: Iterator[int] | range | list[int],
    chance: random.Random | None,
    times: int,
    passes: Callable[[], bool],
) -> int:
    """Change one byte after another of a file, put it back, and count; each must be found."""
    whole = path.read_bytes()
    count = 0
    try:
        for altered in altered_bytes(whole, places, chance, times):
            path.write_bytes(altered)
            assert not passes(), (path.name, first_difference(whole, altered))
            count += 1
    finally:
        path.write_bytes(whole)
    assert passes(), "it does not verify when it is put back"
    return count


def altered_bytes(
    whole: bytes,
    places: Iterator[int] | range | list[int],
    chance: random.Random | None,
    times: int,
) -> Iterator[bytes]:
    """Each place with one bit flipped (all eight without a `chance`), or another random value."""
    for place in places:
        changes = [1 << bit for bit in range(8)]
        if chance is not None:
            changes = [1 << chance.randrange(8), *(chance.randrange(1, 256) for _ in range(1, 8))]
        for change in changes[:times]:
            altered = bytearray(whole)
            altered[place] ^= change
            yield bytes(altered)


def first_difference(one: bytes, other: bytes) -> int:
    return next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)


# --- Cuts and lines -------------------------------------------------------------------------------


def cuts(tiny: World, world: World, chance: random.Random, *, short: bool) -> int:
    """The log cut after each line and at random bytes; the checkpoint and a bundle at each byte."""
    count = 0
    data = entries_of(world.home).read_bytes()
    ends = [at for at, byte in enumerate(data) if byte == 0x0A]
    places = {0, *ends, *(end + 1 for end in ends[:-1])}
    places |= set(chance.sample(range(len(data)), 10 if short else 300))
    for place in sorted(places):
        with replaced(entries_of(world.home), data[:place]):
            assert not verify_ledger(world.home).ok, place
        count += 1
    note = (tiny.home / "log" / "checkpoint").read_bytes()
    for place in range(0, len(note), 9 if short else 1):
        with replaced(tiny.home / "log" / "checkpoint", note[:place]):
            assert not verify_ledger(tiny.home).ok, place
        count += 1
    bundle = Ledger.open(tiny.home).bundle(2)
    for place in range(0, len(bundle), 97 if short else 1):
        assert not verify_bundle(bundle[:place]).ok, place
        count += 1
    return count


def lines(world: World, chance: random.Random, *, short: bool) -> int:
    """Every record dropped, doubled and taken from another log; many pairs swapped."""
    ours, theirs = lines_of(world.home), lines_of(world.other)
    orders: list[list[bytes]] = []
    for at in range(len(ours)):
        orders.append(ours[:at] + ours[at + 1 :])
        orders.append(ours[: at + 1] + ours[at:])
        orders.append([*ours[:at], theirs[at], *ours[at + 1 :]])
        orders.append([*ours[:at], b"{}\n", *ours[at:]])
        orders.append(ours[:at] + theirs[at:])
        orders.append(theirs[:at] + ours[at:])
    for _ in range(10 if short else 100):
        one, other = chance.sample(range(len(ours)), 2)
        moved = list(ours)
        moved[one], moved[other] = moved[other], moved[one]
        orders.append(moved)
    orders = [order for order in orders if order != ours]
    for order in chance.sample(orders, 30) if short else orders:
        with replaced(entries_of(world.home), b"".join(order)):
            assert not verify_ledger(world.home).ok
    return 30 if short else len(orders)


def bundle_parts(world: World) -> int:
    """Parts of one bundle in another: of the same log, and of another log by the same key."""
    whole = json.loads(Ledger.open(world.home).bundle(2))
    count = 0
    for other in (Ledger.open(world.home).bundle(5), Ledger.open(world.other).bundle(2)):
        theirs = json.loads(other)
        for part in ("envelope", "index", "size", "proof", "checkpoint", "keys"):
            if theirs[part] == whole[part]:
                continue
            mixed = canonical_json(whole | {part: theirs[part]})
            assert not verify_bundle(mixed).ok, part
            count += 1
    return count


@contextlib.contextmanager
def replaced(path: Path, data: bytes) -> Iterator[None]:
    """Other bytes in a file for a while."""
    whole = path.read_bytes()
    path.write_bytes(data)
    try:
        yield
    finally:
        path.write_bytes(whole)
