"""The templates of pages: escaped throughout, and what could deceive a reader spelled out."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from venturalitica.core.circumstances import snapshot_words
from venturalitica.core.json_values import mapping, mappings, texts
from venturalitica.core.text import format_interval, format_number, level_words
from venturalitica.policy.changes import MARKS
from venturalitica.reports import sentences, summary
from venturalitica.reports.html import parts
from venturalitica.reports.html.drift_chart import drift_plot
from venturalitica.reports.html.group_chart import group_plot
from venturalitica.reports.html.interval_chart import UNIT, fits, interval_bar
from venturalitica.reports.html.markup import command, escape, link, prose

MOST_POLICY_CHARACTERS = 40_000
"""A longer policy is cut in the page, and the page says so; the snapshot holds it whole."""


class Recorded(dict[str, Any]):
    """A JSON object in a template: what it does not hold, or holds as null, is empty text."""

    def __missing__(self, name: str) -> str:
        return ""


def _recorded(value: object) -> Recorded:
    return Recorded((key, item) for key, item in mapping(value).items() if item is not None)


@cache
def environment(*folders: Path) -> Environment:
    """The templates in `folders`, and those of reports; each is compiled when it is first used.

    A name that a template is not given is an error, never an empty place.
    """
    made = Environment(
        loader=FileSystemLoader((*folders, Path(__file__).with_name("templates"))),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
        optimized=False,  # a page is drawn a few times: optimizing costs more than it saves
    )
    functions = (
        *(parts.digest, parts.moment, parts.moment_words, parts.duration_words, parts.step_counts),
        *(parts.light_icon, parts.light_word, parts.status_pill, parts.hardware),
        *(
            parts.signed_by,
            parts.place,
            parts.other_columns,
            parts.roles,
            parts.nulls_of,
            parts.drawn,
            parts.drawn_lines,
            parts.diff_class,
        ),
        *(group_plot, drift_plot, interval_bar, fits, link, snapshot_words),
    )
    made.globals.update({give.__name__: give for give in functions})
    made.globals.update(words=sentences, said=summary, MARKS=MARKS, UNIT=UNIT)
    made.globals.update(MOST_POLICY_CHARACTERS=MOST_POLICY_CHARACTERS)
    made.filters.update(
        number=format_number,
        interval=format_interval,
        level_words=level_words,
        prose=prose,
        command=command,
        named=parts.name,
        thousands=parts.thousands,
        scalar=parts.scalar,
        mapping=mapping,
        mappings=mappings,
        texts=texts,
        recorded=_recorded,
    )
    return made


def _shown(value: object) -> object:
    """None is nothing; what could deceive is spelled out as it is escaped."""
    return "" if value is None else escape(value)
