"""A verification as findings: its steps, and what the evidence is of."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica.cli.formats.repository import in_repository
from venturalitica.cli.formats.write import Told
from venturalitica.core.verdict import About, Light, worst_light
from venturalitica.core.verification import Verification
from venturalitica.ledger.verify.about import genuine_words, lights_words
from venturalitica.reports.formats.findings import (
    Finding,
    Findings,
    made,
    nothing_judged,
    of_steps,
    plain,
)

if TYPE_CHECKING:
    from venturalitica.reports.verified import Apart


def told(
    found: Verification, *, facts: dict[str, Any], table: Callable[[], None], witnesses: bool
) -> Told:
    """All that can be written of a verification."""
    listed = findings(found, witnesses=witnesses)
    return Told(findings=listed, facts=facts, table=table, page=partial(_page, found, listed))


def _page(found: Verification, listed: Findings) -> str:
    """One bundle with its report, several records with a line for each."""
    from venturalitica.reports.formats.html import verification_page
    from venturalitica.reports.verified import of_report
    from venturalitica.review.record_page import bundle_page

    file = Path(found.source)
    one = None
    if file.is_file():
        with contextlib.suppress(OSError):
            one = bundle_page(file.read_bytes(), found, own=False)
    if one is None:
        return verification_page(listed, _apart(found), about=found.about)
    both = of_report(found, one.report)
    return verification_page(listed, both, about=found.about, report=one.report, signer=one.signer)


def _apart(found: Verification) -> Apart:
    """The lights that several records hold, in the colour of the worst of them."""
    from venturalitica.reports.verified import NOT_PROVEN, Apart, Said, soundness

    evidence = soundness(found)
    if found.about is None or not found.about.worst:
        return Apart(None, evidence)
    words = lights_words(found.about) if found.about.lights else ""
    if found.about.taken is not None:
        taken = f"taken in: {lights_words(found.about.taken)}"
        words = f"{words}; {taken}" if words else taken
    if not found.ok:
        return Apart(Said("grey", f"It says {words}", NOT_PROVEN), evidence)
    return Apart(Said(_light(found), words), evidence)


def findings(found: Verification, *, witnesses: bool) -> Findings:
    """One for each step. `witnesses`: they were asked for, so that none to ask is no pass."""
    file = in_repository(found.source) if Path(found.source).exists() else ""
    items = of_steps(found.steps, file=file, asked="witnesses" if witnesses else "")
    if found.steps and all(step.ok is None for step in found.steps):
        items.append(nothing_judged("No step could be made."))
    if found.ok and found.about is not None:
        items.append(_genuine(found.about, _light(found)))
    compared = any(step.name == "witnesses" for step in found.steps)
    if witnesses and not compared:
        items.append(nothing_judged("There was no witness to compare with."))
    return Findings(
        command="verify",
        subject=plain(file or Path(found.source).name),
        light=_light(found),
        sentence=plain(_sentence(found)),
        items=tuple(items),
        group=plain(file),
    )


def _genuine(about: About, light: Light) -> Finding:
    """What verified, and which light it records: genuine evidence of a failure is no good news."""
    return made(
        Finding(
            name="about",
            outcome="passed",
            light=light,
            words="Genuine",
            message=genuine_words(about),
        )
    )


def _sentence(found: Verification) -> str:
    if (fault := found.fault) is not None:
        place = f" (entry {fault.index})" if fault.index is not None else ""
        return f"NOT VERIFIED: {fault.name}{place}: {fault.detail}"
    if not found.ok:
        return "NOT VERIFIED: no step could be made"
    unchecked = sum(step.ok is None for step in found.steps)
    rest = f"; {unchecked} could not be checked" if unchecked else ""
    genuine = f"; {genuine_words(found.about)}" if found.about else ""
    return f"VERIFIED: every step that could be made held{rest}{genuine}"


def _light(found: Verification) -> Light:
    """Of what is genuine the worst light that it records."""
    if not found.ok:
        return "red"
    recorded: Any = found.about.worst if found.about else ""
    return worst_light([recorded or "green"])
