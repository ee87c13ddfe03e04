"""What audits say came before them, counted again from the log; and the time stamps in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from venturalitica.core.encoding import decode_base64
from venturalitica.core.json_values import text
from venturalitica.core.prior import Attempts, Committed, Prior, identity_of, key_id
from venturalitica.core.record import AUDIT, COMMITMENT, Statement
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError, MissingExtra, listed
from venturalitica.ledger.formats.merkle import Head
from venturalitica.ledger.formats.timestamp import TimeStamp
from venturalitica.ledger.records.chronicle import Chronicle, Record
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ledger.records.kinds.pruning import pruned_by
from venturalitica.ledger.records.looks import Look, Looks, commitment_in, look_of, named_for
from venturalitica.ledger.records.vault import KEY, key_in


class Priors(Chronicle):
    """The chronicle `attempts`: each audit counts the looks before it as the log does."""

    name = "attempts"
    meaning = "the record tells otherwise than the log what came before it"

    def __init__(self, home: Path | None) -> None:
        self._alone = home is None
        self._key = None if home is None else key_in(home)
        self._looks = Looks()
        self._committed: dict[int, tuple[str, Commitment]] = {}
        self._heads: list[Head] = []
        self._bare = 0
        self._counted = 0
        self._partly: dict[str, int] = {}

    def read(self, record: Record) -> None:
        """Count again; raises `EvidenceError` where the record says something else."""
        statement = record.statement
        for gone in pruned_by(statement):
            self._looks.prune(gone.start, min(gone.end, record.index))
        look = look_of(statement, record.index, self._key)
        if look is None:
            return
        if record.kind == AUDIT:
            self._check(record, look)
            self._bare += statement.format == 1 and bool(statement.data)
        self._looks.add(look)
        made = commitment_in(statement)
        if made is not None:
            self._committed[record.index] = record.evidence_sha256, made

    def pass_over(self, head: Head) -> None:
        """What pruned entries were of is not known any more."""
        self._heads.append(head)

    def step(self) -> Step | None:
        """What was counted again; None where no record tells of it."""
        if not self._counted:
            return None
        if self._alone:
            return Step(self.name, None, "not checked: earlier audits are in the log alone")
        said = f"{self._counted} told of what came before them"
        detail = f"{said}: as the log holds it" if not self._partly else said
        parts = (f"{count} in part: {why}" for why, count in self._partly.items())
        return Step(self.name, not self._partly or None, "; ".join((detail, *parts)))

    def _check(self, record: Record, look: Look) -> None:
        told = record.statement.prior
        if told is None:
            known = bool(identity_of(record.statement.data[0])[0]) if look.data else False
            # An audit that tells nothing would have no earlier ones.
            if known and not self._alone:
                raise EvidenceError("it does not tell which audits of its data came before it")
            return
        self._counted += 1
        if self._alone:
            return
        self._check_commitment(told.commitment, record.statement, look)
        self._check_attempts(told, look)

    def _check_commitment(self, told: Committed | None, record: Statement, look: Look) -> None:
        index = self._looks.commitment(look.policy)
        made = None if index is None else self._committed.get(index)
        found = None if made is None else named_for(made[1], index or 0, made[0], record)
        if told != found:
            where = "none" if index is None else f"entry {index}"
            raise EvidenceError(
                f"the newest commitment to its policy before it is {where}; it names "
                + (f"entry {told.entry}, or says other things of it" if told else "none")
            )

    def _check_attempts(self, told: Prior, look: Look) -> None:
        found, said = self._looks.attempts(look), told.attempts
        if found is None or said is None:
            if found != said:
                raise EvidenceError("it counts no earlier audits of its data, or of none")
            return
        gone = sum(head.count for head in self._heads if head.record > look.index)
        bare = self._bare if look.key != (key_id(self._key) if self._key else "") else 0
        if not gone and not bare:
            if said != found:
                raise EvidenceError(f"it counts {_words(said)}; the log holds {_words(found)}")
            return
        why = "entries pruned since" if gone else f"audits of format 1, without {KEY} here"
        self._partly[why] = self._partly.get(why, 0) + 1
        if not _may_be(said, found, gone + bare):
            raise EvidenceError(
                f"it counts {_words(said)}; the log still holds {_words(found)}, and "
                f"{gone + bare} at most that cannot be counted again"
            )


def _may_be(said: Attempts, found: Attempts, unknown: int) -> bool:
    """Whether entries that cannot be counted again explain what is said of more than is there."""
    more = (said.audits - found.audits, said.policies - found.policies, said.models - found.models)
    return (
        all(0 <= number <= unknown for number in more)
        and abs(said.not_compared - found.not_compared) <= unknown
        and 0 <= said.before_policy <= said.audits
    )


def _words(counted: Attempts) -> str:
    return (
        f"{counted.audits} earlier audits of these data by {counted.policies} policy texts, of "
        f"{counted.models} models, {counted.before_policy} before its policy, "
        f"{counted.not_compared} not compared"
    )


APART = timedelta(minutes=5)
"""By how much the clocks of writer and authority may differ before it is said."""


class TimeStamps(Chronicle):
    """The chronicle `time stamps`: each is of its own commitment, and signed by an authority."""

    name = "time stamps"
    meaning = "the time stamp does not show when this commitment was made"

    def __init__(self, roots: Sequence[bytes] = ()) -> None:
        self._roots = roots
        self._known = 0
        self._strangers: dict[str, int] = {}
        self._clocks: list[int] = []
        self._unread = 0
        self._last = ""

    def read(self, record: Record) -> None:
        """Hold a time stamp against the commitment that it stands in."""
        if record.kind != COMMITMENT:
            return
        made = Commitment.of(record.statement.predicate)
        if made.stamp is None:
            return
        response = decode_base64(made.stamp["response"], what="its time stamp")
        try:
            found = TimeStamp.read(response)
        except MissingExtra as error:
            self._unread += 1
            self._last = str(error)
            return
        found.check(made.signed_bytes, _nonce(text(made.stamp["nonce"])))
        if found.at != made.timestamped_at:
            raise EvidenceError(f"it says {made.timestamped_at}, the time stamp {found.at}")
        if _apart(found.at, made.committed_at, record.statement.appended_at):
            self._clocks.append(record.index)
        stranger = found.stranger(self._roots)
        if stranger:
            why = f"authority not known here: {found.authority} ({stranger})"
            self._strangers[why] = self._strangers.get(why, 0) + 1
        else:
            self._known += 1
        self._last = f"the last of {found.at[:19].replace('T', ' ')} UTC"

    def step(self) -> Step | None:
        """What they show; None where there is none."""
        held = self._known + sum(self._strangers.values())
        if not held and not self._unread:
            return None
        if self._unread:
            return Step(self.name, None, f"not checked ({self._unread}): {self._last}")
        texts = [f"{held} of the very commitments they stand in, {self._last}"]
        texts += [f"{count}: {why}" for why, count in list(self._strangers.items())[:3]]
        if self._clocks:
            entries = listed(self._clocks, 3)
            texts.append(f"the writer's clock was another than the authority's (entries {entries})")
        return Step(self.name, None if self._strangers else True, "; ".join(texts))


def _nonce(digits: str) -> int:
    try:
        return int(digits, 16)
    except ValueError:
        raise EvidenceError("the nonce of its time stamp is no hexadecimal number") from None


def _apart(at: str, committed: str, appended: str) -> bool:
    """Whether the authority's time is not between the writer's two, give or take `APART`."""
    try:
        said, first, last = map(datetime.fromisoformat, (at, committed, appended))
        return not first - APART <= said <= last + APART
    except (ValueError, TypeError, OverflowError):
        return True
