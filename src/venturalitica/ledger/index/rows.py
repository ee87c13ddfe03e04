"""What the index keeps of an entry. A statement of an unknown kind is listed, never an error."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Iterable, Sequence

from msgspec import Struct

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.json_values import Json, integer, mapping, number, text
from venturalitica.core.policy import TOLERANCE
from venturalitica.core.prior import Prior, identity_of
from venturalitica.core.record import ATTACHMENT, AUDIT, Statement, is_tracker_run
from venturalitica.core.redact import redact_uri
from venturalitica.core.verdict import Interval
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import PAYLOAD_TYPE, Envelope
from venturalitica.ledger.records.consistency import light_in
from venturalitica.ledger.records.kinds.attachment import Attachment

UNREADABLE = "unreadable"
_UNREADABLE = Statement.of({"predicateType": UNREADABLE})


class RunRow(Struct, frozen=True):
    """One entry of the log, as a list shows it. Times are RFC 3339 UTC.

    `signer` is the key that the record names; `verify` checks that it signed. `revision` is git's
    commit; `margin` is the smallest of its controls (`margins`), that of `margin_control`.
    `experiment` names the experiments of the trackers that it was recorded at, empty for none.
    `attempts` are the earlier audits of the same data, `before_policy` those of before its policy
    text came into the log, `committed` the entry of the commitment to that, `data` by what its data
    are known again (`core.prior`); None where it says not.
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
    experiment: str = ""
    attempts: int | None = None
    before_policy: int | None = None
    committed: int | None = None
    data: str | None = None
    trackers: tuple[Json, ...] = ()


class VerdictRow(Struct, frozen=True):
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


class LinkRow(Struct, frozen=True):
    """Where an entry should be delivered; `run` is the tracker's run as JSON.

    `said` are its names as a search reads them (`folded`).
    """

    index: int
    position: int
    tracker: str
    uri: str
    run_id: str
    experiment_name: str
    run_name: str
    said: str
    run: str


class Outline(Concise, frozen=True):
    """An entry as the index reads it.

    Its line is held against the sealed tree. What `verify` cannot read as a statement is not read
    here in another way: it is listed as `UNREADABLE`, with nothing that it says of itself, and no
    `envelope`.
    """

    unsaid = frozenset({"line", "record", "envelope"})

    index: int
    line: bytes
    evidence_sha256: str
    record: Statement
    signer: str = ""
    envelope: Envelope | None = None

    @classmethod
    def of(cls, index: int, line: bytes) -> Outline:
        """Read an envelope and the statement in it."""
        signer, envelope, record = "", None, _UNREADABLE
        try:
            parsed = Envelope.parse(line)
            signer = parsed.signatures[0].keyid
            found = Statement.read(parsed.payload)
        except EvidenceError:
            pass
        else:
            if parsed.payload_type == PAYLOAD_TYPE:
                envelope, record = parsed, found
        return cls(index, line, sha256_hex(line), record, signer, envelope)


def run_row(entry: Outline) -> RunRow:
    """A record's line in the list; what it says is cut to what a table can hold."""
    record = entry.record
    run, policy = record.run, record.policy
    statuses = [item.get("status") for item in record.verdict_items]
    nearest = worst(record.verdict_items if record.understood else ())
    interval = nearest.interval if nearest else None
    prior = (record.prior if record.judged and record.understood else None) or Prior()
    counted = prior.attempts
    return RunRow(
        index=entry.index,
        kind=as_key(record.kind),
        run_id=as_key(run.id),
        name=as_key(run.name),
        parent=_key_or_none(run.parent),
        sequence=_count(run.sequence),
        source=spelt(run.source),
        started_at=spelt(run.started_at),
        ended_at=spelt(run.ended_at),
        appended_at=as_key(record.appended_at),
        policy_name=as_key(policy.name) if policy else None,
        policy_version=as_key(policy.version) if policy else None,
        policy_sha256=as_key(policy.sha256) if policy else None,
        light=light_in(record),
        passed=statuses.count("passed"),
        failed=statuses.count("failed"),
        not_evaluated=statuses.count("not_evaluated"),
        errors=statuses.count("error"),
        model_class=_key_or_none(record.model.get("class") or record.model.get("name")),
        exception=_key_or_none(record.exception.get("type")),
        revision=_key_or_none(mapping(record.environment.get("git")).get("commit")),
        signer=as_key(entry.signer),
        margin=nearest.value if nearest else None,
        margin_low=interval.low if interval else None,
        margin_high=interval.high if interval else None,
        margin_control=as_key(nearest.control) if nearest else None,
        evidence_sha256=entry.evidence_sha256,
        experiment=experiment_of(record.trackers or record.open),
        attempts=counted.audits if counted else None,
        before_policy=counted.before_policy if counted else None,
        committed=prior.commitment.entry if prior.commitment else None,
        data=_data_of(record),
        trackers=record.trackers,
    )


def _data_of(record: Statement) -> str | None:
    """The identity of what an audit judged."""
    judged = record.predicate_type == AUDIT and record.understood and record.data
    return (identity_of(record.data[0])[0] or None) if judged else None


def verdict_rows(entry: Outline) -> list[VerdictRow]:
    """Its verdicts, in the order of the record."""
    rows = enumerate(entry.record.verdict_items)
    return [_verdict(entry.index, position, item) for position, item in rows]


def _verdict(index: int, position: int, item: Json) -> VerdictRow:
    names = ("control", "metric", "status", "light", "on_fail", "must")
    control, metric, status, light, on_fail, must = (as_key(text(item.get(name))) for name in names)
    interval = mapping(item.get("interval"))
    return VerdictRow(
        *(index, position, control, metric, status, light, on_fail, must),
        value=_number(item.get("value")),
        low=_number(interval.get("low")),
        high=_number(interval.get("high")),
        n=_count(item.get("n")),
        article=_key_or_none(item.get("article")),
    )


def link_rows(entry: Outline) -> list[LinkRow]:
    """The tracker runs it can be delivered to; what names no run has no row."""
    return [
        LinkRow(entry.index, position, *link_of(run), *names_of(run), json.dumps(run))
        for position, run in enumerate(entry.record.trackers)
        if is_tracker_run(run)
    ]


ATTACHED = 1 << 22
"""Where the runs that a record is attached to begin among its links; no line names so many."""


def attached_row(entry: Outline) -> tuple[str, LinkRow] | None:
    """Of a record of kind `attachment`: the digest of the one that it speaks of, and its link."""
    if entry.record.predicate_type != ATTACHMENT or not entry.record.understood:
        return None
    try:
        made = Attachment.of(entry.record.predicate)
    except EvidenceError:
        return None  # `verify` says what is wrong with it
    place, run = ATTACHED + entry.index, made.run
    row = LinkRow(made.entry, place, *link_of(run), *names_of(run), json.dumps(run))
    return made.evidence_sha256, row


def names_of(run: Json) -> tuple[str, str, str]:
    """The names of the experiment and of the run as the index spells them, and as a search reads
    them."""
    experiment, name = (spelt(text(run.get(key))) for key in ("experiment_name", "run_name"))
    return experiment, name, folded(f"{experiment}\n{name}")


def link_of(run: Json) -> tuple[str, str, str]:
    """Tracker, address and run id as the index spells them."""
    tracker, uri, run_id = (spelt(text(run.get(name))) for name in ("tracker", "uri", "run_id"))
    return tracker, uri, as_key(run_id)


OWNER = "entity"
"""What W&B calls whose part of a host it is."""


def owner_of(run: Json) -> str:
    """Whose part of its tracker's host a run is in; empty where the record does not say."""
    return spelt(text(mapping(run.get("extra")).get(OWNER)))


def experiment_of(runs: Sequence[Json]) -> str:
    """The experiments that tracker runs belong to, in words that tell each from every other."""
    return as_key(" and ".join(sorted({_experiment(run) for run in runs})))


def _experiment(run: Json) -> str:
    """`mlflow 3 at http://…`: MLflow's names can change, its ids do not. W&B names projects."""
    extra, numbered = mapping(run.get("extra")), run.get("experiment_id")
    project = "/".join(spelt(text(extra[key])) for key in ("entity", "project") if extra.get(key))
    found = project or spelt(text(numbered or run.get("experiment_name")))
    tracker, uri, _ = link_of(run)
    where = f"at {redact_uri(uri)}" if uri else ""
    return " ".join(part for part in (tracker, found, where) if part)


def _key_or_none(value: object) -> str | None:
    return None if value is None else as_key(text(value))


def spelt(found: str) -> str:
    """Text that a database can hold. JSON can spell NUL and half a surrogate pair; they cannot."""
    if found.isascii() and "\0" not in found:
        return found
    return found.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode("utf-8")


LONGEST_KEY = 400
"""Bytes of a text that is part of an index. PostgreSQL takes 2,704 for all parts of an entry, and
our widest has six; a longer text would keep every record after it out of a team's database."""


def as_key(found: str) -> str:
    """Text that an index of a database can hold: what is longer is cut, and ends in its digest."""
    found = spelt(found)
    if len(found) * 4 <= LONGEST_KEY or len(whole := found.encode()) <= LONGEST_KEY:
        return found
    return f"{whole[: LONGEST_KEY // 2].decode(errors='ignore')}…{sha256_hex(whole)}"


def folded(found: str) -> str:
    """Text as a search compares it, without case: Unicode's canonical caseless match (D145).

    Not left to the databases, of which each knows other letters.
    """
    if found.isascii():
        return found.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", found).casefold())


def _number(value: object) -> float | None:
    found = number(value)
    # SQLite has no negative zero, PostgreSQL has.
    return None if found is None else found + 0.0


def _count(value: object) -> int:
    found = integer(value) or 0
    return found if abs(found) < 1 << 53 else 0


class Margin(Struct, frozen=True):
    """The margin of one control; `interval` is None where none was recorded."""

    control: str
    value: float
    interval: Interval | None = None


def margin(verdict: Json) -> Margin | None:
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


def worst(verdicts: Iterable[Json]) -> Margin | None:
    """The smallest margin of several verdicts; None where none of them has one.

    Complete data that must be complete has a margin of nothing for ever, and is not near to
    failing: what passed conclusively on its very threshold counts only where nothing else does.
    """
    every = [(item, margin(item)) for item in verdicts]
    found = [(_is_settled(item, one), one.value, one) for item, one in every if one is not None]
    return min(found, key=lambda item: item[:2], default=(False, 0.0, None))[2]


def _is_settled(verdict: Json, found: Margin) -> bool:
    sure = verdict.get("status") == "passed" and verdict.get("conclusive") is True
    return sure and found.value == 0


def _distance(value: float, bound: float) -> float:
    """`value - bound`; a value on its threshold, but for rounding, has none."""
    apart = value - bound
    return 0.0 if abs(apart) <= TOLERANCE * max(1.0, abs(bound)) else apart


def _moved(verdict: Json, bound: float, sign: int) -> Interval | None:
    interval = mapping(verdict.get("interval"))
    low, high = _finite(interval.get("low")), _finite(interval.get("high"))
    if low is None or high is None:
        return None
    ends = sorted(_distance(end, bound) * sign or 0.0 for end in (low, high))
    return Interval(*ends) if all(map(math.isfinite, ends)) else None


def _finite(value: object) -> float | None:
    found = number(value)
    # Half of the largest, so that the distance of two of them is a number too.
    return found if found is not None and abs(found) <= 8e307 else None
