"""What to beware of before believing the rest: one sentence each, empty where there is nothing."""

from __future__ import annotations

from collections.abc import Iterator

from venturalitica.records import Light
from venturalitica.reports.context import ReportContext, text
from venturalitica.reports.markup import Markup, join, prose, tag
from venturalitica.reports.parts.lights import light_icon
from venturalitica.reports.sections.sign_off import REJECTED, decision
from venturalitica.reports.words import LIGHT_WORDS


def warnings(context: ReportContext) -> Markup | None:
    """The warnings, the worst first."""
    said = [sentence for sentence in _sentences(context) if sentence]
    return join(_warning(sentence) for sentence in said) if said else None


def _sentences(context: ReportContext) -> Iterator[str]:
    yield rejection_sentence(context)
    yield doubt_sentence(context)
    if context.training_rows:
        yield (
            "The rows judged include rows that the model was trained on. A model looks better on "
            "those than it is: audit held-out rows before relying on these numbers."
        )
    if context.doubtful:
        yield (
            f"The record claims the light {context.recorded_light!r}, which its verdicts do not "
            f"bear out; {LIGHT_WORDS[context.light].lower()} is shown."
        )
    if context.policy is not None and context.policy.intact is False:
        yield "The policy's bytes in this record do not match the digest recorded with them."
    yield waiting_sentence(context)


def fault_sentence(context: ReportContext) -> str:
    """That the record does not verify; the page's first sentence where that is so."""
    found = "This record does not verify, so nothing in it is proven."
    return found if fault_words(context) else ""


def fault_words(context: ReportContext) -> str:
    """Which step of its verification failed, and how."""
    fault = context.standing.fault if context.standing else None
    return "" if fault is None else f"{fault.name}: {fault.detail}"


def doubt_sentence(context: ReportContext) -> str:
    """Why the light is amber at best though the record verifies."""
    return context.standing.doubt if context.standing else ""


def rejection_sentence(context: ReportContext) -> str:
    """That the last person who signed off rejected it; whose name may be erased is not in it."""
    last = context.approvals[-1] if context.approvals else {}
    if decision(last) != REJECTED:
        return ""
    when = text(last.get("decided_at"))[:10]
    return f"The last sign-off rejected this record ({text(last.get('role'))}, {when})."


def waiting_sentence(context: ReportContext) -> str:
    """That a tracker has not confirmed it."""
    if context.delivered is not False:
        return ""
    standing = context.standing
    if standing and standing.kept and standing.kept == len(standing.waiting):
        return "This evidence is kept with a run that was offline: it is not uploaded."
    waits = "This evidence still waits for its tracker."
    if fault_words(context):
        return waits
    return f"{waits} It is safe in the local log; `venturalitica sync` delivers it."


def _warning(sentence: str) -> Markup:
    amber: Light = "amber"
    return tag("p", light_icon(amber), tag("span", prose(sentence)), cls="vl-warning", role="note")
