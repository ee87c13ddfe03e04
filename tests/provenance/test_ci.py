"""Which CI this is, by what it says of itself; no variable is recorded as it is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from venturalitica.provenance.environment import LONGEST, SYSTEMS, Surroundings, ci
from venturalitica.system.settings import Settings

GITHUB = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "acme/loans",
    "GITHUB_RUN_ID": "42",
    "GITHUB_TOKEN": "hunter2",
}


def test_outside_of_a_ci_there_is_none():
    assert ci({}) is None
    assert ci({"CI": "false", "GITHUB_ACTIONS": ""}) is None


def test_a_ci_that_says_no_more_is_one_all_the_same():
    assert ci({"CI": "true", "GITHUB_ACTIONS": ""}) == {"name": "CI", "url": ""}
    assert ci({"CI": "woodpecker"}) == {"name": "CI", "url": ""}


def test_github_with_the_page_of_the_run():
    url = "https://github.com/acme/loans/actions/runs/42"
    assert ci(GITHUB) == {"name": "GitHub Actions", "url": url}


@pytest.mark.parametrize(
    ("environment", "found"),
    [
        ({"GITLAB_CI": "true", "CI_JOB_URL": "https://gl/x/-/jobs/1"}, "GitLab CI"),
        ({"JENKINS_URL": "https://j/", "BUILD_URL": "https://j/job/a/1/"}, "Jenkins"),
        ({"BUILDKITE": "true", "BUILDKITE_BUILD_URL": "https://b/1"}, "Buildkite"),
        ({"CIRCLECI": "true", "CIRCLE_BUILD_URL": "https://c/1"}, "CircleCI"),
    ],
)
def test_the_usual_ones(environment, found):
    said = ci(environment)
    assert said is not None
    assert said["name"] == found
    assert said["url"] in environment.values()


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.name)
def test_each_tells_pipeline_job_and_commit_and_nothing_else(system: Any):
    named = set(re.findall(r"{(\w+)}", system.url))
    known = dict.fromkeys(named, "https://ci.example/") | {"CI": "true"}
    known |= {"OTHER_TOKEN": "hunter2", "GITHUB_ACTOR": "ada", "CI_COMMIT_AUTHOR": "ada"}
    known[system.sign] = known.get(system.sign, "true")
    facts = {system.pipeline: "nightly", system.job: "audit", system.commit: COMMIT}
    known |= {name: value for name, value in facts.items() if name}
    found = ci(known)
    assert found is not None
    assert found["name"] == system.name
    if system.name == "CI":
        return
    assert (found["pipeline"], found["job"], found["commit"]) == ("nightly", "audit", COMMIT)
    assert found["url"].startswith("https://ci.example/")
    assert "hunter2" not in str(found)
    assert "ada" not in str(found)


def test_names_are_one_line_without_credentials_and_a_commit_is_one():
    known = {
        "BUILDKITE": "true",
        "BUILDKITE_LABEL": "x\n" * 500,
        "BUILDKITE_PIPELINE_SLUG": "deploy --token hunter2 to https://me:hunter2@host/",
        "BUILDKITE_COMMIT": "HEAD",
    }
    found = ci(known)
    assert found is not None
    assert "hunter2" not in str(found)
    assert "commit" not in found
    assert "\n" not in found["job"]
    assert len(found["job"]) == LONGEST


def test_the_page_names_the_variables_that_are_read():
    page = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
    for system in SYSTEMS[:-1]:
        cells = (system.name, system.sign, system.pipeline, system.job, system.commit)
        assert f"| {' | '.join(f'`{cell}`' for cell in cells)} |" in page


def test_an_address_is_left_out_or_kept_without_its_secrets():
    assert ci({"GITLAB_CI": "true"}) == {"name": "GitLab CI", "url": ""}
    hidden = ci({"JENKINS_URL": "x", "BUILD_URL": "https://me:hunter2@j/job/1?token=hunter2"})
    assert hidden is not None
    assert "hunter2" not in str(hidden)
    assert ci({"JENKINS_URL": "x", "BUILD_URL": "file:///etc"}) == {"name": "Jenkins", "url": ""}


def test_a_record_says_it_only_where_there_is_one(monkeypatch: Any):
    for system in SYSTEMS:
        monkeypatch.delenv(system.sign, raising=False)
    assert "ci" not in Surroundings(Settings.current()).facts()
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    facts = Surroundings(Settings.current()).facts()
    assert facts["ci"]["name"] == "GitHub Actions"
    assert "hunter2" not in str(facts)
