"""Rows that a log knows as those that files of a model were trained on: known by the target."""

from __future__ import annotations

import logging
from collections.abc import Iterator

from venturalitica.audit.committing import describe_test_data
from venturalitica.audit.measure import Request
from venturalitica.core.circumstances import Share
from venturalitica.core.manifest import Manifest
from venturalitica.core.prior import identity_json, identity_of
from venturalitica.core.record import AUDIT, Statement
from venturalitica.errors import VenturaliticaError
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.lifecycle.ties import of_files
from venturalitica.ledger.records.vault import Vault
from venturalitica.system.settings import Settings

log = logging.getLogger(__name__)


def share_trained_on(request: Request, files: Manifest) -> Share | None:
    """The share of these rows that the model was trained on, as its training recorded it.

    Args:
        request: the rows that its files are asked about.
        files: those that are judged.

    Returns:
        What the record says of the same rows; None where no record here is about them.
    """
    target = request.bindings.get("target")
    try:
        ledger = Ledger.open(Settings.for_recording().home)
        judged = [one for one in _judged(ledger, files) if _trained(one)]
        if not judged:
            return None
        found = describe_test_data(
            request.policy,
            request.frame,
            name=request.name,
            target=target if isinstance(target, str) else None,
        )
        said = identity_json(found["identity"], Vault(ledger.home).key())
        same = identity_of({"identity": said})
    except VenturaliticaError as error:  # what is wrong with rows or log, the audit itself says
        log.debug("whether rows were trained on is not known: %s", error)
        return None
    fitting = (one for one in judged if same in map(identity_of, one.data))
    return next((_trained(one) for one in fitting), None)


def _judged(ledger: Ledger, files: Manifest) -> Iterator[Statement]:
    records = (ledger.entry(index).record for index, _ in of_files(ledger, files))
    return (record for record in records if record.predicate_type == AUDIT)


def _trained(record: Statement) -> Share | None:
    """The share that it states, where rows of the training are among those that it judged."""
    if not any(item.get("training_rows") is True for item in record.data):
        return None
    return Share.from_json((record.judging or {}).get("training_share"))
