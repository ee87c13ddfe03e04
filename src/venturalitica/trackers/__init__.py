"""Trackers: places where a run of the user's is open and evidence can be left.

    trackers()      every tracker there is: ours and those of other packages, by one door
    tracker(name)   one of them
    active_runs()   the runs that are open in this thread, one for each tracker at most
    no_runs()       why trackers that are in use have none

A package adds a tracker with an entry point in the group `venturalitica.trackers` that names a
class (or function) giving an object of the `Tracker` protocol. Ours are listed the same way below.
A tracker is loaded when somebody asks for it. Ours bear the name of the library whose runs they
know: where nobody has imported it no run is open, and the search for one loads nothing of ours.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from venturalitica.core.redact import redacted_traceback
from venturalitica.errors import TrackerError, did_you_mean
from venturalitica.trackers.base import DataRef, NoRun, Parcel, Receipt, RunRef, Tracker, ask

__all__ = [
    "GROUP",
    "DataRef",
    "NoRun",
    "Parcel",
    "Receipt",
    "RunRef",
    "Tracker",
    "active_runs",
    "doubts",
    "last_runs",
    "no_runs",
    "tracker",
    "trackers",
]

GROUP = "venturalitica.trackers"

_BUILT_IN = (
    EntryPoint("mlflow", "venturalitica.trackers.mlflow:MlflowTracker", GROUP),
    EntryPoint("wandb", "venturalitica.trackers.wandb:WandbTracker", GROUP),
    EntryPoint("memory", "venturalitica.trackers.memory:MemoryTracker", GROUP),
)

_log = logging.getLogger(__name__)


@cache
def _offers() -> tuple[EntryPoint, ...]:
    """What there is to load, ours first; of two with one name the first."""
    found: dict[str, EntryPoint] = {}
    for entry in (*_BUILT_IN, *entry_points(group=GROUP)):
        if entry.name in found:
            _log.warning("tracker '%s' of %s ignored: the name is taken", entry.name, entry.value)
            continue
        found[entry.name] = entry
    return tuple(found.values())


@cache
def _load(entry: EntryPoint) -> Tracker | None:
    """The tracker; one that another package offers and that fails is left out."""
    try:
        made: Tracker = entry.load()()
    except Exception as error:  # noqa: BLE001 - boundary: another package's code
        _log.warning(
            "tracker '%s' (%s) cannot be used\n%s",
            entry.name,
            entry.value,
            redacted_traceback(error),
        )
        return None
    return made


def _loaded(entries: Iterable[EntryPoint]) -> Iterator[Tracker]:
    return (made for made in map(_load, entries) if made is not None)


def trackers() -> tuple[Tracker, ...]:
    """Every tracker, ours first."""
    return tuple(_loaded(_offers()))


def tracker(name: str) -> Tracker:
    """The tracker of that name; TrackerError with the names there are."""
    for one in _loaded(sorted(_offers(), key=lambda entry: entry.name != name)):
        if one.name == name:
            return one
    names = [one.name for one in trackers()]
    raise TrackerError(
        f"no tracker '{name}'{did_you_mean(name, names)} (there are: {', '.join(names)})"
    )


def _in_use() -> Iterator[Tracker]:
    """Those that a run may be open of: another package's always, ours where their library is."""
    return _loaded(
        entry
        for entry in _offers()
        if entry not in _BUILT_IN or entry.name in sys.modules or entry.module in sys.modules
    )


def active_runs() -> list[RunRef]:
    """The runs that are open in this thread, in the order of `trackers()`."""
    found = []
    for one in _in_use():
        try:
            run = one.active_run()
        except Exception as error:  # noqa: BLE001 - boundary: a tracker must never break a training run
            _log.warning(
                "tracker '%s' could not say which run is open\n%s",
                one.name,
                redacted_traceback(error),
            )
            continue
        if run is not None:
            found.append(run)
    return found


def no_runs(beside: Collection[str]) -> list[NoRun]:
    """Why trackers that this process uses have no run here, those named in `beside` left out."""
    return list(_answers("no_run", beside))


def last_runs() -> list[RunRef]:
    """The runs that were open last in this thread and may have ended."""
    return list(_answers("last_run"))


def doubts() -> list[str]:
    """Settings of trackers in use that cannot be meant, as questions."""
    return [str(answer) for answer in _answers("doubt")]


def _answers(question: str, beside: Collection[str] = ()) -> Iterator[Any]:
    """What trackers answer; one that another package offers need not know the question."""
    for one in _in_use():
        if one.name in beside:
            continue
        try:
            answer = ask(one, question)
        except Exception as error:  # noqa: BLE001 - boundary: a tracker must never break a training run
            said = redacted_traceback(error)
            _log.debug("tracker '%s' cannot answer %r\n%s", one.name, question, said)
            continue
        if answer:
            yield answer
