"""`.env` of the working folder, else of the project root: what is taken, and what is said."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from venturalitica.review import verification
from venturalitica.system import settings
from venturalitica.system.settings import Settings, load_dotenv, origin_of, read_dotenv

NAMES = ("WANDB_PROJECT", "MLFLOW_TRACKING_URI", "VENTURALITICA_SIGNING_KEY", "WANDB_MODE")


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    monkeypatch.setattr(settings, "_from_dotenv", set())
    for name in NAMES:
        monkeypatch.setenv(name, "x")  # so that what a test sets is taken away again
        monkeypatch.delenv(name)


@pytest.fixture
def inner(tmp_path, monkeypatch):
    """A folder deep in a project, which is the working folder."""
    (tmp_path / "pyproject.toml").write_text("")
    folder = tmp_path / "src" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


def test_that_of_the_project_root_is_read_from_a_folder_inside(inner, tmp_path):
    (tmp_path / ".env").write_text("WANDB_PROJECT=loans\nAWS_SECRET=no\n")
    assert load_dotenv() == ("WANDB_PROJECT",)
    assert os.environ["WANDB_PROJECT"] == "loans"
    assert origin_of("WANDB_PROJECT") == ".env"
    assert "AWS_SECRET" not in os.environ


def test_that_of_the_working_folder_comes_first_and_stands_alone(inner, tmp_path):
    (tmp_path / ".env").write_text("WANDB_PROJECT=root\nMLFLOW_TRACKING_URI=http://root:5000\n")
    (inner / ".env").write_text("WANDB_PROJECT=here\n")
    assert load_dotenv() == ("WANDB_PROJECT",)
    assert os.environ["WANDB_PROJECT"] == "here"


def test_the_environment_wins_and_the_switch_turns_all_off(inner, tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("WANDB_PROJECT=root\n")
    monkeypatch.setenv("VENTURALITICA_DOTENV", "off")
    assert load_dotenv() == ()
    monkeypatch.delenv("VENTURALITICA_DOTENV")
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    assert load_dotenv() == ()
    assert os.environ["WANDB_PROJECT"] == "mine"


def test_without_a_project_nothing_above_is_read(tmp_path, monkeypatch):
    folder = tmp_path / "alone"
    folder.mkdir()
    (tmp_path / ".env").write_text("WANDB_PROJECT=root\n")
    monkeypatch.chdir(folder)
    assert load_dotenv() == ()


def test_a_key_that_the_roots_file_names_is_nobodys_own(inner, tmp_path, monkeypatch):
    """Who hands over a project could put one in, and each record would be the reader's."""
    from venturalitica.ledger.signing.signer import new_key_pem

    key = tmp_path / "key.pem"
    key.write_bytes(new_key_pem())
    key.chmod(0o600)
    (tmp_path / ".env").write_text(f"VENTURALITICA_SIGNING_KEY={key}\nVENTURALITICA_SIGNER=a:b\n")
    assert load_dotenv() == ("VENTURALITICA_SIGNING_KEY",)
    assert verification.own_keys(Settings.current()) == {}


BROKEN = {
    "no setting": ("# ours\n\nWANDB_MODE: offline\nWANDB_PROJECT=p\n", 3, "NAME=value"),
    "two words": ("WANDB_PROJECT=p\nthe token follows\n", 2, "NAME=value"),
    "a quote that is not closed": ('WANDB_PROJECT=p\n\n\nWANDB_MODE="offline\n', 4, "NAME=value"),
    "a quote closed lines later": (
        "WANDB_PROJECT=p\nMLFLOW_TRACKING_URI='http://\nA=1\nB='\n", 2, "not closed",
    ),
    "no value": ("WANDB_PROJECT=p\nexport WANDB_MODE\n", 2, "WANDB_MODE=value"),
    "NUL": ("WANDB_PROJECT=p\nWANDB_MODE=a\0b\n", 2, "quotation mark"),
    "Windows lines": ("WANDB_PROJECT=p\r\n\r\nWANDB_MODE offline\r\n", 3, "NAME=value"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_line_is_named_by_file_and_line_and_never_quoted(name, inner, caplog):
    text, line, word = BROKEN[name]
    path = inner / ".env"
    path.write_bytes(text.encode())
    assert load_dotenv() == ("WANDB_PROJECT",)
    (said,) = caplog.messages
    assert said.startswith(f"{path}:{line}: ")
    assert word in said
    assert "offline" not in said
    assert "token" not in said


def test_what_is_not_ours_may_be_written_as_others_want(inner, caplog):
    (inner / ".env").write_text(
        "export AWS_PROFILE\nCERT='a\nb'\n\n  # a remark\nWANDB_PROJECT=p\n"
    )
    assert load_dotenv() == ("WANDB_PROJECT",)
    assert caplog.messages == []


def test_a_private_key_may_stand_on_several_lines(inner, caplog):
    pem = "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----"
    (inner / ".env").write_text(f'VENTURALITICA_SIGNING_KEY="{pem}"\n')
    assert read_dotenv(inner / ".env") == ({"VENTURALITICA_SIGNING_KEY": pem}, ())


@pytest.mark.parametrize("content", [b"\xff\xfeW\0", b"WANDB_MODE=\xe9\n"])
def test_a_file_in_other_letters_is_named(content, inner, caplog):
    (inner / ".env").write_bytes(content)
    assert load_dotenv() == ()
    (said,) = caplog.messages
    assert str(inner / ".env") in said
    assert "UTF-8" in said


def test_that_of_another_user_above_is_not_believed(inner, tmp_path, monkeypatch, caplog):
    """`/tmp/.git` and `/tmp/.env` of anybody: git had CVE-2022-24765 for the like."""
    (tmp_path / ".env").write_text("WANDB_PROJECT=theirs\n")
    stat = type(tmp_path).stat

    def owned(self, **how):
        found = stat(self, **how)
        return SimpleNamespace(st_uid=4711, st_mode=found.st_mode) if self.name == ".env" else found

    monkeypatch.setattr(type(tmp_path), "stat", owned)
    assert load_dotenv() == ()
    assert "another user" in caplog.text


def test_importing_takes_it_from_the_root_and_names_the_line(inner, tmp_path):
    (tmp_path / ".env").write_text("WANDB_PROJECT=loans\nbroken line\n")
    code = "import os, venturalitica; print(os.environ['WANDB_PROJECT'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "loans\n"
    assert done.stderr.startswith(f"{tmp_path / '.env'}:2: this line is no setting")
