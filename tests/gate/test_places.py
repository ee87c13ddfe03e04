"""The same files have one spelling, and who writes to them is known while it lasts."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from venturalitica.server.places import local, overlap, place_of
from venturalitica.server.turns import Turns

ROUTE = "http://server:5000/api/2.0/mlflow-artifacts/artifacts"


def test_each_address_of_the_same_files_is_one_place(tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "store")
    kept = str(tmp_path / "store")
    found = {
        place_of("mlflow-artifacts:/0/run/artifacts", "model", destination=kept),
        place_of(f"{ROUTE}/0/run/artifacts/model", destination=kept),
        place_of(f"{ROUTE}/0/run/artifacts", "./x/../model", destination=f"file://{kept}"),
        place_of(f"{kept}/0/run/artifacts/", "model", destination=None),
        place_of(f"file://{link}/0/run", "artifacts/model", destination=kept),
    }
    assert found == {f"file:{kept}/0/run/artifacts/model"}
    assert local(found.pop()) == Path(kept, "0/run/artifacts/model")
    bucket = place_of("mlflow-artifacts:/0/run", "a", destination="s3://bucket/root")
    assert bucket == place_of("S3://bucket/root//0/./run/a", destination=None)
    assert local(bucket) is None
    with pytest.raises(ValueError, match="another server"):
        place_of("mlflow-artifacts:/0/run", destination=None)


def test_what_lies_above_or_below_overlaps_and_what_begins_alike_does_not() -> None:
    assert overlap("file:/a/b", "file:/a/b")
    assert overlap("file:/a", "file:/a/b")
    assert overlap("file:/a/b/c", "file:/a/b")
    assert not overlap("file:/a/b", "file:/a/bc")
    assert not overlap("file:/a/b", "s3://a/b")


def test_a_write_is_known_until_it_ends_or_its_time_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = Turns(tmp_path)
    assert not written_to(turns, "file:/a")
    with turns.writing("file:/a/b", lambda: None):
        assert written_to(turns, "file:/a")
        assert not written_to(turns, "file:/c")
    assert not written_to(turns, "file:/a")
    turns.writing("file:/a/b", lambda: None, seconds=900).close()
    assert written_to(turns, "file:/a/b")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1000)
    assert not written_to(turns, "file:/a/b")
    assert list((tmp_path / "writes").iterdir()) == []


def test_a_write_that_is_not_allowed_is_not_announced(tmp_path: Path) -> None:
    def refuse() -> None:
        raise PermissionError

    turns = Turns(tmp_path)
    with pytest.raises(PermissionError):
        turns.writing("file:/a", refuse)
    assert not written_to(turns, "file:/a")


def written_to(turns: Turns, place: str) -> bool:
    with turns.turn():
        return turns.written_to((place,))
