"""Build the in-toto statement of an audit or of a closed monitor, from plain facts.

The shape is documented in `docs/evidence.md`. Nothing in it is a secret or a raw row: parameters
are short representations, URIs carry no credentials, an exception is its type and place.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field
from msgspec.structs import asdict, replace

from venturalitica._version import __version__
from venturalitica.audit.result import Audit
from venturalitica.core.circumstances import Circumstances, intervals_said
from venturalitica.core.concise import Concise
from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.policy import MIN_CELL, Policy
from venturalitica.core.prior import identity_json, keyed
from venturalitica.core.record import (
    FORMAT,
    JUDGED,
    MODEL_SUBJECT,
    Run,
    Statement,
    statement_json,
)
from venturalitica.core.redact import redact_name
from venturalitica.core.retention import DEFAULT, retention
from venturalitica.core.tally import Tally, may_be_told
from venturalitica.core.text import timestamp
from venturalitica.core.verdict import Light, Verdict, light_of_part, worst_light
from venturalitica.ledger.records.kept_looks import is_kept, keep_up, prior_of, take_note
from venturalitica.ledger.records.publication import publication_of
from venturalitica.ledger.records.vault import Pair
from venturalitica.ledger.signing.signer import Signer
from venturalitica.metrics.catalog import sharing_error
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger

_SEALED = ("sha256", "identity", "snapshot")
"""What of a data item is recorded under the key of the log."""
PREDICATE_TYPES = {kind: predicate_type for predicate_type, kind in JUDGED.items()}


class Facts(Struct, frozen=True, kw_only=True):
    """All that one statement says, before it becomes JSON."""

    kind: str
    run_id: str
    name: str
    source: str
    started: datetime
    ended: datetime
    policy: Policy | None = None
    parent: str | None = None
    sequence: int = 0
    verdicts: tuple[Verdict, ...] = ()
    circumstances: Circumstances | None = None
    tally: Tally | None = None
    bindings: Mapping[str, str] = field(default_factory=dict)
    model: Mapping[str, Any] | None = None
    data: tuple[Mapping[str, Any], ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    trackers: tuple[RunRef, ...] = ()
    exception: Mapping[str, Any] | None = None
    audits: tuple[Mapping[str, Any], ...] = ()
    light: Light | None = None
    retention: str = DEFAULT


class Unsigned(Concise, frozen=True):
    """A statement as JSON types, and the pairs that must be in the vault before it is signed.

    `key` is the log's own secret, by which earlier audits of the same data are known; empty where
    it is no audit, or has no data. `cosigners` sign besides the ledger's own key.
    `refused` says why its tally is not published, as its policy asks; empty where it is, or is not
    to be.
    """

    unsaid = frozenset({"pairs", "key"})

    statement: dict[str, Any]
    pairs: tuple[Pair, ...] = ()
    key: bytes = b""
    refused: str = ""
    cosigners: tuple[Signer, ...] = ()

    def append_to(self, ledger: Ledger) -> Entry:
        """Sign and append it; an audit says what the log holds from before it.

        Raises:
            EvidenceError, SigningKeyError: as `Ledger.append`.
        """
        if self.key and not is_kept(ledger.home) and (size := ledger.size):
            keep_up(ledger.home, self.key, size, ledger.leaf(size - 1))
        late = partial(prior_of, ledger.home, self.key, statement=self.statement)
        entry = ledger.append(
            self.statement,
            cosigners=self.cosigners,
            pairs=self.pairs,
            late=late if self.key else None,
        )
        if self.key:
            take_note(ledger.home, self.key, entry)
        return entry


def build_statement(facts: Facts, *, key: bytes = b"") -> Unsigned:
    """The statement; its tally and the bare digests of its data are sealed for the vault.

    Args:
        facts: what it says.
        key: the log's own secret (`Vault.key`), under which digests of data are recorded.

    Raises:
        EvidenceError: the tally is larger than the vault holds.
        ValueError: there are data, and no key.
    """
    counts = facts.tally.for_evidence() if facts.tally else None
    tally = _sealed(counts.to_json()) if counts else None
    if facts.verdicts:
        from venturalitica.judge.pen import as_recorded

        rough = counts is not None and not all(table.exact for table in counts.scores)
        facts = replace(facts, verdicts=as_recorded(facts.verdicts, rough=rough))
    digests = _sealed(_digests(facts.data)) if any(map(_known, facts.data)) else None
    least = facts.policy.min_cell if facts.policy else MIN_CELL
    untold = _untold_columns(facts, least)
    publication = publication_of(facts.policy, counts) if facts.policy and counts else None
    predicate = _predicate(facts, tally, least) | {
        "publication": publication,
        "data": [_data_json(item, key, least, untold) for item in facts.data],
        "data_digests": digests.reference if digests else None,
    }
    statement = statement_json(PREDICATE_TYPES[facts.kind], _subjects(facts), predicate)
    pairs = tuple(filter(None, (tally, digests)))
    refused = str(publication["why"]) if publication else ""
    return Unsigned(statement, pairs, key if facts.kind == "audit" else b"", refused)


def _sealed(content: Mapping[str, Any]) -> Pair:
    return Pair.of(canonical_json(content).decode("utf-8"))


def _known(item: Mapping[str, Any]) -> bool:
    return bool(item["sha256"] or item["columns"])


def _digests(data: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The bare digests: who has them and guesses the rows of a column knows when he is right."""
    return {
        "format": "venturalitica/data-digests/v1",
        "data": [
            {
                **{name: item[name] for name in ("name", "context", "sha256")},
                "columns": {column["name"]: column["sha256"] for column in item["columns"]},
            }
            for item in data
        ],
    }


def _untold_columns(facts: Facts, least: int) -> set[str]:
    """The columns whose missing values would tell how many rows have no group."""
    told = facts.tally.nulls_told(least) if facts.tally else {}
    return {facts.bindings[role] for role, nulls in told.items() if nulls is None}


def _data_json(
    item: Mapping[str, Any], key: bytes, least: int, untold: AbstractSet[str]
) -> dict[str, Any]:
    said = {name: value for name, value in item.items() if name not in _SEALED}

    def nulls(column: Mapping[str, Any]) -> int | None:
        count: int | None = column["nulls"]
        shown = column["name"] not in untold and may_be_told([count or 0], item["rows"] or 0, least)
        return count if shown else None

    columns = [
        {"name": column["name"], "type": column["type"], "nulls": nulls(column)}
        for column in item["columns"]
    ]
    sha256 = item["sha256"]
    snapshot = item.get("snapshot") or {}
    if (sha256 is not None or "sha256" in snapshot) and not key:
        raise ValueError("digests of data are recorded under the key of the log: key=Vault.key()")
    if snapshot:
        said["snapshot"] = _snapshot_json(snapshot, key)
    return said | {
        "hmac_sha256": None if sha256 is None else keyed(sha256, key),
        "identity": identity_json(item.get("identity"), key),
        "columns": columns,
    }


def _snapshot_json(snapshot: Mapping[str, str], key: bytes) -> dict[str, str]:
    """The digest of a text under the key too: whoever guesses its literals would know."""
    said = {name: value for name, value in snapshot.items() if name != "sha256"}
    digest = snapshot.get("sha256")
    return said | ({"hmac_sha256": keyed(digest, key)} if digest else {})


def _predicate(facts: Facts, tally: Pair | None, least: int) -> dict[str, Any]:
    left_out = facts.circumstances.left_out if facts.circumstances else ()
    return {
        "format": FORMAT,
        "kind": facts.kind,
        "package": __version__,
        "run": asdict(
            Run(
                id=facts.run_id,
                name=facts.name,
                parent=facts.parent,
                sequence=facts.sequence,
                started_at=timestamp(facts.started),
                ended_at=timestamp(facts.ended),
                source=facts.source,
            )
        ),
        "policy": facts.policy.snapshot.to_json() if facts.policy else None,
        "light": facts.light or light_of_part((v.light for v in facts.verdicts), left_out),
        "verdicts": [verdict.to_json() for verdict in facts.verdicts],
        "judging": facts.circumstances.to_json() if facts.circumstances else None,
        "intervals": _intervals(facts) if facts.verdicts else None,
        "tally": tally.reference if tally else None,
        "rows": facts.tally.rows if facts.tally else None,
        "axes": facts.tally.axes_json(least) if facts.tally else [],
        "bindings": dict(facts.bindings),
        "model": dict(facts.model) if facts.model else None,
        "environment": dict(facts.environment),
        "trackers": [run_json(run) for run in facts.trackers],
        "exception": dict(facts.exception) if facts.exception else None,
        "audits": [dict(audit) for audit in facts.audits],
        "retention": retention(facts.retention, facts.ended),
    }


def _intervals(facts: Facts) -> dict[str, Any] | None:
    policy = facts.policy
    if policy is None:
        return intervals_said(facts.circumstances)
    return intervals_said(facts.circumstances, level=policy.level, among=sharing_error(policy))


def _subjects(facts: Facts) -> list[tuple[str, str]]:
    subjects = []
    if facts.policy is not None:
        subjects.append((f"policy/{facts.policy.filename}", facts.policy.sha256))
    if facts.model and facts.model.get("sha256"):
        named = facts.model.get("name") or facts.model["class"]
        subjects.append((f"{MODEL_SUBJECT}{named}", facts.model["sha256"]))
    return subjects or [(f"run/{facts.run_id}", sha256_hex(facts.run_id.encode()))]


def run_json(run: RunRef) -> dict[str, Any]:
    """A tracker's run as it stands in a record."""
    named = {name: redact_name(getattr(run, name)) for name in ("run_name", "experiment_name")}
    return asdict(run) | named | {"extra": dict(run.extra)}


def audit_summaries(audits: Sequence[Audit]) -> tuple[dict[str, Any], ...]:
    """What a closed monitor says of the audits inside it: place, digest, light, policy."""
    return tuple(
        {
            "index": audit.entry.index if audit.entry else None,
            "evidence_sha256": audit.evidence_sha256,
            "light": Statement.of(audit.statement).light,
            "policy": audit.policy.sha256,
            # What a phase left out may be judged by another audit: see `records.run_lights`.
            "light_of_judged": worst_light(verdict.light for verdict in audit),
            "judged": [verdict.control for verdict in audit],
            "left_out": list(audit.circumstances.left_out),
        }
        for audit in audits
    )
