"""Every sentence stays one, however many groups, columns and controls there are."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.errors import BindingError, ControlBlocked, listed

LONGEST = 2_000
GAP = """\
policy: t
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: gap, metric: demographic_parity_difference, across: g, must: "<= 0.5"}
  - {id: odds, metric: equalized_odds_difference, across: g, must: "<= 0.5"}
"""


def test_listed() -> None:
    assert listed(["a", "b"], 2) == "a, b"
    assert listed([str(i) for i in range(400)], 4) == "0, 1, 2, 3, … and 396 more"
    assert listed(["x" * 500]) == "x" * 120 + "…"
    assert listed(["x" * 500], longest=None) == "x" * 500


@pytest.mark.parametrize("each", [2, 4])
@pytest.mark.parametrize("name", ["postcode {}", "n" * 300 + "{}"])
def test_four_hundred_small_groups(
    each: int, name: str, write_policy: Any, caplog: pytest.LogCaptureFixture, tmp_path: Any
) -> None:
    rows = 400 * each
    data = {
        "y": [i % 2 for i in range(rows)],
        "p": [int(i % 8 in (0, 1)) for i in range(rows)],
        "g": [name.format(i // each) for i in range(rows)],
    }
    with caplog.at_level(logging.INFO, "venturalitica"):
        audit = vl.enforce(data, policy=write_policy(GAP), target="y", prediction="p", g="g")
    assert max(map(len, caplog.text.splitlines())) < LONGEST
    for verdict in audit:
        assert all(len(text) < LONGEST for text in (verdict.reason, *verdict.notes))
    if each == 4:
        assert "and 396 more" in " ".join((*audit[0].notes, audit[1].reason))
    assert len(repr(audit)) < LONGEST


def test_four_hundred_columns_and_roles(write_policy: Any) -> None:
    table = pd.DataFrame({f"column {'x' * 200} {i}": [0, 1] for i in range(400)})
    with pytest.raises(BindingError) as caught:
        vl.enforce(table, policy=write_policy(GAP), target="klass", prediction="q", g="h")
    assert "and 370 more" in str(caught.value)
    assert len(str(caught.value)) < 10_000
    roles = "\n".join(
        f"  - {{id: c{i}, metric: group_representation, across: role{i}, must: '>= 0.1'}}"
        for i in range(300)
    )
    many = f'policy: t\nversion: "1"\ncontrols:\n{roles}\n'
    with pytest.raises(BindingError) as caught:
        vl.enforce(pd.DataFrame({"a": [0, 1]}), policy=write_policy(many))
    assert len(str(caught.value)) < 10_000


def test_three_hundred_blocking_controls(write_policy: Any) -> None:
    rules = "\n".join(
        f"  - {{id: c{i}, metric: row_count, must: '>= 1000', on_fail: block}}" for i in range(300)
    )
    policy = write_policy(f'policy: t\nversion: "1"\ncontrols:\n{rules}\n')
    with pytest.raises(ControlBlocked) as caught:
        vl.enforce({"y": [0, 1]}, policy=policy, target="y")
    assert len(caught.value.verdicts) == 300
    assert "and 290 more" in str(caught.value)
    assert len(str(caught.value)) < LONGEST


def test_roles_that_nobody_bound_in_a_training(
    write_policy: Any, caplog: pytest.LogCaptureFixture
) -> None:
    rules = "\n".join(
        f"  - {{id: c{i}, metric: accuracy, across: r{i}, compare: min, must: '>= 0.1'}}"
        for i in range(200)
    )
    policy = write_policy(f'policy: t\nversion: "1"\ncontrols:\n{rules}\n')
    X = pd.DataFrame({"a": range(40)})
    vl.wrap(LogisticRegression(), policy=policy).fit(X, [0, 1] * 20)
    assert max(len(record.getMessage()) for record in caplog.records) < LONGEST
