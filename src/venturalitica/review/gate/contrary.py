"""Red judgements of the same files on other rows: who may let them pass is a person, and no row.

Whoever gets a red answer can ask again on rows that the model does better on, such as those it was
trained on, which nobody can tell from the files. So a green judgement does not outweigh a red one
of other rows: somebody signs the green one off who saw the red one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from venturalitica.core.circumstances import data_digest
from venturalitica.core.gate import SignOff
from venturalitica.core.policy import Policy
from venturalitica.core.prior import identity_of
from venturalitica.errors import listed
from venturalitica.review.gate.anew import NotAnew, judged_anew
from venturalitica.review.gate.proofs import Proof
from venturalitica.review.gate.refusal import Refusal, moment

SHOWN = 3


def check_contrary(
    audit: Proof, others: Collection[Proof], sign_offs: Collection[SignOff], policy: Policy
) -> str:
    """What to say of the red judgements of the same files; "" where there are none.

    Args:
        audit: the judgement that the decision rests on.
        others: every judgement of the same files.
        sign_offs: those by keys that count.
        policy: the one that is asked for.

    Raises:
        Refusal: one of them is red on other rows, and nobody signed `audit` off since.
    """
    red = [one for one in others if _is_contrary(one, audit, policy)]
    if not red:
        return ""
    said = listed([f"entry {one.index}, {one.at[:10]}" for one in red], SHOWN)
    said = f"the same files were judged red on other rows: {said}"
    if not _signed_off(audit, sign_offs, since=red):
        raise Refusal(
            "judged-red",
            f"{said}; whoever has seen both may sign this judgement off: 'venturalitica approve "
            f"{audit.digest[:12]} --as NAME --role ROLE --key FILE'",
        )
    return f"{said}; signed off since"


def _is_contrary(one: Proof, audit: Proof, policy: Policy) -> bool:
    if one.digest == audit.digest or _rows_of(one) & _rows_of(audit):
        return False  # of the same rows the newest counts
    own = one.record.policy
    if own is not None and own.sha256 == policy.sha256:
        return one.record.light == "red"
    # A byte more in the policy's file makes another policy, and no other answer.
    try:
        verdicts = judged_anew(one.record, policy, one.tally)
    except NotAnew:
        return False
    # What it did not count it could not answer: that is no red answer to this policy.
    return any(verdict.status == "failed" and verdict.light == "red" for verdict in verdicts)


def _rows_of(audit: Proof) -> set[str]:
    """Digests by which the judged rows are known again, under the key of their log; may be none."""
    return set(_digests(audit)) - {""}


def _digests(audit: Proof) -> Iterator[str]:
    for item in audit.record.data:
        if item.get("context") == "audit":
            yield identity_of(item)[0]
            yield data_digest(item)


def _signed_off(audit: Proof, sign_offs: Collection[SignOff], *, since: Collection[Proof]) -> bool:
    """Whether a key that is not the record's own approved it later than each of these."""
    when = [moment(one.at) for one in since]
    latest = max((at for at in when if at is not None), default=None)
    if latest is None or None in when:
        return False  # a time that nobody can read is not before anything
    return any(_is_after(one, audit, latest) for one in sign_offs)


def _is_after(one: SignOff, audit: Proof, latest: datetime) -> bool:
    at = moment(one.at)
    return (
        one.evidence_sha256 == audit.digest
        and one.decision == "approved"
        and one.keyid not in audit.signers
        and at is not None
        and at > latest
    )
