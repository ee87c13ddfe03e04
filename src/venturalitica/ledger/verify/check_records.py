"""What a verification finds: for each step the first fault, what was checked, what could not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

from msgspec import Struct, field

from venturalitica.core.link import Link
from venturalitica.core.record import Statement
from venturalitica.core.verdict import About
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import PAYLOAD_TYPE, Envelope, signed_by
from venturalitica.ledger.formats.merkle import Head, leaf_hash
from venturalitica.ledger.formats.public_key import PublicKey
from venturalitica.ledger.records import consistency as contents
from venturalitica.ledger.records.chronicle import Chronicle, Record
from venturalitica.ledger.records.consistency import PolicyNames

T = TypeVar("T")

MEANINGS = {
    "signatures": "a record was altered, or signed by nobody who is known here",
    "chain": "a record was moved, doubled, dropped, or comes from another log",
    "statements": "a record is not a statement that can be read",
    "policy": "the policy kept in the record is not the one it names",
    "subjects": "the record speaks of other things than it was signed for",
    "tallies": "the counts kept in the record are not the ones it names",
    "lights": "the record claims more than its verdicts bear out",
}


class Findings(Struct, dict=True):
    """Collects while records are read; `steps` tells in the end."""

    keys: Mapping[str, PublicKey]
    origin: str | None = None
    count: int = 0
    judged: int = 0
    policies: int = 0
    tallies: int = 0
    unread: int = 0
    first_unread: int | None = None
    faults: dict[str, tuple[int, str]] = field(default_factory=dict)
    signers: dict[str, int] = field(default_factory=dict)
    link: Link | None = None
    soon: str = "9999"
    chronicles: tuple[Chronicle, ...] = ()
    _names: PolicyNames = field(default_factory=PolicyNames)
    _previous: bytes | None = None
    _clock: str = ""
    _skews: int = 0
    _first_skew: str = ""

    def read(self, line: bytes, index: int, *, chained: bool = True) -> bytes:
        """Check one record; gives its leaf hash. `chained`: the one before it was just read."""
        self.count += 1
        self.link = None
        envelope = self._try("signatures", index, lambda: self._signed(line, index))
        if envelope is not None:
            self._read_statement(envelope, index, line, chained=chained)
        self._previous = leaf_hash(line)
        return self._previous

    def pass_over(self, head: Head) -> None:
        """Go on after entries that were pruned: their leaf hashes are all that is left of them."""
        self.link = None
        self._previous = head.leaves[-1]
        self.origin = head.origin if self.origin is None else self.origin
        # A head is not signed: without this, one of another log could stand here.
        if head.origin != self.origin:
            self.fault("chain", head.start, f"it is the head of another log, {head.origin[:80]!r}")
        for chronicle in self.chronicles:
            chronicle.pass_over(head)

    def fault(self, step: str, index: int, message: str) -> None:
        """Keep the first fault of a step."""
        self.faults.setdefault(step, (index, message))

    def steps(self) -> list[Step]:
        """One step for each thing that was checked in every record."""
        steps = [
            self._step("signatures", self.count, many(self.count, "record") + " as signed"),
            self._step("chain", self.count, "each record is in the place it was signed for"),
            self._step("statements", self.count, many(self.count, "in-toto statement")),
            self._step("policy", self.policies, f"{many(self.policies, 'policy snapshot')} intact"),
            self._step("subjects", self.judged, "subjects and contents name the same things"),
            self._step("lights", self.judged, "no light is greener than its verdicts"),
        ]
        if self.tallies or "tallies" in self.faults:  # since format 3 they are in the vault
            intact = f"{many(self.tallies, 'tally', 'tallies')} intact"
            steps.insert(-1, self._step("tallies", self.tallies, intact))
        steps += filter(None, [*map(self._chronicle_step, self.chronicles), self._names.step()])
        steps += filter(None, (chronicle.left_over() for chronicle in self.chronicles))
        if self.unread:
            steps.append(self._unread_step())
        return steps

    def about(self) -> About | None:
        """What the records say; None where none could be read."""
        told = next(filter(None, (chronicle.about() for chronicle in self.chronicles)), None)
        return told if told and told.records else None

    def clock_step(self) -> Step:
        """Whether the clock went back between records, or is ahead of ours. Never a failure."""
        if not self._skews:
            return Step("clock", True, "the times of the records agree with their order")
        more = f" (and {self._skews - 1} more)" if self._skews > 1 else ""
        return Step("clock", None, f"{self._first_skew}{more}; the order is by index, not by clock")

    def _clocked(self, index: int, at: str) -> None:
        """Hold the writer's clock against the record before, and against ours (`soon`)."""
        if at < self._clock:
            self._skewed(f"entry {index}: the clock said {at}, {self._clock} one entry before")
        if at > self.soon:
            self._skewed(f"entry {index}: the clock said {at}, which is still to come")
        self._clock = at

    def _skewed(self, what: str) -> None:
        self._skews += 1
        self._first_skew = self._first_skew or what

    def _step(self, name: str, checked: int, detail: str) -> Step:
        if name in self.faults:
            index, message = self.faults[name]
            return Step(name, False, f"entry {index}: {message}; {MEANINGS[name]}", index)
        if not checked:
            return Step(name, None, "not checked: no record holds anything to check")
        return Step(name, True, detail)

    def _unread_step(self) -> Step:
        return Step(
            "contents",
            None,
            f"{many(self.unread, 'record')} of a kind or format that this version does not "
            f"know (first: entry {self.first_unread}): signed and in place, contents not checked",
            self.first_unread,
        )

    def _signed(self, line: bytes, index: int) -> Envelope:
        envelope = Envelope.parse(line)
        # DSSE signs the type, too: what the key signed for another use cannot pass for a record.
        if envelope.payload_type != PAYLOAD_TYPE:
            raise EvidenceError(f"its payload type is not {PAYLOAD_TYPE}")
        for keyid in signed_by(envelope, self.keys):
            self.signers.setdefault(keyid, index)
        return envelope

    def _read_statement(
        self, envelope: Envelope, index: int, line: bytes, *, chained: bool
    ) -> None:
        statement = self._try("statements", index, lambda: _readable(envelope.payload))
        if statement is None:
            return
        self.link = self._try("chain", index, lambda: self._placed(statement, index, chained))
        self._try("signatures", index, lambda: _named_signer(envelope, self.link))
        if self.link is not None:
            self._clocked(index, self.link.appended_at)
            self._chronicle(envelope, statement, index, line)
        if not statement.understood:
            self.unread += 1
            self.first_unread = index if self.first_unread is None else self.first_unread
            return
        if not statement.judged:
            return
        self.judged += 1
        self.policies += bool(self._try("policy", index, lambda: self._policy(statement, index)))
        self.tallies += bool(self._try("tallies", index, lambda: contents.check_tally(statement)))
        self._try("subjects", index, lambda: contents.check_subjects(statement))
        self._try("subjects", index, lambda: contents.check_model_files(statement))
        self._try("lights", index, lambda: contents.check_light(statement))

    def _policy(self, statement: Statement, index: int) -> bool:
        """Whether there is a policy that could be held against its digest, name and version."""
        if statement.policy is None:
            return False
        self._names.check(index, statement.policy, titled=statement.format != 1)
        return True

    def _chronicle(self, envelope: Envelope, statement: Statement, index: int, line: bytes) -> None:
        signers = tuple(signature.keyid for signature in envelope.signatures)
        record = Record(index, statement, signers, line)
        for chronicle in self.chronicles:
            self._try(chronicle.name, index, partial(chronicle.read, record))

    def _chronicle_step(self, chronicle: Chronicle) -> Step | None:
        if chronicle.name in self.faults:
            index, message = self.faults[chronicle.name]
            return Step(
                chronicle.name, False, f"entry {index}: {message}; {chronicle.meaning}", index
            )
        return chronicle.step()

    def _placed(self, statement: Statement, index: int, chained: bool) -> Link:
        link = statement.link
        self.origin = link.origin if self.origin is None else self.origin
        # A key may sign several logs: a green record of one must not be carried into another.
        if link.origin != self.origin:
            raise EvidenceError(f"it was signed for the log {link.origin[:80]!r}")
        # A good record, copied over a bad one, verifies by its signature all the same.
        if link.index != index:
            raise EvidenceError(f"it was signed for place {link.index}")
        expected = self._previous.hex() if self._previous else None
        # Earlier entries, rewritten and sealed anew, are not those that it was signed after.
        if chained and link.previous != expected:
            raise EvidenceError("it does not follow the record before it")
        if (link.previous is None) != (index == 0):
            raise EvidenceError("only the first record of a log follows none")
        return link

    def _try(self, step: str, index: int, check: Callable[[], T]) -> T | None:
        try:
            return check()
        except EvidenceError as error:
            self.fault(step, index, str(error))
        # Whoever holds a key may sign anything: no record may end the reading of the next ones.
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            self.fault(step, index, f"it is malformed ({type(error).__name__})")
        return None


def _named_signer(envelope: Envelope, link: Link | None) -> None:
    """Raise unless the key that a record says it is signed by is one that signed it."""
    said = link.record_key if link else ""
    if said and said not in [signature.keyid for signature in envelope.signatures]:
        raise EvidenceError(f"it says that key {said[:16]} signs it, which did not")


def _readable(payload: bytes) -> Statement:
    statement = Statement.read(payload)
    contents.check_shape(statement)
    return statement


def many(count: int, one: str, several: str = "") -> str:
    return f"{count} {one if count == 1 else several or one + 's'}"
