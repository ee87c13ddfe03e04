"""Files that are remembered: whatever is done to one, its next digest is of its own bytes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from venturalitica.core.encoding import sha256_hex
from venturalitica.errors import DataError, TrackerError
from venturalitica.server.files import Files, small_files


def test_files_that_nobody_touched_are_not_read_again(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"weights")
    files = Files()
    assert files.manifest(tmp_path) is files.manifest(tmp_path)


def written_over(file: Path, data: bytes) -> None:
    with file.open("r+b") as opened:
        opened.write(data)


def put_in_its_place(file: Path, data: bytes) -> None:
    other = file.with_name("other")
    other.write_bytes(data)
    other.rename(file)


@pytest.mark.parametrize("change", [written_over, put_in_its_place])
def test_other_bytes_of_the_same_size_and_time_are_seen(
    tmp_path: Path, change: Callable[[Path, bytes], None]
) -> None:
    file = tmp_path / "model.pkl"
    file.write_bytes(b"weights")
    files, before = Files(), file.stat()
    assert files.manifest(tmp_path).files == {"model.pkl": sha256_hex(b"weights")}
    change(file, b"evil!!!")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert files.manifest(tmp_path).files == {"model.pkl": sha256_hex(b"evil!!!")}


def test_files_that_come_and_go_are_seen(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"weights")
    files = Files()
    files.manifest(tmp_path)
    (tmp_path / "loader.py").write_bytes(b"x = 1")
    assert sorted(files.manifest(tmp_path).files) == ["loader.py", "model.pkl"]
    (tmp_path / "loader.py").unlink()
    assert sorted(files.manifest(tmp_path).files) == ["model.pkl"]
    (tmp_path / "model.pkl").unlink()
    with pytest.raises(DataError, match="no file"):
        files.manifest(tmp_path)


def listing(*names: str) -> SimpleNamespace:
    """A store that lists these names below `venturalitica`, whatever lies there."""
    found = [SimpleNamespace(path=name, is_dir=False, file_size=1) for name in names]
    return SimpleNamespace(list_artifacts=lambda folder: found)


def test_what_is_listed_and_no_plain_file_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "venturalitica").mkdir()
    os.mkfifo(tmp_path / "venturalitica" / "evidence.json")
    with pytest.raises(DataError, match=r"evidence\.json: no file"):
        small_files(listing("venturalitica/evidence.json"), "venturalitica", at=tmp_path)
    with pytest.raises(TrackerError, match="not a name of ours"):
        small_files(listing("venturalitica/../../x"), "venturalitica", at=tmp_path)
