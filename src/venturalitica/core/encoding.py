"""Bytes that two parties must be able to rebuild: RFC 8785 JSON and SHA-256.

Verifying never canonicalises again: it hashes the bytes that are there.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from venturalitica.errors import EvidenceError


def canonical_json(value: Any) -> bytes:
    """RFC 8785 (JCS) bytes of a JSON value; NaN, infinities and integers above 2^53 are refused."""
    try:
        return _SPELT.encode(_plain(value)).encode("utf-8")
    except (_Unsure, UnicodeEncodeError):
        import rfc8785  # only here: reading a policy needs nothing of it

        return rfc8785.dumps(value)


def canonical_parsed(value: Any) -> bytes:
    """`canonical_json` of what `strict_json` gave: several times quicker where nothing is odd.

    Of parsed JSON only the spelling of some numbers and the order of keys beyond ASCII can differ
    between `json` and RFC 8785, and `json`'s own text shows whether it holds any.
    """
    try:
        text = _QUICK.encode(value)
    except ValueError:  # an infinity (1e999)
        return canonical_json(value)
    if text.isascii() and "e-" not in text and "e+" not in text and not _whole_float(text):
        data = text.encode("ascii")
        # Sixteen digits in a row may be an integer above 2^53.
        if _SIXTEEN not in data.translate(_DIGITS):
            return data
    return canonical_json(value)


def _whole_float(text: str) -> bool:
    """Whether a float as 1.0 may be in the JSON; in a string it only costs time."""
    return "." in text and (".0," in text or ".0]" in text or ".0}" in text or text.endswith(".0"))


_SPELT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=True)
_QUICK = json.JSONEncoder(
    ensure_ascii=False,
    separators=(",", ":"),
    sort_keys=True,
    check_circular=False,
    allow_nan=False,
)
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)
_SIXTEEN = b"0" * 16


class _Unsure(Exception):
    """The quick way might spell this otherwise than RFC 8785 does."""


def _plain(value: Any) -> Any:
    """`value` with whole floats as integers, if `json` then spells all of it as RFC 8785 does.

    `json` is written in C and many times quicker, but differs in the spelling of some floats and in
    the order of keys beyond U+DFFF; those, and whatever must be refused, are left to `rfc8785`.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return value
    if kind is int:
        return _checked(-MAX_INTEGER <= value <= MAX_INTEGER, value)
    if kind is float:
        # RFC 8785, section 3.2.2.3: numbers as ECMAScript prints them, 1.0 as 1.
        if value.is_integer() and abs(value) <= MAX_INTEGER:
            return int(value)
        return _checked(1e-4 <= abs(value) < 1e15, value)
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if kind is dict:
        return {_key(key): _plain(item) for key, item in value.items()}
    raise _Unsure


def _key(key: Any) -> str:
    if type(key) is not str:
        raise _Unsure
    # RFC 8785, section 3.2.3, sorts by UTF-16 units, Python by code points: alike below U+D800.
    return str(_checked(key.isascii() or max(key) < "\ud800", key))


def _checked(sure: bool, value: Any) -> Any:
    if not sure:
        raise _Unsure
    return value


# RFC 7493 (I-JSON), section 2.2: beyond, a reader's double is another number.
MAX_INTEGER = 2**53 - 1


def sha256_hex(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def strict_json(data: bytes | str) -> Any:
    """Parse JSON; a duplicate key, NaN, Infinity or deep nesting is a ValueError, no surprise."""
    try:
        if isinstance(data, str):
            return _STRICT.decode(data)  # not `json.loads`, which makes a decoder each time
        return json.loads(data, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    # RFC 8259, section 4, leaves it to each parser which of the two it takes: two readers of one
    # signed text would read two records.
    if len(seen) < len(pairs):
        raise ValueError(f"duplicate key {_twice(pairs)[:80]!r} in JSON")
    return seen


def _twice(pairs: list[tuple[str, Any]]) -> str:
    known: set[str] = set()  # counting each name would take a hostile object for ever
    for key, _ in pairs:
        if key in known:
            return key
        known.add(key)
    return ""


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_STRICT = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


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
    # RFC 4648, section 3.5: the last character's spare bits are free, so one payload would have
    # several spellings, each with another digest.
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


VAULT = "vault"


def is_reference(value: object) -> bool:
    """Whether a value of a record is a reference to the vault: `{"vault": salted SHA-256}`."""
    return isinstance(value, Mapping) and value.keys() == {VAULT} and is_hash(value[VAULT])


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
