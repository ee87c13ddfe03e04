"""Does what stands at a tracker's run agree with the signed evidence that stands there?

Tags and files of a run can be edited by anyone who may write to it. The bundles cannot, so they are
what the rest is held against.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.json_values import Json, text
from venturalitica.core.record import ATTACHMENT, AUDIT, Statement
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.rejudge.run_audits import Audited, disagreement
from venturalitica.trackers.base import ROOT, RunRef
from venturalitica.trackers.layout import SNAPSHOTS, Claim, clip, encode, light_of, read_claims
from venturalitica.trackers.publish import CONTROL_LIMIT, VALUE_LIMIT

RUN_STEP = "run"
AUDITS_STEP = "audits of the run"


class RunBundle(Struct, frozen=True):
    """One bundle of the run: its path, the digest of its envelope, and its statement."""

    path: str
    evidence_sha256: str
    record: Statement


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
    from venturalitica.ledger.formats.bundle import Bundle
    from venturalitica.ledger.formats.dsse import statement_of

    for path, data in sorted(files.items()):
        if path.endswith(".json"):
            # The steps of the bundle itself say what is wrong with one that is left out.
            with suppress(EvidenceError):
                envelope = Bundle.parse(data).envelope
                yield RunBundle(path, sha256_hex(envelope), statement_of(envelope))


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
        policy = item.record.policy if item else None
        if item is None or policy is None:
            continue
        data = files.get(claim.snapshot)
        if data is None:
            detail = f"{claim.snapshot or SNAPSHOTS} is not at the run, though {item.path} names it"
            return Step("policy_snapshot", False, detail)
        if sha256_hex(data) != policy.sha256:
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
        replace(claim, light=kept[claim.evidence_sha256].record.light)
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
    policy = item.record.policy
    values = {
        "policy": policy.name if policy else "",
        "policy_version": policy.version if policy else "",
        "policy_sha256": policy.sha256 if policy else "",
        "evidence_sha256": item.evidence_sha256,
    }
    for verdict in item.record.verdicts:
        values[f"control.{encode(verdict.control, limit=CONTROL_LIMIT)}"] = verdict.status
    return {f"{claim.tags}.{name}": clip(value, VALUE_LIMIT) for name, value in values.items()}


def belonging(records: Sequence[RunBundle], tracker: str, run_id: str) -> list[Step]:
    """The steps `run` and `audits of the run` over the records kept at a run.

    Whoever may write to runs can copy everything of a green run into a red one, tags, policy, page
    and all: it verifies, and agrees with itself. But a record names the runs that were open when it
    was made. And can take evidence away together with its tags: but an audit has a number within
    its run, and the record of a monitored run names its audits.
    """
    told = [item for item in records if item.record.judged]
    return [
        _run_step(told, _attached(records), tracker, run_id),
        *_audits_step(told, tracker, run_id),
    ]


def _attached(records: Sequence[RunBundle]) -> dict[str, list[Json]]:
    """By digest of a record: the runs that another record here, of its log, says it belongs to."""
    origins = {item.evidence_sha256: _origin(item.record) for item in records}
    found: dict[str, list[Json]] = {}
    for item in records:
        if item.record.predicate_type == ATTACHMENT:
            with suppress(EvidenceError):  # the steps of the bundle itself say what is wrong
                made = Attachment.of(item.record.predicate)
                if _origin(item.record) == origins.get(made.evidence_sha256):
                    found.setdefault(made.evidence_sha256, []).append(made.run)
    return found


def _origin(record: Statement) -> str:
    try:
        return record.link.origin
    except EvidenceError:
        return ""


def _run_step(
    records: Sequence[RunBundle], attached: Mapping[str, list[Json]], tracker: str, run_id: str
) -> Step:
    """Only the id decides: an address may be spelt in more than one way."""
    if not records:
        return Step(RUN_STEP, None, "not checked: no record here says which run it was made in")
    for item in records:
        named = [*_named(item), *map(_place, attached.get(item.evidence_sha256, ()))]
        if (tracker, run_id) not in [(kind, name) for kind, name, _ in named]:
            runs = ", ".join(f"{kind} run {name}" for kind, name, _ in named[:3])
            detail = f"{item.path} was made in {runs or 'no run of a tracker'}, not in this run"
            return Step(RUN_STEP, False, f"{detail}: somebody put it here")
    links = [link for item in records for link in _named(item)]
    places = sorted({uri for _, name, uri in links if name == run_id and uri})
    at = f" (at {', '.join(places)[:200]})" if places else ""
    late = sum(item.evidence_sha256 in attached for item in records)
    also = f"; {late} attached to it afterwards, by a record of its own" if late else ""
    return Step(RUN_STEP, True, f"each record says that it was made in this run{at}{also}")


def _named(item: RunBundle) -> Iterator[tuple[str, str, str]]:
    yield from map(_place, item.record.trackers)


def _place(run: Json) -> tuple[str, str, str]:
    tracker, run_id, uri = (text(run.get(key))[:200] for key in ("tracker", "run_id", "uri"))
    return tracker, run_id, uri


def _audits_step(records: Sequence[RunBundle], tracker: str, run_id: str) -> Iterator[Step]:
    """Of each monitored run with a record here: are its audits here, as it says they are?"""
    checked = 0
    for run in sorted({item.record.run.id for item in records}):
        own = [item for item in records if item.record.run.id == run]
        fault = _contradiction(own, run)
        if fault:
            yield Step(AUDITS_STEP, False, fault)
            return
        missing = _missing(own)
        if missing:
            yield _gone(own, missing, tracker, run_id)
            return
        checked += any(_sequence(item) for item in own)
    if checked:
        yield Step(AUDITS_STEP, True, f"every audit of the monitored runs here ({checked})")


def _contradiction(own: Sequence[RunBundle], run: str) -> str:
    audits = {item.evidence_sha256: item for item in own if _is_audit(item)}
    for item in own:
        for said in item.record.audits:
            found = audits.get(str(said.get("evidence_sha256")))
            if found is not None:
                truth = Audited.of(found.evidence_sha256, found.record)
                fault = disagreement(said, truth, run)
                if fault:
                    return f"{item.path} says of {found.path} {fault}"
    return ""


def _missing(own: Sequence[RunBundle]) -> list[int]:
    """Numbers of audits (from 1) that must have been, and whose record is not here."""
    numbers = {_sequence(item) for item in own if _is_audit(item)} - {0}
    closed = [item for item in own if not _is_audit(item)]
    last = max([*numbers, *(_sequence(item) - 1 for item in closed)], default=0)
    # The run's own record says which audits never came into the log.
    lost = sum(said.get("index") is None for item in closed for said in item.record.audits)
    if last > len(numbers) + _MOST:  # nobody's audits: a number may be made up
        return [last]
    missing = [number for number in range(1, last + 1) if number not in numbers]
    return missing if len(missing) > lost else []


_MOST = 10_000


def _gone(own: Sequence[RunBundle], missing: Sequence[int], tracker: str, run_id: str) -> Step:
    named = {(kind, name) for item in own for kind, name, _ in _named(item)}
    which = f"audit {missing[0]}" + (f" (and {len(missing) - 1} more)" if missing[1:] else "")
    detail = f"{which} of the run {own[0].record.run.name[:80]!r} is not here"
    if named - {(tracker, run_id)}:
        # Other runs of trackers were open in it: there is where it may be.
        return Step(AUDITS_STEP, None, f"{detail}; it may be at another run that was open in it")
    return Step(
        AUDITS_STEP,
        False,
        f"{detail}: it was taken away, waits ('venturalitica sync' delivers it), or was made while "
        "no run of a tracker was open; the log itself tells ('venturalitica verify', 'runs list')",
    )


def _sequence(item: RunBundle) -> int:
    return max(0, item.record.run.sequence)


def _is_audit(item: RunBundle) -> bool:
    return item.record.predicate_type == AUDIT
