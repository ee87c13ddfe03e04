"""Every case of the standards' own vectors; skipped, and saying so, where they are absent.

The small set that always runs is in `test_merkle.py`, `test_note.py` and `test_dsse.py`.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.encoding import canonical_json
from venturalitica.core.record import Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import (
    Checkpoint,
    NoteKey,
    TextProof,
    parse_note,
    verified_by,
)
from venturalitica.ledger.formats.dsse import Envelope, pae, verify_signature
from venturalitica.ledger.formats.merkle import (
    MemoryTree,
    leaf_hash,
    node_hash,
    verify_inclusion,
)
from venturalitica.ledger.records.consistency import check_shape


def cases(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    found = sorted(folder.rglob("*.json"))
    return [(str(path.relative_to(folder)), json.loads(path.read_bytes())) for path in found]


def hashes(texts: list[str] | None) -> list[bytes]:
    return [base64.b64decode(text) for text in texts or ()]


def digest(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_inclusion_proofs(vectors: Path) -> None:
    found = cases(vectors / "merkle-rfc6962" / "inclusion")
    assert len(found) == 98
    for name, case in found:
        verified = verify_inclusion(
            leaf=digest(case["leafHash"]),
            index=case["leafIdx"],
            size=case["treeSize"],
            proof=hashes(case["proof"]),
            root=digest(case["root"]),
        )
        assert verified is not case["wantErr"], name


def test_reference_tree(vectors: Path) -> None:
    reference = json.loads((vectors / "merkle-rfc6962" / "reference_tree.json").read_bytes())
    leaves = [leaf_hash(bytes.fromhex(text)) for text in reference["leaf_inputs_hex"]]
    roots = [MemoryTree(leaves[:size]).root().hex() for size in range(1, 9)]
    assert roots == reference["root_hashes_for_size_1_to_8"]
    assert MemoryTree().root().hex() == reference["empty_root"]
    levels = [leaves]
    while len(levels[-1]) > 1:
        pairs = zip(levels[-1][::2], levels[-1][1::2], strict=True)
        levels.append([node_hash(left, right) for left, right in pairs])
    assert [[node.hex() for node in level] for level in levels] == reference["node_hashes_by_level"]


def test_own_proofs_of_the_reference_tree_verify(vectors: Path) -> None:
    reference = json.loads((vectors / "merkle-rfc6962" / "reference_tree.json").read_bytes())
    leaves = [leaf_hash(bytes.fromhex(text)) for text in reference["leaf_inputs_hex"]]
    roots = [bytes.fromhex(text) for text in reference["root_hashes_for_size_1_to_8"]]
    for size in range(1, 9):
        tree = MemoryTree(leaves[:size])
        for index in range(size):
            assert verify_inclusion(
                leaf=leaves[index],
                index=index,
                size=size,
                proof=tree.inclusion(index),
                root=roots[size - 1],
            )


def test_notes_and_checkpoints(vectors: Path) -> None:
    reference = json.loads((vectors / "c2sp" / "c2sp_vectors.json").read_bytes())
    signed = reference["signed_note"]
    key = NoteKey.parse(signed["vkey"])
    assert verified_by(parse_note(signed["note"].encode()), [key]) == (key,)
    example = parse_note(reference["checkpoint_example_parse_only"].encode())
    assert Checkpoint.parse(example.text).size == 20852163
    assert len(reference["checkpoint_body_parse_cases"]) == 12
    assert len(reference["tlog_proof_error_cases"]) == 8
    for case in reference["checkpoint_body_parse_cases"]:
        if case["want_err"]:
            with pytest.raises(EvidenceError):
                Checkpoint.parse(case["body"])
        else:
            assert Checkpoint.parse(case["body"]).origin, case["desc"]
    for case in reference["tlog_proof_error_cases"]:
        with pytest.raises(EvidenceError):
            TextProof.parse(case["input"].encode())


def test_dsse(vectors: Path) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    case = json.loads((vectors / "dsse" / "dsse_protocol_vector.json").read_bytes())
    numbers = ec.EllipticCurvePublicNumbers(int(case["x"]), int(case["y"]), ec.SECP256R1())
    envelope = Envelope.parse(json.dumps(case["envelope"]).encode())
    assert pae(case["payloadType"], case["payload"].encode()) == case["pae"].encode()
    assert envelope.signed_bytes() == case["pae"].encode()
    (signature,) = envelope.signatures
    key = numbers.public_key()
    assert verify_signature(key, signature.sig, envelope.signed_bytes())
    assert not verify_signature(key, signature.sig, envelope.signed_bytes() + b" ")


def test_in_toto_statements(vectors: Path) -> None:
    statements = [case for _, case in cases(vectors / "in-toto") if "_type" in case]
    assert len(statements) == 9
    for statement in statements:
        check_shape(Statement.of(statement))


def test_in_toto_envelope(vectors: Path) -> None:
    (case,) = [case for _, case in cases(vectors / "in-toto") if "payloadType" in case]
    with pytest.raises(EvidenceError, match="base64"):
        Envelope.parse(json.dumps(case).encode())  # its values are placeholders
    filled = {**case, "payload": "e30=", "signatures": [{"sig": "AAAA"}]}
    envelope = Envelope.parse(json.dumps(filled).encode())
    assert (envelope.payload_type, envelope.payload) == (case["payloadType"], b"{}")
    assert [(item.keyid, item.sig) for item in envelope.signatures] == [("", b"\0\0\0")]


def test_canonical_json(vectors: Path) -> None:
    inputs = sorted((vectors / "jcs-rfc8785" / "input").iterdir())
    assert len(inputs) == 6
    for path in inputs:
        expected = (vectors / "jcs-rfc8785" / "output" / path.name).read_bytes()
        assert canonical_json(json.loads(path.read_bytes())) == expected, path.name
        bytes_in_hex = (
            vectors / "jcs-rfc8785" / "outhex" / path.with_suffix(".txt").name
        ).read_text()
        assert bytes.fromhex(bytes_in_hex) == expected, path.name
        assert canonical_json(json.loads(expected)) == expected, path.name
