"""Proofs as C2SP text: there and back, and nothing else is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.checkpoint import TextProof


def test_a_bundle_as_text(three_entries: Path) -> None:
    bundle = Bundle.parse(Ledger.open(three_entries).bundle(1))
    proof = TextProof(bundle.index, bundle.proof, bundle.checkpoint)
    text = proof.format()
    assert text.startswith(b"c2sp.org/tlog-proof@v1\nindex 1\n")
    assert text.endswith(bundle.checkpoint)
    assert TextProof.parse(text) == proof


@given(
    st.integers(0, 2**64 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=8).map(tuple),
    st.none() | st.binary(max_size=40),
)
@settings(max_examples=100, deadline=None)
def test_round_trip(index: int, hashes: tuple[bytes, ...], extra: bytes | None) -> None:
    proof = TextProof(index, hashes, b"log\n1\n\n", extra)
    assert TextProof.parse(proof.format()) == proof


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"wrong-header\nindex 0\n\ncheckpoint\n",
        b"c2sp.org/tlog-proof@v1\n\ncheckpoint\n",
        b"c2sp.org/tlog-proof@v1\nextra !!\nindex 0\n\ncheckpoint\n",
        b"c2sp.org/tlog-proof@v1\nindex 01\n\ncheckpoint\n",
        b"c2sp.org/tlog-proof@v1\nindex -5\n\ncheckpoint\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\nAAAA\n\ncheckpoint\n",
        b"c2sp.org/tlog-proof@v1\nindex 0\n",
        b"c2sp.org/tlog-proof@v1\nindex \xc3\xa9\n\nx",
        b"c2sp.org/tlog-proof@v1\n" + b"a" * 2_000_000,
    ],
)
def test_what_is_no_proof(text: bytes) -> None:
    with pytest.raises(EvidenceError):
        TextProof.parse(text)
