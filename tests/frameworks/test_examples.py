"""The examples that need PyTorch run as they stand, and leave what they say."""

from __future__ import annotations

from pathlib import Path

from tests.examples import run_example


def test_a_loop_of_pytorch(tmp_path: Path) -> None:
    run_example("torch_loop", ["begin", "audit", "run"], ["loans.pt"], tmp_path)


def test_keras(tmp_path: Path) -> None:
    run_example("keras_fit", ["audit", "audit"], [], tmp_path)
