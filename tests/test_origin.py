"""The line that installs this package again names where it came from."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

import venturalitica as vl
from venturalitica.core import origin as _origin
from venturalitica.core.origin import Origin, checkout_of, install_line, origin_of

ROOT = Path(__file__).parents[1]


def told(**facts: Any) -> Origin:
    return origin_of(json.dumps(facts))


def test_a_checkout_knows_itself() -> None:
    assert checkout_of(ROOT / "src" / "venturalitica") == Origin(path=str(ROOT))
    assert install_line("all") == f'pip install "{ROOT}[all]"'
    assert str(vl.MissingExtra("MLflow", "mlflow")).endswith(f'pip install "{ROOT}[mlflow]"')


def test_a_folder_of_another_project_is_no_checkout(tmp_path: Path) -> None:
    package = tmp_path / "src" / "venturalitica"
    package.mkdir(parents=True)
    assert checkout_of(package) is None
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "bank"\n')
    assert checkout_of(package) is None


def test_a_folder_or_a_wheel_file_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "my checkout"
    folder.mkdir()
    line = f'pip install "{folder}[ui]"'
    assert told(url=folder.as_uri(), dir_info={}).install_line("ui") == line
    assert told(url=folder.as_uri(), dir_info={"editable": True}).install_line("ui") == line
    wheel = tmp_path / "venturalitica-0.1.0-py3-none-any.whl"
    assert told(url=wheel.as_uri(), archive_info={}) == Origin()
    wheel.touch()
    found = told(url=wheel.as_uri(), archive_info={})
    assert found.install_line("all") == f'pip install "{wheel}[all]"'
    assert found.requirement("all") == ""


@pytest.mark.parametrize(
    "url",
    [
        "https://host.example/repo.git",
        "https://user:hunter2@host.example/repo.git",
        "https://hunter2@host.example/repo.git",
        "https://host.example/repo.git?token=hunter2",
    ],
)
def test_a_git_address_without_its_credentials(url: str) -> None:
    found = told(
        url=url, vcs_info={"vcs": "git", "commit_id": "abc123", "requested_revision": "main"}
    )
    wanted = "venturalitica[all] @ git+https://host.example/repo.git@abc123"
    assert found.install_line("all") == f'pip install "{wanted}"'
    assert found.requirement("all") == wanted


def test_other_addresses() -> None:
    git = {"vcs": "git", "commit_id": "abc"}
    below = told(url="ssh://git@host.example/mono", vcs_info=git, subdirectory="packages/ours")
    assert below.address == "git+ssh://git@host.example/mono@abc#subdirectory=packages/ours"
    wheel = told(url="https://host.example/venturalitica-0.1.0.whl", archive_info={})
    assert wheel.requirement("ui") == (
        "venturalitica[ui] @ https://host.example/venturalitica-0.1.0.whl"
    )
    assert told(url="file:///home/me/repo", vcs_info=git).requirement("all") == ""


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"url": 3}', '{"vcs_info": {}}'])
def test_what_nobody_tells_is_unknown(text: str) -> None:
    found = origin_of(text)
    assert found == Origin()
    said = found.install_line("mlflow")
    assert "pip install" not in said
    assert "extra 'mlflow'" in said
    assert "another project's" in said


def test_a_distribution_of_the_same_name_beside_us_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other project may be installed while our code is run from elsewhere."""
    info = tmp_path / "venturalitica-9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: venturalitica\nVersion: 9.9\n")
    (info / "direct_url.json").write_text(
        '{"url": "https://other.example/x.whl", "archive_info": {}}'
    )
    other = metadata.PathDistribution(info)
    monkeypatch.setattr(metadata, "distribution", lambda name: other)
    assert _origin._installed_from(tmp_path / "elsewhere" / "venturalitica") == Origin()
    assert _origin._installed_from(tmp_path / "venturalitica").address.startswith("https://other")


def test_a_path_that_a_shell_would_read_is_quoted(tmp_path: Path) -> None:
    assert Origin(path="/tmp/$(rm x)").install_line("all") == "pip install '/tmp/$(rm x)[all]'"
