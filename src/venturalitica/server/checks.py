"""The check of a version by the server itself: its files and its evidence, from its own stores."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.causes import said
from venturalitica.core.gate import Candidate, Decision, Requirement, Rule
from venturalitica.core.manifest import Manifest
from venturalitica.core.policy import ApprovalRule
from venturalitica.errors import SettingsError
from venturalitica.ledger import read_keys
from venturalitica.ledger.formats.public_key import PublicKey
from venturalitica.ledger.records.decision import Decided, Mode, Overridden
from venturalitica.policy import read_policy
from venturalitica.review.gate import decide
from venturalitica.review.gate.candidates import with_evidence
from venturalitica.review.gate.overrides import overridden
from venturalitica.server.files import Files, fetched_manifest, small_files
from venturalitica.server.gate_file import GateFile, Protection
from venturalitica.server.sealed import OURS, Stores
from venturalitica.trackers.base import ROOT

log = logging.getLogger(__name__)


class Change(Struct, frozen=True):
    """What somebody asks for: a version under an alias, or in a stage."""

    name: str
    version: str
    alias: str | None = None
    stage: str | None = None


class _Found(Struct, frozen=True):
    """Where things of a version lie: its files, the artifacts of its run (None where it names no
    run that is known), and the places of both, which nobody may be writing to."""

    uri: str
    at_run: str | None
    places: tuple[str, ...]


Journal = Callable[[Decided], None]
"""Signs a decision into the server's log; raises where that fails."""


class Checks:
    """The checks of one worker, and what it remembers of files."""

    def __init__(self, stores: Stores, journal: Journal) -> None:
        self._stores = stores
        self._journal = journal
        self._files = Files()

    def warm(self, change: Change) -> None:
        """Read the files of the version, so that its check has them at hand."""
        try:
            self._manifest(self._stores.version_uri(change.name, change.version))
        except Exception as error:  # noqa: BLE001 - the check says it again, and refuses
            log.debug("the files of %s/%s: %s", change.name, change.version, said(error))

    def decide(
        self,
        gate: GateFile,
        rule: Protection,
        change: Change,
        *,
        busy: Callable[[tuple[str, ...]], bool],
    ) -> Decided:
        """The decision, signed into the log; whatever fails on the way refuses.

        Args:
            busy: whether anybody writes to one of these places just now.
        """
        decision, override = self._decision(gate, rule, change, busy)
        mode: Mode = "override" if override is not None else gate.mode
        decided = Decided(
            decision=decision,
            alias=change.alias or f"stage {change.stage}",
            mode=mode,
            settings=gate.sha256 or None,
            override=override,
        )
        try:
            self._journal(decided)
        except Exception as error:
            log.exception("a decision of the gate cannot be logged")
            if not decision.allowed and override is None:
                return decided
            sentence = f"the decision cannot be signed into the server's log ({said(error)})"
            return replace(
                decided,
                decision=_refused(change, "broken-gate", sentence),
                mode=gate.mode,
                override=None,
            )
        return decided

    def _decision(
        self,
        gate: GateFile,
        rule: Protection,
        change: Change,
        busy: Callable[[tuple[str, ...]], bool],
    ) -> tuple[Decision, Overridden | None]:
        if not gate.ok:
            fault = gate.problems[0]
            sentence = (
                f"the gate file cannot be used: {gate.name}:{fault.line}: {fault.message}; until "
                "it is mended no alias is set and no version goes to Staging or Production"
            )
            return _refused(change, "broken-gate", sentence), None
        try:
            requirement, keys = _requirement(gate, rule)
            found = self._found(change)
            if busy(found.places):
                sentence = (
                    "somebody is writing to the files or the evidence of the version just now; "
                    "ask again when that has ended"
                )
                return _refused(change, "busy", sentence), None
            candidate = self._candidate(change, found)
            able = _override_keys(gate, rule)
        except Exception as error:
            log.warning("the check of %s/%s failed", change.name, change.version, exc_info=True)
            sentence = f"version {change.version} of {change.name!r}: {said(error)}"
            return _refused(change, "error", sentence), None
        now = datetime.now(UTC)
        decision = decide(candidate, requirement, keys=keys, now=now)
        if gate.mode != "enforce" or change.alias is None:
            return decision, None  # it passes anyway; and an override names an alias
        return overridden(decision, candidate, change.alias, keys=able, now=now)

    def _found(self, change: Change) -> _Found:
        """Where the version and its evidence lie, by one question each to MLflow's stores."""
        uri = self._stores.version_uri(change.name, change.version)
        version = self._stores.registry.get_model_version(change.name, change.version)
        run = self._stores.run_of(version)
        at_run = None if run is None else str(run.info.artifact_uri)
        places = [self._stores.place(uri)]
        if at_run is not None:
            places += [self._stores.place(at_run, folder) for folder in OURS]
        return _Found(uri, at_run, tuple(places))

    def _manifest(self, uri: str) -> Manifest:
        folder = self._stores.folder(uri)
        if folder is not None:
            return self._files.manifest(folder)
        return fetched_manifest(self._stores.store(uri))

    def _candidate(self, change: Change, found: _Found) -> Candidate:
        kept: Mapping[str, bytes] = {}
        if found.at_run is not None:
            kept = small_files(
                self._stores.store(found.at_run), ROOT, at=self._stores.folder(found.at_run)
            )
        files = self._manifest(found.uri)
        one = Candidate(name=change.name, version=change.version, files=files)
        return with_evidence(one, kept)


def _requirement(gate: GateFile, rule: Protection) -> tuple[Requirement, dict[str, Any]]:
    """What the file asks for, and whose keys count."""
    folder = Path(gate.file).parent
    policy = read_policy(folder / str(rule.policy))
    if rule.policy_sha256 not in (None, policy.sha256):
        raise SettingsError(
            f"the policy {rule.policy} has SHA-256 {policy.sha256}, and {gate.name} expects "
            f"{rule.policy_sha256}"
        )
    requirement = Requirement(
        policy=policy,
        max_age=rule.max_age,
        approvals=tuple(ApprovalRule(role, count) for role, count in rule.approvals),
        light=rule.light,
    )
    return requirement, {"trusted_keys": read_keys(folder / str(rule.signers))}


def _override_keys(gate: GateFile, rule: Protection) -> tuple[PublicKey, ...]:
    return read_keys(Path(gate.file).parent / rule.overrides) if rule.overrides else ()


def _refused(change: Change, rule: Rule, sentence: str) -> Decision:
    return Decision(
        allowed=False, rule=rule, sentence=sentence, name=change.name, version=change.version
    )
