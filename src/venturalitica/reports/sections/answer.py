"""Top of the report: can this ship, for what, by which rules, and what to beware of."""

from __future__ import annotations

from venturalitica.records import Light
from venturalitica.reports.context import ReportContext, text
from venturalitica.reports.markup import Markup, join, tag
from venturalitica.reports.parts.facts import facts
from venturalitica.reports.parts.lights import light_icon
from venturalitica.reports.parts.moments import moment_words
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
            _warnings(context),
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
    light = context.light
    said = [
        tag("p", f"Can this ship? The light is {LIGHT_WORDS[light].lower()}.", cls="vl-question"),
        tag("h1", f"{ANSWERS[light]} ", tag("span", _summary(context))),
    ]
    consequence = consequence_sentence(context.verdicts)
    return [*said, tag("p", consequence)] if consequence else said


def _summary(context: ReportContext) -> str:
    if context.kind == "audit" or context.verdicts:
        return summary_sentence(context.verdicts)
    return run_sentence(
        [_light(audit.get("light")) for audit in context.audits],
        failed=context.exception is not None,
    )


def _light(found: object) -> str:
    return text(found) or "grey"


def _warnings(context: ReportContext) -> Markup | None:
    said = []
    if context.training_rows:
        said.append(
            "The rows judged include rows that the model was trained on. A model looks better on "
            "those than it is: audit held-out rows before relying on these numbers."
        )
    if context.doubtful:
        said.append(
            f"The record claims the light {context.recorded_light!r}, which its verdicts do not "
            f"bear out; {LIGHT_WORDS[context.light].lower()} is shown."
        )
    if context.policy is not None and context.policy.intact is False:
        said.append("The policy's bytes in this record do not match the digest recorded with them.")
    if context.delivered is False:
        said.append(
            "This evidence still waits for its tracker. It is safe in the local log; "
            "`venturalitica sync` delivers it."
        )
    return join(_warning(sentence) for sentence in said) if said else None


def _warning(sentence: str) -> Markup:
    amber: Light = "amber"
    return tag("p", light_icon(amber), tag("span", sentence), cls="vl-warning", role="note")


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
