"""What the trainings of `tracker_faults` are judged by; apart, so that reading it costs nothing."""

from __future__ import annotations

from typing import Any

POLICY = """\
policy: loan
version: "1.0"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.50"
  - id: parity
    metric: demographic_parity_ratio
    across: gender
    must: ">= 0.10"
"""
ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}
AUDITS = 3
