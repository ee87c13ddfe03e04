"""Is the evidence at a run of a tracker evidence of that run, and is all of it there?

Whoever may write to runs can copy everything of a green run into a red one, tags, policy, page and
all: it verifies, and agrees with itself. But a record names the runs that were open when it was
made. And can take evidence away together with its tags: but an audit has a number within its run,
and the record of a monitored run names its audits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from venturalitica.core.record import AUDIT, judged
from venturalitica.core.verification import Step
from venturalitica.ledger.rejudge.run_audits import Audited, disagreement

RUN_STEP = "run"
AUDITS_STEP = "audits of the run"


@dataclass(frozen=True, slots=True)
class Record:
    """One record kept at a run: where, the digest of its envelope, and its statement."""

    path: str
    evidence_sha256: str
    statement: Mapping[str, Any]

    @property
    def predicate(self) -> Mapping[str, Any]:
        """What the statement says."""
        found: Mapping[str, Any] = self.statement["predicate"]
        return found


def belonging(records: Sequence[Record], tracker: str, run_id: str) -> list[Step]:
    """The steps `run` and `audits of the run` over the records kept at a run."""
    told = [record for record in records if judged(record.statement)]
    return [_run_step(told, tracker, run_id), *_audits_step(told, tracker, run_id)]


def _run_step(records: Sequence[Record], tracker: str, run_id: str) -> Step:
    """Only the id decides: an address may be spelt in more than one way."""
    if not records:
        return Step(RUN_STEP, None, "not checked: no record here says which run it was made in")
    for record in records:
        named = list(_named(record))
        if (tracker, run_id) not in [(kind, name) for kind, name, _ in named]:
            runs = ", ".join(f"{kind} run {name}" for kind, name, _ in named[:3])
            detail = f"{record.path} was made in {runs or 'no run of a tracker'}, not in this run"
            return Step(RUN_STEP, False, f"{detail}: somebody put it here")
    links = [link for record in records for link in _named(record)]
    places = sorted({uri for _, name, uri in links if name == run_id and uri})
    at = f" (at {', '.join(places)[:200]})" if places else ""
    return Step(RUN_STEP, True, f"each record says that it was made in this run{at}")


def _named(record: Record) -> Iterator[tuple[str, str, str]]:
    for link in record.predicate.get("trackers") or ():
        if isinstance(link, Mapping):
            yield tuple(str(link.get(key, ""))[:200] for key in ("tracker", "run_id", "uri"))  # type: ignore[misc]


def _audits_step(records: Sequence[Record], tracker: str, run_id: str) -> Iterator[Step]:
    """Of each monitored run with a record here: are its audits here, as it says they are?"""
    checked = 0
    for run in sorted({str(record.predicate["run"]["id"]) for record in records}):
        own = [record for record in records if record.predicate["run"]["id"] == run]
        fault = _contradiction(own, run)
        if fault:
            yield Step(AUDITS_STEP, False, fault)
            return
        missing = _missing(own)
        if missing:
            yield _gone(own, missing, tracker, run_id)
            return
        checked += any(_sequence(record) for record in own)
    if checked:
        yield Step(AUDITS_STEP, True, f"every audit of the monitored runs here ({checked})")


def _contradiction(own: Sequence[Record], run: str) -> str:
    audits = {record.evidence_sha256: record for record in own if _is_audit(record)}
    for record in own:
        for said in record.predicate.get("audits") or ():
            found = audits.get(str(said.get("evidence_sha256")))
            if found is not None:
                truth = Audited.of(found.evidence_sha256, found.predicate)
                fault = disagreement(said, truth, run)
                if fault:
                    return f"{record.path} says of {found.path} {fault}"
    return ""


def _missing(own: Sequence[Record]) -> list[int]:
    """Numbers of audits (from 1) that must have been, and whose record is not here."""
    numbers = {_sequence(record) for record in own if _is_audit(record)} - {0}
    closed = [record for record in own if not _is_audit(record)]
    last = max([*numbers, *(_sequence(record) - 1 for record in closed)], default=0)
    # The run's own record says which audits never came into the log.
    lost = sum(
        said.get("index") is None
        for record in closed
        for said in record.predicate.get("audits") or ()
    )
    if last > len(numbers) + _MOST:  # nobody's audits: a number may be made up
        return [last]
    missing = [number for number in range(1, last + 1) if number not in numbers]
    return missing if len(missing) > lost else []


_MOST = 10_000


def _gone(own: Sequence[Record], missing: Sequence[int], tracker: str, run_id: str) -> Step:
    named = {(kind, name) for record in own for kind, name, _ in _named(record)}
    which = f"audit {missing[0]}" + (f" (and {len(missing) - 1} more)" if missing[1:] else "")
    detail = f"{which} of the run {str(own[0].predicate['run'].get('name'))[:80]!r} is not here"
    if named - {(tracker, run_id)}:
        # Other runs of trackers were open in it: there is where it may be.
        return Step(AUDITS_STEP, None, f"{detail}; it may be at another run that was open in it")
    return Step(
        AUDITS_STEP,
        False,
        f"{detail}: it was taken away, waits ('venturalitica sync' delivers it), or was made while "
        "no run of a tracker was open; the log itself tells ('venturalitica verify', 'runs list')",
    )


def _sequence(record: Record) -> int:
    number = record.predicate["run"].get("sequence")
    return number if type(number) is int and number > 0 else 0


def _is_audit(record: Record) -> bool:
    return record.statement.get("predicateType") == AUDIT
