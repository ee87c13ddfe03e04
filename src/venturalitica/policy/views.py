"""Easy questions to the node of a control, whatever shape it is in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from venturalitica.policy.nodes import ListNode, MapNode, Node, Path, Scalar, text_of
from venturalitica.policy.thresholds import parse_threshold
from venturalitica.rules import Threshold


@dataclass(frozen=True, slots=True)
class ControlView:
    """A control's node, and easy ways to ask it."""

    index: int
    node: MapNode

    def path(self, *keys: str | int) -> Path:
        return ("controls", self.index, *keys)

    def text(self, key: str) -> str | None:
        return text_of(self.node.get(key))

    def has(self, key: str) -> bool:
        return self.node.get(key) is not None

    def texts(self, key: str) -> list[str]:
        """The texts of a key that takes one or a list."""
        node = self.node.get(key)
        one = text_of(node)
        return [one] if one else [text for item in items(node) if (text := text_of(item))]

    def nodes(self, key: str) -> Iterator[tuple[Node, str]]:
        """The same, each with its node."""
        node = self.node.get(key)
        for item in [node] if isinstance(node, Scalar) else items(node):
            text = text_of(item)
            if text:
                yield item, text

    def threshold(self) -> Threshold | None:
        """What the control must meet, where that can be read."""
        text = self.text("must")
        if text is None:
            return None
        try:
            return parse_threshold(text)
        except ValueError:
            return None


def items(node: Node | None) -> tuple[Node, ...]:
    """The items of a list; none of anything else."""
    return node.items if isinstance(node, ListNode) else ()
