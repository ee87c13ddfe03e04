"""What is said of the surroundings, and what never is."""

from __future__ import annotations

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from venturalitica.provenance.environment import environment, hardware, installed_packages
from venturalitica.provenance.environment import git as probe


def run_git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=T", "-c", "user.email=t@example.com"]
    command = ["git", *identity, "-c", "commit.gpgsign=false", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def state(folder: Path) -> dict[str, Any]:
    found = probe(folder)
    assert found is not None
    return found


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    run_git(folder, "init", "-b", "trunk")
    (folder / "train.py").write_text("print(1)\n")
    run_git(folder, "add", "train.py")
    run_git(folder, "commit", "-m", "first")
    return folder


def test_packages_are_those_that_python_itself_names() -> None:
    found = environment()["packages"]
    expected = {
        dist.metadata["Name"].lower().replace("_", "-").replace(".", "-"): dist.version
        for dist in importlib.metadata.distributions()
    }
    assert found == {name: found[name] for name in sorted(found)}
    assert found == expected


def test_the_first_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, version in (("a", "1.0"), ("b", "2.0")):
        (tmp_path / folder / f"Some_Package-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b"), "/nowhere"])
    assert installed_packages() == {"some-package": "1.0"}
    (tmp_path / "a" / "Other-3.dist-info").mkdir()
    assert installed_packages() == {"other": "3", "some-package": "1.0"}


def test_python_and_platform() -> None:
    found = environment()
    assert found["python"] == ".".join(map(str, sys.version_info[:3]))
    assert json.loads(json.dumps(found)) == found


def test_hardware() -> None:
    found = hardware()
    assert set(found) == {
        "machine",
        "cpu",
        "cpus",
        "cpus_usable",
        "memory_bytes",
        "memory_limit_bytes",
        "gpus",
    }
    assert found["cpus"] >= 1
    assert found["memory_bytes"] > 2**20
    assert json.loads(json.dumps(found)) == found


def test_git_clean_dirty_and_untracked(repository: Path) -> None:
    found = state(repository)
    assert found is not None
    assert len(found["commit"]) == 40
    assert (found["branch"], found["dirty"], found["remote"]) == ("trunk", False, None)
    (repository / "untracked").write_text("x")
    assert state(repository)["dirty"] is False
    (repository / "train.py").write_text("print(2)\n")
    assert state(repository)["dirty"] is True
    assert probe(repository / "train.py") is None


def test_git_in_a_subfolder_detached_and_before_the_first_commit(
    repository: Path, tmp_path: Path
) -> None:
    (repository / "sub").mkdir()
    assert state(repository / "sub")["commit"] == state(repository)["commit"]
    run_git(repository, "checkout", "--detach")
    assert state(repository)["branch"] is None
    run_git(tmp_path, "init", "-b", "trunk", "empty")
    assert state(tmp_path / "empty") == {
        "commit": None,
        "branch": "trunk",
        "dirty": False,
        "remote": None,
    }


@pytest.mark.parametrize(
    ("address", "kept"),
    [
        ("https://bob:ghp_0123456789abcdef0123@example.com/a/b.git", "https://example.com/a/b.git"),
        ("https://ghp_0123456789abcdef0123@example.com/a/b.git", "https://example.com/a/b.git"),
        ("git@example.com:a/b.git", "git@example.com:a/b.git"),
        ("ssh://git@example.com/a/b.git", "ssh://git@example.com/a/b.git"),
    ],
)
def test_git_remote_without_credentials(repository: Path, address: str, kept: str) -> None:
    run_git(repository, "remote", "add", "fork", "https://example.com/fork.git")
    run_git(repository, "remote", "add", "origin", address)
    assert state(repository)["remote"] == kept


def test_git_outside_a_repository_or_without_git(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probe(tmp_path) is None
    assert probe(tmp_path / "absent") is None
    monkeypatch.setenv("PATH", str(tmp_path))
    assert probe(repository) is None


def test_git_that_is_too_slow_says_less(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import shutil

    real = shutil.which("git")
    tools = tmp_path / "tools"
    tools.mkdir()
    script = f'#!/bin/sh\ncase "$*" in *status*) exec sleep 30;; esac\nexec {real} "$@"\n'
    (tools / "git").write_text(script)
    (tools / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")
    found = state(repository)
    assert found is not None
    assert (len(found["commit"]), found["branch"], found["dirty"]) == (40, "trunk", None)


def test_git_looks_at_the_folder_not_at_what_the_environment_names(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    run_git(tmp_path, "init", "-b", "elsewhere", "other")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert state(repository)["branch"] == "trunk"


def test_a_file_monitor_named_by_the_repository_is_not_run(repository: Path) -> None:
    canary = repository / "ran"
    script = repository / ".git" / "monitor"
    script.write_text(f"#!/bin/sh\ntouch {canary}\n")
    script.chmod(0o755)
    run_git(repository, "config", "core.fsmonitor", str(script))
    assert state(repository) is not None
    assert not canary.exists()


def test_nothing_secret_in_any_probe(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_CANARY", "canary-4711")
    monkeypatch.setattr(sys, "argv", ["train.py", "--token", "canary-4711"])
    run_git(repository, "remote", "add", "origin", "https://u:canary-4711@example.com/x.git")
    text = json.dumps([environment(), hardware(), state(repository)])
    assert "canary" not in text
    assert "train.py" not in text
