"""The server's own log of decisions: what was asked, and how it was answered."""

from __future__ import annotations

import logging

from venturalitica.core.gate import Decision
from venturalitica.server.checks import Change
from venturalitica.server.gate_file import GateFile

log = logging.getLogger(__name__)


def journal(gate: GateFile, change: Change, decision: Decision) -> None:
    """Tell the server's output of a decision."""
    said = "allowed" if decision.allowed else "refused"
    log.warning("%s (%s, gate %s): %s %s", said, gate.mode, gate.sha256, change, decision.sentence)
