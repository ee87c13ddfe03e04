"""What trackers have kept: checkpoints, which show that the end of a log was not cut off, and the
evidence itself, which receipts call delivered.

The runs are those that the log names; a tracker looks beside them too (MLflow: at every run of
their experiments), because what was cut off may be the only record that named a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from venturalitica.audit.parcel import run_ref
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError, MissingExtra, TrackerError
from venturalitica.ledger import Witness
from venturalitica.system.files import reading
from venturalitica.trackers.base import RunRef

Place = tuple[str, str, str]

DELIVERED = "delivered"
MOST_ASKED = 100
"""Runs whose evidence is fetched, the latest ones: each costs what it holds."""

_SIZE = re.compile(r"[0-9]{1,19}")


class Gathered(Struct, frozen=True):
    """The checkpoints found, smallest log first, and why others could not be had."""

    witnesses: tuple[Witness, ...]
    missing: tuple[str, ...]


def gather(home: Path) -> Gathered:
    """Ask every tracker that the log in `home` names for the checkpoints it has kept of it.

    Nothing is believed: neither the log, which is yet to be verified, nor what trackers answer.
    """
    origin = _origin(home / "log" / "checkpoint")
    notes: dict[str, str] = {}
    missing: list[str] = []
    places: dict[Place, dict[str, RunRef]] = {}
    for run in _runs(home / "log" / "entries.jsonl"):
        place = (run.tracker, run.uri, str(run.extra.get("workspace", "")))
        places.setdefault(place, {})[run.run_id] = run
    if not places:
        missing.append("no record names a tracker's run, so none has kept a checkpoint")
    for (name, uri, _), runs in places.items():
        where = f"{name} at {uri}" if uri else name
        try:
            found = _ask(name, list(runs.values()), origin)
        except (TrackerError, MissingExtra) as error:
            missing.append(f"{where}: {error}")
            continue
        if not found:
            missing.append(
                f"{where}: no checkpoint of this log is kept there; "
                "'venturalitica sync' delivers what waits"
            )
        for kept, note in found.items():
            notes.setdefault(note, kept)
    ordered = sorted(notes.items(), key=lambda item: (_size(item[0]), item[1]))
    return Gathered(tuple(Witness(name, note) for note, name in ordered), tuple(missing))


def delivered(home: Path) -> list[Step]:
    """Is at each run what a receipt says was delivered there? One step, or one for each fault.

    Receipts are no record: whoever can write to the folder can remove one, and the question.

    Raises:
        EvidenceError: the receipts cannot be read.
    """
    due = _receipted(home)
    asked = due[-MOST_ASKED:]
    if not asked:
        return [Step(DELIVERED, None, "not checked: no receipt says that anything was delivered")]
    steps = [(len(digests), _delivered_to(run, digests)) for run, digests in asked]
    told = [step for _, step in steps if step is not None]
    held = sum(count for count, step in steps if step is None)
    if held and all(step.ok is None for step in told):
        rest = f"; {len(due) - len(asked)} earlier runs were not asked" if due[len(asked) :] else ""
        told.append(Step(DELIVERED, True, f"at the runs that confirmed it: {held}{rest}"))
    return sorted(told, key=lambda step: step.ok is not False)


def _delivered_to(run: RunRef, digests: frozenset[str]) -> Step | None:
    """What is wrong at one run; None where nothing is."""
    where = f"{run.tracker} run {run.run_id}" + (f" at {run.uri}" if run.uri else "")
    try:
        missing = sorted(digests - _evidence_at(run))
    except (TrackerError, MissingExtra) as error:
        return Step(DELIVERED, None, f"not checked at {where}: {error}")
    if not missing:
        return None
    more = f" (and {len(missing) - 1} more)" if missing[1:] else ""
    which = f"{missing[0][:12]}{more}"
    return Step(DELIVERED, False, f"{where} holds no longer the evidence {which} it confirmed")


def _receipted(home: Path) -> list[tuple[RunRef, frozenset[str]]]:
    """The runs that confirmed evidence of this log, the latest last, each with its digests."""
    from venturalitica.ledger.outbox import read_attempts

    due = {
        (digest, run.tracker, run.run_id): run
        for digest, run in _due(home / "log" / "entries.jsonl")
    }
    found: dict[tuple[str, str], tuple[RunRef, frozenset[str]]] = {}
    for attempt in read_attempts(home / "receipts.jsonl"):
        run = due.get((attempt.evidence_sha256, attempt.tracker, attempt.run_id))
        if attempt.confirmed and run is not None:
            key = (run.tracker, run.run_id)
            _, digests = found.pop(key, (run, frozenset()))
            found[key] = run, digests | {attempt.evidence_sha256}
    return list(found.values())


def _evidence_at(run: RunRef) -> frozenset[str]:
    """Digests of the signed envelopes kept at the run."""
    from venturalitica.ledger.formats.bundle import Bundle
    from venturalitica.trackers import tracker

    found = set()
    for path, data in tracker(run.tracker).files(run).items():
        if path.endswith(".json"):
            try:
                found.add(sha256_hex(Bundle.parse(data).envelope))
            except EvidenceError:
                continue  # a changed bundle is not the evidence that was confirmed
    return frozenset(found)


def _ask(name: str, runs: Sequence[RunRef], origin: str) -> dict[str, str]:
    from venturalitica.trackers import tracker

    return dict(tracker(name).checkpoints(runs, origin=origin)) if origin else {}


def _origin(checkpoint: Path) -> str:
    try:
        with reading(checkpoint) as stream:
            return stream.readline(300).decode("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""


def _runs(entries: Path) -> Iterator[RunRef]:
    """The tracker runs that records name; what cannot be read the verification will say."""
    return (run for _, run in _due(entries))


def _due(entries: Path) -> Iterator[tuple[str, RunRef]]:
    """Each record's digest with each tracker run that it names."""
    from venturalitica.core.encoding import MAX_LINE

    try:
        with reading(entries) as stream:
            while line := stream.readline(MAX_LINE + 2):
                for run in _named(line):
                    yield sha256_hex(line.rstrip(b"\n")), run
    except OSError:
        return


def _named(line: bytes) -> Iterator[RunRef]:
    from venturalitica.ledger.formats.dsse import statement_of

    try:
        yield from (run_ref(run) for run in statement_of(line).deliverable if run["run_id"])
    except EvidenceError:
        return


def _size(note: str) -> int:
    line = note.split("\n", 2)[1:2]
    return int(line[0]) if line and _SIZE.fullmatch(line[0]) else 0
