"""The address of each page. No template writes one by hand: values in it are hostile input.

url("run", entry=3)                      /runs/3
url("runs", light="red", page=None)      /runs?light=red
url("policy", name="a/b")                /policies/a%252Fb
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Protocol
from urllib.parse import quote, unquote, urlencode

from venturalitica.ui.pages import find

_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_RESERVED = re.compile(r"[/%\\\x00-\x1f\x7f]")
_EMPTY = "%"


class Addresses(Protocol):
    """Gives addresses: the server's, or those of files that link to each other."""

    exported: bool

    def url(self, name: str, /, **params: object) -> str:
        """The address of the page `name`.

        `params` are what its path asks for, then its query: None is left out, a list is several;
        `_anchor` is the part of the page.
        """
        ...

    def asset(self, name: str) -> str:
        """The address of a style sheet or script."""
        ...


class ServerAddresses:
    """The addresses in the running server."""

    exported = False

    def __init__(self, versions: Mapping[str, str]) -> None:
        self._versions = versions

    def url(self, name: str, /, **params: object) -> str:
        """See `Addresses`."""
        path, rest = fill(find(name).path, params)
        anchor = rest.pop("_anchor", None)
        pairs = list(query_pairs(rest))
        text = f"{path}?{urlencode(pairs, errors='replace')}" if pairs else path
        return f"{text}#{quote(str(anchor), safe='', errors='replace')}" if anchor else text

    def asset(self, name: str) -> str:
        """See `Addresses`; the version lets a browser keep it for good."""
        return f"/static/{name}?v={self._versions[name]}"


def fill(path: str, params: Mapping[str, object]) -> tuple[str, dict[str, object]]:
    """The path with its places filled, percent-encoded, and the parameters that were left over."""
    rest = dict(params)
    parts: list[str] = []
    done = 0
    for place in _PLACE.finditer(path):
        value = str(rest.pop(place[1]))
        parts.append(path[done : place.start()])
        parts.append(quote(as_segment(value), safe="", errors="replace"))
        done = place.end()
    return "".join(parts) + path[done:], rest


def query_pairs(params: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """The query of these parameters, in their order."""
    for name, value in params.items():
        if value is None:
            continue
        several = value if isinstance(value, list | tuple) else (value,)
        yield from ((name, str(one)) for one in several)


def as_segment(value: str) -> str:
    """A text as one part of a path, whatever is in it.

    A server decodes a path before it is split, and a browser folds `..` away, encoded or not: what
    would be taken for either is encoded once more.
    """
    if not value:
        return _EMPTY
    if value in (".", ".."):
        return value.replace(".", "%2E")
    return _RESERVED.sub(lambda match: f"%{ord(match[0]):02X}", value)


def of_segment(segment: str) -> str:
    """What `as_segment` was given."""
    return "" if segment == _EMPTY else unquote(segment)
