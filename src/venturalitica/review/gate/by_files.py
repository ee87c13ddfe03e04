"""Judgements of a version's very files that lie elsewhere than at its run: found by the files.

Whoever judges files afterwards (`check --model`), in another run or in none, leaves the evidence in
their log, or in that of a job which was taken in. It names each file, so it is found by the root
over them; that it is of these files, and holds, is then asked of it as of any other.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from venturalitica.core.encoding import marks_in_base64, sha256_hex
from venturalitica.core.gate import Candidate
from venturalitica.core.manifest import Manifest
from venturalitica.core.record import AUDIT, MODEL, Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.taken import readable_logs
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.records.kinds.model_tie import ModelTie

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
        found = dict(_entries(log, candidate.files))
        # However often somebody asks again, what was red stays among them.
        red = [index for index in sorted(found) if log.entry(index).record.light == "red"]
        for index in sorted({*sorted(found)[-MOST:], *red[-MOST:]}):
            if found[index] not in there:
                bundles[f"{name}{index}"] = log.bundle(index)
    return replace(candidate, bundles=bundles)


def _entries(ledger: Ledger, files: Manifest) -> Iterator[tuple[int, str]]:
    """Place and digest of each audit of these files, and of each record that ties them to one."""
    marks = marks_in_base64(files.root.encode())
    for index, line in ledger.lines(0):
        if not any(mark in line for mark in marks):
            continue
        try:
            about = _about(statement_of(line), files)
            audit = ledger.entry(about) if about is not None and 0 <= about < index else None
        except EvidenceError:
            continue  # it was pruned, or `verify` says what is wrong with it
        if about is not None:
            yield index, sha256_hex(line)
        if audit is not None:
            yield audit.index, audit.evidence_sha256


def _about(record: Statement, files: Manifest) -> int | None:
    """The entry of an audit to which a record ties these files, -1 where it is that audit itself;
    None where it speaks of others."""
    if record.predicate_type == MODEL and record.understood:
        tie = ModelTie.of(record.predicate)
        return tie.entry if tie.manifest.files == files.files else None
    said = record.model.get("files")
    if record.predicate_type != AUDIT or said is None:
        return None
    return -1 if Manifest.of(said).files == files.files else None


def _digest(bundle: bytes) -> str:
    try:
        return sha256_hex(Bundle.parse(bundle).envelope)
    except EvidenceError:
        return ""  # `decide` says what is wrong with it
