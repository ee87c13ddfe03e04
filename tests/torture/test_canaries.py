"""The search for secrets finds them, else finding none says nothing."""

from __future__ import annotations

import base64
import gzip
import json
import sys
import zlib
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.canaries import Canaries

PLAIN = {
    "as it is": str.encode,
    "in an address": lambda value: quote(value, safe="").encode(),
    "in a form": lambda value: quote_plus(value).encode(),
    "hexadecimal": lambda value: value.encode().hex().encode(),
    "UTF-16": lambda value: value.encode("utf-16-le"),
    "JSON": lambda value: json.dumps({"a": value}).encode(),
    "basic authorization": lambda value: base64.b64encode(f"me:{value}".encode()),
    "of an address": lambda value: base64.urlsafe_b64encode(f"a {value} b".encode()),
    "twice base64": lambda value: base64.b64encode(base64.b64encode(b"a" * 50 + value.encode())),
    "gzip": lambda value: b"head" + gzip.compress(value.encode()),
    "zlib": lambda value: b"head" + zlib.compress(value.encode()),
}


@pytest.mark.parametrize("special", [False, True])
@pytest.mark.parametrize("offset", [0, 1, 2])
@pytest.mark.parametrize("spelling", PLAIN)
def test_every_spelling_is_found(spelling: str, offset: int, special: bool) -> None:
    canaries = Canaries()
    value = "a" * offset + canaries.plant("here", special=special)
    canaries.plant("not here")
    assert canaries.found_in(b"before " + PLAIN[spelling](value) + b" after") == {"here"}


def test_nothing_is_found_where_nothing_is() -> None:
    canaries = Canaries()
    canaries.plant("here")
    assert canaries.found_in(b"cAnArY000x" + base64.b64encode(b"cAnArY" * 99)) == set()
