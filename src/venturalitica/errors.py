"""Every error that this package raises on purpose.

    VenturaliticaError                 one of ours; `exit_status` is what the command line returns
    ├── PolicyError                    the policy file is wrong; holds every problem found in it
    ├── BindingError                   a role, column or keyword does not fit the data
    ├── DataError                      the rows cannot be judged (out of order, no table)
    │   └── EngineError                the engine that holds them failed before all were counted
    ├── SettingsError                  a setting or environment variable is wrong
    ├── EvidenceError                  evidence cannot be written, read or trusted
    │   ├── EntryPruned                the entry was pruned: its retention had passed
    │   ├── EvidenceWaiting            it is kept in the inbox, and not in the log yet
    │   └── SigningKeyError            the signing key is missing, unreadable or too open
    │       ├── RetiredKeyError        the log has retired this key; its successor must sign
    │       └── SignerError            a signer from outside failed, or did not answer in time
    ├── TrackerError                   a tracker refused or failed
    │   └── TrackerUnreachable         it did not answer, or has trouble of its own: ask later
    ├── MissingExtra                   an optional library is absent (also an ImportError)
    └── ControlBlocked                 a blocking control did not pass; its evidence is safe

Each can be pickled: a worker process hands its error to the one that waits for it.

A message says what was found, what was expected and what to do next. A name that does not exist is
answered with the nearest one that does (`nearest`).
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from venturalitica.core.verdict import Verdict


class VenturaliticaError(Exception):
    """Base of all errors raised on purpose by this package."""

    exit_status = 2


class Problem(Struct, frozen=True):
    """One thing that is wrong in a file: `file:line: message`.

    `line` is 1-based; 0 where the whole file is meant.
    """

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.message}"


class PolicyError(VenturaliticaError):
    """The policy is wrong. `problems` holds all that was found, in the order of the file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[PolicyError], tuple[object, ...]]:
        return type(self), (self.problems,)


class BindingError(VenturaliticaError):
    """A role is unbound, misspelt, or bound to a column that the data does not have."""


class DataError(VenturaliticaError):
    """The rows given cannot be judged as they are."""


class EngineError(DataError):
    """The engine that holds the rows failed before all were counted: a connection was lost, say."""


class SettingsError(VenturaliticaError):
    """A setting or environment variable has a value that cannot be used."""


class EvidenceError(VenturaliticaError):
    """Evidence cannot be written, read or trusted."""


class EntryPruned(EvidenceError):
    """The entry was pruned: its retention had passed. Its place in the log is still proven."""


class EvidenceWaiting(EvidenceError):
    """The evidence is signed and on disk in the inbox; the next writer takes it into the log."""


class SigningKeyError(EvidenceError):
    """The signing key is missing, unreadable, of the wrong kind, or readable by others."""


class RetiredKeyError(SigningKeyError):
    """The log holds a rotation record by which this key handed over to another."""


class SignerError(SigningKeyError):
    """A signer from outside (a KMS, say) failed, gave no valid signature, or did not answer."""


class TrackerError(VenturaliticaError):
    """A tracker refused, failed, or did not answer within its bound."""


class TrackerUnreachable(TrackerError):
    """A tracker did not answer, or is in trouble of its own; what waits for it goes on waiting."""


class MissingExtra(VenturaliticaError, ImportError):
    """An optional library is needed and absent; the message is the line that installs it."""

    def __init__(self, library: str, extra: str) -> None:
        self.library = library
        self.extra = extra
        from venturalitica.core.origin import install_line

        super().__init__(
            f"{library} is needed for this and is not installed: {install_line(extra)}"
        )

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[object, ...]]:
        return type(self), (self.library, self.extra)


class ControlBlocked(VenturaliticaError):
    """A control with `on_fail: block` failed, erred or was not evaluated.

    Raised after the evidence is committed. `verdicts` are the blocking ones; `audit` is the whole.
    """

    exit_status = 1

    def __init__(self, verdicts: Sequence[Verdict], audit: Sequence[Verdict]) -> None:
        self.verdicts = tuple(verdicts)
        self.audit = audit
        lines = [f"{v.control}: {v.status.replace('_', ' ')}: {v.reason}" for v in self.verdicts]
        super().__init__(f"blocked by the policy: {listed(lines, 10, between='; ', longest=None)}")

    def __reduce__(self) -> tuple[type[ControlBlocked], tuple[object, ...]]:
        return type(self), (self.verdicts, self.audit)


LONGEST_NAME = 120
"""Characters of one name that a sentence shows."""


def listed(
    names: Iterable[object],
    most: int = 8,
    *,
    between: str = ", ",
    longest: int | None = LONGEST_NAME,
) -> str:
    """`a, b, … and 396 more`: names in a sentence that stays one, however many and long they are.

    Args:
        most: so many are named; the rest are counted.
        longest: so many characters of a name are shown; all of them where None.
    """
    texts = [str(name) for name in names]
    shown = between.join(shortened(text, longest) for text in texts[:most])
    more = len(texts) - most
    return f"{shown}{between}… and {more:,} more" if more > 0 else shown


def shortened(text: str, longest: int | None = LONGEST_NAME) -> str:
    """The text, or its beginning where it is longer."""
    return text if longest is None or len(text) <= longest else f"{text[:longest]}…"


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like `name`, or None when none is close."""
    names = list(known)
    by_fold = {known_name.casefold(): known_name for known_name in reversed(names)}
    close = difflib.get_close_matches(name.casefold(), list(by_fold), n=1)
    return by_fold[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean 'accuracy'?"`, or an empty string when nothing is close."""
    close = nearest(name, known)
    return f"; did you mean '{close}'?" if close else ""


def slip(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` is a slip of, where any name is allowed, or None.

    A slip is one letter too many, missing, wrong, or moved, or a difference in capitals, accents
    and underscores alone. With a name of up to three letters only a doubled or moved letter counts:
    sex and set, age and wage are different words.
    """
    folded = _letters(name)
    return next((other for other in known if _one_apart(folded, _letters(other))), None)


def _letters(name: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", name.casefold()) if c.isalnum())


def _one_apart(one: str, other: str) -> bool:
    moved = sorted(one) == sorted(other)
    if min(len(one), len(other)) <= 3:
        return moved or [key for key, _ in groupby(one)] == [key for key, _ in groupby(other)]
    # Not by difflib, whose time grows with the square of such a name as 90 times "a".
    one, other = _between_what_is_common(one, other)
    if max(len(one), len(other)) <= 1:
        return True
    # One letter stands elsewhere, or two have changed places.
    return moved and (one[1:] == other[:-1] or one[:-1] == other[1:] or one[1:-1] == other[1:-1])


def _between_what_is_common(one: str, other: str) -> tuple[str, str]:
    """Both without the beginning and the end that they share."""
    start = _shared(one, other)
    end = _shared(one[start:][::-1], other[start:][::-1])
    return one[start : len(one) - end], other[start : len(other) - end]


def _shared(one: str, other: str) -> int:
    """So many letters stand at the beginning of both."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))
