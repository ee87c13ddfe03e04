"""The vault: what is sealed opens, what is erased is gone, what is altered is refused."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.vault import MAX_TEXT, Pair, Vault, references


@pytest.fixture
def vault(home: Path) -> Vault:
    return Vault(home)


def pair(vault: Vault, reference: dict[str, str]) -> Path:
    return vault.folder / f"{reference['vault']}.json"


def test_a_reference_is_the_digest_of_salt_and_value(vault: Vault) -> None:
    reference = vault.keep(Pair.of("Ada Lovelace"))
    kept = json.loads(pair(vault, reference).read_bytes())
    salt = base64.b64decode(kept["salt"])
    assert len(salt) == 32
    assert reference == {"vault": hashlib.sha256(salt + b"Ada Lovelace").hexdigest()}
    assert vault.open(reference) == "Ada Lovelace"


def test_equal_values_cannot_be_told_from_their_references(vault: Vault) -> None:
    assert vault.keep(Pair.of("Ada")) != vault.keep(Pair.of("Ada"))


def test_nobody_else_can_read_it_and_git_does_not_take_it(vault: Vault) -> None:
    path = pair(vault, vault.keep(Pair.of("Ada")))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(vault.folder.stat().st_mode) == 0o700
    assert (vault.folder / ".gitignore").read_text() == "*\n"


def test_what_was_erased_is_none(vault: Vault) -> None:
    reference = vault.keep(Pair.of("Ada"))
    assert vault.erase(reference["vault"]) is True
    assert vault.erase(reference["vault"]) is False
    assert vault.open(reference) is None
    assert not any(b"Ada" in path.read_bytes() for path in vault.folder.iterdir())


@pytest.mark.parametrize(
    "change",
    [
        lambda kept: kept | {"value": "Eve"},
        lambda kept: kept | {"salt": base64.b64encode(bytes(32)).decode()},
        lambda kept: kept | {"salt": kept["salt"][:-4]},
        lambda kept: kept | {"format": "venturalitica/vault/v2"},
        lambda kept: kept | {"more": 1},
        lambda kept: kept | {"value": 7},
        lambda kept: kept | {"value": "\ud800"},
        lambda kept: [kept],
    ],
)
def test_an_altered_pair_is_refused(vault: Vault, change) -> None:
    reference = vault.keep(Pair.of("Ada"))
    path = pair(vault, reference)
    path.write_text(json.dumps(change(json.loads(path.read_bytes()))))
    with pytest.raises(EvidenceError, match=reference["vault"]):
        vault.open(reference)


def test_a_part_of_the_value_cannot_pass_as_salt(vault: Vault) -> None:
    """SHA-256(salt || value) does not say where the one ends: the salt's length does."""
    reference = vault.keep(Pair.of("Ada Lovelace"))
    path = pair(vault, reference)
    kept = json.loads(path.read_bytes())
    longer = base64.b64decode(kept["salt"]) + b"Ada "
    kept |= {"salt": base64.b64encode(longer).decode(), "value": "Lovelace"}
    path.write_text(json.dumps(kept))
    with pytest.raises(EvidenceError, match="not the one"):
        vault.open(reference)


@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_nothing_but_a_file_is_read(vault: Vault, tmp_path: Path, kind: str) -> None:
    reference = vault.keep(Pair.of("Ada"))
    path = pair(vault, reference)
    elsewhere = path.rename(tmp_path / "elsewhere.json")
    {"link": lambda: path.symlink_to(elsewhere), "pipe": lambda: os.mkfifo(path)}.get(
        kind, path.mkdir
    )()
    with pytest.raises(EvidenceError, match="cannot be read"):
        vault.open(reference)


@pytest.mark.parametrize(
    "reference", [{}, {"vault": "../../x"}, {"vault": "A" * 64}, {"v": "a" * 64}]
)
def test_what_is_no_reference_is_refused(vault: Vault, reference) -> None:
    with pytest.raises(EvidenceError, match="not a reference"):
        vault.open(reference)


def test_too_much_and_what_is_no_text_is_refused_and_leaves_nothing(vault: Vault) -> None:
    for value in ("x" * 70_000, "\ud800"):
        with pytest.raises(EvidenceError):
            vault.keep(Pair.of(value, limit=MAX_TEXT))
    assert not vault.folder.exists()


def test_a_folder_that_cannot_be_written_is_said(home: Path) -> None:
    home.mkdir()
    (home / "vault").write_text("in the way")
    with pytest.raises(EvidenceError, match="could not be written"):
        Vault(home).keep(Pair.of("Ada"))


JSON = st.recursive(
    st.none() | st.text(max_size=5) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=10,
)


@given(JSON, st.lists(st.binary(min_size=32, max_size=32), max_size=4))
def test_references_are_found_wherever_they_stand(value, digests) -> None:
    placed = [value, *({"deep": [{"vault": digest.hex()}, value]} for digest in digests)]
    assert list(references(placed)) == [digest.hex() for digest in digests]
