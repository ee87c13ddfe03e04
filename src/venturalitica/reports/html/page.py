"""The HTML report: one self-contained file made from a statement alone.

It loads nothing and runs nothing: its content security policy allows its own style sheet only.
The same parts draw the verdicts in a notebook (`render_audit_fragment`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from venturalitica.core.verdict import Light, Verdict, worst_light
from venturalitica.reports.context import ReportContext, read_statement
from venturalitica.reports.html.cards import verdict_table
from venturalitica.reports.html.evidence import audits_inside, evidence
from venturalitica.reports.html.markup import escape, join, link, tag
from venturalitica.reports.html.parts import light_word
from venturalitica.reports.html.provenance import provenance
from venturalitica.reports.html.summary import answer, controls, sign_off
from venturalitica.reports.html.theme import fragment_style, page_policy, page_style
from venturalitica.reports.sentences import summary_sentence


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
    body = tag("body", tag("main", *_sections(context), cls="vl-sheet"), cls="vl")
    return f'<!DOCTYPE html>\n<html lang="en">{_head(context)}{body}</html>\n'


def render_audit_fragment(
    verdicts: Sequence[Verdict],
    *,
    policy_name: str = "",
    policy_version: str = "",
    light: Light | None = None,
    links: Sequence[str] = (),
    training_rows: bool | None = None,
    first: str = "",
) -> str:
    """Verdicts for a notebook: a scoped style sheet and a table, no script.

    `light` is the audit's own (which knows about delivery); without it, the worst of the verdicts.
    It is never shown better than the verdicts bear out. `first` is said before the summary.
    """
    found: list[Light] = [verdict.light for verdict in verdicts]
    shown = worst_light([*found, *([light] if light else [])]) if verdicts else "grey"
    inner = tag(
        "div",
        tag(
            "p",
            light_word(shown),
            tag("b", tag("bdi", f"{policy_name} {policy_version}".strip() or "Audit")),
            tag("span", f"{first} {summary_sentence(verdicts)}".strip()),
            cls="vl-line",
        ),
        tag("p", _TRAINING, cls="vl-why") if training_rows else None,
        verdict_table(verdicts, reasons=True) if verdicts else None,
        tag("p", join(_spaced(links)), cls="vl-why") if links else None,
        cls="vl-inner",
    )
    return tag("div", tag("style", Markup(fragment_style())), inner, cls="vl vl-fragment")


_TRAINING = (
    "These are rows that the model was trained on: audit held-out rows before relying on it."
)


def _spaced(links: Sequence[str]) -> list[object]:
    return [part for url in links for part in (link(url), " ")]


def _sections(context: ReportContext) -> list[Markup | None]:
    return [
        answer(context),
        audits_inside(context),
        controls(context),
        sign_off(context),
        provenance(context),
        evidence(context),
        _foot(context),
    ]


def _foot(context: ReportContext) -> Markup:
    return tag(
        "footer",
        f"Made by venturalitica {context.package or ''}".rstrip()
        + ". It answers for the rules of this policy on these rows, and for no more.",
        cls="vl-foot",
    )


def _head(context: ReportContext) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        Markup(f'<meta http-equiv="Content-Security-Policy" content="{escape(page_policy())}"/>'),
        tag("meta", name_="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name_="referrer", content="no-referrer"),
        tag("meta", name_="color-scheme", content="light dark"),
        tag("title", _title(context)),
        tag("style", Markup(page_style())),
    )


def _title(context: ReportContext) -> str:
    subject = context.policy.name if context.policy else str(context.run.get("name") or "run")
    kind = "audit" if context.kind == "audit" else "run"
    return f"{context.light.capitalize()}: {subject}, {kind} report"
