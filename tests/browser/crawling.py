"""Find every page by its links, as a reader does: no address is written by hand."""

from __future__ import annotations

import re
import urllib.request
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from venturalitica.ui.pages import PAGES

ENOUGH = 4
"""Addresses of one page that are followed."""


def found_pages(url: str) -> dict[str, list[str]]:
    """Name of each page -> addresses of it that links lead to, the first few.

    Raises:
        AssertionError: a link leads nowhere.
    """
    found: dict[str, list[str]] = {}
    to_do, seen = [f"{url}/"], {f"{url}/"}
    while to_do:
        address = to_do.pop(0)
        known = found.setdefault(name_of(address), [])
        if len(known) >= ENOUGH:
            continue
        known.append(address)
        for link in _links(address):
            if link.startswith(f"{url}/") and link not in seen:
                seen.add(link)
                to_do.append(link)
    return found


def name_of(address: str) -> str:
    """The page that answers an address; `static` for style sheets and scripts."""
    path = urlsplit(address).path
    if path.startswith("/static/"):
        return "static"
    for page in PAGES:
        if "GET" in page.methods and _pattern(page.path).fullmatch(path):
            return page.name
    raise AssertionError(f"no page answers {address}")


def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{\w+(?::\w+)?\})", path)
    return re.compile(
        "".join(
            (r"\d+" if part.endswith(":int}") else "[^/]+") if part[:1] == "{" else re.escape(part)
            for part in parts
        )
    )


def _links(address: str) -> list[str]:
    with urllib.request.urlopen(address, timeout=60) as answer:
        if answer.headers.get_content_type() != "text/html":
            return []
        if "attachment" in answer.headers.get("content-disposition", ""):
            return []
        text = answer.read().decode()
    parser = _Links()
    parser.feed(text)
    return [urldefrag(urljoin(address, link))[0] for link in parser.found]


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
