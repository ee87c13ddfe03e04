"""SARIF 2.1.0 (OASIS): one run, a rule for each finding, a result for each that is unmet.

What passed or was left out is a notification of the invocation, by its rule: GitHub's code scanning
takes every result for an alert, whatever its `kind` says, and would show passes as problems.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from venturalitica._version import __version__
from venturalitica.reports.formats.findings import Finding, Findings

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
FINGERPRINT = "venturaliticaFinding/v1"
GITHUB_FINGERPRINT = "primaryLocationLineHash"
"""The one that code scanning matches alerts by; where it is absent, it is made of the lines around,
and an alert is closed and opened again when these change."""


def sarif(found: Findings) -> str:
    """The log file, to be stored as UTF-8."""
    rules: dict[str, dict[str, Any]] = {}
    for one in found.items:
        rules.setdefault(one.name, _rule(one))
    places = {name: place for place, name in enumerate(rules)}
    each = list(zip(found.items, found.fingerprints(), strict=True))
    unmet = [_result(one, places[one.name], digest) for one, digest in each if one.unmet]
    others = [_notification(one, places[one.name]) for one in found.items if not one.unmet]
    run = {
        "tool": {
            "driver": {"name": "venturalitica", "version": __version__, "rules": [*rules.values()]}
        },
        # What a later upload replaces: with a version in it, old alerts would stay open for ever.
        "automationDetails": {"id": f"venturalitica/{found.command}/{found.group or '-'}/"},
        "invocations": [
            # Whether the command could do its work, not whether all passed.
            {"executionSuccessful": found.complete, "toolExecutionNotifications": others}
        ],
        "columnKind": "unicodeCodePoints",
        "results": unmet,
        "properties": {
            "light": found.light,
            "sentence": found.sentence,
            **dict(found.properties),
        },
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=True) + "\n"


def _rule(one: Finding) -> dict[str, Any]:
    said = one.title or one.rule or one.name
    full = {"fullDescription": {"text": one.rule}} if one.rule else {}
    return {"id": one.name, "shortDescription": {"text": said}, **full}


def _result(one: Finding, place: int, fingerprint: str) -> dict[str, Any]:
    return {
        "ruleId": one.name,
        "ruleIndex": place,
        "kind": "fail",
        "level": "error" if one.light == "red" else "warning",
        "message": _message(one),
        "locations": _locations(one),
        "partialFingerprints": {
            FINGERPRINT: fingerprint,
            GITHUB_FINGERPRINT: f"{fingerprint[:16]}:1",
        },
        "properties": {"outcome": one.outcome, "light": one.light},
    }


def _notification(one: Finding, place: int) -> dict[str, Any]:
    return {
        "associatedRule": {"id": one.name, "index": place},
        "level": "note",
        "message": _message(one),
        "locations": _locations(one),
        "properties": {"outcome": one.outcome, "light": one.light},
    }


def _message(one: Finding) -> dict[str, str]:
    first = f"{one.words}: {one.message}" if one.words else one.message
    return {"text": "\n".join((first, *one.details))}


def _locations(one: Finding) -> list[dict[str, Any]]:
    if not one.file:
        return []
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(one.file), "uriBaseId": "%SRCROOT%"},
    }
    if one.line:
        place["region"] = {"startLine": one.line}
    return [{"physicalLocation": place}]
