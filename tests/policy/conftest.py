"""What the tests of policies share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from venturalitica.policy import Lint, lint

UPDATE = os.environ.get("VENTURALITICA_UPDATE_GOLDEN", "") not in ("", "0")
"""`VENTURALITICA_UPDATE_GOLDEN=1 pytest tests/policy` writes golden files anew."""

GOOD = """\
policy: credit-scoring
version: "1.2"
title: Credit scoring, accuracy and equal treatment
roles:
  target: {favorable: 1}
  gender: {map: {A91: male, A92: female, A93: male, A94: male, A95: female}}
  age: {bins: [25, 60], column: Attribute13}
controls:
  - id: accuracy
    title: The model is right at least 7 times in 10
    metric: accuracy
    must: ">= 0.70"
    article: "15(1)"
  - id: gender-parity
    title: Approval rates differ by no more than the four-fifths rule allows
    metric: demographic_parity_ratio
    across: gender
    must: ">= 0.80"
    article: "10(2)(f)"
    on_fail: block
  - id: recall-gap
    metric: recall
    across: [gender, age]
    compare: difference
    must: "<= 0.10"
    min_support: 30
    nulls: drop
    remedy: Reweight the training rows.
  - id: approval-between
    metric: selection_rate
    across: gender
    compare: between
    groups: [female, male]
    must: ">= -0.05"
    phase: model
  - id: complete
    metric: completeness
    of: [gender, age]
    must: ">= 0.99"
"""

LintText = Callable[..., Lint]


@pytest.fixture
def lint_text() -> LintText:
    """Lint a text by the real catalog."""

    def run(text: str | bytes, filename: str = "model_policy.yaml") -> Lint:
        data = text if isinstance(text, bytes) else text.encode()
        return lint(data, filename=filename)

    return run


@pytest.fixture
def good() -> str:
    """A policy that uses every key and has no fault."""
    return GOOD


@pytest.fixture
def golden() -> Callable[[Path, str], None]:
    """Compare a text with a golden file, or write it where `VENTURALITICA_UPDATE_GOLDEN=1`."""

    def compare(path: Path, text: str) -> None:
        if UPDATE:
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), (
            f"{path.name} is missing: VENTURALITICA_UPDATE_GOLDEN=1 pytest tests/policy"
        )
        assert text == path.read_text(encoding="utf-8")

    return compare
