"""Which CI this is, by what it says of itself; no variable is recorded as it is."""

from __future__ import annotations

from typing import Any

import pytest

from venturalitica.provenance.environment import Surroundings, ci
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
    assert ci({"CI": "true", "GITHUB_ACTIONS": ""}) is None


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


def test_an_address_is_left_out_or_kept_without_its_secrets():
    assert ci({"GITLAB_CI": "true"}) == {"name": "GitLab CI", "url": ""}
    hidden = ci({"JENKINS_URL": "x", "BUILD_URL": "https://me:hunter2@j/job/1?token=hunter2"})
    assert hidden is not None
    assert "hunter2" not in str(hidden)
    assert ci({"JENKINS_URL": "x", "BUILD_URL": "file:///etc"}) == {"name": "Jenkins", "url": ""}


def test_a_record_says_it_only_where_there_is_one(monkeypatch: Any):
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TF_BUILD", "CIRCLECI"):
        monkeypatch.delenv(name, raising=False)
    assert "ci" not in Surroundings(Settings.current()).facts()
    for name, value in GITHUB.items():
        monkeypatch.setenv(name, value)
    facts = Surroundings(Settings.current()).facts()
    assert facts["ci"]["name"] == "GitHub Actions"
    assert "hunter2" not in str(facts)
