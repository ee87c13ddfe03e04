"""What was verified: that a record is intact does not say that what it records is good."""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.records import Verdict
from venturalitica.reports.context import ReportContext, text
from venturalitica.reports.markup import Markup, tag
from venturalitica.reports.parts.facts import digest, facts
from venturalitica.reports.parts.lights import light_word
from venturalitica.reports.parts.moments import moment_words
from venturalitica.reports.words import run_sentence

KINDS = {"audit": "audit", "run": "record of a run"}


def verified_facts(context: ReportContext, *, signer: str) -> Markup:
    """Record, date, policy and version, light, controls, signer, run.

    `signer` is the id of the key that the record names first.
    """
    run, policy, standing = context.run, context.policy, context.standing
    place = f", entry {standing.entry} of a log with {standing.size:,}" if standing else ""
    return facts(
        [
            ("Record", f"{KINDS.get(context.kind, context.kind)}{place}"),
            ("Date", moment_words(run.get("ended_at") or run.get("started_at"))),
            ("Policy", tag("bdi", f"{policy.name} {policy.version}") if policy else "none"),
            ("Light", light_word(context.light)),
            ("Controls", controls_words(context)),
            ("Signed by key", digest(signer)),
            ("Run", tag("bdi", f"{text(run.get('name'))} {text(run.get('id'))}".strip())),
        ]
    )


def controls_words(context: ReportContext) -> str:
    """`3 of 6 controls failed, 1 was not evaluated`."""
    if context.kind == "run" and not context.verdicts:
        lights = [text(audit.get("light")) or "grey" for audit in context.audits]
        return run_sentence(lights, failed=context.exception is not None)
    return _counted(context.verdicts)


def _counted(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "none was judged"
    statuses = [verdict.status for verdict in verdicts]
    failed, total = statuses.count("failed"), len(statuses)
    of = f"{total} control{'' if total == 1 else 's'}"
    said = [f"{failed or 'none'} of {of} failed"]
    more = (
        ("not evaluated", statuses.count("not_evaluated")),
        ("could not be computed", statuses.count("error")),
        ("passed, not conclusively", sum(_is_open(verdict) for verdict in verdicts)),
    )
    return ", ".join(said + [f"{number} {words}" for words, number in more if number])


def _is_open(verdict: Verdict) -> bool:
    return verdict.status == "passed" and verdict.light == "amber"
