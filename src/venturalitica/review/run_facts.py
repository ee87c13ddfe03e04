"""A line of the list of runs as facts, for `runs list --json` and what the dashboard gives away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venturalitica.review.gate.facts import KINDS, decision_facts

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger
    from venturalitica.ledger.records.kinds.approval import Approval
    from venturalitica.review.carried_records import Shown
    from venturalitica.review.run_list import Listed


def shown_facts(shown: Shown) -> dict[str, Any]:
    """A record of the list of several logs."""
    return run_facts(shown.listed, shown.ledger, shown.by())


def run_facts(listed: Listed, ledger: Ledger, log: dict[str, Any] | None = None) -> dict[str, Any]:
    """One record as JSON, in this order; `log` says whose word it is, None of the own log."""
    row = listed.row
    found: dict[str, Any] = {
        "index": row.index,
        "kind": row.kind,
        "run_id": row.run_id,
        "name": row.name,
        "experiment": row.experiment or None,
        "source": row.source,
        "started_at": row.started_at,
        "light": listed.light,
        "waiting": listed.waits,
        "doubt": listed.doubt or None,
        "approval": _short(listed.approval),
        "notes": listed.notes,
        "passed": row.passed,
        "failed": row.failed,
        "not_evaluated": row.not_evaluated,
        "errors": row.errors,
        "begun": listed.begun or None,
        "policy": row.policy_name,
        "policy_version": row.policy_version,
        "policy_sha256": row.policy_sha256,
        "model": row.model_class,
        "evidence_sha256": row.evidence_sha256,
        "trackers": [dict(link) for link in listed.trackers],
        "log": log,
    }
    if row.kind in KINDS:
        found["decision"] = decision_facts(ledger.entry(row.index))
    return found


def _short(approval: Approval | None) -> dict[str, Any] | None:
    """A sign-off in a list: no personal data."""
    if approval is None:
        return None
    return {
        "entry": approval.index,
        "decision": approval.decision,
        "role": approval.role,
        "decided_at": approval.decided_at,
    }
