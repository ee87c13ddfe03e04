"""Findings, or a verification, as one self-contained page in the colours of the report."""

from __future__ import annotations

from markupsafe import Markup

from venturalitica.core.verdict import About
from venturalitica.reports.context import ReportContext
from venturalitica.reports.formats.findings import Findings
from venturalitica.reports.html.parts import digest
from venturalitica.reports.html.templating import environment
from venturalitica.reports.html.theme import footer, page_policy, page_style
from venturalitica.reports.verified import Apart

MOST_RECORDS = 200
"""Of more records than this a page about a verification lists the first, and counts the rest."""


def findings_page(found: Findings) -> str:
    """The document, to be stored as UTF-8; it loads nothing and runs nothing."""
    page = (
        environment()
        .get_template("findings.html")
        .render(
            found=found,
            title=f"{found.light.capitalize()}: venturalitica {found.command}, {found.subject}",
            style=Markup(page_style()),
            page_policy=page_policy(),
        )
    )
    return f"{page}\n"


def verification_page(
    found: Findings,
    both: Apart,
    *,
    about: About | None,
    report: ReportContext | None = None,
    signer: str = "",
) -> str:
    """The document: record and evidence apart, the steps, and the record as a report.

    Args:
        about: what the evidence says, for a log or several bundles.
        report: the one record that was verified, if it was one; `signer` is the id of its key.
    """
    below = footer(report.evidence_sha256) if report else ""
    light = both.record.light if both.record else both.evidence.light
    page = (
        environment()
        .get_template("verification.html")
        .render(
            found=found,
            both=both,
            about=about,
            report=report,
            signer=signer,
            keys=[("Signed by key", digest(key)) for key in about.signers] if about else [],
            most=MOST_RECORDS,
            title=f"{both.evidence.words}, {light}: {found.subject}",
            style=Markup(page_style()),
            footer=Markup(below),
            page_policy=page_policy(*([below] if below else [])),
        )
    )
    return f"{page}\n"
