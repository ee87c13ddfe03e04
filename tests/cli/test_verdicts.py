"""The verdict table: golden text at several widths, and what must hold at every width."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from rich.cells import cell_len

from venturalitica.cli.output import exit_status
from venturalitica.cli.terminal import ASCII, UNICODE
from venturalitica.cli.verdict_table import verdict_lines
from venturalitica.core.verdict import Interval, Verdict, worst_light

GOLDEN = Path(__file__).parent / "golden"


def drawn(verdicts, width, **settings):
    light = worst_light(v.light for v in verdicts)
    heading = settings.pop("heading", "credit-scoring 1.2: Credit scoring")
    lines = verdict_lines(verdicts, light=light, width=width, heading=heading, **settings)
    return [line.plain for line in lines]


def same_as_golden(name, lines):
    """Compare with a golden file; VENTURALITICA_UPDATE_GOLDEN=1 writes it anew."""
    path, text = GOLDEN / name, "\n".join(lines) + "\n"
    if os.environ.get("VENTURALITICA_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    return text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_table_is_as_in_the_golden_file(verdicts, width):
    assert same_as_golden(f"verdicts-{width}.txt", drawn(verdicts, width))


def test_table_with_groups_is_as_in_the_golden_file(verdicts):
    assert same_as_golden("verdicts-groups-100.txt", drawn(verdicts, 100, groups=True))


def test_table_in_ascii_is_as_in_the_golden_file(verdicts):
    lines = drawn(verdicts, 80, signs=ASCII)
    assert same_as_golden("verdicts-ascii-80.txt", lines)
    assert "\n".join(lines).isascii()


@pytest.mark.parametrize("width", range(24, 141, 7))
def test_no_line_is_wider_than_the_terminal(verdicts, width):
    long = replace(verdicts[2], control="a" * 60, reason="word " * 30, notes=("n" * 200,))
    for line in drawn([*verdicts, long], width):
        assert cell_len(line) <= width, line


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(max_size=40),
    value=st.none() | st.floats(-1e9, 1e9),
    threshold=st.floats(-1e6, 1e6),
    width=st.integers(20, 200),
)
def test_any_text_and_number_renders_inert(text, value, threshold, width):
    verdict = Verdict(
        control=text or "x",
        status="failed",
        reason=text or "x",
        title=text,
        must=text,
        operator=">=",
        threshold=threshold,
        value=value,
        interval=None if value is None else Interval(value - 1, value + 1),
        notes=(text,),
    )
    for line in drawn([verdict], width, groups=True, heading=text):
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 or c in "\u202e\u2028" for c in line)


def test_hostile_text_is_shown_and_does_not_act(verdicts):
    text = "\n".join(drawn(verdicts, 100, groups=True))
    assert "\x1b" not in text
    assert "[red]bang[/red]" in text
    assert "\\x1b[2J\\u202etxt.exe" in text
    assert "male\\x1b[31m" in text


def test_every_control_and_every_reason_that_matters_is_shown(verdicts):
    for width in (40, 80, 120):
        text = " ".join(" ".join(drawn(verdicts, width)).split())
        assert "12 rows without a gender were dropped" in text
        assert "role 'age' is not bound to a column" in text
        assert "this control blocks" in text


def test_value_is_never_rounded_onto_its_threshold(verdicts):
    line = next(line for line in drawn(verdicts, 80) if "gender-parity" in line)
    assert "0.79996" in line
    assert "0.800 " not in line


def test_no_verdicts_read_as_such():
    assert drawn([], 80)[1:] == ["GREY  No control was judged."]


def test_styles_follow_the_lights(verdicts):
    lines = verdict_lines(verdicts, light="red", width=100)
    styles = {line.plain[2:15].strip(): str(line.spans[0].style) for line in lines if line.spans}
    assert styles["not evaluated"] == "yellow"
    assert styles["error"] == "bold red"


def test_signs_differ_in_shape_not_in_colour_alone(verdicts):
    for signs in (UNICODE, ASCII):
        marks = [signs.mark(verdict) for verdict in verdicts]
        assert marks[0] == marks[4]
        assert len(set(marks)) == 5


@pytest.mark.parametrize(
    ("statuses", "status"),
    [
        ((), 3),
        (("passed",), 0),
        (("passed", "passed"), 0),
        (("passed", "failed"), 1),
        (("passed", "error"), 1),
        (("not_evaluated", "failed"), 1),
        (("passed", "not_evaluated"), 3),
    ],
)
def test_exit_status(statuses, status):
    found = [Verdict(control=f"c{i}", status=s, reason="r") for i, s in enumerate(statuses)]
    assert exit_status(found) == status
