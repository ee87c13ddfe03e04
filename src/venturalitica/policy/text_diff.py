"""The text of two policies, line by line, in the unified form that every programmer reads.

Safe for hostile text in two ways. No character that a terminal or page would obey is left as it is,
and what would be invisible (a carriage return, an unusual blank) shows. And the work is bounded:
`difflib` alone can take minutes over a crafted megabyte, so the texts are first cut at lines that
stand once in both; a part between two such lines that is still too large is shown as replaced.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence

_MOST_COMPARED = 250_000
"""Lines of one part times lines of the other that `difflib` may compare."""
_JOINERS = "\u200c\u200d"
NO_NEWLINE = "\\ No newline at end of file"


def unified(
    old: bytes, new: bytes, *, old_name: str = "old", new_name: str = "new", context: int = 3
) -> tuple[str, ...]:
    """The lines of a unified diff, without line ends; none where the bytes are the same.

    Bytes that are not UTF-8 are shown as `\\xff`.
    """
    if old == new:
        return ()
    before, after = _lines(old), _lines(new)
    found = [f"--- {_visible(old_name)}", f"+++ {_visible(new_name)}"]
    for group in _Anchored(before, after).get_grouped_opcodes(context):
        found += _hunk(group, before, after)
    return tuple(found)


class _Anchored(difflib.SequenceMatcher[str]):
    """Matches as `difflib` does, but part by part between lines that are unique in both texts."""

    def __init__(self, before: Sequence[str], after: Sequence[str]) -> None:
        super().__init__(None, (), ())
        self._blocks = [*_merged(_blocks(before, after)), difflib.Match(len(before), len(after), 0)]

    def get_matching_blocks(self) -> list[difflib.Match]:
        return self._blocks


def _blocks(before: Sequence[str], after: Sequence[str]) -> Iterator[difflib.Match]:
    i = j = 0
    for anchor_i, anchor_j in [*_anchors(before, after), (len(before), len(after))]:
        yield from _part(before, after, i, anchor_i, j, anchor_j)
        if anchor_i < len(before):
            yield difflib.Match(anchor_i, anchor_j, 1)
        i, j = anchor_i + 1, anchor_j + 1


def _part(
    before: Sequence[str], after: Sequence[str], i: int, i_end: int, j: int, j_end: int
) -> Iterator[difflib.Match]:
    """The matches between two anchors: equal heads and tails, and what `difflib` sees between."""
    while i < i_end and j < j_end and before[i] == after[j]:
        yield difflib.Match(i, j, 1)
        i, j = i + 1, j + 1
    tail = 0
    while i < i_end and j < j_end and before[i_end - 1] == after[j_end - 1]:
        i_end, j_end, tail = i_end - 1, j_end - 1, tail + 1
    if 0 < (i_end - i) * (j_end - j) <= _MOST_COMPARED:
        inner = difflib.SequenceMatcher(None, before[i:i_end], after[j:j_end])
        yield from (
            difflib.Match(i + block.a, j + block.b, block.size)
            for block in inner.get_matching_blocks()
            if block.size
        )
    if tail:
        yield difflib.Match(i_end, j_end, tail)


def _anchors(before: Sequence[str], after: Sequence[str]) -> list[tuple[int, int]]:
    """Places of the lines that stand once in both: the longest row of them in both orders."""
    once_before, once_after = _once(before), _once(after)
    places = [(i, once_after[line]) for line, i in once_before.items() if line in once_after]
    ends: list[int] = []  # the least end of an ascending row of each length
    tops: list[int] = []  # which place that is
    back: list[int] = []
    for n, (_, j) in enumerate(places):
        length = bisect_left(ends, j)
        ends[length : length + 1] = [j]
        tops[length : length + 1] = [n]
        back.append(tops[length - 1] if length else -1)
    row: list[tuple[int, int]] = []
    n = tops[-1] if tops else -1
    while n >= 0:
        row.append(places[n])
        n = back[n]
    return row[::-1]


def _once(lines: Sequence[str]) -> dict[str, int]:
    counts = Counter(lines)
    return {line: place for place, line in enumerate(lines) if counts[line] == 1}


def _merged(blocks: Iterator[difflib.Match]) -> Iterator[difflib.Match]:
    """Blocks that touch are one."""
    last = difflib.Match(0, 0, 0)
    for block in blocks:
        if (last.a + last.size, last.b + last.size) == (block.a, block.b):
            last = difflib.Match(last.a, last.b, last.size + block.size)
            continue
        if last.size:
            yield last
        last = block
    if last.size:
        yield last


def _hunk(
    group: Sequence[tuple[str, int, int, int, int]], before: Sequence[str], after: Sequence[str]
) -> Iterator[str]:
    first, last = group[0], group[-1]
    yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@"
    for tag, i, i_end, j, j_end in group:
        if tag == "equal":
            yield from _marked(" ", before[i:i_end])
            continue
        yield from _marked("-", before[i:i_end])
        yield from _marked("+", after[j:j_end])


def _range(start: int, stop: int) -> str:
    length = stop - start
    if length == 1:
        return str(start + 1)
    return f"{start + 1 if length else start},{length}"


def _marked(mark: str, lines: Sequence[str]) -> Iterator[str]:
    for line in lines:
        yield mark + _visible(line.removesuffix("\n"))
        if not line.endswith("\n"):
            yield NO_NEWLINE


def _lines(data: bytes) -> list[str]:
    """Lines that end with LF and nothing else, as the digest sees them: a lone CR is text."""
    text = data.decode("utf-8", "backslashreplace")
    parts = text.split("\n")
    return [part + "\n" for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _visible(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(
        character
        if character.isprintable() or character in _JOINERS
        else character.encode("unicode_escape").decode("ascii")
        for character in line
    )
