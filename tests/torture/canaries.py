"""Values that nobody else could have written, and the search for them in every spelling."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import zlib
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

DEPTH = 3
"""Base64 within base64: a policy's bytes stand so in a statement, and that in an envelope."""

_RUNS = re.compile(rb"[A-Za-z0-9+/_\-]{24,}")


class Canaries(dict[str, str]):
    """Value -> what it was. Some hold characters that addresses and pages spell otherwise."""

    def plant(self, kind: str, *, special: bool = False) -> str:
        end = "+q/e~r &<" if special else ""
        value = f"cAnArY{len(self):03d}x{os.urandom(6).hex()}{end}"
        self[value] = kind
        return value

    def found_in(self, data: bytes) -> set[str]:
        """What the canaries were that stand in `data`, in any spelling."""
        blobs = list(_layers(data, DEPTH))
        return {
            kind
            for value, kind in self.items()
            if any(form in blob for form in spellings(value) for blob in blobs)
        }


def spellings(value: str) -> set[bytes]:
    """As it is, and as addresses, pages, JSON, hexadecimal, UTF-16 and base64 spell it."""
    raw = value.encode()
    texts = {value, quote(value, safe=""), quote(value), quote_plus(value), html.escape(value)}
    texts |= {json.dumps(value)[1:-1], raw.hex(), raw.hex().upper(), value[::-1]}
    forms = {text.encode() for text in texts} | {value.encode("utf-16-le")}
    for offset in range(3):
        # Where it stands in base64 depends on what stands before it; its edges are not its own.
        inner = base64.b64encode(b"\0" * offset + raw)
        whole = inner[(0, 2, 3)[offset] : len(inner) - 4]
        forms |= {whole, whole.replace(b"+", b"-").replace(b"/", b"_")}
    return forms


def _layers(data: bytes, depth: int) -> Iterable[bytes]:
    yield data
    if depth == 0:
        return
    for run in _RUNS.findall(data):
        yield from _layers(_decoded(run), depth - 1)
    for start in (m.start() for m in re.finditer(rb"\x1f\x8b\x08|x[\x01\x5e\x9c\xda]", data)):
        unpacked = _unpacked(data[start:])
        if unpacked:
            yield from _layers(unpacked, depth - 1)


def _decoded(run: bytes) -> bytes:
    plain = run.replace(b"-", b"+").replace(b"_", b"/")
    return base64.b64decode(plain[: len(plain) // 4 * 4])


def _unpacked(data: bytes) -> bytes:
    """What gzip or zlib packed from here on; empty where it is neither."""
    packed = zlib.decompressobj(wbits=47)
    try:
        return packed.decompress(data, 50_000_000)
    except zlib.error:
        return b""
