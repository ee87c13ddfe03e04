"""Trackers: places where a run of the user's is open and evidence can be left.

    trackers()      every tracker there is: ours and those of other packages, by one door
    tracker(name)   one of them
    active_runs()   the runs that are open in this thread, one for each tracker at most
    no_runs()       why trackers that are in use have none
    answer(name, …) what one of them answers, or would if it knew the question
    lead(run)       the way to a run for people; leads(run) where it may be at several addresses
    listen(who)     be told of runs that open here, and that log a model

A package adds a tracker with an entry point in the group `venturalitica.trackers` that names a
class (or function) giving an object of the `Tracker` protocol. Ours are listed the same way below.
A tracker is loaded when somebody asks for it. Ours bear the name of the library whose runs they
know: where nobody has imported it no run is open, and the search for one loads nothing of ours.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from msgspec.structs import replace

from venturalitica.core.redact import redacted_traceback
from venturalitica.errors import TrackerError, did_you_mean
from venturalitica.trackers.base import (
    Absent,
    Lead,
    NoRun,
    RunRef,
    Tracker,
    ask,
)

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


def names() -> tuple[str, ...]:
    """What the trackers are called; none is loaded for it."""
    return tuple(entry.name for entry in _offers())


def _named(name: str) -> Tracker | None:
    """The tracker of that name; where one is offered by it, no other is loaded."""
    nearest_first = sorted(_offers(), key=lambda entry: entry.name != name)
    return next((one for one in _loaded(nearest_first) if one.name == name), None)


def tracker(name: str) -> Tracker:
    """The tracker of that name; TrackerError with the names there are."""
    found = _named(name)
    if found is not None:
        return found
    names = [one.name for one in trackers()]
    raise TrackerError(
        f"no tracker '{name}'{did_you_mean(name, names)} (there are: {', '.join(names)})"
    )


def answer(name: str, question: str, *about: Any) -> Any:
    """What the tracker of that name answers; what `Tracker` does where it is not here, or fails."""
    try:
        return ask(_named(name) or Absent(name), question, *about)
    except Exception as error:  # noqa: BLE001 - boundary: another package's code
        _say_no_answer(name, question, error)
        return ask(Absent(name), question, *about)


def lead(run: RunRef) -> Lead:
    """How a person comes to the page of a run that a record names."""
    found: Lead = answer(run.tracker, "lead", _whole(run))
    return found


def leads(run: RunRef) -> Sequence[Lead]:
    """As `lead`; where its command starts a server, one for each address that it may have."""
    found: Sequence[Lead] = answer(run.tracker, "leads", _whole(run))
    return found


def _whole(run: RunRef) -> RunRef:
    # A record may say null where ours say nothing.
    whole = replace(run, uri=run.uri or "", experiment_id=run.experiment_id or "")
    return replace(whole, run_id=run.run_id or "")


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


def watch() -> None:
    """Have trackers in use tell of the runs of this process, as far as they can."""
    list(_answers("watch"))


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
            _say_no_answer(one.name, question, error)
            continue
        if answer:
            yield answer


def _say_no_answer(name: str, question: str, error: Exception) -> None:
    said = redacted_traceback(error)
    _log.debug("tracker '%s' cannot answer %r\n%s", name, question, said)


Which = Callable[[], RunRef | None]
"""Says which run it is, where anybody needs to know: a server may have to be asked."""


class Listener(Protocol):
    """Who is told, in the thread that it happens in."""

    def opened(self, run: Which) -> None:
        """A run was opened, or opened again."""

    def logged(self, run: Which, objects: Sequence[Any], files: Sequence[Path]) -> None:
        """A run logged what may be a model: objects that it was given, files or folders."""


_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Tell `listener` from now on."""
    if listener not in _listeners:
        _listeners.append(listener)


def tell_opened(run: Which) -> None:
    """A run was opened."""
    _tell(lambda listener: listener.opened(run))


def tell_logged(run: Which, objects: Sequence[Any] = (), files: Sequence[Path] = ()) -> None:
    """A run logged what may be a model; `run` gives None where it is in no run."""
    _tell(lambda listener: listener.logged(run, objects, files))


def _tell(news: Callable[[Listener], None]) -> None:
    for listener in list(_listeners):
        try:
            news(listener)
        except Exception as error:  # noqa: BLE001 - never the training's trouble
            _log.debug("news of a tracker was lost\n%s", redacted_traceback(error))
