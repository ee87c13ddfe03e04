"""A word that is searched for, as a condition on runs: found by indexes wherever it is rare."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select

from venturalitica.ledger.index.rows import folded, spelt
from venturalitica.ledger.index.tables import FOLDED, links, run_counts, runs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

MAX_WORDS = 8
"""Words of a search that are looked at: each is a look through all links."""

MANY = 10_000
"""Of a word that so many runs say, a page is found soonest by looking at them one by one."""

_LAST = "\U0010ffff"
_DIGITS = re.compile("[0-9a-fA-F]+")


def words_of(search: str | None) -> list[str]:
    """The words that are looked for."""
    return [spelt(word) for word in (search or "").split()[:MAX_WORDS]]


def speaks_of(connection: Connection, word: str) -> ColumnElement[bool]:
    """Whether a run, or a tracker's run that it names, speaks of a word (`Filters.search`)."""
    said = _holds(links.c.said, word)
    linked = select(links.c.entry).where(or_(begins(links.c.run_id, word), said))
    # No index is of commits: they are looked through only for what may be the beginning of one.
    commits = (runs.c.revision,) if _DIGITS.fullmatch(word) else ()
    beginnings = (begins(one, word) for one in (runs.c.run_id, runs.c.evidence_sha256, *commits))
    within = (_named(*item, word) for item in _saying(connection, word).items())
    return or_(*within, *beginnings, runs.c.entry.in_(linked))


def _saying(connection: Connection, word: str) -> Mapping[str, int]:
    """How many runs say the word in each column of names, by the counters; none is left out.

    A column without an index, or one that is not asked for, would have all runs looked through.
    """
    counts = (
        func.sum(case((_holds(run_counts.c[column], word), run_counts.c.count), else_=0))
        for column in FOLDED.values()
    )
    found = connection.execute(select(*counts)).one()
    return {name: int(count) for name, count in zip(FOLDED, found, strict=True) if count}


def _named(column: str, count: int, word: str) -> ColumnElement[bool]:
    # Few names of many runs: the counters have each of them once.
    some = select(run_counts.c[column]).where(_holds(run_counts.c[FOLDED[column]], word))
    own = runs.c[column]
    # Of a call no index is looked through.
    return (func.coalesce(own, "") if count > MANY else own).in_(some)


def _holds(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    return column.contains(folded(word), autoescape=True)


def begins(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    """Whether a column begins with a word, as it is spelt or in small letters.

    By the order of the code points, in which a database has the column: it is quickly found.
    """
    spellings = dict.fromkeys(map(spelt, (word, word.lower())))
    return or_(*(_from(column, one) for one in spellings))


def _from(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    # The first text after all that begin so; of the last character there is no next one.
    bare = word.rstrip(_LAST)
    if not bare:
        return column >= word
    after = ord(bare[-1]) + 1
    following = chr(0xE000 if 0xD800 <= after < 0xE000 else after)  # no database has surrogates
    return and_(column >= word, column < bare[:-1] + following)
