"""Before a model answers anybody: whether these very files were let through."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from venturalitica.core.gate import Candidate, Decision, Requirement, Rule
from venturalitica.core.policy import Policy
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.public_key import read_keys
from venturalitica.ledger.records.decision import Decided
from venturalitica.review.gate.candidates import candidate_of
from venturalitica.review.gate.decide import CLOCKS, decide, is_of
from venturalitica.review.gate.overrides import overridden
from venturalitica.review.gate.proofs import Sorted, sort
from venturalitica.review.gate.refusal import line, moment
from venturalitica.review.verification import own_roots, reader_keys
from venturalitica.system.settings import Settings

log = logging.getLogger(__name__)


def keys_of(settings: Settings, signers: str | os.PathLike[str] | None) -> dict[str, Any]:
    """Whose signatures count, as arguments of `decide`: those of a file, else the reader's own.

    Raises:
        EvidenceError: there are no keys in it.
    """
    roots = {"tsa_roots": own_roots(settings)}
    if signers is not None:
        return {"trusted_keys": read_keys(Path(signers)), **roots}
    return {"known_keys": reader_keys(settings), **roots}


def let_through(
    target: str,
    *,
    policy: Policy | None,
    signers: str | os.PathLike[str] | None,
    files: str | os.PathLike[str] | None,
    overrides: str | os.PathLike[str] | None = None,
) -> Decision:
    """The decision by which the files that a target names were let through.

    Args:
        target: as of `candidate_of`.
        policy: decide anew under it; None: by the last decision that is kept at the run.
        signers: file of the public keys that count; None: the reader's own.
        files: the folder that is served, where it was fetched before.
        overrides: file of the public keys that may override a refusal; None: nobody may.

    Raises:
        EvidenceError: they were not, and no override holds now.
        Others as `candidate_of`.
    """
    keys = keys_of(Settings.current(), signers)
    able = () if overrides is None else read_keys(Path(overrides))
    candidate, _ = candidate_of(target, files=files)
    now = datetime.now(UTC)
    try:
        if policy is None:
            found = _last_decision(candidate, sort(candidate, keys), now)
        else:
            found = decide(candidate, Requirement(policy=policy), keys=keys, now=now)
        sentence = f"{target} was not let through ({found.rule}): {found.sentence}"
    except EvidenceError as error:
        found, sentence = _refused(candidate, "no-evidence"), str(error)
    if found.allowed:
        return found
    found = replace(found, sentence=line(sentence))
    found, override = overridden(found, candidate, _alias_in(target), keys=able, now=now)
    if override is None:
        raise EvidenceError(found.sentence)
    log.warning("%s is served although refused: %s", line(target), override.sentence)
    return replace(found, allowed=True, rule="override", sentence=override.sentence)


def _alias_in(target: str) -> str:
    """The alias that `models:/NAME@alias` names; empty where it names a version."""
    return target.rpartition("@")[2] if "@" in target else ""


def _refused(candidate: Candidate, rule: Rule) -> Decision:
    return Decision(
        allowed=False,
        rule=rule,
        sentence="",
        name=candidate.name,
        version=candidate.version,
        files_root="" if candidate.files is None else candidate.files.root,
    )


def _last_decision(candidate: Candidate, found: Sorted, now: datetime) -> Decision:
    if candidate.files is None:
        raise EvidenceError(f"{candidate.name} is evidence without files: name a model of MLflow")
    named = (candidate.name, candidate.version, candidate.files.root)
    ours = [
        (moment(one.at), one)
        for one in found.decisions
        if (one.decision.name, one.decision.version, one.decision.files_root) == named
    ]
    dated = [(at, one) for at, one in ours if at is not None and at <= now + CLOCKS]
    if not dated or len(dated) < len(ours):
        why = "a decision on it is dated in the future" if ours else _none(found)
        raise EvidenceError(line(f"{_called(candidate)} may not be served: {why}"))
    # Of one moment the refusal is the last word.
    _, last = max(dated, key=lambda item: (item[0], not item[1].decision.allowed))
    _refuse_other_names(candidate, found, last)
    return last.decision


def _refuse_other_names(candidate: Candidate, found: Sorted, last: Decided) -> None:
    """A root is over the files' digests: two of them with each other's names have the same."""
    rests_on = [one for one in found.audits if one.digest == last.decision.record]
    if last.decision.allowed and not any(is_of(one, candidate, found) for one in rests_on):
        at = timestamp(moment(last.at) or datetime.now(UTC))[:16]
        raise EvidenceError(
            f"{_called(candidate)} may not be served: the record that the decision of {at} rests "
            "on is not at its run, or is of other files; ask the gate again"
        )


def _none(found: Sorted) -> str:
    why = (*found.strangers, *found.faults)
    said = f" ({why[0]})" if why else ""
    return (
        f"no decision on these files is at its run{said}; ask for one with 'venturalitica gate', "
        "or give the policy to decide by here"
    )


def _called(candidate: Candidate) -> str:
    return " ".join(filter(None, (candidate.name, candidate.version)))
