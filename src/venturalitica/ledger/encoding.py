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

MAX_ITEMS = 4_000_000
"""Most values in one record that are read or written; a tally has some thousands."""

MAX_DEPTH = 64
"""Deepest nesting of lists and objects that is read."""

_NESTED = (dict, list, tuple)
_FLAT = frozenset({str, int, float, bool, type(None)})
_HEX32 = re.compile(r"[0-9a-f]{64}")


def parse_json(data: bytes, *, what: str, limit: int = MAX_LINE) -> Any:
    """Parse bounded JSON; duplicate keys, NaN, deep nesting and bad UTF-8 are refused.

    Raises:
        EvidenceError: with `what` as the subject of the sentence.
    """
    if len(data) > limit:
        raise EvidenceError(f"{what} is {len(data)} bytes long; at most {limit} are read")
    check_items(data, what=what)
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


def is_place(value: object) -> bool:
    """Whether a value read from JSON is a whole number from 0 that JSON keeps exactly."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def is_hash(text: object) -> bool:
    """Whether `text` is 64 lower-case hexadecimal digits."""
    return isinstance(text, str) and _HEX32.fullmatch(text) is not None


def check_items(data: bytes, *, what: str, spare: int = 0) -> None:
    """Refuse JSON of more values than `MAX_ITEMS`: `[],[],` takes twenty times its size in memory.

    What could begin a value is counted, in texts too, so it is never fewer than there are.
    """
    most = MAX_ITEMS - spare
    if len(data) > most and sum(map(data.count, (b",", b"[", b"{"))) > most:
        raise EvidenceError(f"{what} holds more than {MAX_ITEMS} values")


def check_depth(value: Any, *, what: str) -> None:
    """Refuse what is nested deeper than `MAX_DEPTH`."""
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for parent in level:
            below += parent.values() if isinstance(parent, dict) else parent
        level = [c for c in below if type(c) not in _FLAT and isinstance(c, _NESTED)]
        if not level:
            return
    raise EvidenceError(f"{what} is nested deeper than {MAX_DEPTH} levels")


def _first_line(error: BaseException) -> str:
    text = str(error) or type(error).__name__
    return text.splitlines()[0][:200]


def marks_in_base64(text: bytes) -> tuple[bytes, ...]:
    """What `text` looks like in base64, for each of the three places it can begin at.

    A line that holds none of them need not be decoded to know that it does not speak of it.
    """
    found = []
    for before in range(3):
        encoded = base64.b64encode(bytes(before) + text)
        # The first and last characters hold bits of the neighbours.
        found.append(encoded[-(-before * 8 // 6) : (before + len(text)) * 8 // 6])
    return tuple(found)
