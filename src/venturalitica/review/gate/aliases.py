"""How aliases of models stand to the decisions of a gate: by which one each was allowed, if any.

The decisions are signed and in a log; the aliases are MLflow's, and whoever can write to its
database, or to a server without the gate, sets them as they like. What then shows is said here.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from msgspec.structs import replace

from venturalitica.core.gate import Alias, Standing
from venturalitica.core.verdict import Light
from venturalitica.ledger.records.decision import Decided
from venturalitica.review.gate.refusal import line, moment

Found = tuple[str, Decided]
"""A decision, and where it is: `entry 12`."""

AROUND = "stands without a decision: whoever set it went round the gate"


def standings(
    decided: Iterable[Found],
    aliases: Collection[Alias] | None,
    *,
    now: datetime,
    roots: Mapping[tuple[str, str], str] | None = None,
) -> tuple[Standing, ...]:
    """Each alias, the worst first.

    Args:
        decided: the decisions that are known, oldest first.
        aliases: what stands at MLflow now; None where it was not asked: as the decisions left it.
        roots: the root over the files of a version (name, number) as they are now.
    """
    history: dict[tuple[str, str], list[Found]] = {}
    for where, one in decided:
        if one.alias:
            history.setdefault((one.decision.name, one.alias), []).append((where, one))
    if aliases is None:
        found = [_as_left(several, now) for several in history.values() if _last(several)]
    else:
        guarded = {alias for _, alias in history}
        found = [
            _standing(one, history.get((one.name, one.alias), []), guarded, now, roots or {})
            for one in aliases
        ]
    order: dict[Light, int] = {"red": 0, "amber": 1, "grey": 2, "green": 3}
    return tuple(sorted(found, key=lambda one: (order[one.light], one.name, one.alias)))


def _last(several: list[Found]) -> int:
    """The number of decisions up to the last that let a version through; 0 where none did."""
    passed = [place for place, (_, one) in enumerate(several) if one.passed]
    return passed[-1] + 1 if passed else 0


def _as_left(several: list[Found], now: datetime) -> Standing:
    _, one = several[_last(several) - 1]
    alias = Alias(one.decision.name, one.alias, one.decision.version)
    return _by_decision(alias, several, now)


def _standing(
    alias: Alias,
    several: list[Found],
    guarded: Collection[str],
    now: datetime,
    roots: Mapping[tuple[str, str], str],
) -> Standing:
    count = _last(several)
    if not count and alias.alias not in guarded:
        return _said(
            alias,
            "grey",
            f"no decision here is about '{alias.alias}': it is not known to be protected",
        )
    if not count:
        return _said(alias, "red", AROUND, todo=True)
    where, one = several[count - 1]
    root = roots.get((alias.name, alias.version))
    if one.decision.version != alias.version:
        said = (
            f"was moved after the decision: {where} let version {one.decision.version} through, "
            f"and {alias.version} stands there: whoever moved it went round the gate"
        )
    elif root is not None and root != one.decision.files_root:
        said = (
            f"its files were changed after the decision ({where}): their root is {root[:16]}, and "
            f"that was of {one.decision.files_root[:16] or 'none'}"
        )
    else:
        return _by_decision(alias, several, now)
    return replace(_said(alias, "red", said, todo=True), record=one.decision.record)


def _by_decision(alias: Alias, several: list[Found], now: datetime) -> Standing:
    _, one = several[_last(several) - 1]
    return replace(_told(alias, several, now), record=one.decision.record)


def _told(alias: Alias, several: list[Found], now: datetime) -> Standing:
    count = _last(several)
    where, one = several[count - 1]
    if one.override is not None:
        until = moment(one.override.until)
        held = until is not None and now < until
        ended = "" if held else "; that has ended"
        return _said(alias, "red", f"{one.override.sentence} ({where}){ended}", todo=not held)
    if not one.decision.allowed:
        said = f"only observed: it would have been refused: {one.decision.sentence} ({where})"
        return _said(alias, "amber", said, todo=True)
    for later, other in several[count:]:
        if other.decision.version == alias.version:
            said = f"allowed ({where}), and refused since ({later}): {other.decision.sentence}"
            return _said(alias, "red", said, todo=True)
    return _said(alias, "green", f"allowed ({where}): {one.decision.sentence}")


def _said(alias: Alias, light: Light, sentence: str, *, todo: bool = False) -> Standing:
    ask = (
        f"ask the gate ('venturalitica gate models:/{alias.name}/{alias.version} --set-alias "
        f"{alias.alias}'), or take the alias away"
    )
    return Standing(
        name=line(alias.name),
        alias=line(alias.alias),
        version=line(alias.version),
        light=light,
        sentence=line(sentence),
        todo=line(ask) if todo else "",
    )
