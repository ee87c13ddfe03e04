"""Which CI the project has, and which records were made in one; what cannot be known is grey."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.ui.shelf import Shelf
from venturalitica.cli.init import workflow_text
from venturalitica.core.origin import Origin
from venturalitica.core.record import Statement
from venturalitica.ledger import Ledger
from venturalitica.review.health.ci import (
    LOOKED_AT,
    WORKFLOW,
    LastMade,
    Made,
    ci_link,
    last_made,
    made_in,
    pipelines,
)


def written(root: Path, path: str, text: str) -> None:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def lights(found: Any) -> dict[str, str]:
    return {lamp.name: lamp.light for lamp in found.lamps}


def test_without_a_file_all_is_grey_and_the_line_to_type_is_said(tmp_path):
    found = ci_link(pipelines(tmp_path), None)
    assert set(lights(found).values()) == {"grey"}
    assert found.light == "grey"
    assert found.fix == "venturalitica init"


def test_the_workflow_that_init_writes_reads_the_policy_and_judges_nothing(tmp_path):
    written(tmp_path, WORKFLOW, workflow_text(Origin()))
    (one,) = pipelines(tmp_path)
    assert one.commands == ("policy lint",)
    found = ci_link([one], None)
    assert lights(found)["configured"] == "amber"
    assert "venturalitica check" in found.fix
    assert found.light == "grey", "a file proves no run"


@pytest.mark.parametrize(
    ("path", "system"),
    [
        (".gitlab-ci.yml", "GitLab CI"),
        ("Jenkinsfile", "Jenkins"),
        ("azure-pipelines.yaml", "Azure Pipelines"),
        (".circleci/config.yml", "CircleCI"),
        ("bitbucket-pipelines.yml", "Bitbucket Pipelines"),
    ],
)
def test_the_usual_files_are_known(tmp_path, path, system):
    written(
        tmp_path, path, "job:\n  script:\n    - vl  check data.csv\n    - venturalitica verify\n"
    )
    (one,) = pipelines(tmp_path)
    assert (one.system, one.commands) == (system, ("check", "verify"))
    assert one.judges


def test_what_is_commented_out_or_only_named_alike_does_not_count(tmp_path):
    written(tmp_path, WORKFLOW, "# - run: venturalitica check\n  # vl verify\n- run: ./vl check\n")
    written(tmp_path, "Jenkinsfile", "// sh 'venturalitica check'\nsh 'not-venturalitica check'\n")
    assert pipelines(tmp_path) == ()


def test_a_record_made_in_the_ci_lights_it(tmp_path):
    written(tmp_path, WORKFLOW, "- run: venturalitica check data.csv\n")
    before = ci_link(pipelines(tmp_path), None)
    assert lights(before)["configured"] == "amber"
    after = ci_link(pipelines(tmp_path), Made(4, "2026-11-26T09:00:00Z", "GitHub Actions"))
    assert after.light == "green"
    assert lights(after)["reachable"] == "grey", "a CI cannot be asked from here"
    elsewhere = ci_link(pipelines(tmp_path), Made(4, "2026-11-26T09:00:00Z", "Jenkins"))
    assert lights(elsewhere)["configured"] == "amber"


@pytest.mark.parametrize(
    "environment",
    [None, [], {}, {"ci": None}, {"ci": "GitHub"}, {"ci": {"name": 3}}, {"ci": {"name": ""}}],
)
def test_a_record_that_says_nothing_of_a_ci_is_of_none(environment):
    assert made_in(1, Statement.of({"predicate": {"environment": environment}})) is None
    assert made_in(1, Statement.of({"predicate": environment})) is None


def test_what_a_record_says_is_shown_and_linked_only_if_it_is_a_web_address():
    environment = {"ci": {"name": "Jenkins", "url": "javascript:alert(1)"}}
    log = {"appended_at": "2026-11-26T09:00:00Z"}
    found = made_in(1, Statement.of({"predicate": {"environment": environment, "log": log}}))
    assert found == Made(1, "2026-11-26T09:00:00Z", "Jenkins")
    environment["ci"]["url"] = "https://ci.example/job/1"
    found = made_in(1, Statement.of({"predicate": {"environment": environment, "log": log}}))
    assert found is not None
    assert found.url == "https://ci.example/job/1"


def test_the_latest_record_that_was_made_in_a_ci_is_found_among_others(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.odd(n=1)
    assert last_made(Ledger.open(shelf.home)) is None
    for name in ("GitHub Actions", "GitLab"):
        shelf.odd(environment={"ci": {"name": name}})
    shelf.odd(environment={"ci": "of another form"})
    shelf.odd(environment="ci")
    made = last_made(Ledger.open(shelf.home))
    assert made is not None
    assert (made.entry, made.system) == (2, "GitLab")


def test_it_is_read_on_as_the_log_grows(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    known = LastMade()
    for number in range(LOOKED_AT + 4):
        here = {"environment": {"ci": {"name": f"CI {number}"}}} if number in (1, 3) else {"n": 1}
        shelf.odd(**here)
        ledger = Ledger.open(shelf.home)
        assert known.of(ledger) == last_made(ledger)
    assert known.of(ledger) is None
