"""Top of the report: can this ship, for what, by which rules, and what to beware of."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from markupsafe import Markup

from venturalitica.core.verdict import Light, Verdict
from venturalitica.reports.context import Json, ReportContext, integer, text
from venturalitica.reports.html.cards import verdict_card, verdict_table
from venturalitica.reports.html.markup import join, prose, tag
from venturalitica.reports.html.parts import (
    digest,
    facts,
    light_icon,
    light_word,
    moment,
    moment_words,
)
from venturalitica.reports.sentences import (
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


_SEVERITY = {"failed": 0, "error": 1, "not_evaluated": 2, "passed": 4}


def controls(
    context: ReportContext, *, source: Callable[[int], str] | None = None
) -> Markup | None:
    """Both lists; None where nothing was judged.

    `source` gives the address of a line of the policy, where there is a page of it.
    """
    if not context.verdicts:
        return None
    ordered = worst_first(context.verdicts)
    anchors = {id(verdict): f"control-{at}" for at, verdict in enumerate(ordered, 1)}
    summary = verdict_table(ordered, anchors=[anchors[id(verdict)] for verdict in ordered])

    def card(verdict: Verdict) -> Markup:
        place = source(verdict.line) if source and verdict.line else ""
        return verdict_card(verdict, anchor=anchors[id(verdict)], source=place)

    return join(
        (
            tag("h2", "Controls at a glance"),
            tag("div", summary, cls="vl-box"),
            tag("h2", "What was found"),
            *(
                join((tag("h3", heading), *(card(verdict) for verdict in found)))
                for heading, found in by_article(ordered)
            ),
        )
    )


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Failed, in error, not evaluated, inconclusive, passed; policy order within each."""
    return sorted(verdicts, key=_severity)


def by_article(ordered: Sequence[Verdict]) -> list[tuple[str, list[Verdict]]]:
    """Verdicts under the headings of their articles.

    Articles follow the worst verdict they hold, so that the first card is the worst of all, then
    their number; controls without an article come last among equals.
    """
    groups: dict[str, list[Verdict]] = {}
    for verdict in ordered:
        groups.setdefault((verdict.article or "").strip(), []).append(verdict)
    names = sorted(groups, key=lambda name: (_severity(groups[name][0]), _article_order(name)))
    return [(article_words(name), groups[name]) for name in names]


def article_words(article: str) -> str:
    """`10(2)(f)` reads `Article 10(2)(f)`; anything that names its law already stays as it is."""
    if not article:
        return "No article named"
    return f"Article {article}" if article[0].isdigit() else article


def _severity(verdict: Verdict) -> int:
    if verdict.status == "passed" and not verdict.conclusive:
        return 3
    return _SEVERITY.get(verdict.status, 1)


def _article_order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    parts = re.findall(r"\d+|\D+", name[:100])
    return (not name, [(int(part), "") if part.isdecimal() else (0, part) for part in parts])


ABSENT = "not shown here"
"""A name or comment that the maker of the page was not given, and of which no erasure is known."""

APPROVED, REJECTED = "Approved", "Rejected"
NOT_VERIFIED, NOT_READABLE = "Not verified", "Not readable"


def sign_off(context: ReportContext) -> Markup | None:
    """The sign-offs, oldest first; nothing where the page was given none and cannot know."""
    if not context.approvals and context.standing is None:
        return None
    told = [_told(approval) for approval in context.approvals]
    return join(
        (
            tag("h2", "Sign-off"),
            tag(
                "section",
                *(told or [tag("p", "Nobody has signed this record off.")]),
                tag("p", _WORTH, cls="vl-prose vl-muted") if told else None,
                cls="vl-box",
            ),
        )
    )


_WORTH = (
    "Each sign-off is a signed record of its own in the evidence log. A key shows that its holder "
    "signed; whose key it is has to be known another way."
)


def _told(approval: Json) -> Markup:
    entry = integer(approval.get("entry"))
    return tag(
        "article",
        tag(
            "p",
            tag("b", decision(approval)),
            " by ",
            tag("bdi", person(approval)),
            ", ",
            tag("bdi", text(approval.get("role"))),
        ),
        tag("blockquote", comment(approval), dir="auto") if approval.get("commented") else None,
        facts(
            [
                ("Date", moment(approval.get("decided_at"))),
                ("Light then", text(approval.get("light")).capitalize()),
                ("Entry", f"{entry}" if entry is not None else ""),
                ("Signing key", digest(approval.get("keyid"))),
            ]
        ),
        cls="vl-signed",
    )


def decision(approval: Json) -> str:
    """`Approved` or `Rejected`; what does not verify, or is neither, is no decision."""
    if approval.get("verified") is False:
        return NOT_VERIFIED
    known = {"approved": APPROVED, "rejected": REJECTED}
    return known.get(text(approval.get("decision")), NOT_READABLE)


def person(approval: Json) -> str:
    """The name, or why there is none."""
    return text(approval.get("person")) or _absent(approval)


def comment(approval: Json) -> str:
    """The comment, or why there is none; a dash where none was made."""
    found = text(approval.get("comment"))
    return found or (_absent(approval) if approval.get("commented") else "–")


def _absent(approval: Json) -> str:
    day = text(approval.get("erased_on"))
    return f"(erased on {day})" if day else ABSENT


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
