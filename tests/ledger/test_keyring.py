"""Private key files: swapped so that there is a whole key at every moment, whatever is killed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from venturalitica.errors import SigningKeyError
from venturalitica.ledger import load_signer
from venturalitica.ledger.signing.key_rotation import NEXT_FILE, swap
from venturalitica.ledger.signing.signer import (
    KEY_FILE,
    encrypted_pem,
    new_key_pem,
    read_private,
    retired_keys,
)


class Killed(BaseException):
    """A kill, as far as Python code can see one."""


def test_the_new_key_is_in_use_and_the_old_one_kept(tmp_path: Path) -> None:
    old = load_signer(None, tmp_path)
    done = swap(tmp_path)
    assert done.old.keyid == old.keyid != done.new.keyid
    assert load_signer(None, tmp_path).keyid == done.new.keyid
    assert done.retired.name == f"signing_key.{old.keyid[:16]}.retired.pem"
    assert [key.keyid for key in done.new.predecessors()] == [old.keyid]
    for path in tmp_path.glob("*.pem"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert {path.name for path in tmp_path.glob("*.pem")} == {KEY_FILE, done.retired.name}


@pytest.mark.parametrize("moment", range(4))
def test_killed_at_any_moment_there_is_a_key_and_the_next_call_goes_on(
    tmp_path: Path, moment: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = load_signer(None, tmp_path)
    steps: tuple[tuple[str, Any], ...] = (
        ("venturalitica.ledger.signing.key_rotation.write_new", None),
        ("venturalitica.ledger.signing.key_rotation.read_private", None),
        ("os.link", None),
        ("pathlib.Path.rename", None),
    )

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(steps[moment][0], killed)
        with pytest.raises(Killed):
            swap(tmp_path)
    assert load_signer(None, tmp_path).keyid == old.keyid
    assert load_signer(None, tmp_path).predecessors() == ()
    staged = tmp_path / NEXT_FILE
    waiting = read_private(staged).keyid if staged.exists() else None
    done = swap(tmp_path)
    assert waiting in (None, done.new.keyid)
    assert done.old.keyid == old.keyid
    assert not staged.exists()


def test_a_torn_next_key_is_made_again(tmp_path: Path) -> None:
    load_signer(None, tmp_path)
    (tmp_path / NEXT_FILE).write_bytes(new_key_pem()[:40])
    (tmp_path / NEXT_FILE).chmod(0o600)
    new = swap(tmp_path).new
    assert load_signer(None, tmp_path).keyid == new.keyid


def test_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = load_signer(None, tmp_path)

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("os.link", no_links)
    done = swap(tmp_path)
    assert read_private(done.retired).keyid == old.keyid
    assert stat.S_IMODE(done.retired.stat().st_mode) == 0o600


def test_no_locks_and_two_rotations_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    monkeypatch.setenv("VENTURALITICA_LOCKS", "0")
    first = load_signer(None, tmp_path)

    def rotate(_: int) -> bool:
        try:
            swap(tmp_path)
        except SigningKeyError:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(rotate, range(24)))
    assert any(done)
    held = {key.keyid for key in load_signer(None, tmp_path).predecessors()}
    assert first.keyid in held
    assert swap(tmp_path).new.keyid == load_signer(None, tmp_path).keyid


def test_an_encrypted_key_stays_encrypted(tmp_path: Path) -> None:
    load_signer(None, tmp_path)
    path = tmp_path / KEY_FILE
    path.write_bytes(encrypted_pem(path.read_bytes(), "open sesame"))
    done = swap(tmp_path, passphrase="open sesame")
    assert done.old.encrypted
    assert done.new.encrypted
    given = swap(tmp_path, new_pem=new_key_pem(), passphrase="open sesame").new
    assert given.encrypted
    for file in tmp_path.glob("*.pem"):
        assert b"ENCRYPTED" in file.read_bytes(), file
    assert len(load_signer(None, tmp_path, passphrase="open sesame").predecessors()) == 2
    with pytest.raises(SigningKeyError, match="PASSPHRASE"):
        load_signer(None, tmp_path)
    with pytest.raises(SigningKeyError, match="PASSPHRASE"):
        swap(tmp_path)


def test_a_given_key_is_taken(tmp_path: Path) -> None:
    load_signer(None, tmp_path)
    pem = new_key_pem()
    assert swap(tmp_path, new_pem=pem).new.keyid == load_signer(pem.decode()).keyid
    assert (tmp_path / KEY_FILE).read_bytes() == pem


def in_use(folder: Path) -> bytes:
    return (folder / KEY_FILE).read_bytes()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (in_use, "the one that is in use"),
        (lambda _: b"no key", "not a private key"),
    ],
)
def test_a_given_key_that_cannot_be_the_next(
    tmp_path: Path, given: Callable[[Path], bytes], message: str
) -> None:
    old = load_signer(None, tmp_path)
    with pytest.raises(SigningKeyError, match=message):
        swap(tmp_path, new_pem=given(tmp_path))
    assert load_signer(None, tmp_path).keyid == old.keyid
    assert swap(tmp_path).old.keyid == old.keyid


def test_without_a_key_there_is_nothing_to_rotate(tmp_path: Path) -> None:
    with pytest.raises(SigningKeyError, match="no key to rotate"):
        swap(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_old_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = load_signer(None, tmp_path)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("venturalitica.ledger.signing.key_rotation.write_new", full)
    with pytest.raises(SigningKeyError, match="No space left"):
        swap(tmp_path)
    assert load_signer(None, tmp_path).keyid == old.keyid


def test_a_retired_key_that_cannot_be_used_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_signer(None, tmp_path)
    retired = swap(tmp_path).retired
    retired.chmod(0o644)
    assert retired_keys(tmp_path) == ()
    assert "chmod 600" in caplog.text


def test_a_key_in_a_git_work_tree_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load_signer(None, tmp_path / "outside")
    assert "git work tree" not in caplog.text
    (tmp_path / "project" / ".git").mkdir(parents=True)
    load_signer(None, tmp_path / "project" / "config")
    assert "git work tree" in caplog.text


def test_nothing_private_in_repr(tmp_path: Path) -> None:
    load_signer(None, tmp_path, passphrase="open sesame")
    assert "sesame" not in repr(swap(tmp_path, passphrase="open sesame"))
