"""A run that is compared, read from the log itself and verified."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from starlette.exceptions import HTTPException

from venturalitica.core.json_values import Json, mapping, text
from venturalitica.core.verdict import Light
from venturalitica.errors import EntryPruned, EvidenceError
from venturalitica.reports.context import ReportContext, read_statement
from venturalitica.reports.summary import doubt_sentence, fault_sentence, fault_words

if TYPE_CHECKING:
    from venturalitica.ui.reader import Reading

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Side(Struct, frozen=True, kw_only=True):
    """One of the two runs."""

    entry: int
    evidence_sha256: str
    light: Light
    doubt: str
    name: str
    run_id: str
    started_at: str
    policy: str
    version: str
    sha256: str
    model: str
    model_sha256: str
    commit: str
    signer: str


class Record(Struct, frozen=True):
    """A run that is compared, read from the log."""

    entry: int
    evidence_sha256: str
    signer: str
    context: ReportContext

    @classmethod
    def read(cls, reading: Reading, number: int) -> Record:
        """The record of this entry.

        Raises:
            HTTPException: there is none, or it is no audit and no run.
            EvidenceError: the log was altered.
        """
        from venturalitica.review.record_page import standing_of

        ledger = reading.ledger
        if not 0 <= number < ledger.size:
            raise HTTPException(
                404, f"There is no entry {number}; the log has {ledger.size}, counted from 0."
            )
        try:
            entry = ledger.entry(number)
        except EntryPruned as error:
            raise HTTPException(404, str(error)) from None
        if not entry.record.judged:
            raise HTTPException(400, f"Entry {number} is no audit and no run: only those compare.")
        try:
            standing = standing_of(ledger, entry, doubts=reading.known())
            context = read_statement(entry.statement, standing=standing)
        except EvidenceError as error:
            raise EvidenceError(f"entry {number}: {error}") from error
        return cls(number, entry.evidence_sha256, entry.signer, context)

    def side(self) -> Side:
        """What the page says of it."""
        policy, run = self.context.policy, self.context.run
        model, git = self.context.model or {}, mapping(self.context.environment.get("git"))
        return Side(
            entry=self.entry,
            evidence_sha256=self.evidence_sha256,
            light=self.context.light,
            doubt=" ".join(filter(None, _doubts(self.context))),
            name=run.name,
            run_id=run.id,
            started_at=run.started_at,
            policy=policy.name if policy else "",
            version=policy.version if policy else "",
            sha256=policy.sha256 if policy else "",
            model=text(model.get("class")),
            model_sha256=text(model.get("sha256")),
            commit=text(git.get("commit")),
            signer=self.signer,
        )


def entry_of(reading: Reading, sha256: str) -> int:
    """The first entry whose record has this evidence digest.

    Raises:
        HTTPException: this log has none.
        EvidenceError: the log was altered.
    """
    rows = reading.index.find(sha256) if _DIGEST.match(sha256) else ()
    entries = [row.index for row in rows if row.evidence_sha256 == sha256]
    found = [entry for entry in entries if _is_of(reading, entry, sha256)]
    if not found:
        raise HTTPException(404, f"No record in this log has the digest {sha256[:64]!r}.")
    return found[0]


def _is_of(reading: Reading, entry: int, sha256: str) -> bool:
    """Whether the log bears out what the index says of an entry."""
    try:
        return reading.ledger.entry(entry).evidence_sha256 == sha256
    except EntryPruned:
        return True  # its page says when it was pruned


def _doubts(context: ReportContext) -> tuple[str, ...]:
    return fault_sentence(context), fault_words(context), doubt_sentence(context)


def data_name(item: Json) -> str:
    """What a data set is called beside that of another run."""
    return f"{text(item.get('name'))} ({text(item.get('context'))})"


def scalar_of(values: Mapping[str, Any], name: str) -> str:
    """As JSON has it, so that 1 and "1" are told apart; empty where it is not there."""
    return json.dumps(values[name], ensure_ascii=False, sort_keys=True) if name in values else ""
