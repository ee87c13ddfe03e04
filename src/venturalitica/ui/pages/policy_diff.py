"""Two texts of a policy side by side, by rule and by line: what changed between the two?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from venturalitica.ui.pages.policies import of_digest, of_name
from venturalitica.ui.templating import render

if TYPE_CHECKING:
    from venturalitica.review.policies import Compared, Recorded, Side
    from venturalitica.ui.reader import Reading


@dataclass(frozen=True, slots=True)
class ChoiceContext:
    """A text that can be chosen for either side."""

    version: str
    sha256: str
    first_seen: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffContext:
    """What the page shows. `found` is None where there is only one text, or one cannot be read.

    `problem` says why nothing, or only the text, is compared.
    """

    name: str
    choices: tuple[ChoiceContext, ...]
    a: Recorded
    b: Recorded
    found: Compared | None = None
    problem: str = ""

    @property
    def sides(self) -> tuple[Recorded, Recorded]:
        """Before and after."""
        return self.a, self.b

    @property
    def outcome(self) -> str:
        """What it comes to, in a sentence."""
        from venturalitica.review.policies import outcome

        if self.found is None or self.found.rules is None:
            return ""
        return outcome(self.found.rules)


def page(request: Request) -> Response:
    """The comparison of two texts: those of `?a=` and `?b=`, else the last two."""
    query = request.query_params
    with request.app.state.desk.reading() as reading:
        found = read(reading, request.path_params["name"], query.get("a"), query.get("b"))
    return render(request, "policy_diff.html", found)


def read(reading: Reading, name: str, a: str | None = None, b: str | None = None) -> DiffContext:
    """What the page shows.

    Raises:
        HTTPException: there is no such policy, or no such text of it.
    """
    from venturalitica.review.policies import compare, recorded_policies

    on_record = recorded_policies(reading.ledger, index=reading.index).policies
    texts = of_name(on_record, name)
    new = of_digest(texts, b, name) if b else texts[-1]
    old = of_digest(texts, a, name) if a else _before(texts, new)
    shown = DiffContext(name=name, choices=tuple(map(_choice, texts)), a=old, b=new)
    problem = " ".join(_unread(one) for one in _once(old, new) if one.problem)
    left, right = _side(old), _side(new)
    found = compare(left, right) if left is not None and right is not None else None
    return replace(shown, found=found, problem=problem)


def _before(texts: Sequence[Recorded], one: Recorded) -> Recorded:
    """The text before it; itself where it is the first."""
    place = texts.index(one)
    return texts[max(place - 1, 0)]


def _once(old: Recorded, new: Recorded) -> tuple[Recorded, ...]:
    return (old,) if old is new else (old, new)


def _choice(one: Recorded) -> ChoiceContext:
    return ChoiceContext(one.edition.version, one.edition.sha256, one.first_seen)


def _side(one: Recorded) -> Side | None:
    from venturalitica.review.policies import side_of

    faults = (f"{one.edition}, {one.place}: {one.fault}",) if one.fault else ()
    return None if one.data is None else side_of(one, one.data, faults=faults)


def _unread(one: Recorded) -> str:
    why = f" {one.fault}." if one.data is None and one.fault else ""
    return f"{one.edition}, sha256 {one.edition.sha256[:12]}: {one.problem}.{why}"
