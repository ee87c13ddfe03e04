"""The policies on record: which text was in force when, what was judged under it, what it says,
and what changed between two texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.core.verdict import LIGHTS, Light
from venturalitica.errors import did_you_mean
from venturalitica.ledger.index.queries import Filters, find_rows, light_of, rows_of
from venturalitica.review.policies import (
    DIGITS,
    compare,
    contradictions,
    follow,
    outcome,
    recorded_policies,
    side_of,
)
from venturalitica.ui.templating import render

if TYPE_CHECKING:
    from venturalitica.core.policy import Control, Policy
    from venturalitica.ledger import RunRow
    from venturalitica.policy.changes import Edition
    from venturalitica.review.policies import Compared, Line, OnRecord, Recorded, Side
    from venturalitica.ui.reader import Reading

MOST_RUNS = 12
"""Of each text the last runs are drawn, and a link leads to all."""


class JudgedRun(Struct, frozen=True):
    """One run that was judged under a text."""

    entry: int
    name: str
    light: Light
    appended_at: str


class VersionContext(Struct, frozen=True):
    """One text of a policy: when it was in use, what differs from the one before, its runs.

    `runs` are the last ones, the newest last; `lights` counts all of its entries; `doubled` where
    its version stands over another text, too.
    """

    line: Line
    lights: tuple[tuple[Light, int], ...]
    runs: tuple[JudgedRun, ...]
    doubled: bool = False

    @property
    def recorded(self) -> Recorded:
        """The bytes that were snapshotted, and which entries name them."""
        return self.line.recorded

    @property
    def edition(self) -> Edition:
        """Name and version as its records give them, and the digest of its bytes."""
        return self.recorded.edition

    @property
    def monitored(self) -> int:
        """Records of runs that a monitor closed, besides the audits."""
        return self.recorded.entries - self.recorded.audits


class PolicyContext(Struct, frozen=True):
    """One policy, the text in use last first."""

    name: str
    versions: tuple[VersionContext, ...]

    @property
    def newest(self) -> VersionContext:
        """The text that came last."""
        return self.versions[0]


class PoliciesContext(Struct, frozen=True):
    """Every policy on record; `alone` where one was asked for.

    `faults` are contradictions in the evidence, `missing` how many entries were pruned; `edited`
    says that the index was not what the log says, and was made again.
    """

    policies: tuple[PolicyContext, ...]
    faults: tuple[str, ...]
    missing: int
    alone: bool = False
    edited: str = ""


class RuleContext(Struct, frozen=True):
    """One control of a text, in words."""

    control: Control
    sentence: str


class TextContext(Struct, frozen=True):
    """One text: what is recorded of it, its rules in words and its bytes as text."""

    recorded: Recorded
    rules: tuple[RuleContext, ...]
    roles: tuple[tuple[str, str], ...]
    source: str | None


def page(request: Request) -> Response:
    """Answer `/policies`."""
    with request.app.state.desk.reading() as reading:
        return render(request, "policies.html", read(reading))


def policy(request: Request) -> Response:
    """Answer `/policies/{name}`: every text that had this name, and what changed."""
    with request.app.state.desk.reading() as reading:
        return render(request, "policies.html", read(reading, request.path_params["name"]))


def text(request: Request) -> Response:
    """Answer `/policies/{name}/{sha256}`: one text, and the runs it judged."""
    name, sha256 = request.path_params["name"], request.path_params["sha256"]
    with request.app.state.desk.reading() as reading:
        return render(request, "policy_text.html", read_text(reading, name, sha256))


def read(reading: Reading, name: str | None = None) -> PoliciesContext:
    """What the page of all policies shows, or of the one of this name.

    Raises:
        HTTPException: none has this name.
    """
    (record, lines, rows), edited = reading.shown(
        lambda: _find(reading, name), lambda found: [(_held(reading, *found[1:]), None)]
    )
    names = [_name(line) for line in lines]
    doubled = {one for one in names if names.count(one) > 1}
    by_name: dict[str, list[VersionContext]] = {}
    for line, of in zip(lines, rows, strict=True):
        policies = by_name.setdefault(line.recorded.edition.name, [])
        policies.append(_version(reading, line, of, doubled=_name(line) in doubled))
    return PoliciesContext(
        tuple(PolicyContext(one, tuple(of)) for one, of in by_name.items()),
        contradictions([line.recorded for line in reversed(lines)]),
        record.missing,
        alone=name is not None,
        edited=edited,
    )


def _find(
    reading: Reading, name: str | None
) -> tuple[OnRecord, tuple[Line, ...], list[tuple[RunRow, ...]]]:
    """The texts, the last one first, and of each the last runs."""
    record = recorded_policies(reading.ledger, index=reading.index, waiting=reading.known())
    found = of_name(record.policies, name) if name is not None else record.policies
    lines = follow(found)[::-1]
    return record, lines, [_runs(reading, line) for line in lines]


def _held(
    reading: Reading, lines: tuple[Line, ...], rows: list[tuple[RunRow, ...]]
) -> list[RunRow]:
    """The rows to hold against the log: those shown, and the ends of each text.

    Counters name the texts: where somebody edited the rows alone, a text has no run to show.
    """
    ends = [e for line in lines for e in (line.recorded.first, line.recorded.last)]
    return [*(row for of in rows for row in of), *rows_of(reading.index, ends)]


def _runs(reading: Reading, line: Line) -> tuple[RunRow, ...]:
    edition = line.recorded.edition
    named = Filters(policy=edition.name, version=edition.version, sha256=edition.sha256)
    # Another run under it changes how many there are, and which is the last.
    key = (edition.name, edition.version, edition.sha256, line.recorded.entries, line.recorded.last)
    return reading.index.memory.of(
        "runs of a text", key, lambda: find_rows(reading.index, named, limit=MOST_RUNS)
    )


def read_text(reading: Reading, name: str, sha256: str) -> TextContext:
    """What the page of one text shows.

    Raises:
        HTTPException: there is none of this name and digest.
    """
    found = of_name(recorded_policies(reading.ledger, index=reading.index).policies, name)
    one = of_digest(found, sha256, name)
    said = one.policy
    return TextContext(
        recorded=one,
        rules=tuple(_rules(said)) if said else (),
        roles=tuple(_roles(said)) if said else (),
        source=one.data.decode("utf-8", "backslashreplace") if one.data is not None else None,
    )


def of_name(found: Sequence[Recorded], name: str) -> tuple[Recorded, ...]:
    """Those of this name.

    Raises:
        HTTPException: there is none.
    """
    fitting = tuple(one for one in found if one.edition.name == name)
    if not fitting:
        names = list(dict.fromkeys(one.edition.name for one in found))
        near = did_you_mean(name, names) or (f"; there is {', '.join(names[:10])}" if names else "")
        raise HTTPException(404, f"No policy {name[:200]!r} is on record{near}.")
    return fitting


def of_digest(found: Sequence[Recorded], sha256: str, name: str) -> Recorded:
    """The one with this digest, which may be given by 8 or more digits.

    Raises:
        HTTPException: there is none, or there are several.
    """
    fitting = [one for one in found if _has_digest(one, sha256)]
    if len({one.edition.sha256 for one in fitting}) != 1:
        known = ", ".join(
            f"{one.edition.version} ({one.edition.sha256[:12]})" for one in found[:20]
        )
        few = "fits several texts" if fitting else "is the digest of no text"
        raise HTTPException(404, f"{sha256[:64]!r} {few} of {name[:200]!r}; there are {known}.")
    return fitting[-1]


def _has_digest(one: Recorded, sha256: str) -> bool:
    whole = one.edition.sha256
    return whole == sha256 or (len(sha256) >= DIGITS and whole.startswith(sha256.lower()))


def _name(line: Line) -> tuple[str, str]:
    return line.recorded.edition.name, line.recorded.edition.version


def _version(
    reading: Reading, line: Line, rows: Sequence[RunRow], *, doubled: bool
) -> VersionContext:
    known = reading.known()
    runs = [JudgedRun(r.index, r.name, light_of(r, known), r.appended_at) for r in rows]
    lights = _counted(line.recorded.lights)
    return VersionContext(line, lights, tuple(reversed(runs)), doubled)


def _counted(lights: Mapping[str, int]) -> tuple[tuple[Light, int], ...]:
    """How many of each light, the worst first; what is none of the four is not known."""
    unknown = sum(count for light, count in lights.items() if light not in LIGHTS)
    known = {light: lights.get(light, 0) + (unknown if light == "grey" else 0) for light in LIGHTS}
    return tuple((light, count) for light, count in known.items() if count)


def _rules(said: Policy) -> list[RuleContext]:
    from venturalitica.policy import describe

    sentences = describe(said)
    return [RuleContext(*pair) for pair in zip(said.controls, sentences, strict=True)]


def _roles(said: Policy) -> list[tuple[str, str]]:
    from venturalitica.policy.describe import describe_role

    return [(name, describe_role(role)) for name, role in said.roles.items()]


class DiffContext(Struct, frozen=True, kw_only=True):
    """What the page shows. `found` is None where there is only one text, or one cannot be read.

    `problem` says why nothing, or only the text, is compared.
    """

    name: str
    choices: tuple[Recorded, ...]
    a: Recorded
    b: Recorded
    found: Compared | None = None
    problem: str = ""

    @property
    def outcome(self) -> str:
        """What it comes to, in a sentence."""
        if self.found is None or self.found.rules is None:
            return ""
        return outcome(self.found.rules)


def diff(request: Request) -> Response:
    """The comparison of two texts: those of `?a=` and `?b=`, else the last two."""
    query = request.query_params
    with request.app.state.desk.reading() as reading:
        found = read_diff(reading, request.path_params["name"], query.get("a"), query.get("b"))
    return render(request, "policy_diff.html", found)


def read_diff(
    reading: Reading, name: str, a: str | None = None, b: str | None = None
) -> DiffContext:
    """What the page shows.

    Raises:
        HTTPException: there is no such policy, or no such text of it.
    """
    on_record = recorded_policies(reading.ledger, index=reading.index).policies
    texts = of_name(on_record, name)
    new = of_digest(texts, b, name) if b else texts[-1]
    old = of_digest(texts, a, name) if a else _before(texts, new)
    shown = DiffContext(name=name, choices=tuple(texts), a=old, b=new)
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


def _side(one: Recorded) -> Side | None:
    faults = (f"{one.edition}, {one.place}: {one.fault}",) if one.fault else ()
    return None if one.data is None else side_of(one, one.data, faults=faults)


def _unread(one: Recorded) -> str:
    why = f" {one.fault}." if one.data is None and one.fault else ""
    return f"{one.edition}, sha256 {one.edition.sha256[:12]}: {one.problem}.{why}"
