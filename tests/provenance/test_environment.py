"""What is said of the surroundings, and what never is."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import subprocess
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from venturalitica.provenance.environment import Surroundings, environment, hardware
from venturalitica.provenance.git import git as probe
from venturalitica.system.settings import Settings


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


def lines_digest(packages: dict[str, str]) -> str:
    lines = [f"{name}=={version}\n" for name, version in sorted(packages.items())]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def test_all_that_python_itself_names_is_counted_and_digested() -> None:
    expected = {
        dist.metadata["Name"].lower().replace("_", "-").replace(".", "-"): dist.version
        for dist in importlib.metadata.distributions()
    }
    found = environment()
    assert found["installed"] == {"count": len(expected), "sha256": lines_digest(expected)}
    assert found["packages"].items() <= expected.items()
    assert list(found["packages"]) == sorted(found["packages"])


def test_packages_are_those_of_which_something_is_loaded() -> None:
    script = (
        "import json, numpy, sklearn\n"
        "from venturalitica.provenance.environment import environment\n"
        "print(json.dumps(environment()['packages']))"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True)
    found = json.loads(told.stdout)
    assert {"numpy", "scikit-learn", "scipy", "venturalitica"} <= found.keys()
    assert not {"mlflow", "wandb", "catboost", "polars"} & found.keys()
    owners = importlib.metadata.packages_distributions()
    named = {name.lower().replace("_", "-").replace(".", "-") for name in owners["sklearn"]}
    assert named <= found.keys()


def test_each_loaded_package_is_named_as_python_names_it() -> None:
    owners = importlib.metadata.packages_distributions()
    loaded = {name for name in list(sys.modules) if "." not in name}
    named = {
        owner.lower().replace("_", "-").replace(".", "-")
        for name in loaded
        for owner in owners.get(name, ())
    }
    assert named - environment()["packages"].keys() == set()


def test_the_first_on_the_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, version in (("a", "1.0"), ("b", "2.0")):
        (tmp_path / folder / f"Some_Package-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "a"), str(tmp_path / "b"), "/nowhere"])
    # What does not say what it brings may be what is loaded.
    assert environment()["packages"] == {"some-package": "1.0"}
    other = tmp_path / "a" / "Other-3.dist-info"
    other.mkdir()
    (other / "RECORD").write_text("never_loaded/__init__.py,sha256=x,1\n")
    assert environment()["packages"] == {"some-package": "1.0"}
    expected = {"other": "3", "some-package": "1.0"}
    assert environment()["installed"] == {"count": 2, "sha256": lines_digest(expected)}


def test_what_counting_imports_is_named_whichever_thread_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = tmp_path / "late_to_load-1.0.dist-info"
    metadata.mkdir()
    (metadata / "RECORD").write_text("late_to_load.py,sha256=x,1\n")
    monkeypatch.syspath_prepend(tmp_path)
    surroundings = Surroundings(Settings.for_recording())
    surroundings._thread.join()
    monkeypatch.setitem(sys.modules, "late_to_load", types.ModuleType("late_to_load"))
    assert surroundings.facts()["packages"]["late-to-load"] == "1.0"


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
