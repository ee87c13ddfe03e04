"""Which lines of the log did a key sign? Found by the key's id, without reading every line.

An envelope of ours names its keys in plain text at its end (`"keyid":"<id>"`), and its payload is
base64, in which no quotation mark can stand. So a search for those bytes finds exactly the lines
that say to be signed by a key. Whether they are is for the caller to check.
"""

from __future__ import annotations

import os
from pathlib import Path

from venturalitica.ledger.encoding import MAX_LINE
from venturalitica.ledger.files import open_plain

CHUNK = 64 * 1024
"""Bytes read at a time from the end: nearly always the last line, which is what is looked for."""

FORWARD = 4 * 1024 * 1024


def last_signed_by(entries: Path, keyid: str, end: int) -> bytes | None:
    """The last line, of those in the first `end` bytes, that names the key as a signer."""
    return _searched(entries, keyid, end, last=True)


def first_signed_by(entries: Path, keyid: str, end: int) -> bytes | None:
    """The first line, of those in the first `end` bytes, that names the key as a signer."""
    return _searched(entries, keyid, end, last=False)


def _searched(entries: Path, keyid: str, end: int, *, last: bool) -> bytes | None:
    try:
        descriptor = open_plain(entries, os.O_RDONLY)
    except FileNotFoundError:
        return None
    wanted = b'"keyid":"%b"' % keyid.encode("ascii")
    try:
        find = _find_last if last else _find_first
        place = find(descriptor, wanted, end)
        return None if place is None else _line_around(descriptor, place, end)
    finally:
        os.close(descriptor)


def _find_last(descriptor: int, wanted: bytes, end: int) -> int | None:
    after = b""
    while end > 0:
        start = max(0, end - CHUNK)
        # What the chunk before began with: the words may stand across two chunks.
        chunk = os.pread(descriptor, end - start, start) + after
        found = chunk.rfind(wanted)
        if found >= 0:
            return start + found
        after, end = chunk[: len(wanted) - 1], start
    return None


def _find_first(descriptor: int, wanted: bytes, end: int) -> int | None:
    start, before = 0, b""
    while start < end:
        data = os.pread(descriptor, min(FORWARD, end - start), start)
        if not data:
            return None
        chunk = before + data
        found = chunk.find(wanted)
        if found >= 0:
            return start - len(before) + found
        before, start = chunk[1 - len(wanted) :], start + len(data)
    return None


def _line_around(descriptor: int, place: int, end: int) -> bytes | None:
    """The line that holds the byte at `place`, without its newline."""
    start = _find_last(descriptor, b"\n", place)
    start = 0 if start is None else start + 1
    data = bytearray()
    while start + len(data) < end and len(data) <= MAX_LINE:
        chunk = os.pread(descriptor, min(CHUNK, end - start - len(data)), start + len(data))
        stop = chunk.find(b"\n")
        if stop >= 0:
            return bytes(data + chunk[:stop])
        if not chunk:
            break
        data += chunk
    return None
