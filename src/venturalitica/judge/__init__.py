"""Judgement: a policy and a tally become one verdict per control, each with a 95 % interval.

    verdicts = judge(policy, tally)

Pure: no disk, network, clock or environment; the same policy and tally give the same verdicts, bit
for bit, whatever else is installed.
"""

from __future__ import annotations

from venturalitica.judge.controls import judge, refuse_empty_phase, select, unreported

__all__ = ["judge", "refuse_empty_phase", "select", "unreported"]
