"""Reads a page as a browser would and refuses whatever could run, load, style or lead astray."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

FORBIDDEN = frozenset(
    {
        *("iframe", "object", "embed", "base", "frame", "frameset", "applet", "style", "template"),
        *("noscript", "math", "img", "video", "audio", "animate", "set", "foreignobject", "use"),
        *("image", "marquee", "portal"),
    }
)
OWN_SCRIPTS = re.compile(r"/static/[a-z.]+\.js\?v=[0-9a-f]+\Z")
OWN_META = frozenset({"viewport", "color-scheme", "htmx-config"})
ADDRESSES = frozenset({"href", "src", "action", "formaction", "xlink:href", "data", "poster"})


class Reader(HTMLParser):
    """Fails at the first thing that a recorded text must never become; keeps the text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.drawing = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        assert tag not in FORBIDDEN, self.get_starttag_text()
        assert len(given) == len(attrs), f"an attribute twice: {self.get_starttag_text()}"
        for name, value in given.items():
            assert not name.startswith(("on", "hx-on")), self.get_starttag_text()
            assert name != "style", self.get_starttag_text()
            if name in ADDRESSES:
                self._check_address(tag, value)
        if tag == "script":
            assert OWN_SCRIPTS.match(given["src"]), given
        if tag == "meta":
            assert given.get("name") in OWN_META or list(given) == ["charset"], given
        if tag == "form":
            assert given["action"].startswith("/"), given
        self.drawing += tag == "svg"
        # A drawing may have a title of its own, and each mark in it.
        self.open.append("svg title" if tag == "title" and self.drawing else tag)

    def handle_endtag(self, tag: str) -> None:
        self.drawing -= tag == "svg"

    def _check_address(self, tag: str, value: str) -> None:
        self.addresses.append(value)
        if tag == "link" and value.startswith("data:image/svg+xml,"):
            return
        parts = urlsplit(value)
        assert parts.scheme in ("", "http", "https"), value
        assert parts.scheme or (value.startswith(("/", "#", "?")) and not value.startswith("//"))
        assert not parts.username, value
        assert not parts.password, value

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data!r}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def inert(html: str) -> str:
    """The text of a page in which nothing acts; fails otherwise."""
    reader = Reader()
    reader.feed(html)
    reader.close()
    assert reader.open.count("h1") == 1
    assert reader.open.count("main") == 1
    assert reader.open.count("title") == 1
    return "".join(reader.text)
