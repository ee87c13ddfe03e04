"""What people write first, and are told what to write."""

from __future__ import annotations

from pathlib import Path

import pytest

import venturalitica as vl

HEAD = 'policy: p\nversion: "1"\n'
CONTROLS = 'controls:\n  - {id: a, metric: accuracy, must: ">= 0.7"}\n'


def said(folder: Path, text: str) -> str:
    path = folder / "model_policy.yaml"
    path.write_text(text)
    with pytest.raises(vl.PolicyError) as refused:
        vl.read_policy(path)
    return str(refused.value)


@pytest.mark.parametrize(
    ("roles", "line", "quoted"),
    [
        ("roles:\n  target:\n    favorable: >50K\n", 5, '">50K"'),
        ("roles:\n  target:\n    favorable: > 50K\n", 5, '"> 50K"'),
        ("roles: {target: {favorable: >50K}}\n", 3, '">50K"'),
        ("roles:\n  target: {favorable: [a, >50K.]}\n", 4, '">50K."'),
        ("roles:\n  target:\n    favorable: >1\n", 5, '">1"'),
        ("roles:\n  target:\n    favorable: >2K\n", 5, '">2K"'),
        ("roles:\n  income:\n    map:\n      <=50K: low\n      >50K: high\n", 7, '">50K"'),
        ("roles:\n  target:\n    favorable: |x\n", 5, '"|x"'),
    ],
)
def test_a_label_that_yaml_reads_as_a_block_is_to_be_quoted(
    tmp_path: Path, roles: str, line: int, quoted: str
) -> None:
    text = said(tmp_path, HEAD + roles + CONTROLS)
    assert f"model_policy.yaml:{line}: text that starts with {quoted[1]} needs quotes" in text
    assert quoted in text


def test_a_block_of_text_is_one(tmp_path: Path) -> None:
    path = tmp_path / "model_policy.yaml"
    for mark in (">", ">-", "|", "|2"):
        text = f'remedy: {mark}\n      more rows\n    metric: accuracy\n    must: ">= 0.7"\n'
        path.write_text(f"{HEAD}controls:\n  - id: a\n    {text}")
        assert "more rows" in vl.read_policy(path).controls[0].remedy


@pytest.mark.parametrize("key", ["rules", "checks", "Rules"])
def test_other_names_of_controls(tmp_path: Path, key: str) -> None:
    text = said(tmp_path, HEAD + CONTROLS.replace("controls", key))
    assert f"unknown key '{key}'; did you mean 'controls'?" in text


@pytest.mark.parametrize("key", ["threshold", "group_by"])
def test_other_names_of_a_controls_keys(tmp_path: Path, key: str) -> None:
    wanted = {"threshold": "must", "group_by": "across"}[key]
    text = said(tmp_path, HEAD + CONTROLS.replace("{id", f"{{{key}: x, id"))
    assert f"unknown key '{key}'; did you mean '{wanted}'?" in text


@pytest.mark.parametrize(
    ("metric", "ours"),
    [
        ("rmse", "root_mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("mse", "mean_squared_error"),
        ("r2", "r2_score"),
        ("R2", "r2_score"),
        ("neg_mean_squared_error", "mean_squared_error"),
        ("neg-root-mean-squared-error", "root_mean_squared_error"),
        ("MAPE", "mean_absolute_percentage_error"),
    ],
)
def test_a_metric_of_numbers_has_scikit_learns_name(tmp_path: Path, metric: str, ours: str) -> None:
    text = said(tmp_path, HEAD + CONTROLS.replace("accuracy", metric))
    assert f"unknown metric '{metric}'; did you mean '{ours}'?" in text


@pytest.mark.parametrize("metric", ["explained_variance_score", "msle", "huber-loss"])
def test_a_metric_of_numbers_is_told_what_is_supported(tmp_path: Path, metric: str) -> None:
    text = said(tmp_path, HEAD + CONTROLS.replace("accuracy", metric))
    assert f"unknown metric '{metric}': of predicted numbers there are mean_absolute_error" in text
    assert "did you mean" not in text
