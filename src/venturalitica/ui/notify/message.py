"""A change in words for people, and as facts for programs."""

from __future__ import annotations

import re
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from venturalitica.core.redact import redact_text
from venturalitica.core.text import visible
from venturalitica.core.verdict import Light
from venturalitica.ui.notify.changes import Change

FORMAT = "venturalitica.light-change/1"
_LONGEST = 600
_ACTS = re.compile(r"<(?=[!@#/\w])|(?<=\w)>|@|://|\](?=\()|```")
"""What messengers act on: `<!channel>`, `<http://…|text>`, `@everyone`, links, blocks of code."""
_HARMLESS = {"<": "‹", ">": "›", "@": "＠", "://": ":⁄⁄", "]": "］", "```": "'''"}


class Message(Struct, frozen=True):
    """A title of one line, and a text; `light` says how bad it is."""

    title: str
    text: str
    light: Light
    change: Change
    base: str = ""


def message(change: Change, base: str = "") -> Message:
    """What is told of a change; `base` is the address of the pages, empty where it is not known."""
    link, where = link_of(change, base), ""
    title = "The evidence log: red"
    if change.entry is not None:
        names = (change.policy or "no policy", change.name)
        pipeline = ", ".join(plain(one) for one in names if one)
        title = f"{pipeline}: {change.light} (was {change.was})"
        version = f", version {plain(change.version)}" if change.version else ""
        where = f"Entry {change.entry}{version}, {change.at[:16].replace('T', ' ')} UTC"
    text = "\n".join(filter(None, (plain(change.sentence), where, link)))
    return Message(title, text, change.light, change, base)


def facts(change: Change, base: str = "") -> dict[str, Any]:
    """The change as JSON: what `--json` prints, and what a webhook gets."""
    kept = {name: value for name, value in asdict(change).items() if name != "origin"}
    said = {"format": FORMAT, "id": change.id, **kept, "controls": list(change.controls)}
    said |= {"experiment": redact_text(change.experiment), "sentence": plain(change.sentence)}
    return said | {"link": link_of(change, base) or None}


def link_of(change: Change, base: str) -> str:
    """The page of the record that explains it; that of the evidence where it is the log."""
    page = "evidence" if change.entry is None else f"runs/{change.entry}"
    return f"{base.rstrip('/')}/{page}" if base else ""


def plain(text: str) -> str:
    """Text of a record, in which no messenger finds a mention, a link, or a line of its own."""
    shown = visible(text).replace("\n", " ")
    shown = shown if len(shown) <= _LONGEST else f"{shown[:_LONGEST]}…"
    return _ACTS.sub(lambda match: _HARMLESS[match[0]], shown)
