"""Whatever the bytes: every reader of ours gives a value or a typed error, and soon.

Valid examples are mutated, and random bytes are thrown in. What is accepted must read back as it
was. Seeded, so `--seed` repeats a failure; Hypothesis shows the smallest case that fails.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from torture.attacks import World, build, lines_of
from venturalitica.audit.parcel import parcel
from venturalitica.core.encoding import canonical_json
from venturalitica.errors import VenturaliticaError
from venturalitica.ledger import Ledger, PublicKey, Witness, verify_bundle, verify_ledger
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.checkpoint import (
    Checkpoint,
    TextProof,
    open_checkpoint,
    parse_note,
)
from venturalitica.ledger.formats.dsse import Envelope, sign_envelope
from venturalitica.ledger.formats.public_key import exact_key
from venturalitica.ledger.index.rows import Outline, link_rows, run_row, verdict_rows
from venturalitica.ledger.index.tables import Row, values_of
from venturalitica.ledger.outbox import attempt_in
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.ledger.verify.check_records import Findings
from venturalitica.policy import parse_policy
from venturalitica.review.tracker_run import agreement
from venturalitica.trackers.layout import read_claims
from venturalitica.trackers.links import address, origin, redact, run_url, without_credentials
from venturalitica.trackers.memory import MemoryTracker
from venturalitica.trackers.publish import with_section

POLICY = b"""policy: credit
version: "1.2"
roles:
  target: {favorable: 1}
  gender: {map: {A91: male, A92: female}}
  age: {bins: [25, 60]}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.70"
    on_fail: block
  - id: parity
    metric: demographic_parity_ratio
    across: [gender, age]
    must: ">= 0.80"
"""

BITS = [
    *(bytes([byte]) for byte in b"{}[],:=-'&*!#|>%@?~ \n\t\"\\"),
    *(b"\r\n", b"\n\n", b"\0", b"\xff", b"\x1b[31m", "\u202e".encode(), b"\xed\xa0\x80"),
    *(b"\\ud800", b"\\u0000", b"null", b"true", b"NaN", b"1e999", b"-0", b"9" * 30, b"9" * 5000),
    *(b"[" * 3000, b'{"a":' * 90, b"../../", b"C:\\", b"\xe2\x80\x94 ", b"-----BEGIN PUBLIC KEY"),
    *(b"&a ", b"*a", b"!!x ", b"<<: "),
]
"""What parsers stumble over."""

EDITS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 2**16), st.integers(0, 2**16)),
    min_size=1,
    max_size=3,
)
MUTATED = st.tuples(st.integers(0, 2**16), EDITS)


def mutate(examples: list[bytes], which: int, edits: list[tuple[int, int, int]]) -> bytes:
    """One of the examples with a few edits: flip, put in, cut out, repeat, cut off, replace."""
    data = bytearray(examples[which % len(examples)])
    for kind, place, more in edits:
        at = place * (len(data) + 1) // 65537
        if kind == 0 and at < len(data):
            data[at] ^= 1 << (more % 8)
        elif kind == 1:
            data[at:at] = BITS[more % len(BITS)]
        elif kind == 2:
            del data[at : at + 1 + more % 40]
        elif kind == 3:
            data[at:at] = data[at : at + more % 200]
        elif kind == 4:
            del data[at:]
        else:
            bit = BITS[more % len(BITS)]
            data[at : at + len(bit)] = bit
    return bytes(data)


@dataclass(frozen=True)
class Target:
    """A reader: `read` takes bytes and asserts that what it accepts is right.

    `read` may raise nothing but `VenturaliticaError`; it answers whether the bytes were accepted.
    """

    name: str
    share: float
    examples: list[bytes]
    read: Callable[[bytes], bool]


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    cases = 700 if short else 100_000
    with tempfile.TemporaryDirectory(prefix="torture-") as name:
        world = build(Path(name) / "world", entries=5)
        figures: dict[str, str] = {}
        total = 0
        for target in targets(world, Path(name)):
            tried, accepted = hammer(target, max(20, int(cases * target.share)), seed)
            total += tried
            figures[target.name] = f"{tried:,} cases, {accepted:,} accepted"
            say(f"{target.name}: {figures[target.name]}")
    return figures | {"in all": f"{total:,} cases, typed errors only"}


def hammer(target: Target, cases: int, number: int) -> tuple[int, int]:
    """So many cases on one reader; how many were tried, and how many were accepted."""
    tried = accepted = 0

    def attempt(data: bytes) -> None:
        nonlocal tried, accepted
        tried += 1
        try:
            accepted += bool(target.read(data))
        except VenturaliticaError as error:
            said = str(error)
        else:
            return
        assert said, "an error without a word"

    quiet = settings(
        max_examples=cases * 9 // 10,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )

    @seed(number)
    @quiet
    @given(MUTATED)
    def mutated(drawn: tuple[int, list[tuple[int, int, int]]]) -> None:
        attempt(mutate(target.examples, *drawn))

    @seed(number)
    @settings(quiet, max_examples=max(1, cases // 10))
    @given(st.binary(max_size=200))
    def random_bytes(data: bytes) -> None:
        attempt(data)

    for example in target.examples:
        attempt(example)
    mutated()
    random_bytes()
    assert accepted, f"{target.name}: not even its examples are accepted"
    return tried, accepted


def targets(world: World, folder: Path) -> list[Target]:
    """Every reader of bytes that others can write."""
    ledger = Ledger.open(world.home)
    line = lines_of(world.home)[0][:-1]
    note = ledger.checkpoint.encode()
    bundle = ledger.bundle(2)
    parts = Bundle.parse(bundle)
    proof = TextProof(parts.index, parts.proof, parts.checkpoint)
    pems = [key.pem.encode() for key in parts.keys]
    receipts = (world.home / "receipts.jsonl").read_bytes().splitlines()
    payload = Envelope.parse(line).payload
    return [
        Target("envelope", 0.2, [line, tiny_envelope()], envelope),
        Target("statement, signed", 0.05, [payload], Statements(world)),
        Target("checkpoint", 0.2, [note], Notes(parts)),
        Target("witness", 0.01, [note], Witnesses(world)),
        Target("proof", 0.15, [proof.format(), TextProof(1, (), note, b"x").format()], text_proof),
        Target("bundle", 0.1, [bundle], Bundles(bundle)),
        Target("policy", 0.04, [POLICY, as_json(POLICY)], policy),
        Target("receipt", 0.1, receipts, receipt),
        Target("public key", 0.05, pems, public_key),
        Target("vault pair", 0.02, *vault_pair(folder)),
        Target("claim (a tag of a run)", 0.02, *claim_tag(world)),
        Target("files of a run", 0.01, *run_files(world)),
        Target("tracking URI", 0.03, URIS, uri),
        Target("description of a run", 0.02, [b"mine", b"a <!-- venturalitica x --> b"], section),
    ]


# --- The readers ----------------------------------------------------------------------------------


def tiny_envelope() -> bytes:
    signature = {"keyid": "k", "sig": "AA=="}
    return canonical_json({"payload": "e30=", "payloadType": "x", "signatures": [signature]})


def envelope(data: bytes) -> bool:
    found = Envelope.parse(data)
    assert Envelope.parse(found.to_json()) == found
    assert found.signed_bytes().startswith(b"DSSEv1 ")
    return True


@dataclass(frozen=True)
class Statements:
    """A statement that somebody with a key signed, whatever it says: read, and put in the index."""

    world: World

    def __call__(self, data: bytes) -> bool:
        ours = self.world.ours
        line = sign_envelope(data, keyid=ours.keyid, sign=ours.sign).to_json()
        findings = Findings({ours.keyid: ours.public})
        findings.read(line, 0)
        assert findings.steps()
        if "signatures" in findings.faults or "statements" in findings.faults:
            return False
        entry = Outline.of(0, line)
        rows: list[Row] = [run_row(entry), *verdict_rows(entry), *link_rows(entry)]
        for row in rows:
            assert all(map(storable, values_of(row))), row
        return not findings.faults


def storable(value: object) -> bool:
    """Whether SQLite and PostgreSQL can hold it."""
    if isinstance(value, str):
        return "\0" not in value and value.encode() is not None
    return value is None or isinstance(value, float) or -(2**63) <= int(value) < 2**63  # type: ignore[call-overload]


@dataclass(frozen=True)
class Notes:
    """A checkpoint: only the very bytes that were signed are accepted."""

    parts: Bundle

    def __call__(self, data: bytes) -> bool:
        note = parse_note(data)
        head = Checkpoint.parse(note.text)
        assert note.text.startswith(head.text())
        publics = [key.raw_ed25519() for key in self.parts.keys if key.algorithm == "Ed25519"]
        open_checkpoint(data, publics)
        assert data == self.parts.checkpoint
        return True


@dataclass(frozen=True)
class Witnesses:
    """A checkpoint that a tracker gives: any text at all."""

    world: World

    def __call__(self, data: bytes) -> bool:
        text = data.decode("utf-8", "surrogateescape")
        return verify_ledger(self.world.home, witnesses=[Witness("x", text)]).ok


def text_proof(data: bytes) -> bool:
    assert TextProof.parse(data).format() == data
    return True


@dataclass(frozen=True)
class Bundles:
    """A bundle: nothing but the very bytes that were written verifies."""

    original: bytes

    def __call__(self, data: bytes) -> bool:
        assert verify_bundle(data).ok is (data == self.original)
        assert Bundle.parse(data).to_json() == data
        return True


def policy(data: bytes) -> bool:
    found = parse_policy(data)
    assert found.bytes == data
    assert found.controls
    assert parse_policy(found.bytes) == found
    return True


def as_json(yaml: bytes) -> bytes:
    """The policy in its other form."""
    controls = [{"id": "accuracy", "metric": "accuracy", "must": ">= 0.70"}]
    return json.dumps({"policy": "credit", "version": "1", "controls": controls}).encode()


def receipt(data: bytes) -> bool:
    return attempt_in(data) is not None


def public_key(data: bytes) -> bool:
    key = PublicKey.from_pem(data, what="the key")
    assert PublicKey.from_pem(key.pem.encode(), what="the key") == key
    return exact_key(data, keyid=key.keyid, what="the key") == key


def vault_pair(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    vault = Vault(folder)
    reference = vault.keep(Pair.of("Åsa, a name"))
    path = next(iter((folder / "vault").glob("*.json")))
    original = path.read_bytes()

    def read(data: bytes) -> bool:
        path.write_bytes(data)
        assert vault.open(reference) == "Åsa, a name"
        assert json.loads(data) == json.loads(original)
        return True

    return [original], read


def claim_tag(world: World) -> tuple[list[bytes], Callable[[bytes], bool]]:
    files = delivered(world)
    key = next(key for key in files if key.startswith("tags/venturalitica.audit."))[5:]

    def read(data: bytes) -> bool:
        found = read_claims({key: data.decode("utf-8", "replace")})
        for claim in found.values():
            for path in (claim.evidence, claim.report, claim.snapshot):
                assert ".." not in path.split("/"), path
                assert path.startswith(("venturalitica", "policy_snapshot")) or not path, path
        return bool(found)

    return [files[f"tags/{key}"]], read


def run_files(world: World) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """All that a run holds, mutated as one text: every file and tag may be anything."""
    files = delivered(world)

    def read(data: bytes) -> bool:
        try:
            found = json.loads(data.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            return False
        if not isinstance(found, dict):
            return False
        kept = {path: str(text).encode("utf-8", "replace") for path, text in found.items()}
        return all(step.ok is not False for step in agreement(kept))

    texts = {path: data.decode() for path, data in files.items() if not path.endswith(".html")}
    return [json.dumps(texts).encode()], read


def delivered(world: World) -> dict[str, bytes]:
    tracker = MemoryTracker()
    with tracker.start_run() as run:
        tracker.deliver(run, parcel(Ledger.open(world.home), 0))
    return tracker.fetch(run.run_id)


URIS = [
    b"https://user:secret@mlflow.example.org:5000/path?token=1#x",
    b"sqlite:///mlflow.db",
    b"file:///srv/mlruns",
    b"databricks://profile",
    b"postgresql://u:p@[::1]:5432/db",
]


def uri(data: bytes) -> bool:
    """Without the credentials, and never an exception: it stands in a record of anybody's."""
    text = data.decode("utf-8", "replace")
    shown = address(text)
    assert isinstance(redact(text), str)
    assert isinstance(origin(text), tuple)
    without_credentials(text)
    run_url(text, "1", "2")
    return bool(shown)


def section(data: bytes) -> bool:
    """Our section of a run's description comes and goes; the user's words stay."""
    text = data.decode("utf-8", "replace")
    once = with_section(text, "k", text, limit=8000)
    assert with_section(once, "k", text, limit=8000) == once
    return True
