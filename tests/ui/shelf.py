"""A small log with a record of every kind, and of most of what can be wrong with one."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.text import timestamp
from venturalitica.core.verdict import GroupValue, Interval, Verdict, worst_light
from venturalitica.ledger import Entry, Ledger, load_signer
from venturalitica.ledger.lifecycle.approve import approve
from venturalitica.ledger.lifecycle.erase import erase
from venturalitica.ledger.lifecycle.keys import introduced
from venturalitica.ledger.lifecycle.prune import plan, prune
from venturalitica.ledger.records.notes.note import Note
from venturalitica.ledger.records.vault import Pair
from venturalitica.ledger.signing.key_rotation import swap
from venturalitica.policy import parse_policy
from venturalitica.trackers.base import RunRef

FIRST = """\
policy: credit-scoring
version: "1.0"
title: Credit scoring
roles:
  gender: {map: {A91: male, A92: female}}
controls:
  - id: accuracy
    title: Right at least 7 times in 10
    metric: accuracy
    must: ">= 0.70"
    article: "15(1)"
  - id: gender-parity
    metric: demographic_parity_ratio
    across: gender
    must: ">= 0.80"
    article: "10(2)(f)"
    on_fail: block
  - {id: recall, metric: recall, must: ">= 0.60"}
"""
SECOND = (
    FIRST.replace('"1.0"', '"1.1"')
    .replace(">= 0.80", ">= 0.75")
    .replace(">= 0.70", ">= 0.72")
    .replace('  - {id: recall, metric: recall, must: ">= 0.60"}\n', "")
    + '  - {id: enough, metric: row_count, must: ">= 100"}\n'
)
ALONE = FIRST[: FIRST.index("  - id: gender-parity")]
"""With the one control that `passed` is the verdict of."""
OTHER_SECOND = SECOND.replace("Credit scoring", "Credit scores")
UNJUDGED = Circumstances(intervals="drawn for a page")
"""Verdicts here are written by hand, and have no counts: no `verify` can judge them again."""
BEGIN = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 1, 9, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(hours=1)
        return self.now


@dataclass
class Shelf:
    """A ledger and the keys that sign it; each method appends one record and gives it."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    number: int = 0

    @property
    def home(self) -> Path:
        return self.folder / "evidence"

    @property
    def config(self) -> Path:
        return self.folder / "keys"

    @property
    def ledger(self) -> Ledger:
        return Ledger.open(self.home, signer=load_signer(None, self.config), clock=self.clock)

    def statement(self, policy: str | None = FIRST, *verdicts: Verdict, **settings: Any) -> Any:
        self.number += 1
        facts: dict[str, Any] = {
            "kind": "audit",
            "run_id": f"{self.number:032x}",
            "name": "training",
            "source": "fit",
            "started": self.clock.now,
            "ended": self.clock.now + timedelta(seconds=2),
            "policy": parse_policy(policy.encode()) if policy else None,
            "verdicts": verdicts or loan_verdicts(),
            "circumstances": UNJUDGED,
        }
        return build_statement(Facts(**facts | settings), key=b"k" * 32).statement

    def audit(self, policy: str | None = FIRST, *verdicts: Verdict, **settings: Any) -> Entry:
        return self.ledger.append(self.statement(policy, *verdicts, **settings))

    def run(self, *inside: Entry, **settings: Any) -> Entry:
        audits = tuple(
            {
                "index": one.index,
                "evidence_sha256": one.evidence_sha256,
                "light": one.statement["predicate"]["light"],
                "policy": one.statement["predicate"]["policy"]["sha256"],
            }
            for one in inside
        )
        lights = worst_light(audit["light"] for audit in audits)
        made: dict[str, Any] = {"kind": "run", "source": "monitor", "audits": audits}
        made |= {"light": lights, "circumstances": None}
        statement = self.statement(FIRST, **made | settings)
        statement["predicate"]["verdicts"] = []
        return self.ledger.append(statement)

    def sign_off(
        self,
        entry: Entry,
        decision: str = "approved",
        *,
        person: str = "Ada Lovelace",
        role: str = "auditor",
        comment: str = "Looked at it.",
    ) -> Entry:
        ledger = self.ledger
        return approve(
            ledger,
            entry,
            person=person,
            role=role,
            comment=comment,
            decision=decision,
            light=entry.statement["predicate"]["light"],
            keyid=ledger.signer_id,
            at=self.clock.now,
        )

    def note(
        self,
        entry: Entry,
        text: str = "The sample of May has no pensioners.",
        *,
        person: str = "Grace Hopper",
        control: str | None = None,
        keyid: str = "",
    ) -> Entry:
        """Whatever its texts are: who holds a key is not held to what our own writer refuses."""
        ledger, pairs = self.ledger, [Pair.of(person), Pair.of(text)]
        made = Note(
            index=-1,
            entry=entry.index,
            evidence_sha256=entry.evidence_sha256,
            run_id=entry.record.run.id,
            control=control,
            noted_at=timestamp(self.clock.now),
            keyid=keyid or ledger.signer_id,
            person=pairs[0].reference,
            text=pairs[1].reference,
        )
        return ledger.append(made.statement(), pairs=pairs)

    def erase(self, *entries: Entry, reason: str = "") -> Entry:
        made = erase(self.ledger, entries, reason=reason).entry
        assert made is not None
        return made

    def rotate(self, reason: str = "yearly") -> Entry:
        old = load_signer(None, self.config)
        ledger = self.ledger
        new = swap(self.config).new
        made = introduced(
            Ledger.open(self.home, signer=new, clock=self.clock), old, new, reason=reason
        )
        assert made is not None
        return ledger.entry(ledger.size - 1)

    def odd(self, kind: str = "urn:example:other", **predicate: Any) -> Entry:
        return self.ledger.append(
            {
                "_type": "https://in-toto.io/Statement/v1",
                "subject": [{"name": "x", "digest": {"sha256": "0" * 64}}],
                "predicateType": kind,
                "predicate": predicate or {"n": 1},
            }
        )


def pruned_shelf(folder: Path) -> Shelf:
    """Entries 0 to 7 were pruned, by the record in entry 10."""
    shelf = Shelf(folder, Clock(BEGIN))
    for _ in range(10):
        shelf.audit(retention="six-months")
    shelf.clock.now = datetime(2021, 1, 1, tzinfo=UTC)
    ledger = shelf.ledger
    assert prune(ledger, plan(ledger, date(2021, 1, 1), segment=8)) is not None
    return shelf


def loan_verdicts() -> tuple[Verdict, ...]:
    """One failed and blocking, one passed without being conclusive, one not evaluated."""
    return (
        Verdict(
            control="accuracy", title="Right at least 7 times in 10", metric="accuracy",
            must=">= 0.70", operator=">=", threshold=0.7, article="15(1)", status="passed",
            value=0.73, interval=Interval(0.68, 0.78), n=300,
            reason="0.73, must be >= 0.70; not conclusive: the interval holds both answers",
        ),
        Verdict(
            control="gender-parity", metric="demographic_parity_ratio", compare="ratio",
            across=("gender",), must=">= 0.80", operator=">=", threshold=0.8, article="10(2)(f)",
            on_fail="block", status="failed", value=0.7, interval=Interval(0.62, 0.79),
            conclusive=True, n=300, remedy="Look at the features that stand in for gender.",
            groups=(GroupValue("female", 84, 0.56), GroupValue("male", 216, 0.8)),
            reason="0.70, must be >= 0.80; lowest female 0.56 (n=84), highest male 0.80 (n=216)",
        ),
        Verdict(
            control="recall", metric="recall", must=">= 0.60", operator=">=", threshold=0.6,
            status="not_evaluated", reason="no row has the label that is looked for",
        ),
    )  # fmt: skip


def passed() -> Verdict:
    return Verdict(
        control="accuracy", metric="accuracy", must=">= 0.70", operator=">=", threshold=0.7,
        status="passed", value=0.9, interval=Interval(0.88, 0.92), conclusive=True, n=2000,
        reason="0.90, must be >= 0.70",
    )  # fmt: skip


def mlflow_run(uri: str = "sqlite:////srv/mlflow.db", **changes: Any) -> RunRef:
    facts: dict[str, Any] = {
        "tracker": "mlflow", "run_id": "0c9f1d3b7a5e4d6fb2a1908374655647", "uri": uri,
        "experiment_id": "1", "experiment_name": "credit", "run_name": "gentle-crane-7",
    }  # fmt: skip
    return RunRef(**facts | changes)


def with_policy_bytes(statement: dict[str, Any], data: bytes, **names: str) -> dict[str, Any]:
    """The statement with other policy bytes, and the digests that fit them."""
    sha256 = hashlib.sha256(data).hexdigest()
    policy = statement["predicate"]["policy"]
    policy |= {"bytes": base64.b64encode(data).decode(), "sha256": sha256} | names
    for subject in statement["subject"]:
        if subject["name"].startswith("policy/"):
            subject["digest"] = {"sha256": sha256}
    return statement
