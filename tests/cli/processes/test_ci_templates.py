"""`action.yml` and the GitLab template: valid by their providers, and doing what they say."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.cli.test_check import CALL, write

ROOT = Path(__file__).parents[3]
ACTION = YAML(typ="safe").load((ROOT / "action.yml").read_text())
GITLAB = YAML(typ="safe").load((ROOT / "templates" / "venturalitica.gitlab-ci.yml").read_text())


@pytest.mark.parametrize(
    ("file", "schema"),
    [
        ("action.yml", "vendor.github-actions"),
        ("templates/venturalitica.gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_the_providers_schemas_take_them(file: str, schema: str, tmp_path: Path) -> None:
    # GitLab's schema looks into no job whose name begins with a dot, so these are shown without.
    text = (ROOT / file).read_text().replace("\n.venturalitica", "\nventuralitica")
    broken = text.replace("using: composite", "using: 7").replace("stage: test", "retry: 17")
    for said, status in ((text, 0), (broken, 1)):
        path = tmp_path / "shown.yml"
        path.write_text(said)
        command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(path)]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        assert found.returncode == status, found.stdout + found.stderr


def step(name: str) -> str:
    (found,) = [one["run"] for one in ACTION["runs"]["steps"] if one.get("name") == name]
    return str(found)


def bash(script: str, folder: Path, **environment: str) -> Any:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    output = folder / "output"
    output.touch()
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "GITHUB_OUTPUT": str(output), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def ran(folder: Path, command: str, arguments: str = "", formats: str = "github") -> Any:
    return bash(step("run"), folder, COMMAND=command, ARGUMENTS=arguments, FORMATS=formats)


def test_the_action_judges_annotates_and_gives_the_status(project: Any) -> None:
    write(project, female=60, male=90)
    found = ran(project, "check", f"loans.csv {' '.join(CALL)}", "github\njunit=found.xml")
    assert found.returncode == 1, found.stderr
    assert "::error file=model_policy.yaml,line=" in found.stdout
    assert (project / "found.xml").stat().st_size
    assert (project / "output").read_text() == "status=1\n"
    assert ran(project, "verify", formats="junit=verify.xml").returncode == 0
    assert ran(project, "policy lint", "model_policy.yaml").returncode == 0
    assert ran(project, "carry", "carried").returncode == 0
    assert (project / "carried" / "carried.json").stat().st_size


def test_nothing_that_is_handed_over_is_run(project: Any) -> None:
    write(project, female=60, male=90)
    for words in ("; touch gone", "$(touch gone)", "`touch gone`", "&& touch gone", "| tee gone"):
        assert ran(project, "check", f"loans.csv {words}").returncode == 2
        assert ran(project, f"check {words}").returncode == 2
        assert not (project / "gone").exists()


NAMES = ["venturalitica", "venturalitica==1.0", "venturalitica[ci]", "requests"]


@pytest.mark.parametrize("requirement", NAMES)
def test_a_bare_name_is_not_installed(tmp_path: Path, requirement: str) -> None:
    found = bash(
        step("install").replace("python -m pip", "echo pip"),
        tmp_path,
        REQUIREMENT=requirement,
        EXTRAS="ci",
        CHECKOUT="/checkout",
    )
    assert (found.returncode, "pip" in found.stdout) == (2, False)
    (guard, _) = GITLAB[".venturalitica"]["before_script"]
    assert bash(guard, tmp_path, VL_REQUIREMENT=requirement).returncode == 2


@pytest.mark.parametrize(
    ("requirement", "installed"),
    [
        ("", "/checkout[ci]"),
        ("./vendor/own", "./vendor/own[ci]"),
        (
            "git+https://host.example/repo@abc",
            "venturalitica[ci] @ git+https://host.example/repo@abc",
        ),
        ("venturalitica[gate] @ git+https://host.example/repo", "venturalitica[gate] @ git+https"),
    ],
)
def test_what_is_installed_is_this_repository_or_what_was_named(
    tmp_path: Path, requirement: str, installed: str
) -> None:
    found = bash(
        step("install").replace("python -m pip", "echo pip"),
        tmp_path,
        REQUIREMENT=requirement,
        EXTRAS="ci",
        CHECKOUT="/checkout",
    )
    assert found.returncode == 0, found.stdout
    assert installed in found.stdout


def test_the_jobs_of_gitlab_run_as_they_stand(project: Any) -> None:
    write(project, female=85, male=90)
    words = {"VL_ARGUMENTS": f"loans.csv {' '.join(CALL)}"}
    for name in (".venturalitica-check", ".venturalitica-verify"):
        job = GITLAB[name]
        found = bash("\n".join(job["script"]), project, **words)
        assert found.returncode in (0, 1), found.stderr
        for file in job["artifacts"]["reports"].values():
            assert (project / file).stat().st_size, (name, file)
    carrying = GITLAB[".venturalitica-carry"]
    assert bash("\n".join(carrying["after_script"]), project).returncode == 0
    assert all(
        (project / path / "carried.json").is_file() for path in carrying["artifacts"]["paths"]
    )
