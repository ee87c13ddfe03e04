"""What a report shows, read once from a statement into typed values.

Statements of this package are well formed, but a report may be asked of a file from elsewhere:
whatever has the wrong type is shown as not recorded, and no light is believed that the verdicts
do not bear out. Only a statement of another kind or a newer format is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from msgspec import Struct, field

from venturalitica.core.circumstances import share_words
from venturalitica.core.json_values import Json, integer, mappings, text
from venturalitica.core.policy import Snapshot
from venturalitica.core.prior import Prior
from venturalitica.core.record import FORMATS, JUDGED, Run, Statement
from venturalitica.core.verdict import Light, Verdict, left_out_sentence, worst_light
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError
from venturalitica.reports.compared import Compared


class ReportContext(Struct, frozen=True, kw_only=True):
    """All that a page about one statement shows.

    `light` is the worst of what was recorded and what the verdicts bear out, at best amber while
    the record waits for a tracker, and red where it does not verify; `doubtful` is True where the
    record claims a better light than its verdicts. `standing` is None where only the statement is
    known: on the page that goes to a tracker. `drift` is what each control on drift compared, where
    the counts are at hand.
    """

    kind: str
    package: str
    light: Light
    recorded_light: str
    doubtful: bool
    run: Run
    verdicts: tuple[Verdict, ...] = ()
    policy: Snapshot | None = None
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
    notes: tuple[Json, ...] = ()
    standing: Standing | None = None
    judging: Json = field(default_factory=dict)
    prior: Prior | None = None
    intervals: Json = field(default_factory=dict)
    keys: tuple[tuple[str, str], ...] = ()
    drift: Mapping[str, tuple[Compared, ...]] = field(default_factory=dict)

    @property
    def trained_on(self) -> str:
        """Which share of the judged rows the model was trained on; empty where nobody knows."""
        return share_words(self.judging.get("training_share"))

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
    statement: Json,
    *,
    evidence_sha256: str = "",
    delivered: bool | None = None,
    approvals: Sequence[Json] = (),
    notes: Sequence[Json] = (),
    standing: Standing | None = None,
    trackers: Sequence[Json] | None = None,
    drift: Mapping[str, tuple[Compared, ...]] = MappingProxyType({}),
) -> ReportContext:
    """Read a statement of kind "audit" or "run", with what else is known of its record.

    `trackers` are the runs that it belongs to, where it was attached to others than it names.

    Raises:
        EvidenceError: it is another kind of statement, or a format newer than this version knows.
    """
    record = Statement.of(statement)
    if not record.judged or not record.predicate:
        raise EvidenceError(
            f"found a statement of type {record.predicate_type!r}; expected one of "
            f"{', '.join(JUDGED)}: give the evidence of an audit or of a monitored run"
        )
    if not record.understood or integer(record.format) is None:
        raise EvidenceError(
            f"this evidence has format {record.format!r}; this version reads "
            f"formats {', '.join(map(str, FORMATS))}: read it with a newer version of this package"
        )
    shown, claimed = record.borne_out, record.light
    lights: list[Light] = [shown, claimed]
    if delivered is False or (standing is not None and standing.doubt):
        lights.append("amber")
    unproven = standing is not None and standing.fault is not None
    return ReportContext(
        kind=record.kind,
        package=record.package,
        light="red" if unproven else "grey" if shown == "grey" else worst_light(lights),
        recorded_light=record.claimed_light,
        doubtful=claimed != shown and worst_light((claimed, shown)) == shown,
        run=record.run,
        verdicts=record.verdicts,
        policy=record.policy,
        rows=record.rows,
        axes=record.axes,
        tally_sha256=record.tally_sha256 or record.tally_kept,
        bindings=record.bindings,
        model=record.model or None,
        data=record.data,
        environment=record.environment,
        trackers=record.trackers if trackers is None else tuple(trackers),
        exception=record.exception or None,
        audits=record.audits,
        evidence_sha256=evidence_sha256,
        delivered=delivered,
        approvals=mappings(tuple(approvals)),
        notes=mappings(tuple(notes)),
        standing=standing,
        judging=record.judging or {},
        prior=record.prior,
        intervals=record.intervals or {},
        keys=record.keys,
        drift=drift,
    )


class Standing(Struct, frozen=True, kw_only=True):
    """Place, proof, retention and delivery of one record. It is looked up, never recorded.

    `verification` is that of the record's own bundle; `kept_until` is the last day on which it
    must be kept, empty where that cannot be read, like `retention`, the name of its class;
    `waiting` names the tracker runs that have not confirmed it, and `kept` is how many of them are
    offline runs in whose folder, on this machine, it lies; `drawn_at` is the drawer's clock;
    `doubt` says why its light is amber at best though it verifies, empty where nothing does.
    `carried`: it is of a log that was taken in, without what trackers confirmed to its job.
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
    carried: bool = False

    @property
    def fault(self) -> Step | None:
        """What failed; a record of which nothing could be checked has not passed either."""
        if self.verification.ok:
            return None
        return self.verification.fault or Step("record", False, "no step could be made")
