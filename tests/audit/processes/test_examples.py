"""The examples that need no PyTorch run as they stand, and leave what they say."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples import EXAMPLES, run_example


def test_native_xgboost(tmp_path: Path) -> None:
    run_example("xgboost_native", ["begin", "audit", "run"], ["loans.ubj"], tmp_path)


def test_a_threshold_optimizer(tmp_path: Path) -> None:
    run_example("threshold_optimizer", ["audit", "audit"], [], tmp_path)


def test_the_page_names_scripts_that_are_there() -> None:
    page = (EXAMPLES.parent / "docs" / "frameworks.md").read_text()
    named = set(re.findall(r"`examples/(\w+)\.py`", page))
    assert {"keras_fit", "torch_loop", "xgboost_native", "threshold_optimizer"} <= named
    assert [name for name in named if not (EXAMPLES / f"{name}.py").exists()] == []
