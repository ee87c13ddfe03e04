"""The findings as one self-contained page, in the colours of the report."""

from __future__ import annotations

from markupsafe import Markup

from venturalitica.reports.formats.findings import Findings
from venturalitica.reports.html.templating import environment
from venturalitica.reports.html.theme import page_policy, page_style


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
