"""Which log a record is meant of: the own one, or one that was taken in; and whose word it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from venturalitica.core.json_values import mapping, text
from venturalitica.errors import EvidenceError, SettingsError, listed
from venturalitica.ledger.carrying.taken import Taken, indexed_logs, readable_logs, taken_logs
from venturalitica.review.run_list import RunList

if TYPE_CHECKING:
    from venturalitica.core.record import Statement
    from venturalitica.ledger import Ledger, RunRow
    from venturalitica.review.run_list import Listed

Find = Callable[["Ledger", str], tuple["RunRow", ...]]

SHORTEST = 4
SHOWN = 8
"""Characters of a log's name that a reference needs, and those that a list shows."""


class Meant(Struct, frozen=True):
    """The records that were meant, and the log that has them; `taken` is None of the own one."""

    ledger: Ledger
    rows: tuple[RunRow, ...]
    taken: Taken | None = None


def meant(ledger: Ledger, ref: str, found: Find) -> Meant:
    """The records that a reference means: in the own log, else in one that was taken in.

    `NAME:REF` means `REF` of the log whose name begins with `NAME`. `last` is the newest of the own
    log, and of all that were taken in where the own one has none.

    Args:
        found: finds them in one log, as `runs.found`.

    Raises:
        EvidenceError: there is none, or the log that has it is not as it was taken.
        SettingsError: there are several.
    """
    name, colon, inner = ref.partition(":")
    if colon:
        taken = log_named(ledger, name)
        log = taken.ledger()
        return Meant(log, found(log, inner), taken)
    try:
        return Meant(ledger, found(ledger, ref))
    except EvidenceError as error:
        fitting = _fitting(ledger, ref, found)
        if not fitting and (logs := indexed_logs(ledger)):
            newest = max(logs, key=lambda one: one.last.latest).name[:SHOWN]
            raise EvidenceError(
                f"{error}; a record of a log that was taken in is named by both, such as "
                f"{newest}:{ref if ref.isdecimal() else 'last'}"
            ) from None
        if not fitting:
            raise
    if len(fitting) > 1:
        some = listed((one.taken.name for one in fitting if one.taken), 3)
        raise SettingsError(f"'{ref}' fits records of several logs: {some}; give NAME:{ref}")
    return fitting[0]


def _fitting(ledger: Ledger, ref: str, found: Find) -> list[Meant]:
    """What a reference means in logs that were taken in."""
    if ref.isdecimal():  # it counts from the beginning of one log: that of another is not meant
        return []
    return list(islice(_elsewhere(ledger, ref, found), 1 if ref == "last" else None))


def _elsewhere(ledger: Ledger, ref: str, found: Find) -> Iterator[Meant]:
    for taken, log in readable_logs(ledger):
        try:
            yield Meant(log, found(log, ref), taken)
        except EvidenceError:
            continue


def log_named(ledger: Ledger, name: str) -> Taken:
    """The log that was taken in and whose name begins so.

    Raises:
        EvidenceError: there is none.
        SettingsError: there are several.
    """
    logs = taken_logs(ledger)
    fitting = [one for one in logs.values() if len(name) >= SHORTEST and one.name.startswith(name)]
    if not fitting:
        known = listed(sorted(logs), 5) or "none"
        raise EvidenceError(
            f"no log that was taken in is called '{name}' (there are: {known}); give {SHORTEST} "
            "or more characters of its name"
        )
    if len(fitting) > 1:
        raise SettingsError(
            f"'{name}' fits several logs: {listed([one.name for one in fitting], 5)}; give more"
        )
    return fitting[0]


class Shown(Struct, frozen=True):
    """A record of the list, and the log that it is of."""

    listed: Listed
    ledger: Ledger
    taken: Taken | None

    @property
    def appended_at(self) -> str:
        """When it says that it was appended."""
        return self.listed.row.appended_at

    @property
    def place(self) -> str:
        """Its entry, with the log's name where it is not the own one."""
        index = str(self.listed.row.index)
        return index if self.taken is None else f"{self.taken.name[:SHOWN]}:{index}"

    def by(self) -> dict[str, Any] | None:
        """Whose word it is; None of the own log's records."""
        if self.taken is None:
            return None
        return whose(self.taken, self.ledger.entry(self.listed.row.index).record)


class Lists:
    """The lists of several logs as one, the newest first; each of a log is in that log's order.

    A log that was taken in is opened when its turn can have come: a team may have thousands, one
    of each job.
    """

    def __init__(
        self,
        ledger: Ledger,
        filters: Mapping[str, Any],
        light: str | None,
        *,
        most: int,
        log: str | None = None,
        own: bool = True,
    ) -> None:
        """`log` is "own", or the beginning of a name; `own`: the own log is among all of them."""
        self._most = most
        self._of = partial(RunList, filters=filters, light=light, most=most)
        self._opened: list[RunList] = []
        self.unreadable: tuple[str, ...] = ()
        """What is to be said of logs taken in that turned out to be damaged, once all is read."""
        self._own = ledger if log == "own" or (log is None and own) else None
        self._asked = log is not None
        self._others: list[Taken] = []
        if log is None:
            self._others = indexed_logs(ledger)
        elif log != "own":
            self._others = [log_named(ledger, log)]
            self._others[0].ledger()  # it says what is wrong where it is not here

    def __iter__(self) -> Iterator[Shown]:
        """At most as many as are wanted; raises `EvidenceError` where the own log was altered, or
        the one log that was asked for is not here."""
        return islice(self._merged(), self._most)

    def _merged(self) -> Iterator[Shown]:
        to_come = sorted(self._others, key=lambda one: one.last.latest)
        heads = self._begun(self._own, None) if self._own else []
        while heads or to_come:
            newest = max(heads, key=lambda head: head[0].appended_at, default=None)
            if to_come and (not newest or to_come[-1].last.latest >= newest[0].appended_at):
                taken = to_come.pop()
                try:
                    heads += self._begun(taken.ledger(), taken)
                except EvidenceError:
                    if self._asked:
                        raise
                    self._note(taken)
            elif newest:
                heads = [head for head in heads if head is not newest]
                yield newest[0]
                try:
                    heads += _head(newest[1])
                except EvidenceError:
                    if self._asked or newest[0].taken is None:
                        raise
                    self._note(newest[0].taken)

    def _note(self, taken: Taken) -> None:
        self.unreadable += (
            f"the log {taken.name}, taken in entry {taken.entry}, cannot be read, and its records "
            "are not all listed: 'venturalitica verify' says why",
        )

    def _begun(self, ledger: Ledger, taken: Taken | None) -> list[_Head]:
        found = self._of(ledger)
        self._opened.append(found)
        return _head(_each(found, ledger, taken))

    @property
    def edited(self) -> tuple[str, ...]:
        """What is to be said of indexes that had to be made again."""
        return tuple(found.edited for found in self._opened if found.edited)


_Head = tuple[Shown, Iterator[Shown]]


def _head(rest: Iterator[Shown]) -> list[_Head]:
    """The next of a list, with what comes after it; none where it has ended."""
    return [(one, rest) for one in islice(rest, 1)]


def _each(found: RunList, ledger: Ledger, taken: Taken | None) -> Iterator[Shown]:
    return (Shown(one, ledger, taken) for one in found)


def whose(taken: Taken, record: Statement) -> dict[str, Any]:
    """Whose word a record of a taken log is: its key, and the job that it says it was made in."""
    ci = mapping(record.environment.get("ci"))
    return {
        "name": taken.name,
        "key": record.link.record_key or taken.last.key,
        "ci": text(ci.get("name")) or None,
        "job": text(ci.get("job")) or None,
        "url": text(ci.get("url")) or None,
        "taken_in": taken.entry,
    }


def words(by: Mapping[str, Any]) -> str:
    """The same in a few words: `key 3f2a91c0, GitHub Actions, job train`."""
    job = f"job {by['job']}" if by["job"] else ""
    return ", ".join(filter(None, (f"key {by['key'][:SHOWN]}", by["ci"], job)))
