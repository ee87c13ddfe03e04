"""Which CI this process runs in, by what each says of itself in the environment.

Only its name and the address of the job are recorded, no variable as it is.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from venturalitica.redact import redact_uri


@dataclass(frozen=True, slots=True)
class System:
    """One CI: the variable that says it is there, and the address of a job of it."""

    name: str
    sign: str
    job: str


SYSTEMS = (
    System(
        "GitHub Actions",
        "GITHUB_ACTIONS",
        "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    ),
    System("GitLab CI", "GITLAB_CI", "{CI_JOB_URL}"),
    System("Jenkins", "JENKINS_URL", "{BUILD_URL}"),
    System(
        "Azure Pipelines",
        "TF_BUILD",
        "{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
    ),
    System("CircleCI", "CIRCLECI", "{CIRCLE_BUILD_URL}"),
    System("Buildkite", "BUILDKITE", "{BUILDKITE_BUILD_URL}"),
    System(
        "Bitbucket Pipelines",
        "BITBUCKET_BUILD_NUMBER",
        "{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
    ),
    System("Travis CI", "TRAVIS", "{TRAVIS_BUILD_WEB_URL}"),
)


def ci(environment: Mapping[str, str] | None = None) -> dict[str, str] | None:
    """`{"name", "url"}` of the CI; None where there is none. `url` is empty where none is told."""
    known = os.environ if environment is None else environment
    for system in SYSTEMS:
        if known.get(system.sign):
            return {"name": system.name, "url": _job(system.job, known)}
    return None


def _job(form: str, known: Mapping[str, str]) -> str:
    try:
        url = form.format_map(known)
    except KeyError:
        return ""
    return redact_uri(url) if url.startswith(("https://", "http://")) else ""
