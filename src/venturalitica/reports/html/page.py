"""The HTML report: one self-contained file made from a statement alone.

It loads nothing and runs nothing: its content security policy allows its own style sheet only.
The same templates draw what a notebook shows (`notebook`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from venturalitica.reports.context import ReportContext, read_statement
from venturalitica.reports.html.templating import environment
from venturalitica.reports.html.theme import footer, page_policy, page_style


def render_report(
    statement: Mapping[str, Any],
    *,
    evidence_sha256: str = "",
    delivered: bool | None = None,
    approvals: Sequence[Mapping[str, Any]] = (),
) -> str:
    """One HTML document about an audit or a monitored run.

    Args:
        statement: the in-toto statement as recorded (kind "audit" or "run").
        evidence_sha256: digest of the signed envelope, 64 hexadecimal digits, if known.
        delivered: False if the evidence is known to wait for its tracker (the light is then at
            best amber); None if that is not known.
        approvals: the sign-offs of this record, as `Approval.told` gives them.

    Returns:
        The document, to be stored as UTF-8.

    Raises:
        EvidenceError: it is another kind of statement, or a format newer than this version knows.
    """
    return draw_page(
        read_statement(
            statement, evidence_sha256=evidence_sha256, delivered=delivered, approvals=approvals
        )
    )


def draw_page(context: ReportContext) -> str:
    """The document of what was read already."""
    subject = context.policy.name if context.policy else context.run.name or "run"
    below = footer(context.evidence_sha256)
    page = (
        environment()
        .get_template("report.html")
        .render(
            context=context,
            title=f"{context.light.capitalize()}: {subject}, {context.kind} report",
            style=Markup(page_style()),
            footer=Markup(below),
            page_policy=page_policy(*([below] if below else [])),
        )
    )
    return f"{page}\n"
