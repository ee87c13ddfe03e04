"""How the command line prints: inert text, plain output on pipes, JSON, progress."""

from __future__ import annotations

import io
import json
import os
import re
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.cli import output, terminal

CONTROL = {*range(32), *range(127, 160), 0x202E, 0x2066, 0x200B, 0x2028, 0xFEFF, 0xE0041}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@given(st.text())
def test_inert_text_has_nothing_that_acts(text):
    found = terminal.inert(text)
    assert not {ord(character) for character in found} & CONTROL
    assert terminal.inert(found) == found
    found.encode("utf-8")


def test_inert_keeps_what_people_write():
    assert terminal.inert("Größe [red] 3 < 4, क्‍ष 👩‍🔬") == "Größe [red] 3 < 4, क्‍ष 👩‍🔬"
    assert terminal.inert("a\nb\tc") == "a b c"
    assert terminal.inert("\x1b[31m\x9b\udc80") == "\\x1b[31m\\x9b\\udc80"


def test_no_text_is_a_command_to_a_runner(capsys):
    said = terminal.inert("##[error]x ::add-mask::y a::b\n::stop-commands::z")
    assert "##[" not in said
    assert not re.search(r"(^|\s)::", said)
    assert "a::b" in said
    output.emit_json({"group": "##[error]x"})
    printed = capsys.readouterr().out
    assert "##[" not in printed
    assert json.loads(printed) == {"group": "##[error]x"}


@pytest.mark.parametrize(
    ("variables", "stream", "plain"),
    [
        ({}, Terminal(), False),
        ({}, io.StringIO(), True),
        ({"NO_COLOR": "1"}, Terminal(), True),
        ({"NO_COLOR": ""}, Terminal(), False),
        ({"TERM": "dumb"}, Terminal(), True),
    ],
)
def test_plain_where_nobody_sees_colour(monkeypatch, variables, stream, plain):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert terminal.is_plain(stream) is plain


def test_terminal_gets_colour_and_a_pipe_does_not(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    texts = []
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stdout", stream)
        output.styled(("red", "bold red"), (" \x1b[2J[bold]plain", ""))
        texts.append(stream.getvalue())
    assert "\x1b[1;31mred" in texts[0]
    assert "\x1b[2J" not in texts[0]
    assert texts[1] == "red \\x1b[2J[bold]plain\n"


def test_a_line_break_makes_no_line(capsys):
    output.say("a\nb", "c")
    output.hint("a\r\nb", "c")
    output.complain("a\u2028b\x0bc", "d")
    assert capsys.readouterr() == (
        "a b\nc\n",
        "a  b\nc\nventuralitica: a\\u2028b\\x0bc\nd\n",
    )


def test_without_a_line_say_prints_an_empty_one(capsys):
    output.say()
    assert capsys.readouterr().out == "\n"


def test_long_lines_are_not_broken_on_a_pipe(capsys):
    path = "/a" * 300
    output.say(path)
    assert capsys.readouterr().out == path + "\n"


def test_table_is_text_without_boxes_or_trailing_blanks(capsys):
    output.table(("name", "count"), [("a", "1"), ("[red]", "1,000\x1b[0m")], right=("count",))
    assert capsys.readouterr().out.splitlines() == [
        "NAME          COUNT",
        "a                 1",
        "[red]  1,000\\x1b[0m",
    ]


def test_json_is_ascii_and_refuses_nan(capsys):
    output.emit_json({"a": "é\x9b\u202e"})
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text) == {"a": "é\x9b\u202e"}
    with pytest.raises(ValueError, match="JSON compliant"):
        output.emit_json({"a": float("nan")})


def test_progress_is_silent_on_a_pipe(capsys, monkeypatch):
    monkeypatch.setattr(output, "PATIENCE", 0.0)
    with output.progress("working"), output.counter("counting") as count:
        count(1, 2)
    assert capsys.readouterr() == ("", "")


def test_progress_shows_on_a_terminal_and_leaves_nothing(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(output, "PATIENCE", 0.0)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with output.progress("working [red]"):
        deadline = time.monotonic() + 10
        while "working [red]" not in stream.getvalue() and time.monotonic() < deadline:
            time.sleep(0.01)
    assert "working [red]" in stream.getvalue()
    assert stream.getvalue().endswith("\x1b[?25h\r\x1b[1A\x1b[2K")


def test_quick_work_shows_no_progress(monkeypatch):
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(output, "PATIENCE", 3600.0)
    with output.progress("working"), output.counter("counting") as count:
        count(1, 2)
    assert "working" not in stream.getvalue()
    assert "counting" not in stream.getvalue()


def test_a_stream_without_unicode_gets_ascii_signs():
    ascii_stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    assert not terminal.speaks_unicode(ascii_stream)
    assert terminal.speaks_unicode(io.TextIOWrapper(io.BytesIO(), encoding="utf-8"))


def test_pipe_width_follows_columns(monkeypatch):
    for value, width in (("", 100), ("72", 72), ("3", 20), ("x", 100), ("0", 100)):
        monkeypatch.setitem(os.environ, "COLUMNS", value)
        assert terminal.console().width == width
