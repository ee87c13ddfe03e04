"""Checkpoints that trackers have kept: what shows that the end of a log was not cut off.

The runs are those that the log names; a tracker looks beside them too (MLflow: at every run of
their experiments), because what was cut off may be the only record that named a run.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from venturalitica.delivery import run_ref
from venturalitica.errors import EvidenceError, MissingExtra, TrackerError
from venturalitica.ledger import Witness
from venturalitica.ledger.files import reading
from venturalitica.trackers.base import RunRef

Place = tuple[str, str, str]

_SIZE = re.compile(r"[0-9]{1,19}")


@dataclass(frozen=True, slots=True)
class Gathered:
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
    from venturalitica.ledger.encoding import MAX_LINE

    try:
        with reading(entries) as stream:
            while line := stream.readline(MAX_LINE + 2):
                yield from _named(line)
    except OSError:
        return


def _named(line: bytes) -> Iterator[RunRef]:
    from venturalitica.ledger.dsse import Envelope
    from venturalitica.ledger.encoding import parse_object
    from venturalitica.ledger.projection import can_be_delivered

    try:
        statement = parse_object(Envelope.parse(line).payload, what="the statement")
        for link in statement["predicate"]["trackers"]:
            if can_be_delivered(link) and link["run_id"]:
                yield run_ref(link)
    except (EvidenceError, KeyError, TypeError, AttributeError):
        return


def _size(note: str) -> int:
    line = note.split("\n", 2)[1:2]
    return int(line[0]) if line and _SIZE.fullmatch(line[0]) else 0
