"""CI's seed of every torture part."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture import PARTS


@pytest.mark.parametrize("part", PARTS)
def test_a_short_run_survives(part: str) -> None:
    figures = importlib.import_module(f"torture.{part}").run(short=True, seed=1, say=print)
    assert figures
