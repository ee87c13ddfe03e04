"""Does a record call its policy what the policy's own bytes call it?

Whoever reads a list of runs reads the name and the version that the record gives, not the bytes
that were signed beside them. Each text is parsed once, whatever the number of its records.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from venturalitica.errors import EvidenceError, PolicyError
from venturalitica.records import Step
from venturalitica.rules import Policy

NAMES = "policy names"

BUDGET = 2 * 1024 * 1024
"""Bytes of policies that one reading parses. That is seconds of work and hundreds of policies; a
log that holds more may have been made to keep its reader busy."""

_LEAST = 1024
"""What a text costs at least: parsing has a price of its own."""

Names = tuple[str, str]


class PolicyNames:
    """Holds each record's name and version of its policy against the policy's bytes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Names | None] = {}
        self._spent = 0
        self._unread = 0
        self._first: tuple[int, str] | None = None

    def check(self, index: int, policy: Mapping[str, Any], data: bytes) -> None:
        """Raise `EvidenceError` if the record's words for it are others than those of `data`."""
        named = self._named(index, policy, data)
        said = policy.get("name"), policy.get("version")
        if named is not None and said != named:
            raise EvidenceError(
                f"the record calls its policy {_short(said)}; the policy's own bytes say "
                f"{_short(named)}"
            )

    def step(self) -> Step | None:
        """What could not be checked; None where everything was."""
        if self._first is None:
            return None
        index, why = self._first
        detail = f"not checked in {self._unread} of the records: entry {index}: {why}"
        return Step(NAMES, None, detail, index)

    def _named(self, index: int, policy: Mapping[str, Any], data: bytes) -> Names | None:
        key = str(policy["sha256"]), str(policy.get("filename"))
        if key not in self._known:
            cost = max(_LEAST, len(data))
            if self._spent + cost > BUDGET:
                self._left_out(index, f"more than {BUDGET} bytes of different policies are here")
                return None
            self._spent += cost
            self._known[key] = _names_in(data, key[1])
        if self._known[key] is None:
            self._left_out(index, "this version cannot read the bytes as a policy")
        return self._known[key]

    def _left_out(self, index: int, why: str) -> None:
        self._unread += 1
        self._first = self._first or (index, why)


def _names_in(data: bytes, filename: str) -> Names | None:
    policy = policy_in(data, filename)
    return None if policy is None else (policy.name, policy.version)


@lru_cache(maxsize=32)  # a text is 1 MiB at most; the bundles of a folder mostly have one policy
def policy_in(data: bytes, filename: str) -> Policy | None:
    """The policy in a record's bytes; None where this version cannot read them.

    Without a vocabulary: a metric may have had another name then.
    """
    from venturalitica.policy import parse_policy

    try:
        return parse_policy(data, filename=filename)
    except PolicyError:
        return None


def _short(names: tuple[Any, Any]) -> str:
    return " ".join(repr(text)[:80] for text in names)
