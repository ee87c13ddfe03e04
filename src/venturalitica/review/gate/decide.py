"""Whether a version may pass: its evidence, held against what is asked, in one order of questions.

Is there evidence that holds? Of these files? Under these rules, by whom, when, met by all controls,
and signed off? The first answer that is no is the reason. Nothing that a stranger puts beside a
model makes it pass: each question is asked of signed records alone, and of the newest judgement of
these files, so that an older one does not stand for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NoReturn

from msgspec.structs import replace

from venturalitica.core.encoding import MAX_LINE
from venturalitica.core.gate import Candidate, Decision, Requirement, Rule
from venturalitica.core.text import timestamp
from venturalitica.core.verdict import LIGHTS, Verdict, worst_light
from venturalitica.errors import EvidenceError, listed
from venturalitica.ledger.formats.public_key import short
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.review.gate.anew import NotAnew, judged_anew
from venturalitica.review.gate.approvals import check_approvals
from venturalitica.review.gate.by_files import HERE, TAKEN
from venturalitica.review.gate.contrary import check_contrary
from venturalitica.review.gate.proofs import Proof, Sorted, manifest_of, sort
from venturalitica.review.gate.refusal import Refusal, line, moment

CLOCKS = timedelta(minutes=2)
"""Clocks of two machines may differ that much without anybody's doing."""


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def decide(
    candidate: Candidate, requirement: Requirement, *, keys: Mapping[str, Any], now: datetime
) -> Decision:
    """The answer to whether it may pass, allowed or refused; whatever the evidence holds.

    Args:
        candidate: the version, its files and the evidence that was found for it.
        requirement: what is asked.
        keys: whose signatures count, as the arguments `trusted_keys` (those alone), `known_keys`
            and `tsa_roots` of `verify_bundle`.
        now: the clock that ages are measured by.
    """
    policy = requirement.policy
    decision = Decision(
        allowed=False,
        rule="no-evidence",
        sentence="",
        name=candidate.name,
        version=candidate.version,
        files_root="" if candidate.files is None else candidate.files.root,
        policy=f"{policy.name} {policy.version}".strip(),
        policy_sha256=policy.sha256,
    )
    where = ""
    try:
        _refuse_too_much(candidate)
        found = sort(candidate, keys)
        _refuse_faults(found)
        audit = _judgement(candidate, requirement, found)
        decision = replace(decision, record=audit.digest, signers=audit.signers)
        where = _elsewhere(audit)
        _check_age(audit, requirement, now)
        anew = _check_verdicts(audit, requirement)
        approvals = _check_approvals(audit, requirement, found, now)
        same = [one for one in found.audits if is_of(one, candidate, found)]
        contrary = check_contrary(audit, same, found.sign_offs, policy)
    except Refusal as refusal:
        facts = {name: line(value) for name, value in refusal.facts.items()}
        sentence = line(f"{refusal.sentence}{where}")
        return replace(decision, rule=refusal.rule, sentence=sentence, **facts)
    except EvidenceError as error:  # whoever holds a key may sign what is no record
        said = f"its evidence cannot be read: {error}"
        return replace(decision, rule="signature", sentence=line(said))
    how = "judged anew from its tally" if anew else "as its record says"
    signed = f", signed off by {listed(approvals)}" if approvals else ""
    controls = _many(len(policy.controls), "control")
    contrary = f"; {contrary}" if contrary else ""
    about = "" if candidate.files is not None else "; which files it is about was not compared"
    return replace(
        decision,
        allowed=True,
        rule="allowed",
        anew=anew,
        approvals=tuple(approvals),
        sentence=line(
            f"all {controls} of {decision.policy} are met on these files, {how}, by key "
            f"{listed(map(short, audit.signers))}{signed}{_elsewhere(audit)}{about}{contrary}"
        ),
    )


def _elsewhere(audit: Proof) -> str:
    """Where its evidence was found, if not at the run of the version, and how it comes there."""
    if not audit.name.startswith(TAKEN):
        return ""
    said = f"; found in {audit.name}"
    if not audit.name.startswith(HERE):
        return said
    entry = audit.name.removeprefix(HERE)
    return f"{said} ('venturalitica attach {entry} RUN' brings it to its run)"


MOST_BUNDLES = 200
"""Records of one run that are read. Each costs a millisecond and more, and whoever may write to a
run could leave a million there to keep the gate busy."""
MOST_BYTES = 2 * MAX_LINE


def _refuse_too_much(candidate: Candidate) -> None:
    found, size = len(candidate.bundles), sum(map(len, candidate.bundles.values()))
    if found > MOST_BUNDLES or size > MOST_BYTES:
        raise Refusal(
            "too-much",
            f"{_many(found, 'file')} of {size:,} bytes lie where its evidence is; at most "
            f"{MOST_BUNDLES:,} of {MOST_BYTES:,} bytes together are read: take away what is none",
        )


def _refuse_faults(found: Sorted) -> None:
    """What does not hold may have been a red judgement or a rejection, of which somebody changed a
    byte so that an older green one stands."""
    if found.faults:
        more = f" (and {len(found.faults) - 1} more)" if len(found.faults) > 1 else ""
        raise Refusal("signature", f"its evidence does not hold: {found.faults[0]}{more}")


def _judgement(candidate: Candidate, requirement: Requirement, found: Sorted) -> Proof:
    """The newest judgement of these files, under the policy that is asked for if there is one."""
    if not found.audits:
        _refuse_unproven(candidate, found)
    fitting = [audit for audit in found.audits if is_of(audit, candidate, found)]
    if not fitting:
        _refuse_other_files(candidate, found)
    same = [one for one in fitting if _policy_sha256(one) == requirement.policy.sha256]
    return (same or fitting)[0]


def _policy_sha256(audit: Proof) -> str:
    return audit.record.policy.sha256 if audit.record.policy else ""


def _refuse_unproven(candidate: Candidate, found: Sorted) -> NoReturn:
    if found.strangers:
        raise Refusal(
            "signer", f"its evidence is signed by nobody who is named: {found.strangers[0]}"
        )
    where = listed(candidate.bundles, 3) or "nothing"
    raise Refusal(
        "no-evidence",
        f"there is no record of a judgement (found: {where}); train it with vl.wrap or judge it "
        "with 'venturalitica check DATA --model URI', in an open run",
    )


def is_of(audit: Proof, candidate: Candidate, found: Sorted) -> bool:
    """Whether an audit judged the candidate's files: itself, or by a record that ties them to it.

    Raises:
        EvidenceError: what it says of its files cannot be read.
    """
    if candidate.files is None:
        return True
    own = manifest_of(audit)
    if own is not None:
        return own.files == candidate.files.files
    return any(
        tie.manifest.files == candidate.files.files and tie.likeness.tie == "same predictions"
        for _, tie in _ties_of(audit, found)
    )


def _ties_of(audit: Proof, found: Sorted) -> list[tuple[Proof, ModelTie]]:
    """Ties that name this very record."""
    return [(proof, tie) for proof, tie in found.ties if tie.evidence_sha256 == audit.digest]


def _refuse_other_files(candidate: Candidate, found: Sorted) -> NoReturn:
    assert candidate.files is not None
    root = candidate.files.root[:16]
    nearest: tuple[str, ...] | None = None
    for audit in found.audits:
        own = manifest_of(audit)
        tied = [(tie.manifest, tie.likeness) for _, tie in _ties_of(audit, found)]
        for manifest, likeness in [*([(own, None)] if own is not None else []), *tied]:
            if manifest.files == candidate.files.files:
                assert likeness is not None
                raise Refusal(
                    "not-compared",
                    "these files were logged in the run of the judgement afterwards, and nobody "
                    f"showed that they are the model which was judged ({likeness.reason}); judge "
                    "the files themselves: 'venturalitica check DATA --model URI'",
                    record=audit.digest,
                )
            changes = manifest.changes(candidate.files)
            if nearest is None or len(changes) < len(nearest):
                nearest = changes
    if nearest is None:
        raise Refusal(
            "other-files",
            f"no record says that these files were judged (root {root}); log the model in the run "
            "of its training, or judge the files: 'venturalitica check DATA --model URI'",
        )
    raise Refusal(
        "other-files",
        f"other files were judged than these (root {root}): {listed(nearest, 3)}; judge these",
    )


def _check_age(audit: Proof, requirement: Requirement, now: datetime) -> None:
    at = moment(audit.at)
    if at is None:
        raise Refusal("clock", f"the record says no time of its judgement: {audit.at[:40]!r}")
    if at > now + CLOCKS:
        raise Refusal(
            "clock",
            f"it says that it was judged at {timestamp(at)[:16]}, which is still to come "
            f"(here it is {timestamp(now)[:16]}); set the clocks, and judge it again",
        )
    if requirement.max_age is not None and now - at > requirement.max_age:
        raise Refusal(
            "too-old",
            f"it was judged {_days(now - at)} ago, on {at:%Y-%m-%d}, and "
            f"{_days(requirement.max_age)} are allowed; judge it again",
        )


def _days(span: timedelta) -> str:
    hours = int(span.total_seconds() // 3600)
    return _many(hours // 24, "day") if hours >= 48 else _many(hours, "hour")


def _check_verdicts(audit: Proof, requirement: Requirement) -> bool:
    """Whether they had to be computed anew; raises unless all controls are met."""
    record, policy = audit.record, requirement.policy
    if _policy_sha256(audit) == policy.sha256:
        _check_lights(record.verdicts, record.light, requirement)
        return False
    own = record.policy
    called = f"{own.name} {own.version} ({own.sha256[:12]})" if own else "none"
    asked = f"{policy.name} {policy.version} ({policy.sha256[:12]})"
    try:
        verdicts = judged_anew(record, policy, audit.tally)
    except NotAnew as reason:
        rule: Rule = "no-tally" if reason.missing else "other-policy"
        raise Refusal(
            rule,
            f"it was judged under policy {called}, asked for is {asked}, and it cannot be judged "
            f"under that from here: {reason}",
        ) from None
    _check_lights(verdicts, worst_light(one.light for one in verdicts), requirement)
    return True


def _check_lights(verdicts: Sequence[Verdict], light: str, requirement: Requirement) -> None:
    enough = LIGHTS.index(requirement.light)
    policy = requirement.policy
    judged = {one.control for one in verdicts}
    missing = [control.id for control in policy.controls if control.id not in judged]
    if missing:
        raise Refusal(
            "control",
            f"{listed(map(repr, missing), 3)} of {policy.name} not judged in this record: judge "
            "all controls in one audit",
            control=missing[0],
        )
    for one in sorted(verdicts, key=lambda verdict: LIGHTS.index(verdict.light)):
        if LIGHTS.index(one.light) < enough:
            said = f"control {one.control!r} {_SAID[one.status]}: {one.reason}"
            raise Refusal("control", said, control=one.control)
    if LIGHTS.index(light) < enough:
        raise Refusal("control", f"its record is {light}, and {requirement.light} is asked")


_SAID = {
    "passed": "is not conclusive",
    "failed": "failed",
    "not_evaluated": "was not evaluated",
    "error": "could not be computed",
}


def _check_approvals(
    audit: Proof, requirement: Requirement, found: Sorted, now: datetime
) -> list[str]:
    """Those of this very record, held against what the policy and who asks want."""
    return check_approvals(
        (one for one in found.sign_offs if one.evidence_sha256 == audit.digest),
        (*requirement.policy.approvals, *requirement.approvals),
        signers=audit.signers,
        latest=now + CLOCKS,
    )
