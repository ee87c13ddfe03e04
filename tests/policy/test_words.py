"""Policies in sentences."""

from __future__ import annotations

from typing import Any

from venturalitica.policy import describe, parse_policy
from venturalitica.policy.describe import describe_role


def test_describe(good: str) -> None:
    policy = parse_policy(good.encode())
    assert describe(policy) == [
        "accuracy must be >= 0.70; warns",
        "selection rate across gender: ratio of lowest to highest must be >= 0.80; blocks",
        "recall across gender × age: difference of highest and lowest must be <= 0.10; warns",
        "selection rate across gender: female minus male must be >= -0.05; warns",
        "completeness of gender and age must be >= 0.99; warns",
    ]


def test_names_that_are_not_known_stay(good: str) -> None:
    data = good.replace("demographic_parity_ratio", "parity_of_old").encode()
    sentences = describe(parse_policy(data, check_metrics=False))
    assert sentences[1] == "parity of old across gender must be >= 0.80; blocks"


def test_roles(good: str, lint_text: Any) -> None:
    roles = lint_text(good).policy.roles
    assert describe_role(roles["target"]) == "favorable 1"
    assert describe_role(roles["gender"]) == "male: A91, A93, A94; female: A92, A95"
    assert describe_role(roles["age"]) == "column Attribute13; cut at 25, 60"
