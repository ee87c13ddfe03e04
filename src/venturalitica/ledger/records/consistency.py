"""Does a statement agree with itself? What a signature alone does not say.

A signature shows that nobody changed a record since; these checks show that what was signed is
whole: the policy's bytes are those of its digest, the subjects are what the predicate speaks of,
the tally is the one that its digest names, and no light is greener than its verdicts.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import rfc8785

from venturalitica.core.encoding import canonical_parsed, sha256_hex
from venturalitica.core.policy import Policy
from venturalitica.core.record import JUDGED, judged
from venturalitica.core.verdict import (
    LIGHTS,
    STATUSES,
    Light,
    OnFail,
    Status,
    Verdict,
    run_lights,
    worst_light,
)
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError, PolicyError
from venturalitica.ledger.records.kind import Kind
from venturalitica.ledger.records.placement import STATEMENT_TYPE
from venturalitica.ledger.records.registry import kinds

FORMAT = 1
ON_FAIL = ("record", "warn", "block")


def understood(statement: Mapping[str, Any]) -> bool:
    """Whether this package knows the kind and format of the statement."""
    predicate = statement.get("predicate")
    return isinstance(predicate, Mapping) and (
        predicate.get("format") == FORMAT if judged(statement) else _kind(statement) is not None
    )


def _kind(statement: Mapping[str, Any]) -> Kind | None:
    kind = kinds().get(str(statement.get("predicateType")))
    return kind if kind and statement["predicate"].get("format") == kind.format else None


def check_shape(statement: Mapping[str, Any]) -> None:
    """Raise `EvidenceError` unless it is an in-toto Statement v1 of a kind we can read."""
    if statement.get("_type") != STATEMENT_TYPE:
        raise EvidenceError(f"its _type is not {STATEMENT_TYPE}")
    subject, predicate = statement.get("subject"), statement.get("predicate")
    if not isinstance(statement.get("predicateType"), str) or not isinstance(predicate, Mapping):
        raise EvidenceError("it has no predicate, or no predicateType")
    if not isinstance(subject, list) or not subject or not all(map(_is_subject, subject)):
        raise EvidenceError("it has no subject with a digest")
    kind = _kind(statement)
    if kind is not None:
        kind.check(predicate)
    elif understood(statement):
        _check_predicate(predicate)
        if predicate["kind"] != JUDGED[statement["predicateType"]]:
            # A green audit that calls itself a run would need no verdict.
            raise EvidenceError("its kind is not the one of its predicateType")


def policy_bytes(policy: Mapping[str, Any]) -> bytes:
    """The bytes of the policy of a record, held against their digest.

    Raises:
        EvidenceError: they are missing, or not those of its SHA-256.
    """
    try:
        data = base64.b64decode(policy["bytes"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise EvidenceError("the policy's bytes are missing or not base64") from None
    found = sha256_hex(data)
    if found != policy.get("sha256"):
        said = str(policy.get("sha256"))[:64]
        raise EvidenceError(f"the record says sha256 {said}, its policy's bytes have {found}")
    return data


def check_subjects(statement: Mapping[str, Any]) -> None:
    """Raise unless policy, model and data of subject and predicate are the same digests."""
    predicate = statement["predicate"]
    said = sorted(_said(predicate))
    named = sorted(
        (str(item.get("name", "")).split("/", 1)[0], str(item["digest"].get("sha256", "")))
        for item in statement["subject"]
        if str(item.get("name", "")).split("/", 1)[0] in ("policy", "model", "data")
    )
    if said != named:
        odd = next(iter(set(said) ^ set(named)), ("data", "?"))
        raise EvidenceError(
            f"the {odd[0]} {odd[1][:16]} is not in both the subjects and the predicate"
        )


def check_tally(statement: Mapping[str, Any]) -> bool:
    """Whether there is a tally that could be held against its digest; raises if they differ."""
    predicate = statement["predicate"]
    tally, digest = predicate.get("tally"), predicate.get("tally_sha256")
    if tally is None and digest is None:
        return False
    try:
        found = sha256_hex(canonical_parsed(tally))
    except rfc8785.CanonicalizationError:
        raise EvidenceError("the tally cannot be made canonical") from None
    if tally is None or found != digest:
        raise EvidenceError("the tally is not the one that its SHA-256 names")
    return True


def check_light(statement: Mapping[str, Any]) -> None:
    """Raise if the light claims more than verdicts, a run's audits and how it ended bear out."""
    predicate = statement["predicate"]
    lights: list[Light] = [
        light_of(_status(verdict), verdict["on_fail"], verdict["conclusive"])
        for verdict in predicate["verdicts"]
    ]
    if lights and (predicate.get("judging") or {}).get("left_out"):
        lights.append("amber")
    lights += run_lights(predicate.get("audits") or ())
    if predicate.get("exception"):
        lights.append("red")
    if not all(light in LIGHTS for light in lights):
        raise EvidenceError("an audit inside the run has no light")
    borne_out = worst_light(lights)
    if LIGHTS.index(predicate["light"]) > LIGHTS.index(borne_out):
        raise EvidenceError(f"its light is {predicate['light']}; what it holds gives {borne_out}")


def _status(verdict: Mapping[str, Any]) -> Status:
    """As it is recorded; but nothing passes that was not measured."""
    unmeasured = verdict["status"] == "passed" and verdict.get("value") is None
    return "error" if unmeasured else verdict["status"]


@lru_cache(maxsize=64)
def light_of(status: Status, on_fail: OnFail, conclusive: bool) -> Light:
    """The light that status, conclusiveness and `on_fail` give; the one written is not believed."""
    return Verdict(
        control="-", status=status, reason="-", on_fail=on_fail, conclusive=conclusive
    ).light


def _said(predicate: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if predicate.get("policy"):
        yield "policy", str(predicate["policy"].get("sha256"))
    model = predicate.get("model")
    if model and model.get("sha256"):
        yield "model", str(model["sha256"])
    for item in predicate.get("data") or ():
        if item.get("sha256"):
            yield "data", str(item["sha256"])


def _is_subject(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("digest"), dict)


def _check_predicate(predicate: Mapping[str, Any]) -> None:
    for name, right in _FIELDS.items():
        if not right(predicate.get(name)):
            raise EvidenceError(f"predicate.{name} is missing or malformed")


# `dict`, since it is parsed JSON that is looked at: asking for a `Mapping` takes many times longer.
def _object_or_none(value: Any) -> bool:
    return value is None or isinstance(value, dict)


def _objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)


def _run(value: Any) -> bool:
    texts = ("id", "name", "started_at", "ended_at")
    return isinstance(value, dict) and all(isinstance(value.get(key), str) for key in texts)


def _verdicts(value: Any) -> bool:
    return _objects(value) and all(map(_verdict, value))


def _verdict(item: Mapping[str, Any]) -> bool:
    return (
        isinstance(item.get("control"), str)
        and isinstance(item.get("reason"), str)
        and item.get("status") in STATUSES
        and item.get("on_fail") in ON_FAIL
        and isinstance(item.get("conclusive"), bool)
    )


_FIELDS: dict[str, Callable[[Any], bool]] = {
    "kind": lambda value: value in ("audit", "run"),
    "run": _run,
    "light": lambda value: value in LIGHTS,
    "verdicts": _verdicts,
    "policy": _object_or_none,
    "judging": _object_or_none,
    "model": _object_or_none,
    "tally": _object_or_none,
    "data": _objects,
    "trackers": _objects,
}


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

    Metrics are not checked: one may have had another name then.
    """
    from venturalitica.policy import parse_policy

    try:
        return parse_policy(data, filename=filename, check_metrics=False)
    except PolicyError:
        return None


def _short(names: tuple[Any, Any]) -> str:
    return " ".join(repr(text)[:80] for text in names)
