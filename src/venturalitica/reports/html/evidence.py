"""The record behind the page: its digests, and how to check it without trusting the page."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from markupsafe import Markup

from venturalitica.core.text import visible
from venturalitica.core.verdict import Light
from venturalitica.reports.context import ReportContext, Standing, integer, text
from venturalitica.reports.html.markup import join, tag
from venturalitica.reports.html.parts import (
    digest,
    facts,
    folded,
    light_word,
    moment_words,
    step_counts,
    step_list,
    table,
)

_WITH_SIGN_OFFS = (
    "This record alone was verified, and each sign-off of it. The whole log is verified by "
)
_BY_ITSELF = "This record alone was verified. The whole log is verified by "

Href = Callable[[int], str]
"""From an entry's number to the address of its page, where there are such pages."""


def evidence(context: ReportContext, *, unfolded: bool = False) -> Markup:
    """Digests, the commands that check them, and what the page itself is worth.

    `unfolded` shows the steps of the verification even where all held.
    """
    return join(
        (
            tag("h2", "Evidence"),
            tag(
                "section",
                tag("p", _WORTH, cls="vl-prose"),
                *_standing(context.standing, unfolded),
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


def record_evidence(standing: Standing, evidence_sha256: str) -> Markup:
    """The same of a record about records, of which no report is drawn."""
    digests = facts([("Signed envelope, SHA-256", digest(evidence_sha256))])
    box = tag(
        "section",
        *_standing(standing, unfolded=True, alone=_BY_ITSELF),
        tag("h3", "Digests"),
        digests,
        tag("h3", "Check it offline"),
        tag("pre", tag("code", _VERIFY), tabindex="0"),
        cls="vl-box",
    )
    return join((tag("h2", "Evidence"), box))


def _standing(
    standing: Standing | None, unfolded: bool, alone: str = _WITH_SIGN_OFFS
) -> list[Markup]:
    """Place, retention and delivery, and the steps of the verification."""
    if standing is None:
        return []
    steps = standing.verification.steps
    count, shown = step_counts(steps), step_list(steps)
    opened = unfolded or any(step.ok is False for step in steps)
    return [
        tag("h3", "The record"),
        facts(
            [
                ("Place", f"entry {standing.entry} of a log with {standing.size:,}"),
                ("To be kept until", _kept_words(standing)),
                ("Waits for", ", ".join(standing.waiting) or None),
            ]
        ),
        tag("h3", f"Checked when this page was drawn, {moment_words(standing.drawn_at)}"),
        join((tag("p", count), shown)) if opened else folded(count, shown),
        tag("p", alone, tag("code", "venturalitica verify"), ".", cls="vl-prose vl-muted"),
    ]


def _kept_words(standing: Standing) -> str:
    if not standing.kept_until:
        return "not readable"
    return f"{standing.kept_until} ({standing.retention})"


_VERIFY = "venturalitica verify evidence.json"
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
    lines = [_VERIFY]
    if context.policy is not None and context.policy.sha256:
        name = visible(context.policy.filename) or "model_policy.yaml"
        lines += [
            f"sha256sum {shlex.quote(f'policy_snapshot/{name}')}",
            f"# must print {context.policy.sha256}",
        ]
    return "\n".join(lines)


def audits_inside(context: ReportContext, *, href: Href | None = None) -> Markup | None:
    """The audits that a monitored run holds, by their place in the log; `href` links to each."""
    if context.kind != "run":
        return None
    if not context.audits:
        said: Markup = tag("p", "No audit was made inside this run.")
    else:
        rows = [
            (
                _place(audit.get("index"), href),
                light_word(_known(audit.get("light"))),
                digest(audit.get("evidence_sha256")),
                digest(audit.get("policy")),
            )
            for audit in context.audits
        ]
        said = table(("Entry", "Light", "Signed envelope, SHA-256", "Policy, SHA-256"), rows)
    return join((tag("h2", "Audits inside"), tag("section", said, cls="vl-box")))


def _place(index: object, href: Href | None) -> object:
    entry = integer(index)
    if entry is None or href is None:
        return text(index) or "–"
    return tag("a", f"{entry}", href=href(entry))


def _known(found: object) -> Light:
    lights: tuple[Light, ...] = ("green", "amber", "red")
    return next((light for light in lights if light == found), "grey")
