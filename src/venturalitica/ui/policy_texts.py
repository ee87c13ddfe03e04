"""The texts that a policy can be edited from and held against: the project's file, and those on
record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.errors import PolicyError
from venturalitica.policy import lint, policy_bytes
from venturalitica.policy.changes import Edition
from venturalitica.policy.diff import edition_of
from venturalitica.review.health.checks import policy_file
from venturalitica.review.policies import (
    Side,
    compare,
    editions_on_record,
    find_recorded,
    side_of,
)

if TYPE_CHECKING:
    from venturalitica.core.policy import Policy
    from venturalitica.review.policies import Compared
    from venturalitica.ui.reader import Desk

DRAFT = "model_policy.yaml"
FILE = "file"
"""What the project's own file is called among them."""


class Base(Struct, frozen=True):
    """A text that the draft may begin with, and is held against. `value` names it in the form."""

    value: str
    label: str


def bases(desk: Desk) -> Iterator[Base]:
    """What a draft can begin with: the project's own file, then the texts on record, last first."""
    path = policy_file(desk.settings)
    if path is not None:
        yield Base(FILE, f"the file {path.name}, as it is now")
    if desk.has_evidence:
        with desk.reading() as reading:
            editions = editions_on_record(reading.ledger, index=reading.index)
        for one in reversed(editions):
            yield Base(one.sha256, f"{one.name} {one.version} ({one.sha256[:8]}), on record")


def text_of(desk: Desk, value: str) -> Side | None:
    """The text of that name, read now."""
    if value == FILE:
        return _own_file(desk)
    if not value or not desk.has_evidence:
        return None
    with desk.reading() as reading:
        found = find_recorded(reading.ledger, value, index=reading.index)
    texts = [one for one in found if one.edition.sha256 == value and one.data is not None]
    return side_of(texts[-1], texts[-1].data) if texts and texts[-1].data else None


def _own_file(desk: Desk) -> Side | None:
    path = policy_file(desk.settings)
    if path is None:
        return None
    try:
        return _side_of(policy_bytes(path), f"the file {path.name}")
    except PolicyError:
        return None  # the overview's health says what is wrong with the file


def _side_of(data: bytes, source: str) -> Side:
    found = lint(data, filename=DRAFT)
    if found.policy is not None:
        return Side(edition_of(found.policy), data, source, found.policy)
    digest = hashlib.sha256(data).hexdigest()
    return Side(Edition("", "", digest), data, source, None, str(found.errors[0]))


def compared(old: Side | None, text: str, policy: Policy | None) -> Compared | None:
    if old is None or policy is None:
        return None
    return compare(old, _side_of(text.encode(), "this draft"))
