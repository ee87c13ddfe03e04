"""Bytes that two parties must be able to rebuild: RFC 8785 JSON and SHA-256.

Verifying never canonicalises again: it hashes the bytes that are there.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import rfc8785


def canonical_json(value: Any) -> bytes:
    """RFC 8785 (JCS) bytes of a JSON value; NaN, infinities and integers above 2^53 are refused."""
    try:
        plain = _plain(value)
        text = json.dumps(plain, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        return text.encode("utf-8")
    except (_Unsure, UnicodeEncodeError):
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
    return str(_checked(key.isascii() or max(key) < "\ud800", key))


def _checked(sure: bool, value: Any) -> Any:
    if not sure:
        raise _Unsure
    return value


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
