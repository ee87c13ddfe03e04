"""A ledger of real statements, signed by a real key, in a folder of the test's own."""

from __future__ import annotations

import base64
import copy
import importlib.util
import shutil
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.verdict import Interval, Verdict
from venturalitica.ledger import Ledger, load_signer
from venturalitica.ledger.signing.signer import FileSigner

POLICY = b"policy: loans\nversion: '1'\n"
VECTORS = Path(__file__).parents[2].parent / "shared" / "vectors"

Make = Callable[..., dict[str, Any]]


def _helper(name: str) -> Any:
    """A helper of this folder's tests; they are imported one by one, and see none by themselves."""
    spec = importlib.util.spec_from_file_location(
        f"ledger_{name}", Path(__file__).with_name(f"{name}.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


_helper("old_log")


def make_statement(number: int = 0, **changes: Any) -> dict[str, Any]:
    """One audit's statement; `changes` replace fields of its predicate."""
    verdict = Verdict(
        control="accuracy",
        status="passed",
        reason="0.75 is at least 0.7",
        metric="accuracy",
        must=">= 0.7",
        operator=">=",
        threshold=0.7,
        value=0.75,
        interval=Interval(0.72, 0.78),
        conclusive=True,
        n=100 + number,
    )
    tally = {"format": "venturalitica/tally/v1", "rows": 100 + number, "tables": []}
    policy_sha = sha256(POLICY).hexdigest()
    model_sha = sha256(b"model %d" % number).hexdigest()
    data_sha = sha256(b"data %d" % number).hexdigest()
    predicate = {
        "format": 1,
        "kind": "audit",
        "package": "0.1.0",
        "run": {
            "id": f"{number:032x}",
            "name": "training",
            "parent": None,
            "sequence": number,
            "started_at": "2026-01-02T03:04:05.000000Z",
            "ended_at": "2026-01-02T03:04:06.000000Z",
            "source": "fit",
        },
        "policy": {
            "name": "loans",
            "version": "1",
            "title": "Loans",
            "filename": "model_policy.yaml",
            "sha256": policy_sha,
            "bytes": base64.b64encode(POLICY).decode(),
        },
        "light": "green",
        "verdicts": [verdict.to_json()],
        "tally": tally,
        "tally_sha256": sha256_hex(canonical_json(tally)),
        "bindings": {"gender": "Attribute9"},
        "model": {"class": "sklearn.Forest", "parameters": {}, "sha256": model_sha, "note": ""},
        "data": [{"name": "audit", "context": "audit", "sha256": data_sha, "rows": 100}],
        "environment": {"python": "3.11.7"},
        "trackers": [],
        "exception": None,
        "audits": [],
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "policy/model_policy.yaml", "digest": {"sha256": policy_sha}},
            {"name": "model/sklearn.Forest", "digest": {"sha256": model_sha}},
            {"name": "data/audit/audit", "digest": {"sha256": data_sha}},
        ],
        "predicateType": "urn:venturalitica:audit:v1",
        "predicate": predicate | copy.deepcopy(changes),
    }


@pytest.fixture(scope="session")
def statement() -> Make:
    return make_statement


@pytest.fixture(scope="session")
def signer(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return load_signer(None, tmp_path_factory.mktemp("config"))


@pytest.fixture
def stolen_seal(written: Path, signer: FileSigner, stranger: FileSigner, tmp_path: Path) -> bytes:
    """A bundle of a forged log with our first record in it, sealed by a key of the forger's.

    In the lineage the forger appoints that key the successor of our checkpoint key, by a rotation
    that two keys of his own signed.
    """
    from venturalitica.core.link import Link
    from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
    from venturalitica.ledger.formats.dsse import sign_envelope
    from venturalitica.ledger.formats.merkle import MemoryTree, leaf_hash
    from venturalitica.ledger.records.kinds.rotation import Pair, Rotation
    from venturalitica.ledger.records.placement import Draft

    ours = Ledger.open(written)
    genuine, origin = ours.entry(0), ours.head().origin
    second = load_signer(None, tmp_path / "second")
    seal = second.checkpoint_signer()
    rotation = Rotation(
        Pair(stranger.public, signer.checkpoint_signer().public), Pair(second.public, seal.public)
    )
    link = Link(
        origin=origin,
        index=1,
        previous=genuine.leaf_sha256,
        appended_at="2026-01-02T03:04:07.000000Z",
        checkpoint_key=seal.keyid,
    )
    line = sign_envelope(
        Draft(rotation.statement()).payload(link),
        keyid=stranger.keyid,
        sign=stranger.sign,
        cosigners=[(second.keyid, second.sign)],
    ).to_json()
    leaves = [leaf_hash(genuine.envelope), leaf_hash(line)]
    head = Checkpoint(origin, 2, MemoryTree(leaves).root())
    keys = (signer.public, stranger.public, second.public, seal.public)
    return canonical_json(
        {
            "format": "venturalitica/bundle/v2",
            "envelope": genuine.envelope.decode(),
            "index": 0,
            "size": 2,
            "proof": [leaves[1].hex()],
            "checkpoint": sign_note(
                head.text(), NoteKey(origin, seal.public.raw_ed25519()), seal.sign
            ),
            "keys": {key.keyid: key.pem for key in keys},
            "lineage": [{"envelope": line.decode(), "index": 1, "proof": [leaves[0].hex()]}],
        }
    )


@pytest.fixture(scope="session")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return load_signer(None, tmp_path_factory.mktemp("stranger"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / ".venturalitica"


@pytest.fixture
def ledger(home: Path, signer: FileSigner) -> Ledger:
    return Ledger.open(home, signer=signer)


@pytest.fixture(scope="session")
def three_entries(tmp_path_factory: pytest.TempPathFactory, signer: FileSigner) -> Path:
    """A ledger of three entries that no test may change."""
    home = tmp_path_factory.mktemp("three") / ".venturalitica"
    ledger = Ledger.open(home, signer=signer)
    for number in range(3):
        ledger.append(make_statement(number))
    return home


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory, signer: FileSigner) -> Path:
    """Two small entries, for tests that go through every byte."""
    home = tmp_path_factory.mktemp("tiny") / ".venturalitica"
    ledger = Ledger.open(home, signer=signer)
    for number in range(2):
        ledger.append(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
                "predicateType": "urn:example:tiny",
                "predicate": {"n": number},
            }
        )
    return home


@pytest.fixture
def written(three_entries: Path, home: Path) -> Path:
    """A copy of the three entries that a test may damage."""
    shutil.copytree(three_entries, home)
    return home


@pytest.fixture(scope="session")
def killed_at_each_step() -> Callable[..., Any]:
    """`killing.killed_at_each_step`."""
    function: Callable[..., Any] = _helper("killing").killed_at_each_step
    return function


@pytest.fixture(scope="session")
def vectors() -> Path:
    """The standards' own test data, which lies beside the project, not in it."""
    if not VECTORS.is_dir():
        pytest.skip(f"the standards' vectors are not there: {VECTORS}")
    return VECTORS
