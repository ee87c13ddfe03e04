"""JSON text (RFC 8259) to the same tree with lines as YAML gives.

The standard library's reader keeps no lines and lets NaN and duplicate keys pass, hence this one.
"""

from __future__ import annotations

import json
import re
from typing import NoReturn

from venturalitica.core.labels import number
from venturalitica.policy.tree import (
    MAX_DEPTH,
    MAX_NODES,
    ListNode,
    MapNode,
    Node,
    Scalar,
    UnreadableError,
    show,
)

_TOKEN = re.compile(
    r"""[ \t\r\n]*(?:
        (?P<string>"(?:[^"\\\x00-\x1f]|\\.)*")
      | (?P<float>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+))
      | (?P<int>-?(?:0|[1-9][0-9]*))
      | (?P<word>[A-Za-z]+)
      | (?P<mark>[\[\]{}:,])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def read_json(text: str) -> Node:
    """The tree of a JSON text; `UnreadableError` with the line where it is not JSON."""
    reader = _Reader(text)
    root = reader.value(0)
    reader.expect("", "the end of the file")
    return root


class _Reader:
    """A token ahead; kind is the token's group name, text its characters."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0
        self._nodes = 0
        self._next()

    def value(self, depth: int) -> Node:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._fail(f"more than {MAX_NODES:,} keys and values; a policy is far smaller")
        if depth > MAX_DEPTH:
            self._fail(f"lists and objects are nested more than {MAX_DEPTH} deep")
        if self.text == "{":
            return self._object(depth)
        if self.text == "[":
            return self._array(depth)
        return self._scalar()

    def expect(self, mark: str, name: str) -> None:
        """Go past `mark`, or say what is there instead."""
        if self.text != mark or (self.kind == "string" and mark):
            self._fail(f"not valid JSON: {self._here()} where {name} is expected")
        if mark:
            self._next()

    def _object(self, depth: int) -> Node:
        place = self.place
        self._next()
        pairs: list[tuple[Node, Node]] = []
        while self.text != "}":
            if pairs:
                self.expect(",", "a comma or }")
            if self.kind != "string":
                self._fail(f'not valid JSON: {self._here()} where a key in "quotes" is expected')
            self._nodes += 1
            key = self._scalar()
            self.expect(":", "a colon")
            pairs.append((key, self.value(depth + 1)))
        self._next()
        return MapNode(tuple(pairs), *place)

    def _array(self, depth: int) -> Node:
        place = self.place
        self._next()
        items: list[Node] = []
        while self.text != "]":
            if items:
                self.expect(",", "a comma or ]")
            items.append(self.value(depth + 1))
        self._next()
        return ListNode(tuple(items), *place)

    def _scalar(self) -> Scalar:
        kind, text, place = self.kind, self.text, self.place
        if kind == "string":
            value = self._string(text)
            self._next()
            return Scalar(value, value, False, *place)
        if kind == "int" or kind == "float":
            self._next()
            return Scalar(number(text) if kind == "int" else float(text), text, True, *place)
        if kind != "word" or text not in _WORDS:
            self._fail(f"not valid JSON: {self._here()} where a value is expected")
        self._next()
        return Scalar(_WORDS[text], text, True, *place)

    def _string(self, token: str) -> str:
        try:
            value: str = json.loads(token)
            value.encode("utf-8")
        except UnicodeEncodeError:
            self._fail("the text holds half a surrogate pair (\\ud800 … \\udfff), no character")
        except ValueError:
            self._fail(f"not valid JSON: the text {show(token)} has a wrong escape")
        return value

    def _next(self) -> None:
        match = _TOKEN.match(self._text, self._at)
        if match is None:
            self._skip_blank()
            self._fail(f"not valid JSON: {show(self._text[self._at : self._at + 10])}")
        self.kind = match.lastgroup or "end"
        self.text = match[self.kind]
        start = match.start(self.kind)
        self._line += self._text.count("\n", self._counted, start)
        self._counted = start
        self.place = (self._line, start - self._text.rfind("\n", 0, start))
        self._at = match.end()

    def _skip_blank(self) -> None:
        while self._text[self._at] in " \t\r\n":
            self._line += self._text[self._at] == "\n"
            self._at += 1
        self._line += self._text.count("\n", self._counted, self._at) if not self._counted else 0
        self.place = (self._line, 1)

    def _here(self) -> str:
        return "the file ends" if self.kind == "end" else f"found {show(self.text, 20)}"

    def _fail(self, message: str) -> NoReturn:
        raise UnreadableError(self.place[0], message)
