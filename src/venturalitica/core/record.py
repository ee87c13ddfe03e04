"""The signed statement, typed: the one file that knows the keys of its JSON.

    {"_type": "https://in-toto.io/Statement/v1", "subject": [{"name", "digest": {"sha256"}}],
     "predicateType": which kind of record, "predicate": what it says}

`Statement.of` reads any JSON object and never raises: whoever holds a key may sign anything, and a
page must not fail of it. Each part has the type it says, whatever was written; `fault` says what is
no record as this package writes one, and `understood` whether its kind and format are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from msgspec import Struct

from venturalitica.core.concise import Concise
from venturalitica.core.encoding import (
    MAX_LINE,
    VAULT,
    is_reference,
    parse_object,
)
from venturalitica.core.json_values import (
    Json,
    as_object,
    integer,
    items,
    mapping,
    mappings,
    text,
    texts,
)
from venturalitica.core.link import Link
from venturalitica.core.policy import Snapshot
from venturalitica.core.prior import Prior
from venturalitica.core.record_fields import all_of, is_subject, malformed_fields
from venturalitica.core.verdict import (
    Light,
    Verdict,
    known_light,
    light_in,
    run_lights,
    worst_light,
)

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
FORMAT = 3
"""The format of every kind of record written now."""
FORMATS = (1, FORMAT)
"""Those that are read. In format 1 the tally stood in the record of an audit itself."""

AUDIT = "urn:venturalitica:audit:v1"
RUN = "urn:venturalitica:run:v1"
APPROVAL = "urn:venturalitica:approval:v1"
ERASURE = "urn:venturalitica:erasure:v1"
PRUNE = "urn:venturalitica:prune:v1"
PLACEMENT = "urn:venturalitica:placement:v1"
ROTATION = "urn:venturalitica:key-rotation:v1"
MODEL = "urn:venturalitica:model:v1"
COMMITMENT = "urn:venturalitica:commitment:v1"
BEGIN = "urn:venturalitica:begin:v1"
ATTACHMENT = "urn:venturalitica:attachment:v1"
DECISION = "urn:venturalitica:decision:v1"
OVERRIDE = "urn:venturalitica:override:v1"
CARRIED = "urn:venturalitica:carried:v1"
NOTE = "urn:venturalitica:note:v1"

JUDGED = {AUDIT: "audit", RUN: "run"}
"""The kinds of record that hold verdicts, by their predicateType."""
KINDS = JUDGED | {
    APPROVAL: "approval",
    ERASURE: "erasure",
    PRUNE: "prune",
    PLACEMENT: "placement",
    ROTATION: "key-rotation",
    MODEL: "model",
    COMMITMENT: "commitment",
    BEGIN: "begin",
    ATTACHMENT: "attachment",
    DECISION: "decision",
    OVERRIDE: "override",
    CARRIED: "carried",
    NOTE: "note",
}

PREDICATE, LOG = "predicate", "log"
MODEL_SUBJECT = "model/"
"""Before the name of a subject that is a model."""


class Run(Struct, frozen=True, kw_only=True):
    """The run that a record was made in: the product's own, not a tracker's."""

    id: str = ""
    name: str = ""
    parent: str | None = None
    sequence: int = 0
    started_at: str = ""
    ended_at: str = ""
    source: str = ""

    @classmethod
    def of(cls, said: Json) -> Run:
        """Read it; what is not recorded is empty."""
        texts = ("id", "name", "started_at", "ended_at", "source")
        parent = said.get("parent")
        return cls(
            **{name: text(said.get(name)) for name in texts},
            parent=None if parent is None else text(parent),
            sequence=integer(said.get("sequence")) or 0,
        )


class Statement(Concise, frozen=True, kw_only=True):
    """One signed statement.

    `json` is all of it and `predicate` what it says, as they were signed. `light` is the light that
    it claims (grey where that is none), `failed` whether its run ended by an exception. Of lists of
    objects, what is no object is left out; a verdict that is none is empty, which is an error.
    `rows` and `axes` say what was counted. The counts are `tally` where they stand in the record
    itself (format 1); since format 3 they lie in the vault, under the digest `tally_kept`.
    """

    unsaid = frozenset(
        {"json", "predicate", "verdict_items", "axes", "tally", "data", "environment"}
    )

    json: Json
    predicate_type: str
    predicate: Json
    run: Run
    policy: Snapshot | None
    light: Light
    verdict_items: tuple[Json, ...]
    judging: Json | None
    rows: int | None
    axes: tuple[Json, ...]
    tally: Json | None
    tally_sha256: str | None
    tally_kept: str
    model: Json
    data: tuple[Json, ...]
    environment: Json
    bindings: Json
    trackers: tuple[Json, ...]
    exception: Json
    audits: tuple[Json, ...]
    failed: bool

    @classmethod
    def read(cls, payload: bytes) -> Statement:
        """From the payload of an envelope.

        Raises:
            EvidenceError: it is no JSON object.
        """
        return cls.of(parse_object(payload, what="the statement", limit=MAX_LINE))

    @classmethod
    def of(cls, json: Json) -> Statement:
        """From its JSON, whatever that is."""
        said = mapping(json.get(PREDICATE))
        policy, digest = mapping(said.get("policy")), said.get("tally_sha256")
        tally = as_object(said.get("tally"))
        kept = tally is not None and is_reference(tally)
        about = said if kept else tally or {}
        return cls(
            json=json,
            predicate_type=text(json.get("predicateType")),
            predicate=said,
            run=Run.of(mapping(said.get("run"))),
            policy=Snapshot.of(policy) if policy else None,
            light=known_light(said.get("light")),
            verdict_items=tuple(map(mapping, items(said.get("verdicts")))),
            judging=as_object(said.get("judging")),
            rows=integer(about.get("rows")),
            axes=mappings(about.get("axes")),
            tally=None if kept else tally,
            tally_sha256=None if digest is None else text(digest),
            tally_kept=str(tally[VAULT]) if tally and kept else "",
            model=mapping(said.get("model")),
            data=mappings(said.get("data")),
            environment=mapping(said.get("environment")),
            bindings=mapping(said.get("bindings")),
            trackers=mappings(said.get("trackers")),
            exception=mapping(said.get("exception")),
            audits=mappings(said.get("audits")),
            failed=bool(said.get("exception")),
        )

    @property
    def kind(self) -> str:
        """By its predicateType, whatever it calls itself; an unknown one as it is written."""
        return KINDS.get(self.predicate_type, self.predicate_type)

    @property
    def judged(self) -> bool:
        """Whether it is the record of an audit or a run: the ones that hold verdicts."""
        return self.predicate_type in JUDGED

    @property
    def has_term(self) -> bool:
        """Whether it is kept for a term and may be pruned: what was judged, and that it began."""
        return self.judged or self.predicate_type == BEGIN

    @property
    def understood(self) -> bool:
        """Whether this version knows its kind and its format."""
        return self.predicate_type in KINDS and integer(self.format) in FORMATS

    @property
    def format(self) -> object:
        """The format that it names; a later version may write one that is no number."""
        return self.predicate.get("format")

    @property
    def package(self) -> str:
        """The version of this package that wrote it; empty where it says none."""
        return text(self.predicate.get("package"))

    @property
    def claimed_light(self) -> str:
        """Its light as it is written, which may be none of ours; `light` is read strictly."""
        return text(self.predicate.get("light"))

    @property
    def about_entry(self) -> int | None:
        """The entry that a sign-off is of; None where it names none."""
        return integer(mapping(self.predicate.get("of")).get("entry"))

    @property
    def kept(self) -> tuple[str, ...]:
        """The digests of what an audit's or a run's record keeps in the vault."""
        said = (self.predicate.get(name) for name in ("tally", "data_digests"))
        return tuple(str(mapping(one)[VAULT]) for one in said if is_reference(one))

    @property
    def digests_kept(self) -> str:
        """The digest of the vault under which the bare digests of its data lie; empty if none."""
        said = self.predicate.get("data_digests")
        return str(mapping(said)[VAULT]) if is_reference(said) else ""

    @property
    def prior(self) -> Prior | None:
        """What it says came before it; None where it says nothing of that."""
        return Prior.of(self.predicate.get("prior"))

    @property
    def counted(self) -> bool:
        """Whether rows were counted for it, wherever the counts are."""
        return self.tally is not None or bool(self.tally_kept)

    @property
    def fault(self) -> str:
        """Why it is no statement that can be read; empty where it can, or is of an unknown kind."""
        if self.frame_fault or not (self.judged and self.understood):
            return self.frame_fault
        if self.malformed:
            return f"predicate.{self.malformed[0]} is missing or malformed"
        # A green audit that calls itself a run would need no verdict.
        same = self.predicate["kind"] == self.kind
        return "" if same else "its kind is not the one of its predicateType"

    @property
    def malformed(self) -> tuple[str, ...]:
        """The fields of an audit's or a run's predicate that are missing or malformed."""
        return malformed_fields(self.predicate, audit=self.predicate_type == AUDIT)

    @property
    def frame_fault(self) -> str:
        """Why it is no in-toto Statement v1; empty where it is, whatever its predicate says."""
        subject = self.json.get("subject")
        if self.json.get("_type") != STATEMENT_TYPE:
            return f"its _type is not {STATEMENT_TYPE}"
        named = isinstance(self.json.get("predicateType"), str)
        if not named or not isinstance(self.json.get(PREDICATE), Mapping):
            return "it has no predicate, or no predicateType"
        whole = subject and all_of(is_subject, subject)
        return "" if whole else "it has no subject with a digest"

    @property
    def subjects(self) -> Iterator[tuple[str, str]]:
        """Name and digest of each subject."""
        for item in mappings(self.json.get("subject")):
            yield text(item.get("name")), text(mapping(item.get("digest")).get("sha256"))

    @property
    def models(self) -> tuple[tuple[str, str], ...]:
        """Name and digest of the models that it is about."""
        return tuple(
            (name.removeprefix(MODEL_SUBJECT), digest)
            for name, digest in self.subjects
            if name.startswith(MODEL_SUBJECT)
        )

    @property
    def link(self) -> Link:
        """Its place in the log.

        Raises:
            EvidenceError: it names none.
        """
        return Link.of(self.predicate.get(LOG))

    @property
    def intervals(self) -> Json | None:
        """How its intervals were made, as it says; None where it says nothing."""
        return as_object(self.predicate.get("intervals"))

    @property
    def open(self) -> tuple[Json, ...]:
        """The tracker runs that were open when a run began, of the record that it did."""
        return mappings(self.predicate.get("open"))

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """Role and id of the keys that it says it is signed and sealed by."""
        said = mapping(self.predicate.get(LOG))
        named = (("records", "record_key"), ("checkpoints", "checkpoint_key"))
        return tuple((role, text(said.get(name))) for role, name in named if said.get(name))

    @property
    def retention(self) -> object:
        """What it says of how long it is kept: `core.retention.RetentionTerm` reads it."""
        return self.predicate.get("retention")

    @property
    def appended_at(self) -> str:
        """When it came into the log, as it says; empty where it says nothing."""
        return text(mapping(self.predicate.get(LOG)).get("appended_at"))

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Its verdicts, each field of the right type; the unreadable is an error, never a pass."""
        return tuple(map(Verdict.from_json, self.verdict_items))

    @property
    def left_out(self) -> tuple[str, ...]:
        """The controls of its policy that were not asked for."""
        return texts((self.judging or {}).get("left_out"))

    @property
    def deliverable(self) -> tuple[Json, ...]:
        """The tracker runs that it can be delivered to."""
        return tuple(filter(is_tracker_run, self.trackers))

    @property
    def borne_out(self) -> Light:
        """The light that its verdicts, the audits inside it and how it ended bear out."""
        lights = [light_in(item) for item in self.verdict_items]
        if lights and (self.judging or {}).get("left_out"):
            lights.append("amber")
        lights += map(known_light, run_lights(self.audits))
        return worst_light([*lights, "red"] if self.failed else lights)


def statement_json(
    predicate_type: str, subjects: Iterable[tuple[str, str]], predicate: Json
) -> dict[str, Any]:
    """A statement, ready to be appended; `subjects` are names and SHA-256 digests."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": name, "digest": {"sha256": digest}} for name, digest in subjects],
        "predicateType": predicate_type,
        PREDICATE: predicate,
    }


def is_tracker_run(said: Json) -> bool:
    """Whether it names a run, each field of the type that we write; a log may come from anybody."""
    right = all(
        isinstance(value, str) or value is None for name, value in said.items() if name != "extra"
    )
    named = isinstance(said.get("tracker"), str) and isinstance(said.get("run_id"), str)
    return named and right and isinstance(said.get("extra", {}), Mapping)
