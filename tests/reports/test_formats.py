"""The formats of other tools, each read back by its schema or by a library's parser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from msgspec.structs import replace

from venturalitica.core.verdict import Interval, Verdict
from venturalitica.core.verification import Step
from venturalitica.errors import PolicyError, Problem, SettingsError
from venturalitica.reports.formats.findings import (
    Finding,
    Findings,
    left_out,
    of_error,
    of_steps,
    of_verdict,
    plain,
)
from venturalitica.reports.formats.github import MOST_OF_A_KIND, github
from venturalitica.reports.formats.gitlab import gitlab
from venturalitica.reports.formats.html import findings_page
from venturalitica.reports.formats.junit import junit
from venturalitica.reports.formats.markdown import findings_markdown
from venturalitica.reports.formats.sarif import sarif

SCHEMA = Path(__file__).parents[1] / "data" / "sarif-2.1.0" / "sarif-schema-2.1.0.json"
HOSTILE = "x\x00\x1b[2J\r\n::error::owned\u202e]]></failure>&%0A,:\ud800|<script>`@bob"

GITLAB = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["description", "check_name", "fingerprint", "severity", "location"],
        "properties": {
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "location": {
                "required": ["path", "lines"],
                "properties": {"lines": {"properties": {"begin": {"type": "integer"}}}},
            },
        },
    },
}
"""What GitLab's page on code quality asks of a report."""


def verdict(control: str, status: Any, **more: Any) -> Verdict:
    return Verdict(
        control=control, status=status, reason=more.pop("reason", f"why {control}"), **more
    )


def found(*items: Finding, subject: str = "loans 1") -> Findings:
    return Findings(command="check", subject=subject, light="red", sentence="Said.", items=items)


@pytest.fixture
def each() -> Findings:
    """One finding of each kind."""
    measured: dict[str, Any] = {
        "metric": "accuracy",
        "must": ">= 0.70",
        "operator": ">=",
        "threshold": 0.7,
        "value": 0.69996,
        "interval": Interval(0.68, 0.72),
        "n": 1000,
    }
    verdicts = (
        verdict("good", "passed", conclusive=True, line=6, **(measured | {"value": 0.9})),
        verdict("near", "passed", line=7, **(measured | {"value": 0.71})),
        verdict("bad", "failed", line=9, remedy="Look again.", **measured),
        verdict("stop", "failed", line=12, on_fail="block", **measured),
        verdict("unknown", "not_evaluated", line=15),
        verdict("broken", "error", line=18),
    )
    items = [of_verdict(one, file="rules/my policy.yaml") for one in verdicts]
    other = left_out("later", why="not asked for", file="rules/my policy.yaml", line=21)
    return found(*items, other)


def schema() -> Any:
    return jsonschema_rs.validator_for(json.loads(SCHEMA.read_bytes()))


def test_junit_never_shows_the_unmeasured_as_green_or_skipped(each: Findings) -> None:
    document = JUnitXml.fromstring(junit(each).encode())
    (suite,) = document
    kinds = {case.name: [type(result) for result in case.result] for case in suite}
    assert kinds == {
        "good": [],
        "near": [],
        "bad": [Failure],
        "stop": [Failure],
        "unknown": [Error],
        "broken": [Error],
        "later": [Skipped],
    }
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (7, 2, 2, 1)
    cases = {case.name: case for case in suite}
    assert cases["bad"].result[0].message == "why bad"
    assert "value 0.69996, rows 1,000" in cases["bad"].result[0].text
    assert "remedy: Look again." in cases["bad"].result[0].text
    assert cases["near"].system_out.startswith("Passed, not conclusive: ")
    assert 'file="rules/my policy.yaml" line="9"' in junit(each)


def test_sarif_is_valid_and_points_at_the_control(each: Findings) -> None:
    log = json.loads(sarif(each))
    schema().validate(log)
    (run,) = log["runs"]
    results = {one["ruleId"]: one for one in run["results"]}
    assert {name: one["level"] for name, one in results.items()} == {
        "bad": "error",
        "stop": "error",
        "unknown": "warning",
        "broken": "error",
    }
    place = results["bad"]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "rules/my%20policy.yaml"
    assert place["region"]["startLine"] == 9
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [one["associatedRule"]["id"] for one in notes] == ["good", "near", "later"]
    rules = run["tool"]["driver"]["rules"]
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]


def test_fingerprints_survive_lines_that_move_and_tell_findings_apart(each: Findings) -> None:
    moved = replace(each, items=tuple(replace(one, line=one.line + 40) for one in each.items))
    assert each.fingerprints() == moved.fingerprints()
    assert len(set(each.fingerprints())) == len(each.items)
    twice = found(each.items[2], each.items[2])
    assert len(set(twice.fingerprints())) == 2
    first, second = (json.loads(sarif(one))["runs"][0]["results"] for one in (each, moved))
    for here, there in zip(first, second, strict=True):
        assert here["partialFingerprints"] == there["partialFingerprints"]


def unescaped(text: str) -> str:
    for sign, code in ((":", "%3A"), (",", "%2C"), ("\r", "%0D"), ("\n", "%0A"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


COMMAND = re.compile(
    r"::(error|warning|notice) (?:file=([^,:]+),)?(?:line=(\d+),)?title=([^,:]+)::(.*)"
)


def commands(text: str) -> list[tuple[str, ...]]:
    """As the runner of GitHub Actions takes each line apart."""
    matches = [COMMAND.fullmatch(line) for line in text.splitlines()]
    assert all(matches), text
    return [tuple(map(unescaped, match.groups(""))) for match in matches if match]


def test_github_has_an_annotation_at_the_line_of_each_control(each: Findings) -> None:
    given = commands(github(each))
    assert [(kind, title) for kind, _, _, title, _ in given] == [
        ("error", "bad: Failed"),
        ("error", "stop: Failed"),
        ("error", "broken: Error"),
        ("warning", "unknown: Not evaluated"),
        ("notice", "later: Left out"),
        ("notice", "good: Passed"),
        ("notice", "near: Passed, not conclusive"),
    ]
    assert given[0][1:3] == ("rules/my policy.yaml", "9")
    assert given[0][4].splitlines()[0] == "why bad"


@pytest.mark.parametrize("count", [1, MOST_OF_A_KIND, MOST_OF_A_KIND + 1, 37])
def test_github_shows_at_most_ten_of_a_kind_and_names_the_rest(count: int) -> None:
    failed = [of_verdict(verdict(f"c{n}", "failed"), file="p.yaml") for n in range(count)]
    passed = [of_verdict(verdict(f"p{n}", "passed", value=1.0), file="") for n in range(count)]
    given = commands(github(found(*failed, *passed)))
    for kind, letter in (("error", "c"), ("notice", "p")):
        ones = [one for one in given if one[0] == kind]
        assert len(ones) == min(count, MOST_OF_A_KIND)
        if count > MOST_OF_A_KIND:
            assert ones[-1][3] == f"{count - 9} more"
            assert ones[-1][4].startswith(f"{letter}9, {letter}10")


def test_gitlab_lists_what_is_unmet(each: Findings) -> None:
    issues = json.loads(gitlab(each))
    jsonschema_rs.validator_for(GITLAB).validate(issues)
    assert [(one["check_name"], one["severity"]) for one in issues] == [
        ("venturalitica-check-bad", "major"),
        ("venturalitica-check-stop", "blocker"),
        ("venturalitica-check-unknown", "minor"),
        ("venturalitica-check-broken", "major"),
    ]
    assert issues[0]["location"] == {"path": "rules/my policy.yaml", "lines": {"begin": 9}}
    assert json.loads(gitlab(found(each.items[0]))) == []


class Cells(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.heads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags[-1:] == ["th"]:
            self.heads.append(data)


def test_markdown_and_page_show_passes_too(each: Findings) -> None:
    page = Cells()
    page.feed(findings_page(each))
    for one in each.items:
        row = [line for line in findings_markdown(each).splitlines() if f"| {one.name} |" in line]
        assert len(row) == 1, one.name
        assert one.words in row[0]
        assert one.message in page.text
    assert "script" not in page.tags
    assert [head for head in page.heads if head.strip()][:3] == [
        "Finding",
        "Result",
        "What was found",
    ]


MAKERS = [junit, sarif, github, gitlab, findings_markdown, findings_page]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_no_text_breaks_a_format_or_brings_a_secret(make: Any) -> None:
    secret = "https://me:hunter2@host/x?token=hunter2"
    said = f"{HOSTILE} {secret}"
    naughty = verdict(said, "failed", reason=said, title=said, remedy=said, notes=(said,), line=3)
    one = of_verdict(naughty, file=said)
    text = make(replace(found(one), subject=plain(said), sentence=plain(said)))
    assert "hunter2" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    text.encode()
    if make is junit:
        (suite,) = JUnitXml.fromstring(text.encode())
        assert [type(result) for case in suite for result in case.result] == [Failure]
    elif make is sarif:
        schema().validate(json.loads(text))
    elif make is github:
        assert len(commands(text)) == 1
    elif make is gitlab:
        jsonschema_rs.validator_for(GITLAB).validate(json.loads(text))
    elif make is findings_page:
        page = Cells()
        page.feed(text)
        assert "script" not in page.tags
    else:
        assert "<script" not in text
        assert len([line for line in text.splitlines() if "Failed" in line]) == 1


def test_a_step_that_was_not_made_is_skipped_and_unmet_where_it_was_asked_for() -> None:
    steps = [
        Step("signatures", True, "5"),
        Step("witnesses", None, "none"),
        Step("tree", False, "x"),
    ]
    plainly = of_steps(steps, file="")
    assert [one.outcome for one in plainly] == ["passed", "skipped", "failed"]
    asked = of_steps(steps, file="", asked="witnesses")
    assert [one.outcome for one in asked] == ["passed", "not_evaluated", "failed"]
    assert [one.outcome for one in of_steps([], file="")] == ["not_evaluated"]


def test_an_error_is_a_finding_and_a_policy_has_one_for_each_problem() -> None:
    problems = [Problem("p.yaml", 3, "a"), Problem("/home/ada/other.yaml", 9, "b")]
    here = of_error(PolicyError(problems), name="check", file="rules/p.yaml")
    assert [(one.file, one.line, one.message) for one in here] == [
        ("rules/p.yaml", 3, "a"),
        ("other.yaml", 9, "b"),
    ]
    (ours,) = of_error(SettingsError("no such thing"), name="check")
    assert (ours.outcome, ours.message) == ("error", "no such thing")
    (foreign,) = of_error(ValueError("row 7: Ada Lovelace"), name="check")
    assert "Ada" not in foreign.message
