"""`__all__` is what is visible, and importing is light and silent."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import venturalitica as vl
from venturalitica import errors

CONTRACT = {"wrap", "unwrap", "monitor", "enforce", "read_policy", "verify", "quickstart"}


def test_all_names_what_is_visible() -> None:
    assert sorted(vl.__all__) == dir(vl)
    assert set(vl.__all__) >= CONTRACT
    for name in vl.__all__:
        assert getattr(vl, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="enforced"):
        _ = vl.enforced


@pytest.mark.parametrize("name", sorted(CONTRACT))
def test_public_functions_are_functions_whatever_was_imported_first(name: str) -> None:
    import pkgutil

    submodules = {module.name for module in pkgutil.iter_modules(vl.__path__)}
    assert name not in submodules, f"a submodule named {name} would hide the function"
    assert callable(getattr(vl, name))


@pytest.mark.parametrize("name", sorted(vl.__all__))
def test_public_names_have_docstrings(name: str) -> None:
    if name != "__version__":
        assert (getattr(vl, name).__doc__ or "").strip()


NAMES_PAGE = (Path(__file__).parents[2] / "docs" / "python.md").read_text(encoding="utf-8")
PAGES = [*Path(__file__).parents[2].glob("docs/**/*.md"), Path(__file__).parents[2] / "README.md"]


def test_the_page_of_names_has_every_public_name_and_no_other() -> None:
    cells = " ".join(re.findall(r"(?m)^\| (`[^|]*`) \|", NAMES_PAGE))
    named = {name.removeprefix("vl.") for name in re.findall(r"`((?:vl\.)?\w+)`", cells)}
    named = {name for name in named if not name.isupper()}
    assert named - set(vl.__all__) == set()
    assert set(vl.__all__) - named == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_names_only_what_is_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    ours = {name for name in vars(errors) if isinstance(getattr(errors, name), type)}
    assert {name for name in re.findall(r"`(\w+)`", text) if name in ours} <= set(vl.__all__)
    assert set(re.findall(r"\bvl\.([a-zA-Z]\w+)", text)) <= set(vl.__all__)


def run_python(code: str, cwd: Path, **env: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout


HEAVY = ["pandas", "sklearn", "mlflow", "wandb", "polars", "pyarrow", "numpy", "sqlalchemy"]


def test_importing_loads_no_data_model_or_tracking_library_and_writes_nothing(
    tmp_path: Path,
) -> None:
    loaded = f"[name for name in {HEAVY} if name in sys.modules]"
    code = f"import sys, json, venturalitica; print(json.dumps({loaded}))"
    assert json.loads(run_python(code, tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def test_dotenv_gives_only_our_neighbours_keys_and_never_overrides(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "WANDB_API_KEY=abc\nMLFLOW_TRACKING_URI=http://from-file\nVENTURALITICA_X=1\n"
        "AWS_SECRET_ACCESS_KEY=leave\nWANDB_EMPTY=\nexport WANDB_ENTITY='a team'\nnot a line\n"
        "VENTURALITICA_SIGNER=their_kms:factory\n"
    )
    code = (
        "import os, json, logging; logging.disable(); import venturalitica; print(json.dumps("
        "{k: os.environ.get(k) for k in ['WANDB_API_KEY', 'MLFLOW_TRACKING_URI',"
        " 'VENTURALITICA_X', 'AWS_SECRET_ACCESS_KEY', 'WANDB_EMPTY', 'WANDB_ENTITY',"
        " 'VENTURALITICA_SIGNER']}))"
    )
    env = {"MLFLOW_TRACKING_URI": "http://from-environment"}
    os.environ.pop("WANDB_API_KEY", None)
    assert json.loads(run_python(code, tmp_path, **env)) == {
        "WANDB_API_KEY": "abc",
        "MLFLOW_TRACKING_URI": "http://from-environment",
        "VENTURALITICA_X": "1",
        "AWS_SECRET_ACCESS_KEY": None,
        "WANDB_EMPTY": None,
        "WANDB_ENTITY": "a team",
        "VENTURALITICA_SIGNER": None,
    }
    off = json.loads(run_python(code, tmp_path, VENTURALITICA_DOTENV="0", **env))
    assert off["WANDB_API_KEY"] is None
