"""Does a statement agree with itself? What a signature alone does not say.

A signature shows that nobody changed a record since; these checks show that what was signed is
whole: the policy's bytes are those of its digest, the subjects are what the predicate speaks of,
the tally is the one that its digest names, and no light is greener than its verdicts.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache

import rfc8785

from venturalitica.core.encoding import canonical_parsed, sha256_hex
from venturalitica.core.json_values import as_object, text
from venturalitica.core.manifest import Manifest
from venturalitica.core.policy import Policy, Snapshot
from venturalitica.core.record import (
    APPROVAL,
    ATTACHMENT,
    BEGIN,
    CARRIED,
    COMMITMENT,
    DECISION,
    ERASURE,
    MODEL,
    NOTE,
    OVERRIDE,
    PLACEMENT,
    PRUNE,
    ROTATION,
    Statement,
)
from venturalitica.core.retention import RetentionTerm, day_of, last_day
from venturalitica.core.verdict import LIGHTS, Light, run_lights
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError, PolicyError
from venturalitica.ledger.records.decision import Decided
from venturalitica.ledger.records.foreign.carried import Carried
from venturalitica.ledger.records.gate.override import Override
from venturalitica.ledger.records.kinds import (
    approval,
    attachment,
    beginning,
    erasure,
    model_tie,
    pruning,
    rotation,
)
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ledger.records.kinds.placement import Placement
from venturalitica.ledger.records.notes.note import Note

CHECKS = {
    ROTATION: rotation.check,
    APPROVAL: approval.check,
    ERASURE: erasure.check,
    PRUNE: pruning.check,
    PLACEMENT: Placement.of,
    MODEL: model_tie.check,
    COMMITMENT: Commitment.of,
    BEGIN: beginning.check,
    ATTACHMENT: attachment.check,
    DECISION: Decided.of,
    OVERRIDE: Override.of,
    CARRIED: Carried.of,
    NOTE: Note.check,
}
"""What the predicate of each kind besides audits and runs is held against."""


def check_shape(statement: Statement) -> None:
    """Raise `EvidenceError` unless it is an in-toto Statement v1 of a kind we can read."""
    if statement.fault:
        raise EvidenceError(statement.fault)
    if statement.understood and not statement.judged:
        CHECKS[statement.predicate_type](statement.predicate)


def check_subjects(statement: Statement) -> None:
    """Raise unless policy, model and data of subject and predicate are the same digests."""
    policy = [statement.policy.sha256] if statement.policy else []
    parts = {
        "policy": policy,
        "model": [text(statement.model.get("sha256"))],
        "data": [text(item.get("sha256")) for item in statement.data],
    }
    said = sorted((part, digest) for part in parts for digest in parts[part] if digest)
    each = ((name.split("/", 1)[0], digest) for name, digest in statement.subjects)
    named = sorted(item for item in each if item[0] in parts)
    if said != named:
        odd = next(iter(set(said) ^ set(named)), ("data", "?"))
        raise EvidenceError(
            f"the {odd[0]} {odd[1][:16]} is not in both the subjects and the predicate"
        )


def check_model_files(statement: Statement) -> None:
    """Raise unless a manifest of the model's files is whole, and its root the model's digest."""
    said = statement.model.get("files")
    if said is not None and Manifest.of(said).root != statement.model.get("sha256"):
        raise EvidenceError("the manifest of the model's files has another root than its SHA-256")


def check_tally(statement: Statement) -> bool:
    """Whether there is a tally that could be held against its digest; raises if they differ."""
    if statement.tally is None and statement.tally_sha256 is None:
        return False
    try:
        found = sha256_hex(canonical_parsed(statement.tally))
    except rfc8785.CanonicalizationError:
        raise EvidenceError("the tally cannot be made canonical") from None
    if statement.tally is None or found != statement.tally_sha256:
        raise EvidenceError("the tally is not the one that its SHA-256 names")
    return True


def check_light(statement: Statement) -> None:
    """Raise if the light claims more than verdicts, a run's audits and how it ended bear out."""
    if not all(light in LIGHTS for light in run_lights(statement.audits)):
        raise EvidenceError("an audit inside the run has no light")
    if LIGHTS.index(statement.light) > LIGHTS.index(statement.borne_out):
        raise EvidenceError(
            f"its light is {statement.light}; what it holds gives {statement.borne_out}"
        )


def light_in(statement: Statement) -> Light:
    """The light that it claims; red where what it holds does not bear it out, as `verify` says.

    What a record of an unknown kind or format means by a light, nobody here knows: grey.
    """
    if not (statement.judged and statement.understood):
        return "grey"
    if _BEARING.isdisjoint(statement.malformed):
        with suppress(EvidenceError):
            check_light(statement)
            return statement.light
    return "red"


_BEARING = frozenset({"light", "verdicts", "judging", "audits"})


def check_term(statement: Statement) -> None:
    """Raise unless the last day of its retention is that of its term, from when its run ended."""
    said = as_object(statement.retention)
    if said is None or not (statement.has_term and statement.understood) or statement.format == 1:
        return
    term = RetentionTerm.of(said)
    began = statement.predicate_type == BEGIN
    day = day_of(statement.run.started_at if began else statement.run.ended_at)
    if term.until is not None and term.until != last_day(term.name, day):
        raise EvidenceError(
            f"it is to be kept until {term.until}; {term.name} from {day} on ends on "
            f"{last_day(term.name, day)}"
        )


NAMES = "policy names"

BUDGET = 2 * 1024 * 1024
"""Bytes of policies that one reading parses. That is seconds of work and hundreds of policies; a
log that holds more may have been made to keep its reader busy."""

_LEAST = 1024
"""What a text costs at least: parsing has a price of its own."""

Names = tuple[str, str, str]


class PolicyNames:
    """Holds each record's name, version and title of its policy against the policy's bytes."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], Names | None] = {}
        self._spent = 0
        self._unread = 0
        self._first: tuple[int, str] | None = None

    def check(self, index: int, policy: Snapshot, *, titled: bool = True) -> None:
        """Raise `EvidenceError` if the record's words for it are others than those of its bytes.

        `titled`: hold its title, too; in format 1 nobody did.
        """
        named = self._named(index, policy, policy.checked())
        said = policy.name, policy.version, policy.title
        if named is not None and (said if titled else said[:2]) != named[: 3 if titled else 2]:
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

    def _named(self, index: int, policy: Snapshot, data: bytes) -> Names | None:
        key = policy.sha256, policy.filename
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
    return None if policy is None else (policy.name, policy.version, policy.title)


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


def _short(names: Names) -> str:
    return " ".join(repr(text)[:80] for text in names)
