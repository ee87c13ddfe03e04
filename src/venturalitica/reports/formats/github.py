"""Annotations of GitHub Actions: workflow commands, one a line, which a step prints to stdout.

GitHub shows ten of a kind per step and drops the others without a word, so the tenth sums them up.
"""

from __future__ import annotations

from itertools import chain

from venturalitica.reports.formats.findings import Finding, Findings

MOST_OF_A_KIND = 10
KINDS = ("error", "warning", "notice")
_MOST_NAMED = 20


def github(found: Findings) -> str:
    """The commands, errors first; ends with a newline where there is any."""
    ordered = found.worst_first
    each = (_of_kind(kind, [one for one in ordered if _kind(one) == kind]) for kind in KINDS)
    return "".join(f"{line}\n" for line in chain.from_iterable(each))


def _kind(one: Finding) -> str:
    if one.unmet:
        return "error" if one.light == "red" else "warning"
    return "warning" if one.outcome == "skipped" and one.light != "grey" else "notice"


def _of_kind(kind: str, ones: list[Finding]) -> list[str]:
    shown = ones if len(ones) <= MOST_OF_A_KIND else ones[: MOST_OF_A_KIND - 1]
    lines = [_command(kind, one) for one in shown]
    rest = ones[len(shown) :]
    if rest:
        names = ", ".join(one.name for one in rest[:_MOST_NAMED])
        names += ", …" if len(rest) > _MOST_NAMED else ""
        lines.append(f"::{kind} title={_property(f'{len(rest)} more')}::{_data(names)}")
    return lines


def _command(kind: str, one: Finding) -> str:
    title = f"{one.name}: {one.words}" if one.words else one.name
    place = f"file={_property(one.file)}," if one.file else ""
    place += f"line={one.line}," if one.file and one.line else ""
    text = "\n".join(filter(None, (one.message, *one.details)))
    return f"::{kind} {place}title={_property(title)}::{_data(text)}"


def _data(text: str) -> str:
    """As the runner reads it back: a line break would else end the command and begin another."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
