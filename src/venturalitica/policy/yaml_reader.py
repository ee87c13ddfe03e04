"""YAML text to a tree with lines.

Only the parser of ruamel.yaml is used, event by event: nothing is constructed, so no tag can make
an object, and the limits hold while the file is being read, not after. Anchors and aliases are
allowed within the node budget; merge keys (`<<`) and tags are refused, because a rule must say
what it says where it stands.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from typing import Any, NoReturn

from msgspec import Struct, field
from ruamel.yaml import YAML
from ruamel.yaml import events as ev
from ruamel.yaml.error import MarkedYAMLError

from venturalitica.core.labels import read_two_ways, resolve
from venturalitica.policy.tree import (
    MAX_ALIASES,
    MAX_DEPTH,
    MAX_NODES,
    ListNode,
    MapNode,
    Node,
    Scalar,
    UnreadableError,
    show,
)

log = logging.getLogger(__name__)

_BARE_TEXT = re.compile(
    r"(?:^|[\s{,\[])(?:[:-]\s+)?(?P<sign>[>|])(?P<rest>[ ]*[^\s#,\]}:][^#,\]}:]*)"
)
_BARE_MUST = re.compile(r"(?:^|[\s{,])must\s*:\s+(?P<rule>[<>=!~][^,}#]*)")


class _Open(Struct):
    """A list or mapping that is being read."""

    event: ev.CollectionStartEvent
    children: list[Node] = field(default_factory=list)
    size: int = 1


def read_yaml(text: str) -> Node:
    """The tree of the one document in `text`; `UnreadableError` with the line where it is none."""
    tree = _Builder(text)
    for event in _events(text):
        tree.take(event)
    if tree.root is None:
        raise UnreadableError(0, "the file is empty; 'venturalitica init' writes a policy")
    return tree.root


def _events(text: str) -> Iterator[ev.Event]:
    """The events of ruamel.yaml's parser; its exceptions become ours."""
    try:
        yield from YAML(typ="safe", pure=True).parse(text)
    except UnreadableError:
        raise
    except MarkedYAMLError as error:
        raise _explained(error, text) from None
    except Exception as error:
        # The parser answers some hostile input with AssertionError, OverflowError and the like.
        log.debug("the YAML parser failed", exc_info=True)
        raise UnreadableError(0, f"not valid YAML ({type(error).__name__}: {error})") from None


class _Builder:
    """Events in, one tree out, within the limits."""

    def __init__(self, text: str) -> None:
        self.root: Node | None = None
        self._text = text
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._nodes = 0
        self._aliases = 0
        self._documents = 0

    def take(self, event: ev.Event) -> None:
        """One event of the parser."""
        if isinstance(event, ev.DocumentStartEvent):
            self._start_document(event)
        elif isinstance(event, ev.ScalarEvent):
            self._scalar(event)
        elif isinstance(event, ev.AliasEvent):
            self._alias(event)
        elif isinstance(event, ev.CollectionStartEvent):
            self._start(event)
        elif isinstance(event, ev.CollectionEndEvent):
            self._end()

    def _start_document(self, event: ev.DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            _refuse(event, "a second YAML document starts here; one file holds one policy")
        if event.tags or (event.version is not None and tuple(event.version) != (1, 2)):
            _refuse(
                event, "YAML directives (%YAML, %TAG) are refused: a policy is read as YAML 1.2"
            )

    def _scalar(self, event: ev.ScalarEvent) -> None:
        self._refuse_tag(event)
        is_plain = event.style is None
        text = str(event.value)
        if is_plain and read_two_ways(text):
            _refuse(
                event,
                f"{text} is read as different numbers by different YAML programs; "
                f'write "{text}" in quotes for text, or the number without leading zero or prefix',
            )
        if event.style in (">", "|") and not text.strip():
            hint = _bare_text(self._text, _place(event)[0])
            if hint:  # `>1` is an empty block of text for YAML
                _refuse(event, hint)
        value = resolve(text) if is_plain else _joined(event, text)
        self._add(Scalar(value, text, is_plain, *_place(event)), event.anchor, 1)

    def _alias(self, event: ev.AliasEvent) -> None:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            _refuse(event, f"more than {MAX_ALIASES} aliases (*name); write the values out")
        known = self._anchors.get(event.anchor)
        if known is None:
            _refuse(
                event,
                f"the alias *{event.anchor} has no anchor &{event.anchor} that ends before it"
                "; text that starts with * needs quotes",
            )
        self._add(*known[:1], None, known[1])

    def _start(self, event: ev.CollectionStartEvent) -> None:
        self._refuse_tag(event)
        if len(self._open) >= MAX_DEPTH:
            _refuse(event, f"lists and mappings are nested more than {MAX_DEPTH} deep")
        self._open.append(_Open(event))

    def _end(self) -> None:
        done = self._open.pop()
        place = _place(done.event)
        node: Node
        if isinstance(done.event, ev.MappingStartEvent):
            pairs = tuple(zip(done.children[::2], done.children[1::2], strict=True))
            node = MapNode(pairs, *place)
            _refuse_merge(node)
        else:
            node = ListNode(tuple(done.children), *place)
        # The children are counted already; here only the collection itself is new.
        self._add(node, done.event.anchor, 1, done.size)

    def _add(self, node: Node, anchor: str | None, new: int, size: int | None = None) -> None:
        self._nodes += new
        if self._nodes > MAX_NODES:
            raise UnreadableError(
                node.line,
                f"more than {MAX_NODES:,} keys and values, aliases counted at each use; "
                "a policy is far smaller",
            )
        size = new if size is None else size
        if anchor is not None:
            self._anchors[anchor] = (node, size)
        if self._open:
            self._open[-1].children.append(node)
            self._open[-1].size += size
        else:
            self.root = node

    def _refuse_tag(self, event: Any) -> None:
        if event.tag is None:
            return
        line = _place(event)[0]
        hint = _bare_must(self._text, line)
        raise UnreadableError(
            line,
            hint
            or f"the YAML tag {show(str(event.tag))} is refused: a policy holds plain text and "
            "numbers; text that starts with ! needs quotes",
        )


def _refuse_merge(node: MapNode) -> None:
    for key, _ in node.pairs:
        if isinstance(key, Scalar) and key.plain and key.text == "<<":
            raise UnreadableError(
                key.line, "the merge key << is refused: write the keys of each control out"
            )


def _joined(event: ev.Event, text: str) -> str:
    """Text in quotes, with `\\ud83d\\ude00` made one character as JSON means it."""
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        _refuse(event, "the text holds half a surrogate pair (\\ud800 … \\udfff), no character")


def _place(event: ev.Event) -> tuple[int, int]:
    mark = event.start_mark
    return mark.line + 1, mark.column + 1


def _refuse(event: ev.Event, message: str) -> NoReturn:
    raise UnreadableError(_place(event)[0], message)


def _explained(error: MarkedYAMLError, text: str) -> UnreadableError:
    """The parser's complaint with its line and, for the usual slips, the remedy."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark is not None else 0
    since = error.context_mark.line + 1 if error.context_mark else line
    problem = " ".join(str(error.problem or error.context or "unreadable").split())
    remedy = (
        _bare_must(text, line)
        or _bare_text(text, line)
        or _remedy(problem, str(error.context or ""), since)
    )
    if remedy:
        return UnreadableError(line, remedy)
    where = f" (in what starts at line {since})" if since != line else ""
    return UnreadableError(line, f"not valid YAML: {problem}{where}")


def _bare_must(text: str, line: int) -> str | None:
    """`must: >= 0.80` without quotes is YAML for something else; say so."""
    lines = text.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    match = _BARE_MUST.search(written)
    if match is None or '"' in match["rule"]:
        return None
    return f'a threshold needs quotes: must: "{match["rule"].strip()}"'


def _bare_text(text: str, line: int) -> str | None:
    """`favorable: >50K` without quotes begins a block of text for YAML; say so."""
    lines = text.split("\n")
    written = lines[line - 1] if 0 < line <= len(lines) else ""
    match = _BARE_TEXT.search(written)
    if match is None:
        return None
    sign, rest = match["sign"], match["rest"].rstrip().replace('"', "")
    return f'text that starts with {sign} needs quotes: "{sign}{rest}"'


def _remedy(problem: str, context: str, since: int) -> str | None:
    """The usual slips in plain words."""
    if "'\\t'" in problem or "tab" in problem:
        return "a tab is used for indentation; YAML needs spaces"
    for mark in "@`%":
        if f"'{mark}'" in problem:
            return f"text that starts with {mark} needs quotes"
    if "mapping values are not allowed" in problem:
        return (
            "not valid YAML: a colon where none can be; check the indentation, "
            'and put text that holds ": " in quotes'
        )
    if "expected <block end>" in problem:
        return f"this does not line up with what starts at line {since}; check the indentation"
    if "quoted scalar" in context and "end of stream" in problem:
        return f"the quote that opens at line {since} is never closed"
    if "flow" in context and ("expected ','" in problem or "end of stream" in problem):
        return f"the bracket that opens at line {since} is not closed, or a comma is missing"
    return None
