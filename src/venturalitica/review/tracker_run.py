"""Does what stands at a tracker's run agree with the signed evidence that stands there?

Tags and files of a run can be edited by anyone who may write to it. The bundles cannot, so they are
what the rest is held against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.review.belonging import Record, belonging
from venturalitica.trackers.base import ROOT, RunRef
from venturalitica.trackers.layout import (
    SNAPSHOTS,
    Claim,
    clip,
    encode,
    light_of,
    read_claims,
)
from venturalitica.trackers.publish import CONTROL_LIMIT, VALUE_LIMIT


@dataclass(frozen=True, slots=True)
class RunBundle(Record):
    """One bundle of the run: its path, the digest of its envelope, and what it says."""

    @property
    def policy(self) -> Mapping[str, Any]:
        """The policy as it was signed; empty where the record has none."""
        return self.predicate.get("policy") or {}


def agreement(files: Mapping[str, bytes], run: RunRef | None = None) -> list[Step]:
    """The steps `evidence`, `policy_snapshot`, `report` and `tags` over what `fetch` gave.

    Where it is said which `run` was asked for, `run` and `audits of the run` come first.
    """
    tags = {
        path.removeprefix("tags/"): data.decode("utf-8", "replace")
        for path, data in files.items()
        if path.startswith("tags/")
    }
    claims = list(read_claims(tags).values())
    kept = {item.evidence_sha256: item for item in _bundles(files)}
    belong = belonging(list(kept.values()), run.tracker, run.run_id) if run is not None else []
    return [
        *belong,
        _evidence_step(tags, claims, kept),
        _snapshot_step(files, claims, kept),
        _report_step(files),
        _tags_step(tags, claims, kept),
    ]


def _bundles(files: Mapping[str, bytes]) -> Iterator[RunBundle]:
    from venturalitica.core.encoding import parse_object
    from venturalitica.core.record import judged
    from venturalitica.ledger.formats.bundle import Bundle
    from venturalitica.ledger.formats.dsse import Envelope

    for path, data in sorted(files.items()):
        if not path.endswith(".json"):
            continue
        try:
            envelope = Bundle.parse(data).envelope
            statement = parse_object(Envelope.parse(envelope).payload, what="the statement")
            if not isinstance(statement["predicate"], dict):
                continue
            if judged(statement) and not isinstance(statement["predicate"].get("run"), dict):
                continue
            yield RunBundle(path, sha256_hex(envelope), statement)
        except (EvidenceError, KeyError, TypeError, ValueError):
            continue  # the steps of the bundle itself say what is wrong with it


def _evidence_step(
    tags: Mapping[str, str], claims: list[Claim], kept: Mapping[str, RunBundle]
) -> Step:
    """Every record that the run's tags speak of must be there, where they say."""
    for claim in claims:
        found = kept.get(claim.evidence_sha256)
        if found is None:
            detail = f"the tag {claim.key} names evidence {claim.id}, which is not at the run"
            return Step("evidence", False, detail)
        if found.path != claim.evidence:
            detail = f"the evidence {claim.id} is at {found.path}, its tag says {claim.evidence}"
            return Step("evidence", False, detail)
    claimed = {claim.evidence_sha256 for claim in claims}
    for key, value in sorted(tags.items()):
        if key.startswith(f"{ROOT}.") and key.endswith(".evidence_sha256") and value not in kept:
            return Step("evidence", False, f"the tag {key} names evidence that is not at the run")
    stray = [item.path for digest, item in kept.items() if digest not in claimed]
    if stray:
        detail = (
            f"no tag of the run names {stray[0]}: it was put there by somebody, or tags are gone"
        )
        return Step("evidence", None, detail)
    return Step("evidence", True, f"the evidence that the tags name is there ({len(claims)})")


def _snapshot_step(
    files: Mapping[str, bytes], claims: list[Claim], kept: Mapping[str, RunBundle]
) -> Step:
    """The policy file at the run must be, byte for byte, the one that was signed."""
    checked: set[str] = set()
    for claim in claims:
        item = kept.get(claim.evidence_sha256)
        if item is None or not item.policy:
            continue
        data = files.get(claim.snapshot)
        if data is None:
            detail = f"{claim.snapshot or SNAPSHOTS} is not at the run, though {item.path} names it"
            return Step("policy_snapshot", False, detail)
        if sha256_hex(data) != item.policy.get("sha256"):
            detail = f"{claim.snapshot} is not the policy that {item.path} was signed with"
            return Step("policy_snapshot", False, detail)
        checked.add(claim.snapshot)
    stray = sorted(
        path for path in files if path.startswith(f"{SNAPSHOTS}/") and path not in checked
    )
    if stray:
        return Step("policy_snapshot", None, f"no evidence at the run speaks of {stray[0]}")
    if not checked:
        return Step("policy_snapshot", None, "not checked: no evidence at the run has a policy")
    return Step(
        "policy_snapshot", True, f"the exact bytes that were signed: {len(checked)} file(s)"
    )


def _report_step(files: Mapping[str, bytes]) -> Step:
    """The page for people is a copy that nobody signed: it proves nothing, and is not compared."""
    copy = "unsigned copy; draw it from evidence.json with 'venturalitica report'"
    found = any(path.endswith(".html") for path in files)
    said = copy if found else "there is no page beside the evidence"
    return Step("report", None, f"not checked: {said}")


def _tags_step(tags: Mapping[str, str], claims: list[Claim], kept: Mapping[str, RunBundle]) -> Step:
    """What the tags say of policy, verdicts and light must be what was signed."""
    signed = [
        replace(claim, light=str(kept[claim.evidence_sha256].predicate.get("light")))
        for claim in claims
        if claim.evidence_sha256 in kept
    ]
    if not signed:
        return Step("tags", None, "not checked: the run has no tags that name its evidence")
    expected: dict[str, str] = {f"{ROOT}.light": light_of(signed)}
    for claim in signed:
        expected |= _expected(claim, kept[claim.evidence_sha256])
    for key, value in expected.items():
        if key in tags and tags[key] != value:
            detail = f"the tag {key} is {tags[key][:80]!r}; the signed evidence says {value[:80]!r}"
            return Step("tags", False, detail)
    gone = [key for key, value in expected.items() if value and key not in tags]
    if gone:
        # A tracker may refuse a key, and a delivery may have been cut short: no proof of anything.
        return Step("tags", None, f"the tag {gone[0]} is missing ({len(gone)} in all)")
    return Step("tags", True, "policy, verdicts and light are those that were signed")


def _expected(claim: Claim, item: RunBundle) -> dict[str, str]:
    values = {
        "policy": item.policy.get("name", ""),
        "policy_version": item.policy.get("version", ""),
        "policy_sha256": item.policy.get("sha256", ""),
        "evidence_sha256": item.evidence_sha256,
    }
    for verdict in item.predicate.get("verdicts") or ():
        control = encode(str(verdict.get("control")), limit=CONTROL_LIMIT)
        values[f"control.{control}"] = verdict.get("status", "")
    return {f"{claim.tags}.{name}": clip(str(value), VALUE_LIMIT) for name, value in values.items()}
