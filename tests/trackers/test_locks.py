from __future__ import annotations

import os
import tempfile
import threading
from pathlib import Path

import pytest

from venturalitica.errors import TrackerError
from venturalitica.system.files import one_at_a_time


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / f"venturalitica-{os.getuid()}"


def test_the_second_waits_for_the_first():
    inside, release, order = threading.Event(), threading.Event(), []

    def first():
        with one_at_a_time("run"):
            inside.set()
            release.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(10)
    with pytest.raises(TrackerError, match="another delivery"), one_at_a_time("run", patience=0.0):
        pass
    release.set()
    with one_at_a_time("run"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_a_failure_inside_gives_the_turn_back():
    with pytest.raises(ValueError, match="inside"), one_at_a_time("run"):
        raise ValueError("inside")
    with one_at_a_time("run", patience=0.0):
        pass


def test_the_folder_is_the_users_alone(own_folder):
    with one_at_a_time("run"):
        pass
    assert own_folder.stat().st_mode & 0o777 == 0o700


def test_a_planted_link_is_not_followed(own_folder, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    own_folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TrackerError, match="not a folder of this user"), one_at_a_time("run"):
        pass
    assert list(Path(tmp_path / "elsewhere").iterdir()) == []
