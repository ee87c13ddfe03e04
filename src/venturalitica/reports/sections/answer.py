"""Top of the report: can this ship, for what, by which rules, and what to beware of."""

from __future__ import annotations

from venturalitica.reports.context import ReportContext, text
from venturalitica.reports.markup import Markup, join, tag
from venturalitica.reports.parts.facts import facts
from venturalitica.reports.parts.lights import light_icon
from venturalitica.reports.parts.moments import moment_words
from venturalitica.reports.sections.warnings import fault_sentence, fault_words, warnings
from venturalitica.reports.words import (
    ANSWERS,
    LIGHT_WORDS,
    consequence_sentence,
    run_sentence,
    summary_sentence,
)


def answer(context: ReportContext) -> Markup:
    """The light in word, icon, shape and colour, and the sentence that explains it."""
    light = context.light
    return join(
        (
            _top(context),
            tag(
                "header",
                light_icon(light, size=54, label=f"Light: {LIGHT_WORDS[light]}"),
                tag("div", *_said(context)),
                cls=f"vl-answer vl-is-{light}",
            ),
            warnings(context),
            _glance(context),
        )
    )


def _top(context: ReportContext) -> Markup:
    title = "Audit report" if context.kind == "audit" else "Record of a run"
    when = moment_words(context.run.get("ended_at"))
    return tag(
        "div",
        tag("span", tag("b", "venturalitica"), f" · {title}"),
        tag("span", when),
        cls="vl-top",
    )


def _said(context: ReportContext) -> list[Markup]:
    light, fault = context.light, fault_sentence(context)
    said = [
        tag("p", f"Can this ship? The light is {LIGHT_WORDS[light].lower()}.", cls="vl-question"),
        tag("h1", f"{ANSWERS[light]} ", tag("span", fault or _summary(context))),
    ]
    if fault:
        rest = "What follows is what the record says, and no more than that."
        return [*said, tag("p", fault_words(context)), tag("p", rest)]
    consequence = consequence_sentence(context.verdicts)
    return [*said, tag("p", consequence)] if consequence else said


def _summary(context: ReportContext) -> str:
    if context.kind == "audit" or context.verdicts:
        return f"{context.left_out} {summary_sentence(context.verdicts)}".strip()
    return run_sentence(
        [_light(audit.get("light")) for audit in context.audits],
        failed=context.exception is not None,
    )


def _light(found: object) -> str:
    return text(found) or "grey"


def _glance(context: ReportContext) -> Markup:
    policy, model = context.policy, context.model
    return facts(
        [
            ("Policy", _policy_words(context) if policy else "none"),
            ("Model", text(model.get("class")).rpartition(".")[2] if model else None),
            ("Rows judged", f"{context.rows:,}" if context.rows is not None else None),
            ("Run", text(context.run.get("name"))),
        ],
        cls="vl-glance",
    )


def _policy_words(context: ReportContext) -> Markup:
    assert context.policy is not None
    policy = context.policy
    return tag("bdi", f"{policy.name} {policy.version}")
