"""Is one name a slip of another? Closer than "did you mean": here a yes is an error."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from itertools import groupby

from venturalitica.policy.limits import MAX_NAMES_COMPARED


def misspelt(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is a slip of, or None.

    A slip is one letter too many, missing, wrong, or swapped with its neighbour, or a difference in
    capitals, accents and underscores alone. With a name of up to three letters only a doubled or
    swapped letter counts: sex and set, age and wage are different words.
    """
    folded = _fold(name)
    for candidate in known:
        other = _fold(candidate)
        short = min(len(folded), len(other)) <= 3
        if folded == other or (_squeezed_alike if short else _one_change)(folded, other):
            return candidate
    return None


class Spelling:
    """Finds slips of the known names; remembers answers, and stops looking at absurdly many."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = tuple(known)[:MAX_NAMES_COMPARED]
        self._answers: dict[str, str | None] = dict.fromkeys(self._known)

    def slip(self, name: str) -> str | None:
        """The known name that `name` is a slip of, or None."""
        if name not in self._answers:
            if len(self._answers) - len(self._known) >= MAX_NAMES_COMPARED:
                return None
            self._answers[name] = misspelt(name, self._known)
        return self._answers[name]


def _fold(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(c for c in letters if c.isalnum())


def _one_change(one: str, other: str) -> bool:
    """One letter more, fewer or other, or two neighbours swapped: what both share is cut away."""
    if abs(len(one) - len(other)) > 1:
        return False
    same = _shared(one, other)
    one, other = one[same:], other[same:]
    same = _shared(one[::-1], other[::-1])
    one, other = one[: len(one) - same], other[: len(other) - same]
    return max(len(one), len(other)) <= 1 or _swapped(one, other)


def _shared(one: str, other: str) -> int:
    """How many letters two words begin with alike."""
    pairs = zip(one, other, strict=False)
    return next((place for place, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _swapped(one: str, other: str) -> bool:
    return len(one) == len(other) == 2 and one == other[::-1]


def _squeezed_alike(one: str, other: str) -> bool:
    """A letter doubled, or two neighbours swapped."""
    swap = len(one) == len(other) and sorted(one) == sorted(other) and _one_change(one, other)
    return swap or _squeezed(one) == _squeezed(other)


def _squeezed(name: str) -> str:
    return "".join(letter for letter, _ in groupby(name))
