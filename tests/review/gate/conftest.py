"""One place with an audit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.review.gate.place import Place, made


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    return made(tmp_path, monkeypatch)
