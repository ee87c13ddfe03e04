"""The looks of a log, kept for whoever appends an audit: a projection that can be deleted.

`cache/looks.txt` is read under the log's lock, so it must be quick: text, one line a look, its
first line saying of which beginning of the log it is. Nothing in it needs to be believed: what it
makes an audit say, `verify` counts again from the log. Where it does not fit it is made anew.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.prior import Attempts, Prior, key_id
from venturalitica.core.record import Statement
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.log.tail import CacheMissError, Part, Tail, TreeCache, read_parts
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ledger.records.kinds.pruning import pruned_by
from venturalitica.ledger.records.looks import (
    NO_DATA,
    Look,
    commitment_in,
    look_of,
    named_for,
)
from venturalitica.ledger.records.placement import Entry
from venturalitica.system.files import reading

log = logging.getLogger(__name__)

FORMAT = "venturalitica/looks/v1"
NONE = "-"


def prior_of(home: Path, key: bytes, tail: Tail, statement: Mapping[str, Any]) -> dict[str, Any]:
    """`{"prior": …}` of an audit that is appended after `tail`; call it under the log's lock.

    Raises:
        EvidenceError: the log cannot be read.
    """
    files, record = LogFiles(home), Statement.of(statement)
    look = look_of(record, tail.size, key)
    if look is None:
        return {"prior": None}
    try:
        return _prior(files, key, tail, record, look)
    except (EvidenceError, ValueError) as error:
        # Edited, with its digest made to fit: what it costs is one reading of the log.
        log.warning("%s was edited and is made again: %s", _place(files), error)
        _place(files).unlink(missing_ok=True)
        return _prior(files, key, tail, record, look)


def _prior(
    files: LogFiles, key: bytes, tail: Tail, record: Statement, look: Look
) -> dict[str, Any]:
    with files.cache() as cache:
        text = _caught_up(files, cache, tail.size, tail.previous, key).text
        index, named = _commitment(text, look.policy), None
        if index is not None:
            line, made = _commitment_at(files, cache, index)
            named = named_for(made, index, sha256_hex(line), record)
    return {"prior": Prior(commitment=named, attempts=_attempts(text, look)).to_json()}


def _commitment_at(files: LogFiles, cache: TreeCache, index: int) -> tuple[bytes, Commitment]:
    """The line of an entry and the commitment in it; without the cache where that is wrong."""
    with contextlib.suppress(CacheMissError, EvidenceError):
        for part in read_parts(files.entries, index, index + 1, start=cache.end(index)):
            record = statement_of(part.line)
            made = commitment_in(record)
            if made is not None and record.link.index == index:
                return part.line, made
    for part in read_parts(files.entries, 0, index + 1):
        made = commitment_in(statement_of(part.line)) if part.index == index else None
        if made is not None:
            return part.line, made
    raise EvidenceError(
        f"{files.entries}: entry {index} is no commitment; run 'venturalitica verify'"
    )


def keep_up(home: Path, key: bytes, size: int, last: str) -> None:
    """Read a log of which nothing `is_kept` yet before its lock is taken: others wait for that.

    Args:
        size: how many entries are sealed; `last` is the leaf hash of the last.

    Raises:
        EvidenceError: the log cannot be read.
    """
    files = LogFiles(home)
    with files.cache() as cache:
        _caught_up(files, cache, size, bytes.fromhex(last), key)


def take_note(home: Path, key: bytes, entry: Entry) -> None:
    """Keep the look of a record just appended, so that the next one need not read it back.

    Who appended meanwhile has kept it already, or reads it from the log.
    """
    files = LogFiles(home)
    kept = _read(files, key)
    if kept.size == entry.index:
        look = look_of(entry.record, entry.index, key)
        text = kept.text if look is None else f"{kept.text}{_line(look)}\n"
        _write(files, _Kept(entry.index + 1, entry.leaf_sha256, text), key)


def is_kept(home: Path) -> bool:
    """Whether looks of a log are kept."""
    return _place(LogFiles(home)).exists()


class _Kept(Struct, frozen=True):
    """The looks of the first `size` entries; `leaf` is the last one's leaf hash."""

    size: int = 0
    leaf: str = NONE
    text: str = ""

    def head(self, key: bytes) -> str:
        digest = sha256_hex(self.text.encode())
        return f"{FORMAT} {self.size} {self.leaf} {key_id(key)} {digest}"


def _caught_up(
    files: LogFiles, cache: TreeCache, size: int, last: bytes | None, key: bytes
) -> _Kept:
    kept = _read(files, key)
    with contextlib.suppress(CacheMissError, EvidenceError):
        if 0 < kept.size <= size:
            return _extended(files, kept, size, last, key, start=cache.end(kept.size - 1))
    return _extended(files, _Kept(), size, last, key, start=0)


def _extended(
    files: LogFiles, kept: _Kept, size: int, previous: bytes | None, key: bytes, *, start: int
) -> _Kept:
    """With the first `size` entries; the last one known is read again, and must be the same."""
    lines, known = kept.text.splitlines(), kept.size
    last = kept.leaf
    for part in read_parts(files.entries, max(kept.size - 1, 0), size, start=start):
        if part.index >= known:
            lines = _with(lines, part, key)
        elif known and part.leaves()[known - 1 - part.index].hex() != kept.leaf:
            raise EvidenceError(f"{files.entries}: another log than the looks were kept of")
        last = part.leaves()[-1].hex()
    if previous is not None and last != previous.hex():
        raise EvidenceError(f"{files.entries}: changed while it was read; try again")
    found = _Kept(size, last, "".join(f"{line}\n" for line in lines))
    if found.size != kept.size:
        _write(files, found, key)
    return found


def _with(lines: list[str], part: Part, key: bytes) -> list[str]:
    if part.head is not None:
        return lines
    try:
        record = statement_of(part.line)
    except EvidenceError:
        return lines
    look = look_of(record, part.index, key)
    if look is not None:
        lines.append(_line(look))
    for gone in pruned_by(record):
        end = min(gone.end, part.index)
        lines = [one for one in lines if not _is_pruned(one, gone.start, end)]
    return lines


def _line(look: Look) -> str:
    kind = f"audit:{look.key}" if look.key else "commitment"
    return " ".join(
        (str(look.index), kind, *(text or NONE for text in (look.policy, look.data, look.model)))
    )


def _look(line: str) -> Look:
    index, kind, *texts = line.split(" ")
    key = kind.partition(":")[2]
    return Look(int(index), key, *("" if text == NONE else text for text in texts))


def _is_pruned(line: str, start: int, end: int) -> bool:
    look = _look(line)
    return bool(look.key) and start <= look.index < end


def _attempts(text: str, look: Look) -> Attempts | None:
    """As `Looks.attempts`, by searching: to take in ten thousand looks takes ten times as long."""
    if not look.data:
        return None
    same = list(_of_data(text, look.data))
    seen = _line_at(text, text.find(f" {look.policy} ")).partition(" ")[0]
    first = int(seen) if seen else look.index
    own = sum(text.count(f" audit:{name} ") for name in (look.key, NO_DATA))
    return Attempts(
        audits=len(same),
        policies=len({found.policy for found in same}),
        models=len({found.model for found in same} - {""}),
        before_policy=bisect_left(same, first, key=lambda found: found.index),
        not_compared=text.count(" audit:") - own,
    )


def _of_data(text: str, data: str) -> Iterator[Look]:
    place = text.find(f" {data} ")
    while place >= 0:
        yield _look(_line_at(text, place))
        place = text.find(f" {data} ", text.find("\n", place))


def _line_at(text: str, place: int) -> str:
    """The line that holds a place; none where that is below 0."""
    return text[text.rfind("\n", 0, place) + 1 : text.find("\n", place)] if place >= 0 else ""


def _commitment(text: str, policy: str) -> int | None:
    line = _line_at(text, text.rfind(f" commitment {policy} "))
    return _look(line).index if line else None


def _read(files: LogFiles, key: bytes) -> _Kept:
    try:
        with reading(_place(files)) as stream:
            head, _, rest = stream.read().decode("ascii").partition("\n")
        _, size, leaf, *_ = head.split(" ")
        kept = _Kept(int(size), leaf, rest)
    except (OSError, ValueError) as error:
        log.debug("the looks are read from the log again: %s", error)
        return _Kept()
    return kept if kept.head(key) == head else _Kept()


def _write(files: LogFiles, kept: _Kept, key: bytes) -> None:
    place = _place(files)
    temporary = place.with_name(f".{place.name}.{secrets.token_hex(8)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(f"{kept.head(key)}\n{kept.text}", encoding="ascii")
        temporary.rename(place)
    except OSError as error:
        log.debug("the looks are not kept: %s", error)
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _place(files: LogFiles) -> Path:
    return files.home / "cache" / "looks.txt"
