"""How a parcel is left at a run, whatever the tracker: the order, the repeats, the read-back.

A tracker gives a `Shelf`: a few plain operations on one run. Everything that must be the same for
all trackers is here: names are claimed first, with the tags; files are written and read back, and
only then do tags say that they are there, and that all is green, so that a run with
`venturalitica.evidence_sha256` has that evidence. What a server has no request for costs its part.
Repeating any step changes nothing; a delivery cut short is finished by the next one.
"""

from __future__ import annotations

import logging
import math
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verdict import Verdict
from venturalitica.errors import TrackerError, listed
from venturalitica.trackers.base import ROOT, DataRef, Parcel, Receipt, RunRef
from venturalitica.trackers.layout import (
    Claim,
    clip,
    digest16,
    encode,
    is_cut,
    light_of,
    read_claims,
    stake,
)

_log = logging.getLogger(__name__)

_warned: set[tuple[str, str]] = set()

SUPERSEDED = f"{ROOT}.superseded"
"""The tag of a run that holds an audit which belongs to another: which audit, and where it is."""

CONTROL_LIMIT = 96
GROUP_LIMIT = 64
VALUE_LIMIT = 8000
MAX_GROUPS = 50
"""Groups of one control beyond this many are in the evidence and the report, not in metrics."""


class Point(Struct, frozen=True):
    """One value of one control; `at` in milliseconds since 1970, UTC.

    `part` is empty for the value itself, else `ci_low`, `ci_high` or `group/<name>`.
    """

    control: str
    part: str
    value: float
    step: int
    at: int

    @property
    def key(self) -> str:
        """The metric's name: `venturalitica/accuracy`, `venturalitica/accuracy/ci_low`."""
        return f"{self.control}/{self.part}" if self.part else self.control


class Shelf(ABC):
    """One run of one tracker. `put_*` answer with the keys that the tracker refused.

    What is not abstract may be left out by a tracker that has no such thing.
    """

    @abstractmethod
    def tags(self) -> Mapping[str, str]:
        """Every tag of the run, as it is now."""

    @abstractmethod
    def put_tags(self, tags: Mapping[str, str]) -> Sequence[str]:
        """Set these tags."""

    @abstractmethod
    def read(self, path: str) -> bytes:
        """The bytes of an artifact that is there; else OSError or LookupError."""

    @abstractmethod
    def write(self, files: Mapping[str, bytes]) -> None:
        """Write artifacts: path -> bytes."""

    def has(self, path: str) -> bool:
        """Whether there is an artifact of that path."""
        try:
            self.read(path)
        except (OSError, LookupError):
            return False
        return True

    def put_points(self, points: Sequence[Point], *, again: bool) -> Sequence[str]:
        """Log metric values; where `again`, those that are there already are left out."""
        return ()

    def put_inputs(self, data: Sequence[DataRef]) -> Sequence[str]:
        """Log the data sets that are not inputs of the run yet."""
        return ()

    def put_section(self, key: str, text: str) -> Sequence[str]:
        """Append our section to the run's description, or bring it up to date in place."""
        return ()

    def put_extras(self, parcel: Parcel, claim: Claim) -> None:  # noqa: B027 - nothing besides
        """What only this tracker has (W&B: the policy's artifact and the verdict table)."""

    def put_page_extras(  # noqa: B027 - nothing besides
        self, parcel: Parcel, claim: Claim, page: bytes
    ) -> None:
        """What only this tracker has, of the page (W&B: an artifact of evidence and page)."""


def publish(shelf: Shelf, run: RunRef, parcel: Parcel) -> Receipt:
    """Leave `parcel` at the run behind `shelf`; TrackerError where the read-back does not match."""
    before = shelf.tags()
    claims = read_claims(before)
    claim = claims.get(parcel.evidence_sha256)
    again = claim is not None
    if claim is None:
        claim = stake(parcel, claims.values(), at=time.time_ns() // 1_000_000)
    claims[parcel.evidence_sha256] = claim
    refused = _put_claim(shelf, claim, changed(_early(parcel, claim, claims), before))
    claim = _leave_files(shelf, parcel, claim, again=again, alone=len(claims) == 1)
    if before.get(f"{claim.tags}.evidence_sha256") != parcel.evidence_sha256:
        refused += _leave_values(shelf, parcel, claim, again=again)
    refused += shelf.put_tags(changed(tags_of(parcel, claim) | _light(claims), before))

    after = shelf.tags()
    claims = read_claims(after)
    if any(claim.clashes_with(other) for other in claims.values()):
        # Two machines claimed one name at the same time: both move to names of their own.
        claim = claims[parcel.evidence_sha256] = claim.apart()
        _put_claim(shelf, claim, {})
        claim = _leave_files(shelf, parcel, claim, again=True)
    refused += shelf.put_tags(changed(tags_of(parcel, claim) | _light(claims), after))
    if instead := parcel.superseded.get((run.tracker, run.run_id)):
        refused += shelf.put_tags({SUPERSEDED: instead})
    if parcel.description:
        refused += shelf.put_section(claim.id, parcel.description)
    if parcel.whole:
        publish_page(shelf, parcel)
    return Receipt(
        tracker=run.tracker,
        run_id=run.run_id,
        evidence_sha256=parcel.evidence_sha256,
        policy_sha256=claim.policy_sha256,
        detail=_detail(run, claim, refused),
    )


def publish_page(shelf: Shelf, parcel: Parcel) -> None:
    """Leave the page of a parcel that was delivered; where it is there, whole, nothing is done.

    Raises:
        TrackerError: the run does not hold the parcel.
    """
    if parcel.page is None:
        return
    claim = read_claims(shelf.tags()).get(parcel.evidence_sha256)
    if claim is None:
        raise TrackerError("the run does not hold the evidence that the page is of")
    page = parcel.page.html()
    if not _holds(shelf, claim.report, sha256_hex(page)):
        shelf.put_page_extras(parcel, claim, page)
        shelf.write({claim.report: page})  # last: where the page is there, all else is


def tags_of(parcel: Parcel, claim: Claim) -> dict[str, str]:
    """The tags of one parcel, the run's own light apart."""
    tags = {
        "policy": parcel.policy_name,
        "policy_version": parcel.policy_version,
        "policy_sha256": parcel.policy_sha256,
        "evidence_sha256": parcel.evidence_sha256,
        "checkpoint": parcel.checkpoint,
    }
    if claim.tags != ROOT:
        tags["light"] = parcel.light
    for verdict in parcel.verdicts:
        tags[f"control.{encode(verdict.control, limit=CONTROL_LIMIT)}"] = verdict.status
    named = {f"{claim.tags}.{name}": clip(value, VALUE_LIMIT) for name, value in tags.items()}
    return {key: value for key, value in named.items() if value} | _whole_names(parcel)


def points_of(parcel: Parcel, claim: Claim) -> list[Point]:
    """The metric values of one parcel; what was not measured, or is not finite, gives none."""
    return [
        Point(_control_key(claim, verdict), part, value, claim.step, claim.at)
        for verdict in parcel.verdicts
        for part, value in _values(verdict)
        if value is not None and math.isfinite(value)
    ]


def changed(tags: Mapping[str, str], present: Mapping[str, str]) -> dict[str, str]:
    """Those of `tags` that the run does not hold as they are."""
    return {key: value for key, value in tags.items() if present.get(key) != value}


def _values(verdict: Verdict) -> list[tuple[str, float | None]]:
    low, high = verdict.interval or (None, None)
    values = [("", verdict.value), ("ci_low", low), ("ci_high", high)]
    if len(verdict.groups) > MAX_GROUPS:
        return values
    return values + [
        (f"group/{encode(group.name, limit=GROUP_LIMIT)}", group.value) for group in verdict.groups
    ]


def _control_key(claim: Claim, verdict: Verdict) -> str:
    return f"{claim.metrics}/{encode(verdict.control, limit=CONTROL_LIMIT)}"


def _whole_names(parcel: Parcel) -> dict[str, str]:
    """Tags with the whole of every name that a key holds only the beginning of."""
    names = [(verdict.control, CONTROL_LIMIT) for verdict in parcel.verdicts]
    names += [(group.name, GROUP_LIMIT) for verdict in parcel.verdicts for group in verdict.groups]
    return {
        f"{ROOT}.name.{digest16(name)}": clip(name, VALUE_LIMIT)
        for name, limit in names
        if is_cut(encode(name, limit=limit))
    }


def _put_claim(shelf: Shelf, claim: Claim, tags: Mapping[str, str]) -> list[str]:
    """Set the claim, and in the same request what may be said already; gives what was refused."""
    refused = shelf.put_tags({claim.key: claim.value(), **tags})
    if claim.key in refused:
        raise TrackerError(f"the run refuses the tag {claim.key!r}; is it locked or read-only?")
    return list(refused)


def _early(parcel: Parcel, claim: Claim, claims: Mapping[str, Claim]) -> dict[str, str]:
    """The tags that need not wait for the files: all but that the evidence is there, and no green.

    A store that takes no files, or a process that dies, must not keep a red light from the run.
    """
    tags = tags_of(parcel, claim) | _light(claims)
    tags.pop(f"{claim.tags}.evidence_sha256", None)
    lights = (f"{claim.tags}.light", f"{ROOT}.light")
    return {key: value for key, value in tags.items() if key not in lights or value != "green"}


def _light(claims: Mapping[str, Claim]) -> dict[str, str]:
    return {f"{ROOT}.light": light_of(claims.values())}


def _leave_files(
    shelf: Shelf, parcel: Parcel, claim: Claim, *, again: bool, alone: bool = False
) -> Claim:
    """Write what is missing or damaged, read it back, and say what the evidence file holds now."""
    fresh = alone and not again
    wanted: dict[str, bytes] = {}
    whole = again and _holds(shelf, claim.evidence, claim.file_sha256)
    if not whole:
        # Bundles of one envelope differ in their proofs as the log grows: the claim follows.
        wanted[claim.evidence] = parcel.evidence
        claim = replace(claim, file_sha256=sha256_hex(parcel.evidence))
    if parcel.policy_bytes is not None and (
        fresh or not _holds(shelf, claim.snapshot, parcel.policy_sha256)
    ):
        wanted[claim.snapshot] = parcel.policy_bytes
    if parcel.tally is not None and (
        fresh or not _holds(shelf, claim.tally, sha256_hex(parcel.tally))
    ):
        wanted[claim.tally] = parcel.tally
    if claim.evidence in wanted and again:
        _put_claim(shelf, claim, {})
    if wanted:
        shelf.write(wanted)
    _check_back(shelf, wanted)
    return claim


def _check_back(shelf: Shelf, written: Mapping[str, bytes]) -> None:
    for path, data in written.items():
        expected = sha256_hex(data)
        if sha256_hex(shelf.read(path)) != expected:
            raise TrackerError(
                f"{path} was written, but what the run gives back does not have "
                f"SHA-256 {expected}; 'venturalitica sync' tries again"
            )


def _holds(shelf: Shelf, path: str, sha256: str) -> bool:
    return shelf.has(path) and sha256_hex(shelf.read(path)) == sha256


def _leave_values(shelf: Shelf, parcel: Parcel, claim: Claim, *, again: bool) -> list[str]:
    """What is shown beside the files, before a tag says all is there; gives what was refused."""
    shelf.put_extras(parcel, claim)
    refused = list(shelf.put_points(points_of(parcel, claim), again=again))
    refused += shelf.put_inputs(parcel.data)
    return refused


def _detail(run: RunRef, claim: Claim, refused: Sequence[str]) -> str:
    if not refused:
        return f"at {claim.evidence}"
    names = sorted(set(refused))
    text = listed(names)
    # An old server lacks the same at every delivery: that is worth one warning.
    level = logging.INFO if (run.uri, text) in _warned else logging.WARNING
    _warned.add((run.uri, text))
    _log.log(level, "the run refused %d key(s): %s", len(names), text)
    return f"at {claim.evidence}; refused by the tracker: {text}"


def with_section(text: str, key: str, body: str, *, limit: int) -> str:
    """`text` with our section `key` holding `body`: replaced in place, else appended.

    The answer is `text` itself where the result would be longer than `limit` characters.
    """
    begin, end = f"<!-- venturalitica {key} -->", f"<!-- /venturalitica {key} -->"
    section = f"{begin}\n{_harmless(body)}\n{end}"
    result = f"{text}\n\n{section}" if text else section
    marks = [mark for mark in _MARK.finditer(text) if mark[0] in (begin, end)]
    for first, second in pairwise(marks):
        # Only a beginning with its own end is ours: one whose end the user deleted is their text.
        if (first[0], second[0]) == (begin, end):
            result = text[: first.start()] + section + text[second.end() :]
            break
    return result if len(result) <= limit else text


_MARK = re.compile(r"<!-- /?venturalitica \S+ -->")


def _harmless(body: str) -> str:
    """A body that could be read as one of our marks would swallow the user's words next time."""
    return (
        body.strip()
        .replace("<!-- venturalitica", "<!- venturalitica")
        .replace("<!-- /venturalitica", "<!- /venturalitica")
    )
