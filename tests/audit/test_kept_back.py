"""Groups that are kept back are told to whoever has the data, in the process, and nowhere else."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

import venturalitica as vl

POLICY = """\
policy: p
version: "1"
roles: {target: {favorable: 1}}
controls:
  - {id: parity, metric: demographic_parity_ratio, across: group, must: ">= 0.1"}
  - {id: accuracy, metric: accuracy, must: ">= 0.1"}
"""
ROWS = {
    "y": [0, 1] * 52,
    "p": [0, 1] * 50 + [1, 1, 0, 1],
    "g": ["a"] * 60 + ["b"] * 40 + ["rare"] * 3 + ["single"],
}
ROLES: dict[str, Any] = {"target": "y", "prediction": "p", "group": "g"}


@pytest.fixture
def audit(write_policy: Any) -> vl.Audit:
    return vl.enforce(ROWS, policy=write_policy(POLICY), **ROLES)


def test_they_are_listed_exactly_in_the_process(audit):
    assert set(audit.kept_back) == {"parity"}
    found = {group.name: (group.n, group.value) for group in audit.kept_back["parity"]}
    assert found["single"] == (1, 1.0)
    assert found["rare"] == (3, pytest.approx(2 / 3))
    shown = set(audit["parity"].groups.names)
    assert not shown & found.keys()
    assert shown | found.keys() == {"a", "b", "rare", "single"}


def test_they_are_nowhere_else(audit):
    for text in (repr(audit), str(audit.to_frame()), str(audit.statement), audit._repr_html_()):
        assert "0.667" not in text
        assert "0.6667" not in text
    again = pickle.loads(pickle.dumps((audit.verdicts, audit.kept_back)))
    assert again[1] == audit.kept_back, "what the caller took out is the caller's"


def test_what_leaves_the_process_has_no_counts(audit):
    assert audit.__getstate__()["_tally"] is None


def test_where_all_is_shown_nothing_is_kept_back(write_policy):
    everybody = "disclosure: {min_cell: 0}\n" + POLICY
    audit = vl.enforce(ROWS, policy=write_policy(everybody), **ROLES)
    assert audit.kept_back == {}
    assert len(audit["parity"].groups) == 4
