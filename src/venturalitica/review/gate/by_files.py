"""Judgements of a version's very files that lie elsewhere than at its run: found by the files.

Whoever judges files afterwards (`check --model`), in another run or in none, leaves the evidence in
their log, or in that of a job which was taken in. It names each file, so it is found by the root
over them; that it is of these files, and holds, is then asked of it as of any other.
"""

from __future__ import annotations

from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.gate import Candidate
from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.taken import readable_logs
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.lifecycle.ties import of_files

HERE = "the log here, entry "
TAKEN = "the log "
"""They begin the name of evidence that was found so."""

MOST = 50
"""Records that are taken, the newest: more than anybody judges the same files."""


def with_log(candidate: Candidate, ledger: Ledger) -> Candidate:
    """With the judgements of its files that a log, or one that was taken into it, holds and that do
    not lie at its run.

    Raises:
        EvidenceError: the log was altered.
    """
    if candidate.files is None:
        return candidate
    bundles = dict(candidate.bundles)
    there = {_digest(data) for data in bundles.values()}
    logs: list[tuple[str, Ledger]] = [(HERE, ledger)]
    logs += [
        (f"{TAKEN}{one.name[:12]} taken here, entry ", kept) for one, kept in readable_logs(ledger)
    ]
    for name, log in logs:
        found = dict(of_files(log, candidate.files))
        # However often somebody asks again, what was red stays among them.
        red = [index for index in sorted(found) if log.entry(index).record.light == "red"]
        for index in sorted({*sorted(found)[-MOST:], *red[-MOST:]}):
            if found[index] not in there:
                bundles[f"{name}{index}"] = log.bundle(index)
    return replace(candidate, bundles=bundles)


def _digest(bundle: bytes) -> str:
    try:
        return sha256_hex(Bundle.parse(bundle).envelope)
    except EvidenceError:
        return ""  # `decide` says what is wrong with it
