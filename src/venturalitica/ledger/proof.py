"""C2SP proofs as text (c2sp.org/tlog-proof): an inclusion proof and its checkpoint in one file."""

from __future__ import annotations

import re
from dataclasses import dataclass

from venturalitica.errors import EvidenceError
from venturalitica.ledger.encoding import decode_base64, encode_base64

HEADER = "c2sp.org/tlog-proof@v1"
MAX_PROOF = 1024 * 1024
MAX_HASHES = 64
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,19})")


@dataclass(frozen=True, slots=True)
class TextProof:
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
