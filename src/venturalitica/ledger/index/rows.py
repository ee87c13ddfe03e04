"""What the index keeps of an entry. A statement of an unknown kind is listed, never an error."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from venturalitica.core.encoding import MAX_LINE, parse_object, sha256_hex
from venturalitica.core.policy import TOLERANCE
from venturalitica.core.record import JUDGED, judged
from venturalitica.core.redact import redact_uri
from venturalitica.core.verdict import Interval, Light
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import PAYLOAD_TYPE, Envelope
from venturalitica.ledger.records.consistency import check_light, understood
from venturalitica.ledger.records.registry import kinds

if TYPE_CHECKING:
    pass


LARGEST = 1.7976931348623157e308
"""A signed record may hold an integer that no float is near."""

UNREADABLE = "unreadable"
_UNREADABLE: dict[str, Any] = {"predicateType": UNREADABLE}

_COUNTED = {
    "passed": "passed",
    "failed": "failed",
    "not_evaluated": "not_evaluated",
    "errors": "error",
}


class Entry(Protocol):
    """What a row is made of: an entry of the ledger, or an `Outline`."""

    @property
    def index(self) -> int:
        """Its place in the log."""
        ...

    @property
    def evidence_sha256(self) -> str:
        """The SHA-256 of its line."""
        ...

    @property
    def signer(self) -> str:
        """Id of the key that it says to be signed by first; `verify` checks that it is."""
        ...

    @property
    def statement(self) -> dict[str, Any]:
        """Its statement."""
        ...


@dataclass(frozen=True, slots=True)
class Outline:
    """An entry as the index reads it.

    Its line is held against the sealed tree. What `verify` cannot read as a statement is not read
    here in another way: it is listed as `UNREADABLE`, with nothing that it says of itself, and no
    `envelope`.
    """

    index: int
    line: bytes = field(repr=False)
    evidence_sha256: str
    statement: dict[str, Any] = field(repr=False)
    signer: str = ""
    envelope: Envelope | None = field(default=None, repr=False)

    @classmethod
    def of(cls, index: int, line: bytes) -> Outline:
        """Read an envelope and the statement in it."""
        signer, envelope, statement = "", None, _UNREADABLE
        try:
            parsed = Envelope.parse(line)
            signer = parsed.signatures[0].keyid
            found = parse_object(parsed.payload, what="the statement", limit=MAX_LINE)
        except EvidenceError:
            pass
        else:
            if parsed.payload_type == PAYLOAD_TYPE:
                envelope, statement = parsed, found
        return cls(index, line, sha256_hex(line), statement, signer, envelope)


def run_row(entry: Entry) -> dict[str, Any]:
    """The row of `runs`."""
    predicate = _object(entry.statement.get("predicate"))
    run, policy = _object(predicate.get("run")), _object(predicate.get("policy"))
    verdicts = [_object(verdict) for verdict in _list(predicate.get("verdicts"))]
    statuses = [verdict.get("status") for verdict in verdicts]
    git = _object(_object(predicate.get("environment")).get("git"))
    known = understood(entry.statement)
    return {
        "entry": entry.index,
        "kind": kind_of(entry.statement),
        "run_id": _word(run.get("id", "")),
        "name": _word(run.get("name", "")),
        "parent": _text(run.get("parent")),
        "sequence": _number(run.get("sequence")),
        "source": _word(run.get("source", "")),
        "started_at": _word(run.get("started_at", "")),
        "ended_at": _word(run.get("ended_at") or ""),
        "appended_at": _word(_object(predicate.get("log")).get("appended_at", "")),
        "policy_name": _text(policy.get("name")),
        "policy_version": _text(policy.get("version")),
        "policy_sha256": _text(policy.get("sha256")),
        "light": light_in(entry.statement),
        **{name: statuses.count(status) for name, status in _COUNTED.items()},
        "model_class": _text(_object(predicate.get("model")).get("class")),
        "exception": _text(_object(predicate.get("exception")).get("type")),
        "revision": _text(git.get("commit")),
        "signer": _word(entry.signer),
        **_margin(verdicts if known else ()),
        "evidence_sha256": entry.evidence_sha256,
        "trackers": json.dumps(_trackers(predicate)),
        "experiment": experiment_of(_trackers(predicate)),
    }


def light_in(statement: Mapping[str, Any]) -> Light:
    """The light that it claims; red where what it holds does not bear it out, as `verify` says.

    What a record of an unknown kind or format means by a light, nobody here knows: grey.
    """
    if not (judged(statement) and understood(statement)):
        return "grey"
    try:
        check_light(statement)
    except (EvidenceError, LookupError, TypeError, ValueError, AttributeError):
        return "red"
    claimed: Light = statement["predicate"]["light"]
    return claimed


def _margin(verdicts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    found = worst(verdicts)
    interval = found.interval if found else None
    return {
        "margin": found.value if found else None,
        "margin_low": interval.low if interval else None,
        "margin_high": interval.high if interval else None,
        "margin_control": _word(found.control) if found else None,
    }


def kind_of(statement: Mapping[str, Any]) -> str:
    """By its predicateType, as `verify` takes it; what it calls itself may be something else."""
    kind = str(statement.get("predicateType", ""))
    if kind in kinds():
        return kind.removeprefix("urn:venturalitica:").removesuffix(":v1")
    return JUDGED.get(kind) or _word(kind)


def verdict_rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of `verdicts`."""
    predicate = _object(entry.statement.get("predicate"))
    rows = enumerate(map(_object, _list(predicate.get("verdicts"))))
    return [_verdict(entry.index, position, verdict) for position, verdict in rows]


def tracker_rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of `links`: where the entry should be delivered."""
    return [
        {
            "entry": entry.index,
            "position": position,
            **dict(zip(("tracker", "uri", "run_id"), link_of(run), strict=True)),
            "run": json.dumps(run),
        }
        for position, run in enumerate(_trackers(_object(entry.statement.get("predicate"))))
        if can_be_delivered(run)
    ]


def link_of(run: Mapping[str, Any]) -> tuple[str, str, str]:
    """Tracker, address and run id as the index spells them."""
    return _word(run.get("tracker", "")), _word(run.get("uri") or ""), _word(run.get("run_id", ""))


def experiment_of(runs: Sequence[Mapping[str, Any]]) -> str:
    """The experiments that tracker runs belong to, in words that tell each from every other."""
    return " and ".join(sorted({_experiment(run) for run in runs}))


def _experiment(run: Mapping[str, Any]) -> str:
    """`mlflow 3 at http://…`: MLflow's names can change, its ids do not. W&B names projects."""
    extra, number = _object(run.get("extra")), run.get("experiment_id")
    project = "/".join(_word(extra[key]) for key in ("entity", "project") if extra.get(key))
    found = project or _word(number or run.get("experiment_name") or "")
    tracker, uri, _ = link_of(run)
    where = f"at {redact_uri(uri)}" if uri else ""
    return " ".join(part for part in (tracker, found, where) if part)


def can_be_delivered(run: Mapping[str, Any]) -> bool:
    """Whether it names a run, each field of the type that we write; a log may come from anybody."""
    texts = all(
        isinstance(value, str) or value is None for name, value in run.items() if name != "extra"
    )
    named = isinstance(run.get("tracker"), str) and isinstance(run.get("run_id"), str)
    return named and texts and isinstance(run.get("extra", {}), Mapping)


def _verdict(index: int, position: int, verdict: Mapping[str, Any]) -> dict[str, Any]:
    get, interval = verdict.get, _object(verdict.get("interval"))
    return {
        "entry": index,
        "position": position,
        "control": _word(get("control", "")),
        "metric": _word(get("metric", "")),
        "status": _word(get("status", "")),
        "light": _word(get("light", "")),
        "on_fail": _word(get("on_fail", "")),
        "must": _word(get("must", "")),
        "value": _measure(get("value")),
        "low": _measure(interval.get("low")),
        "high": _measure(interval.get("high")),
        "n": _number(get("n")),
        "article": _text(get("article")),
    }


def _trackers(predicate: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [item for item in _list(predicate.get("trackers")) if isinstance(item, dict)]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return None if value is None else _word(value)


def _word(value: Any) -> str:
    """Text that a database can hold. JSON can spell NUL and half a surrogate pair; they cannot."""
    text = value if type(value) is str else str(value)
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


def _number(value: Any) -> int:
    return value if isinstance(value, int) and abs(value) < 1 << 53 else 0


def _measure(value: Any) -> float | None:
    fits = isinstance(value, int | float) and abs(value) <= LARGEST
    return float(value) if fits else None


@dataclass(frozen=True, slots=True)
class Margin:
    """The margin of one control; `interval` is None where none was recorded."""

    control: str
    value: float
    interval: Interval | None = None


def margin(verdict: Mapping[str, Any]) -> Margin | None:
    """The margin of a verdict as recorded; None where nothing was measured or no side is allowed.

    For `==` and `!=` it is the distance itself (below zero for `==`), without an interval: there
    the nearest point of an interval would say more than was computed.
    """
    value, bound = _finite(verdict.get("value")), _finite(verdict.get("threshold"))
    if value is None or bound is None:
        return None
    control, operator = str(verdict.get("control", "")), verdict.get("operator")
    if operator in (">=", ">"):
        return Margin(control, _distance(value, bound), _moved(verdict, bound, 1))
    if operator in ("<=", "<"):
        return Margin(control, _distance(bound, value), _moved(verdict, bound, -1))
    if operator in ("==", "!="):
        apart = abs(_distance(value, bound))
        return Margin(control, apart if operator == "!=" else -apart or 0.0)
    return None


def worst(verdicts: Iterable[Mapping[str, Any]]) -> Margin | None:
    """The smallest margin of several verdicts; None where none of them has one.

    Complete data that must be complete has a margin of nothing for ever, and is not near to
    failing: what passed conclusively on its very threshold counts only where nothing else does.
    """
    every = [(item, margin(item)) for item in verdicts]
    found = [(_is_settled(item, one), one.value, one) for item, one in every if one is not None]
    return min(found, key=lambda item: item[:2], default=(False, 0.0, None))[2]


def _is_settled(verdict: Mapping[str, Any], found: Margin) -> bool:
    sure = verdict.get("status") == "passed" and verdict.get("conclusive") is True
    return sure and found.value == 0


def _distance(value: float, bound: float) -> float:
    """`value - bound`; a value on its threshold, but for rounding, has none."""
    apart = value - bound
    return 0.0 if abs(apart) <= TOLERANCE * max(1.0, abs(bound)) else apart


def _moved(verdict: Mapping[str, Any], bound: float, sign: int) -> Interval | None:
    interval = verdict.get("interval")
    if not isinstance(interval, Mapping):
        return None
    low, high = _finite(interval.get("low")), _finite(interval.get("high"))
    if low is None or high is None:
        return None
    ends = sorted(_distance(end, bound) * sign or 0.0 for end in (low, high))
    return Interval(*ends) if all(map(math.isfinite, ends)) else None


def _finite(number: Any) -> float | None:
    if isinstance(number, bool) or not isinstance(number, int | float):
        return None
    try:
        found = float(number)
    except OverflowError:
        return None
    # Half of the largest, so that the distance of two of them is a number too.
    return found if abs(found) <= 8e307 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow:
    """One entry of the log, as a list shows it. Times are RFC 3339 UTC.

    `signer` is the key that the record names; `verify` checks that it signed. `revision` is git's
    commit; `margin` is the smallest of its controls (`margins`), that of `margin_control`.
    `experiment` names the experiments of the trackers that it was recorded at, empty for none.
    """

    index: int
    kind: str
    run_id: str
    name: str
    parent: str | None
    sequence: int
    source: str
    started_at: str
    ended_at: str
    appended_at: str
    policy_name: str | None
    policy_version: str | None
    policy_sha256: str | None
    light: str
    passed: int
    failed: int
    not_evaluated: int
    errors: int
    model_class: str | None
    exception: str | None
    revision: str | None
    signer: str
    margin: float | None
    margin_low: float | None
    margin_high: float | None
    margin_control: str | None
    evidence_sha256: str
    trackers: tuple[dict[str, Any], ...] = ()
    experiment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """One verdict of one entry."""

    index: int
    position: int
    control: str
    metric: str
    status: str
    light: str
    on_fail: str
    must: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    article: str | None
