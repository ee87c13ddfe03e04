"""An audit as findings: its verdicts as they are on record, and what became of the evidence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica.cli.formats.repository import in_repository
from venturalitica.cli.formats.write import Told
from venturalitica.core.record import Statement
from venturalitica.core.verdict import left_out_sentence
from venturalitica.reports.formats.findings import (
    Finding,
    Findings,
    left_out,
    made,
    nothing_judged,
    of_verdict,
    plain,
)
from venturalitica.reports.sentences import summary_sentence

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.audit.result import Audit
    from venturalitica.reports.context import ReportContext


def told(audit: Audit, *, facts: dict[str, Any], table: Callable[[], None]) -> Told:
    """All that can be written of an audit."""
    return Told(findings=findings(audit), facts=facts, table=table, record=lambda: _record(audit))


def policy_place(policy: Path | None) -> str:
    """Where the policy that would be read is in the repository; empty where there is none."""
    from venturalitica.system.settings import find_policy

    found = policy or find_policy()
    return in_repository(found) if found else ""


def findings(audit: Audit) -> Findings:
    """One for each control of the policy, then those of the evidence."""
    policy, asked = audit.policy, audit.circumstances
    file = in_repository(policy.path) if policy.path else policy.filename
    # As recorded: an `Audit` in the process holds exact values, which no report may show.
    verdicts = Statement.of(audit.statement).verdicts
    first = left_out_sentence(asked.phase, len(asked.left_out))
    lines = {control.id: control.line for control in policy.controls}
    items = [of_verdict(verdict, file=file) for verdict in verdicts]
    if not items:
        items.append(nothing_judged("No control was judged."))
    items += [left_out(name, why=first, file=file, line=lines[name]) for name in asked.left_out]
    sentence = " ".join(filter(None, (first, summary_sentence(verdicts), *audit.beware)))
    digest = audit.evidence_sha256
    return Findings(
        command="check",
        subject=plain(f"{policy.name} {policy.version}"),
        light=audit.light,
        sentence=plain(sentence),
        items=(*items, _evidence(audit), *_deliveries(audit)),
        properties=(
            ("policy_sha256", policy.sha256),
            ("run_id", audit.run_id),
            *([("evidence_sha256", digest)] if digest else []),
        ),
        group=plain(policy.name),
    )


def _evidence(audit: Audit) -> Finding:
    if audit.fault:
        return _of_evidence("error", "red", "Error", audit.fault)
    if audit.waiting or audit.entry is None:
        return _of_evidence("skipped", "amber", "Waiting", audit.waiting or "not in the log yet")
    said = f"entry {audit.entry.index}, SHA-256 {audit.entry.evidence_sha256}"
    if audit.entry.new_key:
        return _of_evidence("skipped", "amber", "New key", f"{said}, signed by a new key")
    return _of_evidence("passed", "green", "Written", said)


def _deliveries(audit: Audit) -> Iterator[Finding]:
    for one in audit.deliveries:
        yield _delivery(one)


def _delivery(one: Delivery) -> Finding:
    name, run = f"evidence at {one.run.tracker}", f"run {one.run.run_id}"
    if one.delivered:
        return _of_evidence("passed", "green", "Delivered", run, name=name)
    return _of_evidence(
        "skipped", "amber", one.state.capitalize(), f"{run}: {one.detail}", name=name
    )


def _of_evidence(
    outcome: Any, light: Any, words: str, message: str, *, name: str = "evidence"
) -> Finding:
    return made(Finding(name=name, outcome=outcome, light=light, words=words, message=message))


def _record(audit: Audit) -> ReportContext | None:
    """The page's facts, as `report run` draws it; None where no record is in the log."""
    if audit.entry is None:
        return None
    from venturalitica.cli.runs import own_ledger
    from venturalitica.review.record_page import page_context

    ledger = own_ledger()
    return page_context(ledger, ledger.entry(audit.entry.index))
