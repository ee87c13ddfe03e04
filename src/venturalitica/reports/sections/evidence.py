"""The record behind the page: its digests, and how to check it without trusting the page."""

from __future__ import annotations

import shlex

from venturalitica.records import Light
from venturalitica.reports.context import ReportContext, text
from venturalitica.reports.markup import Markup, join, tag, visible
from venturalitica.reports.parts.facts import digest, facts, table
from venturalitica.reports.parts.lights import light_word


def evidence(context: ReportContext) -> Markup:
    """Digests, the commands that check them, and what the page itself is worth."""
    return join(
        (
            tag("h2", "Evidence"),
            tag(
                "section",
                tag("p", _WORTH, cls="vl-prose"),
                tag("h3", "Digests"),
                facts(
                    [
                        ("Signed envelope, SHA-256", digest(context.evidence_sha256)),
                        ("Tally, SHA-256", digest(context.tally_sha256))
                        if context.kind == "audit"
                        else ("Tally", None),
                    ]
                ),
                tag("h3", "Check it offline"),
                tag("p", _HOW, cls="vl-prose"),
                tag("pre", tag("code", _commands(context)), tabindex="0"),
                cls="vl-box",
            ),
        )
    )


_WORTH = (
    "This page was drawn from a signed statement and is not itself signed: the statement is the "
    "evidence. A key on one machine shows that its holder said this before the log's checkpoint; "
    "it does not show who that was."
)
_HOW = (
    "Take evidence.json and the policy_snapshot folder from the tracker's run (MLflow keeps "
    "evidence.json under venturalitica/), or make them from the local log. The bundle holds the "
    "envelope, its proof of inclusion and the checkpoint: nothing else is needed."
)


def _commands(context: ReportContext) -> str:
    lines = ["venturalitica verify evidence.json"]
    if context.policy is not None and context.policy.sha256:
        name = visible(context.policy.filename) or "model_policy.yaml"
        lines += [
            f"sha256sum {shlex.quote(f'policy_snapshot/{name}')}",
            f"# must print {context.policy.sha256}",
        ]
    return "\n".join(lines)


def audits_inside(context: ReportContext) -> Markup | None:
    """The audits that a monitored run holds, by their place in the log."""
    if context.kind != "run":
        return None
    if not context.audits:
        said: Markup = tag("p", "No audit was made inside this run.")
    else:
        rows = [
            (
                text(audit.get("index")) or "–",
                light_word(_known(audit.get("light"))),
                digest(audit.get("evidence_sha256")),
                digest(audit.get("policy")),
            )
            for audit in context.audits
        ]
        said = table(("Entry", "Light", "Signed envelope, SHA-256", "Policy, SHA-256"), rows)
    return join((tag("h2", "Audits inside"), tag("section", said, cls="vl-box")))


def _known(found: object) -> Light:
    lights: tuple[Light, ...] = ("green", "amber", "red")
    return next((light for light in lights if light == found), "grey")
