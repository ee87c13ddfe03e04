"""The policy of a test that needs one and asks of it only that its one control is decided."""

from __future__ import annotations


def small_policy(must: str = ">= 0.50", *, name: str = "loan", version: str = "1.0") -> str:
    """A policy of one control: what the accuracy must be."""
    return (
        f'policy: {name}\nversion: "{version}"\ncontrols:\n'
        f'  - {{id: accuracy, metric: accuracy, must: "{must}"}}\n'
    )
