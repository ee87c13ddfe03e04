"""One control put into the text of a policy, or taken out of it; the rest stays byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from io import StringIO
from textwrap import indent
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from venturalitica.core.labels import scalar
from venturalitica.policy.tree import UnreadableError
from venturalitica.policy.yaml_reader import read_yaml

_WIDEST = 2**20
"""No line is folded."""


class EditError(ValueError):
    """The text cannot be edited control by control; says why."""


def read_controls(text: str) -> list[Any]:
    """The controls of a text as mappings, as far as it has any.

    Raises:
        EditError: the text is no YAML with a list of controls.
    """
    return list(_read(text)[1])


def put_control(text: str, place: int | None, fields: Mapping[str, Any]) -> str:
    """The text with the control at `place` (None: a new one at the end) saying these fields.

    Args:
        text: a policy as YAML or JSON.
        place: which of its controls, from 0.
        fields: keys of a control and their values; None takes a key out. Keys that are not named
            stay, and so do comments.

    Raises:
        EditError: the text is no YAML with a list of controls, or has none at that place; or it
            cannot be written so that all else reads as it did.
    """
    document, controls = _read(text)
    if place is None:
        control = CommentedMap()
        _change(control, fields)
        controls.append(control)
    elif not _change(_at(controls, place), fields):
        return text
    document["controls"] = controls
    found = _block(text, controls, place)
    after = _dumped(document) if found is None else _rewritten(text, found, fields, place, controls)
    return _held(after, document)


def take_out(text: str, place: int) -> str:
    """The text without the control at `place`, from 0.

    Raises:
        EditError: as `put_control`, or it is the only one: a policy has at least one.
    """
    document, controls = _read(text)
    _at(controls, place)
    if len(controls) == 1:
        raise EditError("a policy has at least one control: change this one, or add another first")
    found = _block(text, controls, place)
    del controls[place]
    if found is None:
        return _held(_dumped(document), document)
    lines = _lines(text)
    begin, end, _ = found
    return _held("".join(lines[:begin] + lines[end:]), document)


def _rewritten(
    text: str,
    found: tuple[int, int, int],
    fields: Mapping[str, Any],
    place: int | None,
    controls: CommentedSeq,
) -> str:
    """Only its own lines are read and written again: in them comments stay where they are."""
    begin, end, dash = found
    lines = _lines(text)
    block = controls[-1:] if place is None else _yaml().load(_outdented(lines[begin:end], dash))
    if place is not None:
        _change(block[0], fields)
    before = "".join(lines[:begin])
    if before and not before.endswith("\n"):
        before += "\n"
    return before + indent(_dumped(block), " " * dash) + "".join(lines[end:])


def _held(after: str, meant: CommentedMap) -> str:
    """`after`, held against what it is meant to say: a policy is never changed in silence."""
    if _read(after)[0] != meant:
        raise EditError("it cannot be changed here without changing more; change it in the text")
    return after


def _read(text: str) -> tuple[CommentedMap, CommentedSeq]:
    try:
        # Our own reader goes first: it has limits, and refuses what no policy may hold.
        read_yaml(text)
        document = _yaml().load(text)
    except UnreadableError as fault:
        raise EditError(f"line {fault.line}: {fault}" if fault.line else str(fault)) from None
    except YAMLError as error:
        raise EditError(str(getattr(error, "problem", None) or "this is no YAML")) from None
    if not isinstance(document, CommentedMap):
        raise EditError("the text is no policy: it has no keys")
    controls = document.get("controls")
    controls = CommentedSeq() if controls is None else controls
    if not isinstance(controls, CommentedSeq):
        raise EditError("'controls' is no list; each control begins with '- id: ...'")
    return document, controls


def _change(control: Any, fields: Mapping[str, Any]) -> bool:
    """Write the fields into it; whether any of them was different."""
    if not isinstance(control, CommentedMap):
        raise EditError("a control is a mapping: '- id: ...' and its keys below")
    changed = False
    for key, value in fields.items():
        if value is None:
            changed |= control.pop(key, None) is not None
        elif control.get(key) != value:
            control[key] = _written(value)
            changed = True
    return changed


def _outdented(lines: list[str], columns: int) -> str:
    return "".join(line.removeprefix(" " * columns) for line in lines)


def _at(controls: CommentedSeq, place: int) -> Any:
    if not 0 <= place < len(controls):
        few = "there is 1" if len(controls) == 1 else f"there are {len(controls)}"
        raise EditError(f"there is no control {place + 1}; {few}")
    return controls[place]


def _lines(text: str) -> list[str]:
    """Its lines as YAML counts them: it ends none at a form feed or a line separator."""
    return text.replace("\r\n", "\n").replace("\r", "\n").splitlines(keepends=True)


def _block(text: str, controls: CommentedSeq, place: int | None) -> tuple[int, int, int] | None:
    """First line and end of a control, and the column of its dash; None where controls do not
    stand in lines of their own. Blank lines and comments after it belong to what follows. Of a new
    one, which `controls` holds already, the place after the last."""
    known = len(controls) - (place is None)
    if controls.fa.flow_style() or not known:
        return None
    lines = _lines(text)
    one = known - 1 if place is None else place
    begin, column = controls.lc.item(one)
    dash = lines[begin][:column].rfind("-")
    if dash < 0 or lines[begin][:dash].strip():
        return None
    end = 1 + max(_last_lines(_controls_node(text).value[one], lines))
    return (end if place is None else begin), end, dash


def _controls_node(text: str) -> Any:
    for key, value in _yaml().compose(StringIO(text)).value:
        if key.value == "controls":
            return value
    raise AssertionError("controls were read from it")


def _last_lines(node: Node, lines: list[str]) -> Iterator[int]:
    """The last line of each scalar and each bracket in it: where a block ends depends on what comes
    after, and what looks like a comment may be text."""
    if isinstance(node, CollectionNode) and not node.flow_style:
        yield node.start_mark.line
        for item in node.value:
            for part in item if isinstance(node, MappingNode) else (item,):
                yield from _last_lines(part, lines)
    elif isinstance(node, ScalarNode) and node.style in ("|", ">"):
        last = node.end_mark.line - 1
        # Blank lines after it are of its text only where `+` keeps them.
        while not node.value.endswith("\n\n") and not lines[last].strip():
            last -= 1
        yield last
    elif node.value or not isinstance(node, ScalarNode) or node.style:
        yield node.end_mark.line  # one without any text has its marks at what comes next


def _written(value: Any) -> Any:
    """In quotes where YAML, or somebody who reads it, would take a text for something else."""
    if isinstance(value, str):
        return DoubleQuotedScalarString(value) if scalar(value) != value else value
    if isinstance(value, list):
        made = CommentedSeq([_written(one) for one in value])
        made.fa.set_flow_style()
        return made
    return value


def _dumped(value: CommentedMap | CommentedSeq) -> str:
    stream = StringIO()
    _yaml().dump(value, stream)
    return stream.getvalue()


def _yaml() -> YAML:
    made = YAML()
    made.width = _WIDEST
    made.preserve_quotes = True
    return made
