"""Policies: reading, checking, describing and writing `model_policy.yaml`.

    policy = read_policy("model_policy.yaml")       # or PolicyError with every problem and its line
    for rule in describe(policy):
        print(rule)

Nothing heavy is imported here; the parser is, once a file is read.
"""

from __future__ import annotations

from venturalitica.policy.describe import describe
from venturalitica.policy.read import Lint, lint, parse_policy, policy_bytes, read_policy

__all__ = ["Lint", "describe", "lint", "parse_policy", "policy_bytes", "read_policy"]
