"""The terminal: what it can show, and text that cannot act on it."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from typing import IO, TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.verdict import Verdict

if TYPE_CHECKING:
    from rich.console import Console

PIPE_WIDTH = 100


def inert(text: object) -> str:
    """Text that a terminal only displays: control, direction and invisible characters are escaped.

    An ESC would start a colour or move the cursor, a right-to-left override would disguise what
    follows. Line breaks and tabs become spaces: what follows one would look like a line of ours.
    Nor is it a command to GitHub's runner, which takes `##[` anywhere in a line of a log and `::`
    where a line begins, as a cell that is wrapped may.
    """
    return _COMMAND.sub(_spelled, "".join(map(_inert_character, str(text))))


_COMMAND = re.compile(r"##\[|(?:^|(?<=\s))::")


def _spelled(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\x{ord(found[0][-1]):02x}"


_JOINERS = "\u200c\u200d"
"""Zero-width (non-)joiners, which scripts and emoji need; they disguise nothing."""


def _inert_character(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if character in _JOINERS:
        return character
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp"):
        return character.encode("unicode_escape").decode("ascii")
    return character


def is_plain(stream: IO[str] | None = None) -> bool:
    """Whether colour and boxes are unwanted on this stream (default: stdout)."""
    stream = sys.stdout if stream is None else stream
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return True
    return not stream.isatty()


def speaks_unicode(stream: IO[str] | None = None) -> bool:
    """Whether the stream can write the signs that bars are drawn with."""
    encoding = getattr(sys.stdout if stream is None else stream, "encoding", None) or "ascii"
    try:
        "✓✗●━┼–".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """The console for stdout (or stderr): no markup, no highlighting, plain where `is_plain`."""
    from rich.console import Console

    class PipeConsole(Console):
        """Lets a broken pipe rise to `app`, which ends the command quietly."""

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError

    stream = sys.stderr if stderr else sys.stdout
    plain = is_plain(stream)
    if not speaks_unicode(stream):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    return PipeConsole(
        file=stream,
        width=width or _pipe_width(stream),
        force_terminal=not plain,
        no_color=plain,
        markup=False,
        highlight=False,
        emoji=False,
        legacy_windows=False,
    )


def _pipe_width(stream: IO[str]) -> int | None:
    """The width where there is no terminal to ask; None lets the terminal answer."""
    if stream.isatty():
        return None
    columns = os.environ.get("COLUMNS", "")
    return max(20, int(columns)) if columns.isdecimal() and int(columns) else PIPE_WIDTH


class Signs(Struct, frozen=True):
    """The characters that marks and bars are made of; each is one column wide."""

    passed: str
    unsure: str
    failed: str
    error: str
    missing: str
    track: str
    interval: str
    value: str
    threshold: str
    crossing: str
    both: str
    dash: str

    def mark(self, verdict: Verdict) -> str:
        """The sign before a verdict: its status in a shape, not in colour alone."""
        if verdict.status == "passed":
            return self.passed if verdict.conclusive else self.unsure
        return {"failed": self.failed, "error": self.error}.get(verdict.status, self.missing)


UNICODE = Signs("✓", "≈", "✗", "!", "○", "─", "━", "●", "│", "┿", "◆", "–")
ASCII = Signs("+", "~", "x", "!", "?", "-", "=", "o", "|", "#", "@", "-")


def signs_of_stdout() -> Signs:
    """Those that stdout can write."""
    return UNICODE if speaks_unicode() else ASCII
