"""Strict reading of what may be hostile: bounded JSON, one spelling of base64 and hexadecimal.

Every refusal is an `EvidenceError`. Where two spellings would decode to the same bytes only one is
accepted, so that no byte of a checkpoint or bundle can change unnoticed.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from venturalitica.canonical import strict_json
from venturalitica.errors import EvidenceError

MAX_LINE = 64 * 1024 * 1024
"""Longest log line or bundle that is read, in bytes."""

MAX_DEPTH = 64
"""Deepest nesting of lists and objects that is read."""

_NESTED = (dict, list, tuple)
_HEX32 = re.compile(r"[0-9a-f]{64}")


def parse_json(data: bytes, *, what: str, limit: int = MAX_LINE) -> Any:
    """Parse bounded JSON; duplicate keys, NaN, deep nesting and bad UTF-8 are refused.

    Raises:
        EvidenceError: with `what` as the subject of the sentence.
    """
    if len(data) > limit:
        raise EvidenceError(f"{what} is {len(data)} bytes long; at most {limit} are read")
    try:
        value = strict_json(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{what} is not the JSON expected: {_first_line(error)}") from None
    if isinstance(value, _NESTED):
        check_depth(value, what=what)
    return value


def parse_object(data: bytes, *, what: str, limit: int = MAX_LINE) -> dict[str, Any]:
    """`parse_json`, and the outermost value must be an object."""
    value = parse_json(data, what=what, limit=limit)
    if not isinstance(value, dict):
        raise EvidenceError(f"{what} is not a JSON object")
    return value


def encode_base64(data: bytes) -> str:
    """Standard base64 with padding (RFC 4648, section 4)."""
    return base64.b64encode(data).decode("ascii")


def decode_base64(text: object, *, what: str) -> bytes:
    """Decode standard base64 in its one canonical spelling."""
    if not isinstance(text, str):
        raise EvidenceError(f"{what} is not base64 text")
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        raise EvidenceError(f"{what} is not base64") from None
    if encode_base64(data) != text:
        raise EvidenceError(f"{what} is not base64 in its canonical spelling")
    return data


def decode_hash(text: object, *, what: str) -> bytes:
    """64 lower-case hexadecimal digits as 32 bytes."""
    if not isinstance(text, str) or not _HEX32.fullmatch(text):
        raise EvidenceError(f"{what} is not a SHA-256 digest (64 lower-case hexadecimal digits)")
    return bytes.fromhex(text)


def is_hash(text: object) -> bool:
    """Whether `text` is 64 lower-case hexadecimal digits."""
    return isinstance(text, str) and _HEX32.fullmatch(text) is not None


def check_depth(value: Any, *, what: str) -> None:
    """Refuse what is nested deeper than `MAX_DEPTH`."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below = []
        for parent in level:
            for child in parent.values() if isinstance(parent, dict) else parent:
                if isinstance(child, _NESTED):
                    below.append(child)
        if not below:
            return
        level = below
    raise EvidenceError(f"{what} is nested deeper than {MAX_DEPTH} levels")


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0][:200]
