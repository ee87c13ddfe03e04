"""The published JSON Schema is the models', refuses what it can, and accepts what is right."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from ruamel.yaml import YAML

from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy.schema import ControlForm, PolicyForm, RoleForm, json_schema, keys_of

PUBLISHED = resources.files("venturalitica.policy") / "model_policy.schema.json"
SOURCE = Path(str(PUBLISHED))


def _plain(text: str) -> Any:
    return json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


def test_the_published_schema_is_generated(golden: Callable[[Path, str], None]) -> None:
    golden(SOURCE, json.dumps(json_schema(), indent=2) + "\n")


def test_it_is_a_schema_of_the_draft_it_names() -> None:
    schema = json.loads(SOURCE.read_text())
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema_rs.Draft202012Validator(schema)
    jsonschema_rs.meta.validate(schema)


def test_right_policies_are_valid(good: str) -> None:
    validator = jsonschema_rs.Draft202012Validator(json_schema())
    validator.validate(_plain(good))
    validator.validate(_plain(good.replace("gender", "género")))
    validator.validate(
        _plain(good.replace("  age: {bins: [25, 60], column: Attribute13}", "  age:"))
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("title: Credit", "titel: Credit"),
        ('version: "1.2"', "version: 1.2"),
        ("metric: accuracy", "metric: acuracy"),
        ('must: ">= 0.70"', 'must: ">= 70%"'),
        ('must: ">= 0.70"', 'must: "=> 0.7"'),
        ('must: ">= 0.70"', "must: 0.7"),
        ('must: ">= 0.70"', 'must: "<= inf"'),
        ("on_fail: block", "on_fail: blok"),
        ("compare: difference", "compare: diff"),
        ("nulls: drop", "nulls: ignore"),
        ("phase: model", "phase: train"),
        ("min_support: 30", "min_support: 0"),
        ("min_support: 30", "min_support: '30'"),
        ("groups: [female, male]", "groups: [female]"),
        ("groups: [female, male]", "groups: [male, male]"),
        ("bins: [25, 60]", "bins: []"),
        ("bins: [25, 60]", "bins: [a]"),
        ("bins: [25, 60]", "bins: [25], map: {a: b}"),
        ("A91: male", "A91: 1"),
        ("across: [gender, age]", "across: []"),
        ("across: [gender, age]", "across: [gender, gender]"),
        ("across: [gender, age]", "across: [gender, model]"),
        ("across: [gender, age]", "across: [age group]"),
        ("    across: [gender, age]\n", ""),
        ("roles:", "rolls:"),
        ("  - id: accuracy\n", "  - id: ''\n"),
    ],
)
def test_wrong_policies_are_not(good: str, before: str, after: str) -> None:
    assert before in good
    validator = jsonschema_rs.Draft202012Validator(json_schema())
    assert not validator.is_valid(_plain(good.replace(before, after, 1)))


def test_without_controls_it_is_not_valid() -> None:
    validator = jsonschema_rs.Draft202012Validator(json_schema())
    assert not validator.is_valid({"policy": "a", "version": "1"})
    assert not validator.is_valid({"policy": "a", "version": "1", "controls": []})


def test_every_key_has_a_description_for_editors() -> None:
    schema = json_schema()
    forms = [schema, *schema["$defs"].values()]
    for form in forms:
        assert form["additionalProperties"] is False
        for key, value in form["properties"].items():
            assert value.get("description"), key


def test_metrics_are_enumerated() -> None:
    metric = json_schema()["$defs"]["ControlForm"]["properties"]["metric"]
    assert metric["enum"] == list(CATALOG)
    assert len(metric["enumDescriptions"]) == len(CATALOG)


def test_every_key_is_in_the_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    for form in (PolicyForm, RoleForm, ControlForm):
        for key in keys_of(form):
            assert f"| `{key}` |" in text, f"docs/policy.md does not explain '{key}'"


def test_the_examples_of_the_documentation_are_right(lint_text: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in text.split("```yaml\n")[1:]]
    whole = blocks[0]
    result = lint_text(whole)
    assert result.errors == ()
    assert result.hints == ()
    assert lint_text(whole + blocks[1]).errors == ()


def test_the_errors_of_the_documentation_are_the_real_ones(lint_text: Any) -> None:
    """The documented messages, from the documented example with those slips made."""
    text = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    documented = text.split("```text\n")[1].partition("```")[0].splitlines()
    example = text.split("```yaml\n")[1].partition("```")[0]
    for before, after in (
        ('"1.2"', "1.2"),
        ("metric: accuracy", "metric: acuracy"),
        (">= 0.70", ">= 70%"),
        ("on_fail: block", "on_fail: blok"),
        ("across: gender", "across: gendr"),
    ):
        example = example.replace(before, after, 1)
    found = {problem.message for problem in lint_text(example).errors}
    assert found == {line.split(": ", 1)[1] for line in documented}
