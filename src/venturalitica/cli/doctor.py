"""`venturalitica doctor`: find out what is missing or broken, and say the exact fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import asdict

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    emit_json,
    leave,
    new_app,
    progress,
    say,
    styled,
)
from venturalitica.cli.terminal import signs_of_stdout

if TYPE_CHECKING:
    from venturalitica.review.health.evidence import Finding

app = new_app()

_STYLES = {"ok": "green", "note": "", "broken": "bold red"}


@app.command()
def doctor(as_json: JsonOption = False) -> None:
    """Find out what is missing or broken, and the fix.

    Looks at Python and packages, evidence, signing key, policy and trackers. Asks a tracker's
    server only whether it answers, for two seconds at most. Exit status 1 if something is broken.

    \b
    Example:
      venturalitica doctor
    """
    from venturalitica.review.health.checks import examine

    with progress("examining"):
        findings = examine()
    broken = any(finding.state == "broken" for finding in findings)
    if as_json:
        emit_json({"ok": not broken, "findings": [asdict(finding) for finding in findings]})
    else:
        _show(findings)
    leave(FAILED if broken else PASSED)


def _show(findings: list[Finding]) -> None:
    signs = signs_of_stdout()
    marks = {"ok": signs.passed, "note": signs.missing, "broken": signs.failed}
    column = max(len(finding.subject) for finding in findings)
    for area in dict.fromkeys(finding.area for finding in findings):
        say(area, style="bold")
        for finding in findings:
            if finding.area != area:
                continue
            style = _STYLES[finding.state]
            styled(
                (f"  {marks[finding.state]} {finding.subject:<{column}}  ", style),
                (finding.text, ""),
            )
            if finding.fix:
                styled((f"    {'':<{column}}  fix: {finding.fix}", style))
        say()
    broken = sum(finding.state == "broken" for finding in findings)
    if broken:
        things = "thing is" if broken == 1 else "things are"
        styled((f"{broken} {things} broken", "bold red"), ("; each line above has its fix", ""))
    else:
        styled(("Nothing is broken.", "green"))
