"""The user's private key files: which is in use, which are retired, and the swap between them.

    signing_key.pem                  signs now
    signing_key.next.pem             made by a rotation, not in use yet
    signing_key.<id16>.retired.pem   signed once; kept to introduce its successor in other ledgers

At every moment of a swap there is a whole `signing_key.pem`: the next key is written beside it, the
old one gets its second name, and one rename puts the next in its place. Whatever is interrupted is
taken up by the next rotation. What a log does not know yet it is told at the next append, see
`log.key_history`.
"""

from __future__ import annotations

import logging
import os
from contextlib import ExitStack, suppress
from pathlib import Path

from msgspec import Struct

from venturalitica.errors import SigningKeyError
from venturalitica.ledger.formats.public_key import short
from venturalitica.ledger.signing.signer import (
    KEY_FILE,
    FileSigner,
    encrypted_pem,
    has_own_key,
    load_signer,
    new_key_pem,
    read_private,
    retired_keys,
)
from venturalitica.system.files import NoLocksError, locked, sync_folder, write_durably, write_new

log = logging.getLogger(__name__)

NEXT_FILE = "signing_key.next.pem"
LOCK_FILE = ".rotation.lock"


class Swap(Struct, frozen=True):
    """A finished swap: the key that was in use, the one that is, and where the old one lies."""

    old: FileSigner
    new: FileSigner
    retired: Path


def swap(folder: Path, *, new_pem: bytes | None = None, passphrase: str | None = None) -> Swap:
    """Put a new key in the place of the user's own, which is retired.

    Args:
        new_pem: the new private key in PEM; one is made if left out.
        passphrase: of both keys, where the old one is encrypted; the new one will be too.

    Raises:
        SigningKeyError: a key cannot be read or written; the old one is in use as before.
    """
    if not has_own_key(folder):
        raise SigningKeyError(f"{folder / KEY_FILE}: there is no key to rotate yet")
    try:
        with ExitStack() as held:
            # Without locks two rotations at once are still harmless: each step is one whole file,
            # and the second finds that the key in use is no longer the one that it read.
            with suppress(NoLocksError):
                held.enter_context(locked(folder / LOCK_FILE, create=True))
            return _swap(folder, new_pem, passphrase)
    except OSError as error:
        raise SigningKeyError(
            f"{folder}: the key could not be rotated: {error.strerror or error}. "
            "The key in use is a whole one; try again when the folder can be written"
        ) from error


def _swap(folder: Path, new_pem: bytes | None, passphrase: str | None) -> Swap:
    current, staged = folder / KEY_FILE, folder / NEXT_FILE
    old = load_signer(None, folder, passphrase=passphrase)
    _stage(staged, old, new_pem, passphrase)
    new = read_private(staged, passphrase)
    if new.keyid == old.keyid:
        staged.unlink()
        raise SigningKeyError("the new key is the one that is in use; make another")
    if new.keyid in {key.keyid for key in retired_keys(folder, passphrase)}:
        staged.unlink()
        raise SigningKeyError(
            "the new key is one that you retired: no log would let it sign again; make another"
        )
    retired = folder / f"signing_key.{short(old.keyid)}.retired.pem"
    _keep(current, retired)
    staged.rename(current)
    sync_folder(folder)
    return Swap(old, load_signer(None, folder, passphrase=passphrase), retired)


def _stage(staged: Path, old: FileSigner, pem: bytes | None, passphrase: str | None) -> None:
    """Write the next key, durably; one that an interrupted rotation left is used."""
    if staged.exists():
        try:
            read_private(staged, passphrase)
        except SigningKeyError:
            log.warning("%s was left half written by a rotation and is made again", staged)
            staged.unlink()
        else:
            if pem is None:
                return
            staged.unlink()
    secret = passphrase if old.encrypted else None
    write_new(staged, new_key_pem(secret) if pem is None else _locked(pem, secret), mode=0o600)
    sync_folder(staged.parent)


def _locked(pem: bytes, passphrase: str | None) -> bytes:
    """The given key as it will be kept: encrypted, where the old one was."""
    if passphrase is None or b"ENCRYPTED" in pem:
        return pem
    return encrypted_pem(pem, passphrase)


def _keep(current: Path, retired: Path) -> None:
    """Give the key in use its second name; one that is there already is the same key."""
    try:
        os.link(current, retired)
    except FileExistsError:
        _refuse_other(current, retired)
    except OSError:
        # No hard links here: a copy, which must be durable before the name is given away.
        if not retired.exists():
            write_durably(retired, current.read_bytes(), mode=0o600)
        _refuse_other(current, retired)
    sync_folder(retired.parent)


def _refuse_other(current: Path, retired: Path) -> None:
    if retired.read_bytes() != current.read_bytes():
        raise SigningKeyError(
            f"{retired} is there already and is not the key in use; move it away and try again"
        )
