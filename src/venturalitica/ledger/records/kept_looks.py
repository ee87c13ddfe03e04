"""The looks of a log, kept for whoever appends an audit: a projection that can be deleted.

`cache/looks.bin` is read under the log's lock, so it must be quick in a log of any length: a head
that says whose log it is, then one row of whole numbers for each entry, appended and never changed,
so that writers at once do no harm. Each row has a checksum; what does not fit is cut off, and read
again from the log. Nothing in it needs to be believed: what it makes an audit say, `verify` counts
again from the log.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from venturalitica.system.files import open_plain

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Rows = NDArray[numpy.uint64]
    """`(n, 11)`: `index leaf kind key policy policy data data model model checksum`."""

log = logging.getLogger(__name__)

FORMAT = b"venturalitica/looks/v2"
WIDTH = 11
INDEX, LEAF, KIND, KEY, POLICY, DATA, MODEL, SUM = 0, 1, 2, 3, 4, 6, 8, 10
OTHER, AUDIT, COMMITTED, PRUNED = range(4)
"""Kinds of rows. Of a pruned range `POLICY` holds where it begins, and `DATA` where it ends."""
_ODD = 0x9E3779B97F4A7C15
_DOUBTED = 4096
"""Rows at the end whose checksums are looked at."""


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
    except EvidenceError as error:
        # Edited, with its checksums made to fit: what it costs is one reading of the log.
        log.warning("%s was edited and is made again: %s", _place(files), error)
        _forget(files)
        return _prior(files, key, tail, record, look)


def _prior(
    files: LogFiles, key: bytes, tail: Tail, record: Statement, look: Look
) -> dict[str, Any]:
    with files.cache() as cache:
        rows = _caught_up(files, cache, tail.size, tail.previous, key)
        index, named = commitment_to(rows, look.policy), None
        if index is not None:
            line, made = _commitment_at(files, cache, index)
            named = named_for(made, index, sha256_hex(line), record)
    return {"prior": Prior(commitment=named, attempts=attempts_in(rows, look)).to_json()}


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
    """Keep the look of a record just appended, so that the next one need not read it back."""
    look = look_of(entry.record, entry.index, key)
    _append(LogFiles(home), key, [_row(entry.index, bytes.fromhex(entry.leaf_sha256), look)])


def is_kept(home: Path) -> bool:
    """Whether looks of a log are kept."""
    return _place(LogFiles(home)).exists()


def _caught_up(
    files: LogFiles, cache: TreeCache, size: int, previous: bytes | None, key: bytes
) -> Rows:
    """The rows of the first `size` entries; the last one known must be the log's own."""
    rows = _read(files, key, size)
    known = _known(rows)
    if known == size and (not size or _is_leaf(rows, previous)):
        return rows
    with contextlib.suppress(CacheMissError, EvidenceError):
        if 0 < known < size:
            start, last = cache.end(known - 1), known - 1
            parts = read_parts(files.entries, last, size, start=start)
            return _whole(files, _extended(files, rows, parts, key), previous)
    _forget(files)
    return _whole(
        files, _extended(files, _none(), read_parts(files.entries, 0, size), key), previous
    )


def _whole(files: LogFiles, rows: Rows, previous: bytes | None) -> Rows:
    """The rows, once their last one is of the entry that was sealed last."""
    if previous is not None and not _is_leaf(rows, previous):
        raise EvidenceError(f"{files.entries}: changed while it was read; try again")
    return rows


def _known(rows: Rows) -> int:
    return int(rows[-1, INDEX]) + 1 if len(rows) else 0


def _extended(files: LogFiles, rows: Rows, parts: Iterable[Part], key: bytes) -> Rows:
    """With those of further parts of the log, the first of which is the last one known."""
    import numpy

    known = _known(rows)
    new: list[list[int]] = []
    for part in parts:
        if part.index >= known:
            new += _rows_of(part, key)
        elif not _is_leaf(rows, part.leaves()[known - 1 - part.index]):
            raise EvidenceError(f"{files.entries}: another log than the looks were kept of")
    _append(files, key, new)
    return numpy.vstack([rows, _summed(new)]) if new else rows


def _is_leaf(rows: Rows, leaf: bytes | None) -> bool:
    return leaf is not None and len(rows) > 0 and int(rows[-1, LEAF]) == _number(leaf.hex())


def _rows_of(part: Part, key: bytes) -> Iterator[list[int]]:
    leaves = part.leaves()
    if part.head is not None:
        yield from (_row(part.index + n, leaf, None) for n, leaf in enumerate(leaves))
        return
    try:
        record = statement_of(part.line)
    except EvidenceError:
        record = Statement.of({})
    for gone in pruned_by(record):
        end = min(gone.end, part.index)
        yield [part.index, 0, PRUNED, 0, gone.start, 0, end, 0, 0, 0]
    yield _row(part.index, leaves[-1], look_of(record, part.index, key))


def _row(index: int, leaf: bytes, look: Look | None) -> list[int]:
    """A row without its checksum; of an entry that is no look, where it ends."""
    if look is None:
        return [index, _number(leaf.hex()), OTHER, 0, 0, 0, 0, 0, 0, 0]
    digests = (part for text in (look.policy, look.data, look.model) for part in _digest(text))
    kind = AUDIT if look.key else COMMITTED
    return [index, _number(leaf.hex()), kind, _key(look.key), *digests]


def _number(text: str) -> int:
    """The first 64 bits of a digest, or of the digest of any other text."""
    try:
        return int(text[:16].encode("ascii"), 16)
    except ValueError:
        return int(hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16], 16)


def _key(name: str) -> int:
    return _number(hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()) if name else 0


def _digest(text: str) -> tuple[int, int]:
    """128 bits; none of no text, so that 0 is no digest."""
    return (_number(text), _number(text[16:] or text)) if text else (0, 0)


def _summed(rows: list[list[int]]) -> Rows:
    """With their checksums."""
    import numpy

    found = numpy.zeros((len(rows), WIDTH), dtype=numpy.uint64)
    found[:, :SUM] = numpy.array(rows, dtype=numpy.uint64).reshape(-1, SUM)
    found[:, SUM] = _checksums(found)
    return found


def _checksums(rows: Rows) -> NDArray[numpy.uint64]:
    """Of each row: no secret, it tells what a crash left from what was written."""
    import numpy

    total = numpy.full(len(rows), _ODD, dtype=numpy.uint64)
    for column in range(SUM):
        total = (total ^ rows[:, column]) * numpy.uint64(_ODD)
        total ^= total >> numpy.uint64(29)
    return total


def _none() -> Rows:
    import numpy

    return numpy.zeros((0, WIDTH), dtype=numpy.uint64)


def _of(rows: Rows, column: int, text: str) -> NDArray[numpy.bool_]:
    first, second = _digest(text)
    found: NDArray[numpy.bool_] = (rows[:, column] == first) & (rows[:, column + 1] == second)
    return found


def _audits(rows: Rows) -> NDArray[numpy.bool_]:
    """Which are of audits whose entries were not pruned since."""
    found: NDArray[numpy.bool_] = rows[:, KIND] == AUDIT
    for gone in rows[rows[:, KIND] == PRUNED]:
        found &= (rows[:, INDEX] < gone[POLICY]) | (rows[:, INDEX] >= gone[DATA])
    return found


def attempts_in(rows: Rows, look: Look) -> Attempts | None:
    """As `Looks.attempts`, by searching: to take in a hundred thousand looks takes a second."""
    import numpy

    if not look.data:
        return None
    audits = _audits(rows)
    same = rows[audits & _of(rows, DATA, look.data)]
    seen = rows[(audits | (rows[:, KIND] == COMMITTED)) & _of(rows, POLICY, look.policy)]
    first = int(seen[:, INDEX].min()) if len(seen) else look.index
    models = same[(same[:, MODEL] != 0) | (same[:, MODEL + 1] != 0)]
    keys = rows[:, KEY]
    return Attempts(
        audits=len(same),
        policies=len(numpy.unique(same[:, POLICY : POLICY + 2], axis=0)),
        models=len(numpy.unique(models[:, MODEL : MODEL + 2], axis=0)),
        before_policy=int((same[:, INDEX] < first).sum()),
        not_compared=int((audits & (keys != _key(look.key)) & (keys != _key(NO_DATA))).sum()),
    )


def commitment_to(rows: Rows, policy: str) -> int | None:
    """The entry of the newest commitment to a policy text; None where there is none."""
    made = rows[rows[:, KIND] == COMMITTED]
    found = made[_of(made, POLICY, policy)]
    return int(found[-1, INDEX]) if len(found) else None


def _read(files: LogFiles, key: bytes, size: int) -> Rows:
    """What is kept of the first `size` entries, in order, each once, without a gap."""
    import numpy

    try:
        with os.fdopen(open_plain(_place(files), os.O_RDONLY), "rb") as stream:
            head, data = stream.readline(256), stream.read()
    except OSError as error:
        log.debug("the looks are read from the log again: %s", error)
        return _none()
    if head != _head(key):
        return _none()
    whole = len(data) // (8 * WIDTH) * WIDTH
    rows: Rows = numpy.frombuffer(data, dtype="<u8", count=whole).reshape(-1, WIDTH)
    # What a crash left is among the last ones.
    sound = numpy.append(
        numpy.ones(max(len(rows) - _DOUBTED, 0), dtype=bool),
        rows[-_DOUBTED:, SUM] == _checksums(rows[-_DOUBTED:]),
    )
    rows = rows if sound.all() else rows[sound]
    steps = numpy.diff(rows[:, INDEX].astype(numpy.int64), prepend=-1)
    if (steps != 1).any():
        # Several writers at once, pruned ranges, or rows that a crash left out.
        rows = numpy.unique(rows, axis=0)
        steps = numpy.diff(rows[:, INDEX].astype(numpy.int64), prepend=-1)
        rows = rows[: int(numpy.argmax(steps > 1)) if (steps > 1).any() else len(rows)]
    rows = rows[: int(numpy.searchsorted(rows[:, INDEX], size))]
    ends = numpy.flatnonzero(rows[:, KIND] != PRUNED)
    return rows[: int(ends[-1]) + 1] if ends.size else _none()


def _append(files: LogFiles, key: bytes, rows: list[list[int]]) -> None:
    """Further rows in one write. A torn row that stands before them is taken for none."""
    place = _place(files)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = open_plain(place, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            data = _summed(rows).astype("<u8").tobytes()
            size = os.fstat(descriptor).st_size
            if os.pread(descriptor, 256, 0)[: len(_head(key))] != _head(key):
                os.ftruncate(descriptor, 0)
                data = _head(key) + data
            elif torn := (size - len(_head(key))) % (8 * WIDTH):
                data = bytes(8 * WIDTH - torn) + data
            os.write(descriptor, data)
        finally:
            os.close(descriptor)
    except OSError as error:
        log.debug("the looks are not kept: %s", error)


def _forget(files: LogFiles) -> None:
    with contextlib.suppress(OSError):
        _place(files).unlink(missing_ok=True)


def _head(key: bytes) -> bytes:
    return b"%b %b\n" % (FORMAT, key_id(key).encode())


def _place(files: LogFiles) -> Path:
    return files.home / "cache" / "looks.bin"
