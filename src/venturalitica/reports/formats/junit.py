"""JUnit XML, by `junitparser`: one test case for each finding.

A control that was not evaluated is an `<error>`, never `<skipped>`: to every CI a skipped test is
green. Passes carry their sentence in `<system-out>`.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

from venturalitica.errors import MissingExtra
from venturalitica.reports.formats.findings import Finding, Findings


def library() -> ModuleType:
    """`junitparser`.

    Raises:
        MissingExtra: it is not installed; the message is the line that installs it.
    """
    try:
        import junitparser
    except ImportError:
        raise MissingExtra("junitparser", "ci") from None
    return junitparser


def junit(found: Findings) -> str:
    """The document, one suite in it, to be stored as UTF-8."""
    junitparser = library()
    suite = junitparser.TestSuite(found.subject)
    said = (("light", found.light), ("sentence", found.sentence))
    for name, value in (*said, *found.properties):
        suite.add_property(name, value)
    for one in found.items:
        suite.add_testcase(_case(junitparser, one, f"venturalitica.{found.command}"))
    document = junitparser.JUnitXml("venturalitica")
    document.add_testsuite(suite)
    document.update_statistics()
    text: bytes = document.tostring()
    return text.decode()


def _case(junitparser: Any, one: Finding, classname: str) -> Any:
    class Case(junitparser.TestCase):  # type: ignore[misc]
        """With two attributes that are in no schema: GitLab, Jenkins and pytest have them."""

        file = junitparser.Attr()
        line = junitparser.Attr()

    case = Case(one.name, classname)
    if one.file:
        case.file = one.file
        case.line = str(one.line) if one.line else None
    text = "\n".join(filter(None, (one.title, one.rule, one.message, *one.details)))
    if one.outcome == "passed":
        case.system_out = f"{one.words}: {text}" if one.words else text
        return case
    kind = {"failed": "Failure", "skipped": "Skipped"}.get(one.outcome, "Error")
    result = getattr(junitparser, kind)(one.message, one.outcome)
    result.text = text
    case.result = [result]
    return case
