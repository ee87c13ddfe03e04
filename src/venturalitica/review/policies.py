"""The policies on record: each text once, when it was in use, how many audits were judged by it.

Found through the index, read from the evidence: the bytes of each text are read once, from the
first record that holds them, and held against their digest. The index proves nothing; where it
does not agree with the log, or a record with itself, the edition says so instead of being dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.concise import Concise
from venturalitica.core.record import Statement
from venturalitica.errors import EvidenceError, PolicyError, did_you_mean, listed
from venturalitica.policy.changes import Edition

if TYPE_CHECKING:
    from venturalitica.core.policy import Policy
    from venturalitica.ledger import Index, Ledger
    from venturalitica.ledger.index.queries import Waiting
    from venturalitica.policy.changes import PolicyDiff


DIGITS = 8
"""How much of a digest names a text."""
_HEXADECIMAL = frozenset("0123456789abcdef")


class Recorded(Concise, frozen=True, kw_only=True):
    """One policy text on record, by the name and version that its records give it.

    Times are those of the log, RFC 3339 UTC. `data` are the bytes and `policy` what they say; where
    either is None, `problem` says why. `fault` is a contradiction in the evidence. `lights` counts
    its entries by their light.
    """

    unsaid = frozenset({"data", "policy"})

    edition: Edition
    first: int
    last: int
    first_seen: str
    last_seen: str
    audits: int
    entries: int
    lights: Mapping[str, int] = field(default_factory=dict)
    data: bytes | None = None
    policy: Policy | None = None
    problem: str = ""
    fault: str = ""

    @property
    def place(self) -> str:
        """Where it is on record: `entry 3`, `entries 3 to 9`."""
        return (
            f"entry {self.first}"
            if self.first == self.last
            else f"entries {self.first} to {self.last}"
        )


class OnRecord(Struct, frozen=True):
    """The policies on record in the order of first use.

    `missing` is how many entries of the log are not there any more (pruned): what was in use only
    then is not listed, and what is listed may have been in use before.
    """

    policies: tuple[Recorded, ...]
    missing: int = 0


class _Text(Struct, frozen=True):
    """What one record says of its policy."""

    data: bytes | None = None
    policy: Policy | None = None
    problem: str = ""
    fault: str = ""


def recorded_policies(
    ledger: Ledger,
    name: str | None = None,
    *,
    index: Index | None = None,
    waiting: Waiting = (),
) -> OnRecord:
    """Every policy text on record (of this name), found through `index` or the ledger's own.

    `waiting` is what is known of the records besides what they say: lights are counted by it.

    Raises:
        EvidenceError: the log cannot be read at all, or no policy of that name is on record.
    """
    with _opened(ledger, index) as known_to:
        found, missing = [*_used(known_to, waiting)], _missing(known_to)
    if name is not None:
        known = dict.fromkeys(one.edition.name for one in found)
        if name not in known:
            raise EvidenceError(
                f"no policy '{name}' is on record in {ledger.home}{_there(name, known)}"
            )
        found = [one for one in found if one.edition.name == name]
    return OnRecord(tuple(_read(ledger, found)), missing)


def find_recorded(ledger: Ledger, ref: str, *, index: Index | None = None) -> tuple[Recorded, ...]:
    """The texts that `ref` names: a version, `name@version`, or 8 or more digits of a SHA-256.

    Gives none where nothing fits and several where it is not clear which one is meant.
    """
    with _opened(ledger, index) as known_to:
        fitting = [one for one in _used(known_to) if _fits(one.edition, ref)]
    return tuple(_read(ledger, fitting))


def editions_on_record(ledger: Ledger, *, index: Index | None = None) -> tuple[Edition, ...]:
    """Every policy text on record in the order of first use, without its bytes."""
    with _opened(ledger, index) as known_to:
        return tuple(dict.fromkeys(one.edition for one in _used(known_to)))


def names_on_record(ledger: Ledger) -> tuple[str, ...]:
    """`name@version` of every policy on record, for a message."""
    return tuple(dict.fromkeys(f"{e.name}@{e.version}" for e in editions_on_record(ledger)))


def contradictions(found: Sequence[Recorded]) -> tuple[str, ...]:
    """One version over several texts, one text under several names, records against themselves."""
    versions: dict[tuple[str, str], list[Recorded]] = {}
    texts: dict[str, list[Recorded]] = {}
    for one in found:
        versions.setdefault((one.edition.name, one.edition.version), []).append(one)
        texts.setdefault(one.edition.sha256, []).append(one)
    return (
        *(_two_texts(same) for same in versions.values() if len(same) > 1),
        *(_two_names(same) for same in texts.values() if len(same) > 1),
        *(f"{one.edition}, entry {one.first}: {one.fault}" for one in found if one.fault),
    )


def _two_texts(same: Sequence[Recorded]) -> str:
    texts = listed(
        (f"sha256 {one.edition.sha256} ({one.place})" for one in same), between="; ", longest=None
    )
    return f"one version, {_count(same)} texts: {same[0].edition} is {texts}"


def _two_names(same: Sequence[Recorded]) -> str:
    names = listed((f"{one.edition} ({one.place})" for one in same), between="; ", longest=None)
    return f"one text, {_count(same)} names: sha256 {same[0].edition.sha256} is called {names}"


def _count(same: Sequence[Recorded]) -> str:
    return "two" if len(same) == 2 else str(len(same))


def _there(name: str, known: Iterable[str]) -> str:
    listed = list(known)
    if not listed:
        return "; no record holds a policy"
    return did_you_mean(name, listed) or f"; there is {', '.join(listed[:10])}"


def _fits(edition: Edition, ref: str) -> bool:
    if ref in (edition.version, f"{edition.name}@{edition.version}"):
        return True
    digits = ref.lower()
    return (
        len(ref) >= DIGITS and _HEXADECIMAL.issuperset(digits) and edition.sha256.startswith(digits)
    )


@contextmanager
def _opened(ledger: Ledger, index: Index | None) -> Iterator[Index]:
    from venturalitica.ledger import Index

    if index is not None:
        yield index
        return
    with Index.open(ledger) as own:
        yield own


def _missing(index: Index) -> int:
    from venturalitica.ledger.index.counts.answers import gaps

    return gaps(index)


def _used(index: Index, waiting: Waiting = ()) -> Iterator[Recorded]:
    """What the index knows of each text, without its bytes."""
    from venturalitica.ledger.index.counts.policies import policy_counts

    for count in policy_counts(index, waiting):
        yield Recorded(
            edition=Edition(count.name, count.version, count.sha256),
            first=count.first,
            last=count.last,
            first_seen=count.first_seen,
            last_seen=count.last_seen,
            audits=count.audits,
            entries=count.records,
            lights=count.lights,
        )


def _read(ledger: Ledger, found: Iterable[Recorded]) -> Iterator[Recorded]:
    """The same with bytes, policy and what is wrong; each digest is read once."""
    texts: dict[str, _Text] = {}
    for one in found:
        digest = one.edition.sha256
        if digest not in texts:
            texts[digest] = _text(ledger, one)
        text = texts[digest]
        yield replace(
            one,
            data=text.data,
            policy=text.policy,
            problem=text.problem,
            fault=text.fault or _misnamed(one.edition, text.policy),
        )


def _text(ledger: Ledger, one: Recorded) -> _Text:
    try:
        data, filename = _bytes(ledger.entry(one.first).record, one.edition.sha256)
    except EvidenceError as error:
        return _Text(problem="its bytes cannot be read from the evidence", fault=str(error))
    try:
        # Without the metrics of this version: what was in use then may have another name by now.
        policy = _parsed(data, filename)
    except PolicyError as error:
        first, more = error.problems[0], len(error.problems) - 1
        rest = f" (and {more} more)" if more else ""
        return _Text(
            data, problem=f"this version cannot read it as a policy: {first.message}{rest}"
        )
    return _Text(data, policy)


@lru_cache(maxsize=64)
def _parsed(data: bytes, filename: str) -> Policy:
    from venturalitica.policy import parse_policy

    return parse_policy(data, filename=filename, check_metrics=False)


def _bytes(record: Statement, sha256: str) -> tuple[bytes, str]:
    """The policy's bytes and the name of its file."""
    if record.policy is None:
        raise EvidenceError(
            "the index names a policy that the record does not hold; 'venturalitica reindex' "
            "builds the index again"
        )
    data = record.policy.checked()
    if record.policy.sha256 != sha256:
        raise EvidenceError(
            f"the index says sha256 {sha256}, the record {record.policy.sha256}; 'venturalitica "
            "reindex' builds the index again"
        )
    return data, record.policy.filename


def _misnamed(edition: Edition, policy: Policy | None) -> str:
    """A record may call a policy by another name than its bytes do: nobody else would notice."""
    if policy is None or (policy.name, policy.version) == (edition.name, edition.version):
        return ""
    return f"the record calls it {edition}, its bytes say {policy.name} {policy.version}"


class Side(Struct, frozen=True):
    """One of the two policies: which text it is, where it comes from, what it says."""

    edition: Edition
    data: bytes
    source: str
    policy: Policy | None
    problem: str = ""
    faults: tuple[str, ...] = ()


class Compared(Struct, frozen=True):
    """Both sides and what was found; `rules` is None where one cannot be read as a policy."""

    old: Side
    new: Side
    rules: PolicyDiff | None
    text: tuple[str, ...]
    faults: tuple[str, ...]

    @property
    def same(self) -> bool:
        """Nothing differs and nothing contradicts."""
        return self.old.data == self.new.data and not self.faults


class Line(Struct, frozen=True):
    """One text on record, and how it differs from the one of that policy before it."""

    recorded: Recorded
    before: Recorded | None
    difference: PolicyDiff | None

    @property
    def words(self) -> str:
        """The difference in words; why there is none to tell, where there is none."""
        if self.recorded.problem:
            return f"not compared: {self.recorded.problem}"
        if self.before is None:
            return "the first on record"
        if self.difference is None:
            return "not compared: the one before cannot be read"
        return self.difference.summary


def label_of(side: Side) -> str:
    """`credit-scoring 1.2 (file old.yaml)`"""
    return f"{side.edition} ({side.source})"


def side_of(recorded: Recorded, data: bytes, *, faults: tuple[str, ...] = ()) -> Side:
    """A policy on record, whose bytes could be read, as one side."""
    source = f"on record, {recorded.place}"
    return Side(recorded.edition, data, source, recorded.policy, recorded.problem, faults)


def compare(old: Side, new: Side) -> Compared:
    """The two by rule, where both can be read, and by text in any case."""
    from venturalitica.policy.diff import diff, text_faults, unified

    rules = None
    if old.policy is not None and new.policy is not None:
        rules = diff(old.policy, new.policy)
    same_text = old.data == new.data
    between = rules.faults if rules else text_faults(old.edition, new.edition, same_text=same_text)
    text = unified(old.data, new.data, old_name=label_of(old), new_name=label_of(new))
    return Compared(
        old, new, rules, text, tuple(dict.fromkeys((*between, *old.faults, *new.faults)))
    )


def outcome(rules: PolicyDiff) -> str:
    """`2 controls loosened, 1 added: the policy is looser in part, and tighter in part.`"""
    ends = {
        frozenset({"loosened"}): ": the policy is looser.",
        frozenset({"tightened"}): ": the policy is tighter.",
        frozenset(
            {"loosened", "tightened"}
        ): ": the policy is looser in part, and tighter in part.",
        frozenset({"changed"}): ": whether it is looser or tighter, the text alone does not tell.",
        frozenset(
            {"loosened", "changed"}
        ): ": the policy is looser in part; of what is changed the text alone does not tell.",
        frozenset({"tightened", "changed"}): ": the policy is tighter in part; of what is changed "
        "the text alone does not tell.",
        frozenset({"loosened", "tightened", "changed"}): ": the policy is looser in part, and "
        "tighter in part; of what is changed the text alone does not tell.",
    }
    weighed = {change.direction for change in rules.changes} - {"renamed", "reworded"}
    return rules.summary[:1].upper() + rules.summary[1:] + ends.get(frozenset(weighed), ".")


def follow(found: Iterable[Recorded]) -> tuple[Line, ...]:
    """Each text beside the one of the same policy before it, policy by policy."""
    by_name: dict[str, list[Recorded]] = {}
    for one in found:
        by_name.setdefault(one.edition.name, []).append(one)
    return tuple(
        Line(one, before, _difference(before, one))
        for editions in by_name.values()
        for before, one in zip([None, *editions], editions, strict=False)
    )


def _difference(before: Recorded | None, one: Recorded) -> PolicyDiff | None:
    from venturalitica.policy.diff import diff

    if before is None or before.policy is None or one.policy is None:
        return None
    return diff(before.policy, one.policy)
