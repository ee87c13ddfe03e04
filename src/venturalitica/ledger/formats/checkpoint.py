"""C2SP signed notes and checkpoints (c2sp.org/signed-note, c2sp.org/tlog-checkpoint), Ed25519.

A note is text that ends in a newline, a blank line, and one signature line per key. A checkpoint is
a note whose text is origin, tree size and root hash, one a line. `open_checkpoint` is stricter than
the standard asks: one signature, no extension lines, so every byte of the file is covered.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.encoding import decode_base64, encode_base64
from venturalitica.errors import EvidenceError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


ED25519 = b"\x01"
MAX_NOTE = 1024 * 1024
MAX_SIGNATURES = 100
_DASH = "— "
_SIZE = re.compile(r"0|[1-9][0-9]{0,19}")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteSignature(Struct, frozen=True):
    """One signature line: the key's name and 4-byte id, and the signature's bytes."""

    name: str
    key_id: bytes
    signature: bytes


class Note(Struct, frozen=True):
    """A parsed note; nothing in it is verified yet."""

    text: str
    signatures: tuple[NoteSignature, ...]


class NoteKey(Struct, frozen=True):
    """A verifier key: a name and an Ed25519 public key of 32 bytes."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name || newline || algorithm || key), first four bytes."""
        head = self.name.encode() + b"\n" + ED25519 + self.public
        return hashlib.sha256(head).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> NoteKey:
        """Read `name+id+base64`, the way other tools print a verifier key."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise EvidenceError("a note key looks like name+id+base64; this one does not")
        name, key_id, encoded = parts
        raw = decode_base64(encoded, what="the note key")
        if len(raw) != 33 or raw[:1] != ED25519:
            raise EvidenceError("the note key is not an Ed25519 key")
        key = cls(name, raw[1:])
        check_name(name)
        # The id is of name and key together: a name put to another's key is found here.
        if key.key_id.hex() != key_id:
            raise EvidenceError("the note key's id does not belong to its name and key")
        return key


def sign_note(text: str, key: NoteKey, sign: Callable[[bytes], bytes]) -> str:
    """The note over `text` with one signature; `sign` gives Ed25519 signatures for `key`."""
    check_name(key.name)
    if not text.endswith("\n") or _CONTROL.search(text):
        raise EvidenceError("a note's text ends in a newline and has no other control characters")
    line = encode_base64(key.key_id + sign(text.encode()))
    return f"{text}\n{_DASH}{key.name} {line}\n"


def parse_note(data: bytes) -> Note:
    """Split a note into its text and signature lines.

    Raises:
        EvidenceError: it is not a signed note.
    """
    if len(data) > MAX_NOTE:
        raise EvidenceError(f"the note is {len(data)} bytes long; at most {MAX_NOTE} are read")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise EvidenceError("the note is not UTF-8") from None
    if _CONTROL.search(whole):
        raise EvidenceError("the note holds control characters")
    # c2sp.org/signed-note: the text may hold blank lines; the last one begins the signatures.
    text, blank, block = whole.rpartition("\n\n")
    if not blank or not block.endswith("\n"):
        raise EvidenceError("the note has no signature lines after a blank line")
    lines = block[:-1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise EvidenceError(f"the note has {len(lines)} signatures; at most {MAX_SIGNATURES}")
    return Note(text + "\n", tuple(_signature(line) for line in lines))


def verified_by(note: Note, keys: Iterable[NoteKey]) -> tuple[NoteKey, ...]:
    """The keys that signed the note; signatures by other keys are passed over.

    Raises:
        EvidenceError: a signature that names one of `keys` does not verify.
    """
    known = {(key.name, key.key_id): key for key in keys}
    found: list[NoteKey] = []
    for signature in note.signatures:
        key = known.get((signature.name, signature.key_id))
        # c2sp.org/signed-note: unknown keys are ignored, so that witnesses may add theirs.
        if key is None:
            continue
        if not _verifies(key.public, signature.signature, note.text.encode()):
            raise EvidenceError(f"the signature of {key.name!r} on the note does not verify")
        found.append(key)
    return tuple(found)


def check_name(name: str) -> None:
    """Refuse what is not a key name: empty, with spaces or plus signs."""
    if not name or "+" in name or any(char.isspace() for char in name) or _CONTROL.search(name):
        raise EvidenceError("a note key's name is not empty and has no spaces or plus signs")


class Checkpoint(Struct, frozen=True):
    """A tree head: which log, how many entries, which root (32 bytes in our logs)."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        """The three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint; extension lines are passed over.

        Raises:
            EvidenceError: a line is missing or malformed.
        """
        lines = text.split("\n")
        if len(lines) < 4:
            raise EvidenceError("a checkpoint has three lines: origin, size, root hash")
        origin, size, root = lines[:3]
        if not origin:
            raise EvidenceError("the checkpoint's origin is empty")
        if not _SIZE.fullmatch(size) or int(size) >= 1 << 64:
            raise EvidenceError("the checkpoint's size is not a decimal number")
        return cls(origin, int(size), decode_base64(root, what="the checkpoint's root hash"))


def open_checkpoint(data: bytes, publics: Iterable[bytes]) -> tuple[Checkpoint, bytes]:
    """Verify a checkpoint of ours; gives it and the public key (32 bytes) that signed it.

    Raises:
        EvidenceError: malformed, unsigned by `publics`, or with anything besides one signature.
    """
    return _opened(data, tuple(publics))


@lru_cache(maxsize=8)  # a page asks of the same bytes and keys a dozen times
def _opened(data: bytes, publics: tuple[bytes, ...]) -> tuple[Checkpoint, bytes]:
    note = parse_note(data)
    checkpoint = Checkpoint.parse(note.text)
    if note.text != checkpoint.text() or len(checkpoint.root) != 32:
        raise EvidenceError("the checkpoint has more than origin, size and a 32-byte root hash")
    if len(note.signatures) != 1:
        raise EvidenceError(f"the checkpoint has {len(note.signatures)} signatures; expected one")
    keys = [NoteKey(checkpoint.origin, public) for public in publics]
    signers = verified_by(note, keys)
    if not signers:
        raise EvidenceError("no key that is known here signed the checkpoint")
    return checkpoint, signers[0].public


def _signature(line: str) -> NoteSignature:
    if not line.startswith(_DASH):
        raise EvidenceError("a signature line of the note does not start with an em dash")
    name, _, encoded = line[len(_DASH) :].partition(" ")
    check_name(name)
    raw = decode_base64(encoded, what="a signature of the note")
    if len(raw) < 5:
        raise EvidenceError("a signature of the note is too short")
    return NoteSignature(name, raw[:4], raw[4:])


def _verifies(public: bytes, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        _ed25519(public).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def _ed25519(public: bytes) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(public)


HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = 1024 * 1024
MAX_HASHES = 64
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,19})")


class TextProof(Struct, frozen=True):
    """Index, sibling hashes from the leaf up (32 bytes each), and the checkpoint as it was."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes
    extra: bytes | None = None

    def format(self) -> bytes:
        """The proof as a text file."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(encode_base64(digest) for digest in self.hashes)
        return "\n".join([*lines, "", ""]).encode() + self.checkpoint

    @classmethod
    def parse(cls, data: bytes) -> TextProof:
        """Read a proof; the checkpoint in it is not verified here.

        Raises:
            EvidenceError: it is not such a proof.
        """
        if len(data) > MAX_PROOF:
            raise EvidenceError(f"the proof is {len(data)} bytes long; at most {MAX_PROOF}")
        head, blank, checkpoint = data.partition(b"\n\n")
        if not blank:
            raise EvidenceError("the proof has no blank line before its checkpoint")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            raise EvidenceError("the proof is not ASCII before its checkpoint") from None
        return cls._from_lines(lines, checkpoint)

    @classmethod
    def _from_lines(cls, lines: list[str], checkpoint: bytes) -> TextProof:
        if lines[0] != HEADER:
            raise EvidenceError(f"the proof does not start with {HEADER}")
        rest = lines[1:]
        extra = None
        if rest and rest[0].startswith("extra "):
            extra = decode_base64(rest.pop(0)[6:], what="the proof's extra data")
        match = _INDEX.fullmatch(rest.pop(0)) if rest else None
        if match is None or int(match[1]) >= 1 << 64:
            raise EvidenceError("the proof has no line 'index <number>'")
        if len(rest) > MAX_HASHES:
            raise EvidenceError(f"the proof has {len(rest)} hashes; at most {MAX_HASHES}")
        return cls(int(match[1]), tuple(_digest(line) for line in rest), checkpoint, extra)


def _digest(line: str) -> bytes:
    digest = decode_base64(line, what="a hash of the proof")
    if len(digest) != 32:
        raise EvidenceError("a hash of the proof is not 32 bytes long")
    return digest
