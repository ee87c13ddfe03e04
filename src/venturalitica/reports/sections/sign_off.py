"""Who signed the record off: decision, role, person, date, as records of their own say."""

from __future__ import annotations

from venturalitica.reports.context import Json, ReportContext, integer, text
from venturalitica.reports.markup import Markup, join, tag
from venturalitica.reports.parts.facts import digest, facts
from venturalitica.reports.parts.moments import moment

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
