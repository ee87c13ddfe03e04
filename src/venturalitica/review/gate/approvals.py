"""Who signed a record off, in which role: two persons are two keys, and the last word stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from venturalitica.core.gate import SignOff
from venturalitica.core.policy import ApprovalRule, folded_role, joined
from venturalitica.errors import listed
from venturalitica.ledger.formats.public_key import short
from venturalitica.review.gate.refusal import Refusal, moment

_Words = Mapping[tuple[str, str], SignOff]
"""The last word of each key in each role."""


def check_approvals(
    sign_offs: Iterable[SignOff],
    rules: Iterable[ApprovalRule],
    *,
    signers: Collection[str],
    latest: datetime,
) -> list[str]:
    """Who signed off, for people.

    Nobody fills two places, of two roles neither: whoever heads the department is no second pair
    of eyes for themselves. Nor does a key that signed the record: it is the training's, not a
    person's, and whatever trains could write any role with it.

    Args:
        sign_offs: those of one record, by keys that are trusted.
        signers: ids of the keys that signed the record.
        latest: the time after which none can have been made yet.

    Raises:
        Refusal: somebody is missing, or rejected it last.
    """
    words = _last_words(sign_offs, latest)
    against = next((one for one in words.values() if one.decision != "approved"), None)
    if against is not None:
        raise Refusal(
            "rejected",
            f"{against.role} rejected it on {against.at[:10]} (key {short(against.keyid)}); only "
            "that key's own approval in that role takes it back",
        )
    asked = joined(rules)
    able = [{key for key in _of_role(words, rule) if key not in signers} for rule in asked]
    missing = _unfilled(asked, able)
    if missing is not None:
        _refuse(asked[missing], able[missing], words, signers)
    return [f"{one.role} ({short(one.keyid)})" for one in words.values()]


def _last_words(sign_offs: Iterable[SignOff], latest: datetime) -> _Words:
    dated = [(_moment(one, latest), one.decision == "rejected", one) for one in sign_offs]
    # Of one moment the rejection is the last word.
    dated.sort(key=lambda item: item[:2])
    return {(one.keyid, folded_role(one.role)): one for _, _, one in dated}


def _moment(one: SignOff, latest: datetime) -> datetime:
    """When it was made. One of the future would outlast every later rejection."""
    at = moment(one.at)
    if at is not None and at <= latest:
        return at
    raise Refusal(
        "clock",
        f"the sign-off by key {short(one.keyid)} is dated {one.at[:40]!r}, which is no time in the "
        "past; set its clock, and sign off again",
    )


def _of_role(words: _Words, rule: ApprovalRule) -> list[str]:
    """The keys that approved in a role, and may."""
    found = [key for key, role in words if role == rule.folded]
    return [key for key in found if not rule.keys or key in rule.keys]


def _unfilled(rules: Sequence[ApprovalRule], able: Sequence[Collection[str]]) -> int | None:
    """The first rule that no choice of different keys fills, with all before it; None: none."""
    place: dict[str, int] = {}

    def takes(rule: int, tried: set[str]) -> bool:
        for key in sorted(able[rule]):
            if key not in tried:
                tried.add(key)
                if key not in place or takes(place[key], tried):
                    place[key] = rule
                    return True
        return False

    for index, rule in enumerate(rules):
        if not all(takes(index, set()) for _ in range(rule.count)):
            return index
    return None


def _refuse(
    rule: ApprovalRule, able: Collection[str], words: _Words, signers: Collection[str]
) -> None:
    found = len(able)
    said = f"{rule.count} approval{'' if rule.count == 1 else 's'} by {rule.role!r} asked for, each"
    said += f" with a key of its own, and there {'is' if found == 1 else 'are'} {found}"
    if found >= rule.count:
        said += ", of which others fill other roles: nobody counts twice"
    others = [key for key, role in words if role == rule.folded and key not in able]
    if others:
        said += f"; not counted: {listed(_why_not(key, signers) for key in others)}"
    todo = f"'venturalitica approve RUN --as NAME --role {rule.role!r} --key FILE'"
    raise Refusal("approval", f"{said}; {todo}")


def _why_not(key: str, signers: Collection[str]) -> str:
    why = "which signed the record itself" if key in signers else "which may not in this role"
    return f"key {short(key)}, {why}"
