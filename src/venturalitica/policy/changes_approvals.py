"""How the sign-offs that a policy asks for differ from another's."""

from __future__ import annotations

from venturalitica.core.policy import ApprovalRule, Policy
from venturalitica.policy.changes import Aspect
from venturalitica.policy.describe import describe_approvals


def approvals_aspect(old: Policy, new: Policy) -> Aspect | None:
    """More persons, in more roles, by fewer keys, are tighter; else nobody can order them."""
    before = {rule.folded: rule for rule in old.approvals}
    after = {rule.folded: rule for rule in new.approvals}
    tighter, looser = _asks(after, of=before), _asks(before, of=after)
    if tighter and looser:
        return None
    was, now = (describe_approvals(one) or "none" for one in (old, new))
    if tighter:
        note = "the gate asks for more sign-offs, or lets fewer keys give them"
        return Aspect("approvals", was, now, "tightened", note)
    if looser:
        note = "the gate asks for fewer sign-offs, or lets more keys give them"
        return Aspect("approvals", was, now, "loosened", note)
    return Aspect("approvals", was, now, "changed", "others sign off")


def _asks(these: dict[str, ApprovalRule], *, of: dict[str, ApprovalRule]) -> bool:
    """Whether whoever meets `these` meets those `of` the other policy too."""
    return all(
        role in these and these[role].count >= rule.count and _among(these[role].keys, rule.keys)
        for role, rule in of.items()
    )


def _among(keys: frozenset[str], allowed: frozenset[str]) -> bool:
    return not allowed or (bool(keys) and keys <= allowed)
