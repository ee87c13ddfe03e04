"""What is known of a version: its files, fetched and digested, and the evidence kept for it.

A version names a run, and says so itself: evidence that is kept there counts for nothing until its
signed manifest names these very files (`decide`).
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePath

from msgspec.structs import replace

from venturalitica.core.encoding import is_hash
from venturalitica.core.gate import Candidate, SignOff
from venturalitica.core.redact import redact_name
from venturalitica.errors import EvidenceError
from venturalitica.ledger.carrying.taken import vaults_of
from venturalitica.ledger.formats.bundle import Bundle
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.lifecycle.approve import every_sign_off
from venturalitica.ledger.records.vault import Vault, sealed
from venturalitica.ledger.verify.verify import bundle_bytes
from venturalitica.provenance.model_files import Progress, read_manifest
from venturalitica.review.gate.by_files import with_log
from venturalitica.trackers import tracker
from venturalitica.trackers.base import TALLY, RunRef
from venturalitica.trackers.layout import SNAPSHOTS
from venturalitica.trackers.mlflow.models import SCHEMES, Named, fetch, only_model, resolved


def candidate_of(
    target: str,
    *,
    ledger: Ledger | None = None,
    files: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> tuple[Candidate, Named | None]:
    """The candidate that a text means, and what MLflow knows of it where it is a model there.

    Args:
        target: `models:/NAME/VERSION`, `models:/NAME@alias`, `runs:/ID`, `runs:/ID/PATH`, or the
            path of a bundle (`evidence.json`).
        ledger: whose vault may hold tallies, whose sign-offs count, and in which judgements of the
            same files are looked for; None where there is none.
        files: the folder that holds the model's files already; fetched where None.
        progress: called with the bytes digested so far and the bytes there are.

    Raises:
        EvidenceError: there is no such file.
        DataError: its files cannot be digested.
        TrackerError: MLflow has no such model or run, or failed.
        TrackerUnreachable: it does not answer.
        MissingExtra: MLflow is not installed.
    """
    if not target.startswith(SCHEMES):
        return _with_ledger(_of_bundle(Path(target)), ledger), None
    named = resolved(only_model(target))
    with tempfile.TemporaryDirectory(prefix="venturalitica-model-") as place:
        folder = fetch(named.uri, Path(place)) if files is None else files
        manifest = read_manifest(folder, progress=progress)
    found = Candidate(
        name=named.facts.get("name") or redact_name(named.uri),
        version=named.facts.get("version", ""),
        files=manifest,
    )
    run_id = named.facts.get("run_id", "")
    # Not by `fetch`, which fails where a run holds nothing: that is an answer, and refuses.
    kept = tracker("mlflow").files(RunRef("mlflow", run_id)) if run_id else {}
    found = with_evidence(found, kept)
    if ledger is not None:
        found = with_log(found, ledger)
    return _with_ledger(found, ledger), named


def with_evidence(candidate: Candidate, kept: Mapping[str, bytes]) -> Candidate:
    """With what lies at its run: bundles, and tallies by the digest that they are sealed under.

    A tag and a policy may be called `.json` too, and are no evidence.
    """
    others = ("tags/", f"{SNAPSHOTS}/")
    names = [name for name in kept if name.endswith(".json") and not name.startswith(others)]
    ours = {name: kept[name] for name in names}
    tallies = dict(_tallies({name: data for name, data in ours.items() if _is_tally(name)}))
    bundles = {name: data for name, data in ours.items() if not _is_tally(name)}
    return replace(candidate, bundles=bundles, tallies=tallies)


def _tallies(kept: Mapping[str, bytes]) -> Iterator[tuple[str, bytes]]:
    """The pairs among these files, by the digest that a record names them by."""
    for name, data in kept.items():
        with contextlib.suppress(EvidenceError):  # what is no pair is nobody's tally
            yield sealed(data, name)[0], data


def _is_tally(name: str) -> bool:
    return PurePath(name).name == TALLY


def _of_bundle(path: Path) -> Candidate:
    if not path.is_file():
        raise EvidenceError(
            f"{path}: no such file; expected models:/NAME/VERSION, models:/NAME@alias, runs:/ID or "
            "a bundle (evidence.json)"
        )
    beside = path.with_name(TALLY)
    kept = {path.name: bundle_bytes(path)}
    if path.name != TALLY and beside.is_file():
        kept[TALLY] = bundle_bytes(beside)
    found = with_evidence(Candidate(name=path.name), {path.name: kept.pop(path.name)})
    return replace(found, tallies=dict(_tallies(kept)))


def _with_ledger(candidate: Candidate, ledger: Ledger | None) -> Candidate:
    """With the tallies of its own vault and of the logs that were taken in, and its sign-offs."""
    if ledger is None:
        return candidate
    vaults = (Vault(ledger.home), *vaults_of(ledger))
    wanted = set(_kept_by(candidate.bundles.values()))
    found = {digest: vault.pair(digest) for vault in vaults for digest in wanted & vault.digests()}
    own = {digest: pair for digest, pair in found.items() if pair is not None}
    sign_offs = tuple(
        SignOff(one.evidence_sha256, one.keyid, one.role, one.decision, one.decided_at)
        for one in every_sign_off(ledger)
    )
    return replace(
        candidate,
        tallies={**candidate.tallies, **own},
        sign_offs=(*candidate.sign_offs, *sign_offs),
    )


def _kept_by(bundles: Iterable[bytes]) -> Iterator[str]:
    for data in bundles:
        try:
            digest = statement_of(Bundle.parse(data).envelope).tally_kept
        except EvidenceError:
            continue  # `decide` says what is wrong with it
        if is_hash(digest):
            yield digest
