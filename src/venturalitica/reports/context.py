"""What a report shows, read once from a statement into typed values.

Statements of this package are well formed, but a report may be asked of a file from elsewhere:
whatever has the wrong type is shown as not recorded, and no light is believed that the verdicts
do not bear out. Only a statement of another kind or a newer format is refused.
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from venturalitica.core.record import JUDGED
from venturalitica.core.verdict import (
    STATUSES,
    Light,
    Verdict,
    left_out_sentence,
    run_lights,
    worst_light,
)
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError

FORMAT = 1
LIGHTS: tuple[Light, ...] = ("green", "amber", "red", "grey")
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """The policy that was in force; `text` is its file, `intact` whether it fits its digest."""

    name: str
    version: str
    title: str
    filename: str
    sha256: str
    text: str
    size: int
    intact: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportContext:
    """All that a page about one statement shows.

    `light` is the worst of what was recorded and what the verdicts bear out, at best amber while
    the record waits for a tracker, and red where it does not verify; `doubtful` is True where the
    record claims a better light than its verdicts. `standing` is None where only the statement is
    known: on the page that goes to a tracker.
    """

    kind: str
    package: str
    light: Light
    recorded_light: str
    doubtful: bool
    run: Json
    verdicts: tuple[Verdict, ...] = ()
    policy: PolicyFacts | None = None
    rows: int | None = None
    axes: tuple[Json, ...] = ()
    tally_sha256: str = ""
    bindings: Json = field(default_factory=dict)
    model: Json | None = None
    data: tuple[Json, ...] = ()
    environment: Json = field(default_factory=dict)
    trackers: tuple[Json, ...] = ()
    exception: Json | None = None
    audits: tuple[Json, ...] = ()
    evidence_sha256: str = ""
    delivered: bool | None = None
    approvals: tuple[Json, ...] = ()
    standing: Standing | None = None
    judging: Json = field(default_factory=dict)

    @property
    def left_out(self) -> str:
        """`Only data controls were judged; 3 model controls were not.`; empty where all were."""
        left_out = self.judging.get("left_out")
        count = len(left_out) if isinstance(left_out, list | tuple) else 0
        return left_out_sentence(text(self.judging.get("phase")), count)

    @property
    def training_rows(self) -> bool:
        """Whether any rows judged were rows that the model was trained on."""
        return any(item.get("training_rows") is True for item in self.data)


def read_statement(
    statement: Mapping[str, Any],
    *,
    evidence_sha256: str = "",
    delivered: bool | None = None,
    approvals: Sequence[Mapping[str, Any]] = (),
    standing: Standing | None = None,
) -> ReportContext:
    """Read a statement of kind "audit" or "run", with what else is known of its record.

    Raises:
        EvidenceError: it is another kind of statement, or a format newer than this version knows.
    """
    kind = JUDGED.get(str(statement.get("predicateType")))
    predicate = mapping(statement.get("predicate"))
    if kind is None or not predicate:
        raise EvidenceError(
            f"found a statement of type {statement.get('predicateType')!r}; expected one of "
            f"{', '.join(JUDGED)}: give the evidence of an audit or of a monitored run"
        )
    _check_format(predicate.get("format"))
    verdicts = tuple(_verdict(item) for item in mappings(predicate.get("verdicts")))
    tally = mapping(predicate.get("tally"))
    audits = mappings(predicate.get("audits"))
    shown = _shown_light(predicate, kind, verdicts, audits)
    claimed = _known_light(predicate.get("light"))
    lights: list[Light] = [shown, claimed]
    if delivered is False:
        lights.append("amber")
    if standing is not None and standing.doubt:
        lights.append("amber")
    unproven = standing is not None and standing.fault is not None
    return ReportContext(
        kind=kind,
        package=text(predicate.get("package")),
        light="red" if unproven else "grey" if shown == "grey" else worst_light(lights),
        recorded_light=text(predicate.get("light")),
        doubtful=claimed != shown and worst_light((claimed, shown)) == shown,
        run=mapping(predicate.get("run")),
        verdicts=verdicts,
        policy=_policy(predicate.get("policy")),
        rows=integer(tally.get("rows")),
        axes=mappings(tally.get("axes")),
        tally_sha256=text(predicate.get("tally_sha256")),
        bindings=mapping(predicate.get("bindings")),
        model=mapping(predicate.get("model")) or None,
        data=mappings(predicate.get("data")),
        environment=mapping(predicate.get("environment")),
        trackers=mappings(predicate.get("trackers")),
        exception=mapping(predicate.get("exception")) or None,
        audits=audits,
        evidence_sha256=evidence_sha256,
        delivered=delivered,
        approvals=mappings(tuple(approvals)),
        standing=standing,
        judging=mapping(predicate.get("judging")),
    )


def _check_format(found: object) -> None:
    if isinstance(found, int) and not isinstance(found, bool) and found <= FORMAT:
        return
    raise EvidenceError(
        f"this evidence has format {found!r}; this version reads format {FORMAT} and older: "
        "read it with a newer version of this package"
    )


def _shown_light(
    predicate: Json, kind: str, verdicts: Sequence[Verdict], audits: Sequence[Json]
) -> Light:
    """The light that the verdicts, or the audits inside a run, bear out."""
    lights: list[Light] = [verdict.light for verdict in verdicts]
    if lights and mapping(predicate.get("judging")).get("left_out"):
        lights.append("amber")
    if kind == "run":
        lights += map(_known_light, _run_lights(audits))
        if predicate.get("exception"):
            lights.append("red")
    return worst_light(lights)


def _run_lights(audits: Sequence[Json]) -> list[Any]:
    try:
        return run_lights(audits)
    except TypeError:  # a list of controls that is none: each audit as it is
        return [audit.get("light") for audit in audits]


def _known_light(found: object) -> Light:
    return next((light for light in LIGHTS if light == found), "grey")


def _verdict(item: Json) -> Verdict:
    """A verdict whose every field has the right type; the unreadable is an error, never a pass."""
    status = item.get("status")
    interval = mapping(item.get("interval"))
    low, high = number(interval.get("low")), number(interval.get("high"))
    clean: dict[str, Any] = {
        **{key: text(item.get(key)) for key in _TEXTS},
        "status": status if status in STATUSES else "error",
        "on_fail": item.get("on_fail") if item.get("on_fail") in ("record", "block") else "warn",
        "across": _texts(item.get("across")),
        "compare": text(item.get("compare")) or None,
        "article": text(item.get("article")) or None,
        "threshold": number(item.get("threshold")),
        "value": number(item.get("value")),
        "interval": None if low is None or high is None else {"low": low, "high": high},
        "level": number(item.get("level")) or 0.95,
        "conclusive": item.get("conclusive") is True,
        "n": integer(item.get("n")) or 0,
        "groups": [_group(group) for group in mappings(item.get("groups"))],
        "notes": _texts(item.get("notes")),
        "line": integer(item.get("line")) or 0,
    }
    if clean["status"] == "passed" and clean["value"] is None:
        clean |= {"status": "error", "reason": "recorded as passed, but without a value"}
    return Verdict.from_json(clean)


_TEXTS = ("control", "reason", "title", "metric", "must", "operator", "remedy", "file")


def _group(item: Json) -> dict[str, Any]:
    interval = mapping(item.get("interval"))
    low, high = number(interval.get("low")), number(interval.get("high"))
    return {
        "name": text(item.get("name")),
        "n": integer(item.get("n")) or 0,
        "value": number(item.get("value")),
        "supported": item.get("supported") is not False,
        "interval": None if low is None or high is None else {"low": low, "high": high},
    }


def _policy(item: object) -> PolicyFacts | None:
    facts = mapping(item)
    if not facts:
        return None
    data = _decoded(facts.get("bytes"))
    sha256 = text(facts.get("sha256"))
    return PolicyFacts(
        name=text(facts.get("name")),
        version=text(facts.get("version")),
        title=text(facts.get("title")),
        filename=text(facts.get("filename")),
        sha256=sha256,
        text=data.decode("utf-8", "replace") if data is not None else "",
        size=len(data) if data is not None else 0,
        intact=None if data is None else _digest(data) == sha256,
    )


def _decoded(value: object) -> bytes | None:
    try:
        return base64.b64decode(text(value), validate=True) if value else None
    except (binascii.Error, ValueError):
        return None


def _digest(data: bytes) -> str:
    from venturalitica.core.encoding import sha256_hex

    return sha256_hex(data)


def mapping(value: object) -> Json:
    """`value` if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: object) -> tuple[Json, ...]:
    """The JSON objects of a list."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item for item in value if isinstance(item, Mapping))


def text(value: object) -> str:
    """`value` as text; None is empty, a number is its JSON form."""
    return "" if value is None else str(value)


def _texts(value: object) -> list[str]:
    return [text(item) for item in value] if isinstance(value, list | tuple) else []


def number(value: object) -> float | None:
    """`value` if it is a finite number, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:
        return None


def integer(value: object) -> int | None:
    """`value` if it is a whole number, else None."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Place, proof, retention and delivery of one record. It is looked up, never recorded.

    `verification` is that of the record's own bundle; `kept_until` is the last day on which it
    must be kept, empty where that cannot be read, like `retention`, the name of its class;
    `waiting` names the tracker runs that have not confirmed it, and `kept` is how many of them are
    offline runs in whose folder, on this machine, it lies; `drawn_at` is the drawer's clock;
    `doubt` says why its light is amber at best though it verifies, empty where nothing does.
    """

    entry: int
    size: int
    verification: Verification
    retention: str
    kept_until: str
    waiting: tuple[str, ...]
    drawn_at: str
    doubt: str = ""
    kept: int = 0

    @property
    def fault(self) -> Step | None:
        """What failed; a record of which nothing could be checked has not passed either."""
        if self.verification.ok:
            return None
        return self.verification.fault or Step("record", False, "no step could be made")
