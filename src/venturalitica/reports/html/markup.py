"""Write HTML and SVG that cannot be broken out of: every string is escaped unless it is `Markup`.

    tag("p", "5 < 6", cls="vl-note")      ->  <p class="vl-note">5 &lt; 6</p>

Recorded text is shown as it is, with two exceptions: control characters and the characters that
turn the reading direction around are spelled out (`[U+202E]`), since either can make a page show
something else than what is recorded. There are no inline styles and no scripts: the page's own
content security policy forbids both.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

import markupsafe
from markupsafe import Markup

from venturalitica.core.text import is_web_address, visible

_VOID = frozenset({"meta", "br", "hr", "line", "rect", "circle", "path"})
_CODE = re.compile(r"`([^`\n]+)`|'((?:venturalitica|mlflow|wandb|git|pip|apt-get) [^'\n]+)'")
"""What is marked as code, and the commands that stand in quotes: a terminal has nothing better."""

_BETWEEN_WORDS = re.compile(r"([ \n\t]+)")


def escape(value: object) -> Markup:
    """`value` as text that is safe between tags and in quoted attributes."""
    return markupsafe.escape(value if hasattr(value, "__html__") else visible(str(value)))


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """One element. `cls` is `class`; `_` in a name is `-`; an attribute that is None is left out.

    Only names written in this package's source reach here as `name` or as keys: values never do.
    """
    opening = name
    for key, value in attributes.items():
        if value is not None:
            opening += f' {_attribute_name(key)}="{escape(value)}"'
    if name in _VOID:
        return Markup(f"<{opening}/>")
    return Markup(f"<{opening}>{join(children)}</{name}>")


@cache
def _attribute_name(key: str) -> str:
    return "class" if key == "cls" else key.rstrip("_").replace("_", "-")


def join(children: Iterable[object]) -> Markup:
    """Children in a row; None is nothing."""
    return Markup("".join([escape(child) for child in children if child is not None]))


def prose(text: str) -> Markup:
    """A sentence in which `code` stands in backticks, or a command of ours in quotes, as elements.

    A lone backtick stays one.
    """
    if isinstance(text, Markup):
        return text
    if "\n" in text:  # no sentence of ours: recorded text is shown as it is
        return escape(text)
    parts = _CODE.split(str(text))  # a sentence, and for each mark both groups, one of them None
    return join(tag("code", part) if at % 3 and part else part for at, part in enumerate(parts))


def command(text: str) -> Markup:
    """Lines to type: they wrap between their words, and within a word only where no line holds it.

    A browser breaks after `-` and `/` too: a word that holds one is an element, which by its style
    goes to the next line whole. The text stays what is typed: it is copied as one line.
    """
    return join(
        tag("span", word) if at % 2 == 0 and not word.isalnum() and word else word
        for at, word in enumerate(_BETWEEN_WORDS.split(visible(str(text))))
    )


def link(url: str, label: object | None = None) -> Markup:
    """A link for http and https addresses, plain text for everything else."""
    shown = url if label is None else label
    if not is_web_address(url):
        return escape(shown)
    return tag("a", shown, href=url, rel="noopener noreferrer")
