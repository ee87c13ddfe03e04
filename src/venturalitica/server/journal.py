"""The server's own log of decisions: what was asked, by whom as far as known, and the answer."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from venturalitica.audit.project import open_ledger
from venturalitica.core.gate import Decision
from venturalitica.ledger.records.decision import Decided
from venturalitica.server.checks import Change
from venturalitica.server.gate_file import AUTH, GateFile


def journal(gate: GateFile, change: Change, decision: Decision) -> None:
    """Sign a decision into the log.

    Raises:
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written.
    """
    decided = Decided(
        decision=decision,
        alias=change.alias or f"stage {change.stage}",
        mode=gate.mode,
        settings=gate.sha256 or None,
        by=_who(),
    )
    open_ledger(settle=False).append(decided.statement([], datetime.now(UTC)))


def _who() -> str:
    """Who asks, as MLflow's basic auth let them in; empty where nobody has to say."""
    from flask import has_request_context, request

    if not os.environ.get(AUTH) or not has_request_context():
        return ""  # without passwords, anybody may call himself anything
    said = request.authorization
    return str(said.username or "") if said is not None else ""
