"""Which controls must have a verdict in a record: those of its policy that were asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Control, Phase, Policy
from venturalitica.errors import EvidenceError
from venturalitica.judge import select
from venturalitica.metrics.catalog import CATALOG


def need(held: bool, otherwise: str) -> None:
    if not held:
        raise EvidenceError(otherwise)


def refuse(fault: str, verdict: Mapping[str, Any]) -> None:
    if fault:
        raise EvidenceError(f"control {str(verdict['control'])[:80]!r}: {fault}")


def check_phase(policy: Policy, controls: Sequence[Control]) -> None:
    """Only a phase left controls out before circumstances were kept, and then all of the other."""
    phases: tuple[Phase, ...] = ("data", "model")
    whole = any(list(controls) == list(select(policy, phase)) for phase in phases)
    need(whole, "controls of its policy have no verdict in it, and no phase leaves out just these")


def selected(policy: Policy, asked: Circumstances) -> tuple[Control, ...]:
    """The controls to judge; the record alone knows the phase of a metric that is not there."""
    chosen = {control.id for control in select(policy, asked.phase)}
    if asked.phase:
        unsaid = {c.id for c in policy.controls if not c.phase and c.metric not in CATALOG}
        chosen = (chosen - unsaid) | (unsaid - set(asked.left_out))
    return tuple(control for control in policy.controls if control.id in chosen)


def check_controls(verdicts: Sequence[Mapping[str, Any]], controls: Sequence[Control]) -> None:
    """The verdicts must be those of the selected controls, all of them, in the policy's order."""
    recorded = [verdict["control"] for verdict in verdicts]
    asked = [control.id for control in controls]
    if recorded == asked:
        return
    known = set(recorded)
    missing = next((name for name in asked if name not in known), None)
    need(missing is None, f"control {missing!r} of its policy has no verdict in it")
    odd = next((name for name in recorded if name not in set(asked)), None)
    need(odd is None, f"its policy has no control {str(odd)[:80]!r} to judge")
    raise EvidenceError("its verdicts are not in the order of its policy, or doubled")


def check_left_out(policy: Policy, controls: Sequence[Control], asked: Circumstances) -> None:
    chosen = {control.id for control in controls}
    left_out = tuple(control.id for control in policy.controls if control.id not in chosen)
    need(asked.left_out == left_out, "the controls that it says were left out are others")


def in_order(verdicts: Sequence[Mapping[str, Any]], policy: Policy) -> list[Control]:
    """The control of each verdict; they may be fewer than the policy's, but in its order."""
    rest: Iterator[Control] = iter(policy.controls)
    found = []
    for verdict in verdicts:
        control = next((control for control in rest if control.id == verdict["control"]), None)
        refuse("" if control else "its policy has no such control, or not in this place", verdict)
        assert control is not None
        found.append(control)
    return found
