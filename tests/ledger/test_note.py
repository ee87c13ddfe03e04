"""Signed notes and checkpoints, as c2sp.org/signed-note and tlog-checkpoint say."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.checkpoint import (
    Checkpoint,
    NoteKey,
    open_checkpoint,
    parse_note,
    sign_note,
    verified_by,
)

# The example that the specification's own implementation prints.
VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONnc"
    "AlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = PRIVATE.public_key().public_bytes_raw()
KEY = NoteKey("log.example/one", PUBLIC)
HEAD = Checkpoint("log.example/one", 7, bytes(32))
SEALED = sign_note(HEAD.text(), KEY, PRIVATE.sign).encode()


def test_the_example_of_the_specification_verifies() -> None:
    key = NoteKey.parse(VKEY)
    assert str(key) == VKEY
    assert verified_by(parse_note(NOTE.encode()), [key]) == (key,)


def test_an_unknown_key_verifies_nothing() -> None:
    assert verified_by(parse_note(NOTE.encode()), [KEY]) == ()


def test_a_checkpoint_comes_back() -> None:
    assert open_checkpoint(SEALED, [PUBLIC]) == (HEAD, PUBLIC)


def test_no_byte_of_a_checkpoint_may_change() -> None:
    for place in range(len(SEALED)):
        for change in (1, 0x20, 0x80):
            altered = bytearray(SEALED)
            altered[place] ^= change
            with pytest.raises(EvidenceError):
                open_checkpoint(bytes(altered), [PUBLIC])


@pytest.mark.parametrize(
    "altered",
    [
        b"",
        SEALED[:-1],
        SEALED + b"\n",
        SEALED + b" ",
        b"\n" + SEALED,
        SEALED.replace(b"\n", b"\r\n"),
        SEALED * 2,
        SEALED + SEALED.rsplit(b"\n\n")[1],
        SEALED.replace(b"\n7\n", b"\n07\n"),
    ],
)
def test_other_spellings_of_a_checkpoint_are_refused(altered: bytes) -> None:
    with pytest.raises(EvidenceError):
        open_checkpoint(altered, [PUBLIC])


def test_extension_lines_are_read_by_the_standard_and_refused_in_ours() -> None:
    text = HEAD.text() + "more\n"
    assert Checkpoint.parse(text) == HEAD
    with pytest.raises(EvidenceError, match="more than origin"):
        open_checkpoint(sign_note(text, KEY, PRIVATE.sign).encode(), [PUBLIC])


def test_a_checkpoint_of_another_name_is_not_ours() -> None:
    other = sign_note(HEAD.text(), NoteKey("log.example/two", PUBLIC), PRIVATE.sign)
    with pytest.raises(EvidenceError, match="no key"):
        open_checkpoint(other.encode(), [PUBLIC])


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\n"])
def test_names_that_are_not_key_names(name: str) -> None:
    with pytest.raises(EvidenceError):
        sign_note("text\n", NoteKey(name, PUBLIC), PRIVATE.sign)


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_only_typed_errors(data: bytes) -> None:
    for candidate in (data, SEALED[: len(data)] + data, data.join([SEALED[:40], SEALED[40:]])):
        try:
            found = open_checkpoint(candidate, [PUBLIC])
        except EvidenceError:
            continue
        assert candidate == SEALED
        assert found == (HEAD, PUBLIC)
