"""The server's own log of decisions: what was asked, by whom as far as known, and the answer."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from msgspec.structs import replace

from venturalitica.audit.project import open_ledger
from venturalitica.ledger.records.decision import Decided
from venturalitica.server.gate_file import AUTH


def journal(decided: Decided) -> None:
    """Sign a decision into the log, with who asked.

    Raises:
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written.
    """
    told = replace(decided, by=_who())
    open_ledger(settle=False).append(told.statement([], datetime.now(UTC)))


def _who() -> str:
    """Who asks, as MLflow's basic auth let them in; empty where nobody has to say."""
    from flask import has_request_context, request

    if not os.environ.get(AUTH) or not has_request_context():
        return ""  # without passwords, anybody may call himself anything
    said = request.authorization
    return str(said.username or "") if said is not None else ""
