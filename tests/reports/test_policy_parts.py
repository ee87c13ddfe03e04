"""The parts that draw policies and verification steps."""

from __future__ import annotations

from typing import Any

import pytest

from venturalitica.core.verification import Step
from venturalitica.policy import parse_policy
from venturalitica.policy.changes import KINDS, MARKS, Change
from venturalitica.policy.diff import diff, unified
from venturalitica.reports.html.parts import MOST_CHARACTERS, MOST_LINES, step_counts
from venturalitica.reports.html.templating import environment

RULES: Any = environment().get_template("rules.html").module
change_list, kind_word, numbered, text_diff = (
    RULES.change_list, RULES.kind_word, RULES.numbered, RULES.text_diff
)  # fmt: skip
PARTS: Any = environment().get_template("parts.html").module
step_list = PARTS.steps

OLD = b"policy: p\nversion: '1'\ncontrols:\n- {id: a, metric: accuracy, must: '>= 0.7'}\n"


def test_every_kind_has_a_sign_of_its_own_and_its_word() -> None:
    assert set(MARKS) == set(KINDS)
    assert len(set(MARKS.values())) == len(KINDS)
    for kind in KINDS:
        drawn = kind_word(kind)
        assert f'aria-hidden="true">{MARKS[kind]}</b> {kind}</span>' in drawn


def test_a_change_names_what_was_what_is_and_what_it_means() -> None:
    new = OLD.replace(b"0.7", b"0.6").replace(b"- {id: a", b"- {id: b")
    drawn = change_list(diff(parse_policy(OLD), parse_policy(new)).changes)
    assert "− removed" not in drawn
    for piece in ("It was: accuracy must be &gt;= 0.7", "A rule less makes the policy looser"):
        assert piece in drawn
    drawn = change_list(diff(parse_policy(OLD), parse_policy(OLD.replace(b"0.7", b"0.6"))).changes)
    assert "<del>&gt;= 0.7</del>" in drawn
    assert "<ins>&gt;= 0.6</ins>" in drawn
    assert ">▼</b> loosened</span>: " in drawn


def test_a_renamed_control_shows_both_names_and_who_reads_a_role() -> None:
    drawn = change_list(
        [
            Change(place="control", name="new", old_name="old", kind="renamed"),
            Change(place="role", name="age", old_name="age", kind="changed", affects=("a", "b")),
        ]
    )
    assert drawn.index("<code>old</code>") < drawn.index("<code>new</code>")
    assert "Read by <code>a</code>, <code>b</code>." in drawn


@pytest.mark.parametrize(
    ("text", "lines"), [("a\nb\n", 2), ("a\nb", 2), ("a\n\n", 2), ("", 1), ("a\rb\x0bc\u2028d", 1)]
)
def test_lines_are_counted_as_editors_do(text: str, lines: int) -> None:
    assert numbered(text, label="x").count("<li") == lines


def test_no_line_is_made_that_is_not_there() -> None:
    assert "<code>a[U+000D]b</code>" in numbered("a\rb", label="x")
    assert "<code>a</code></li><li" in numbered("a\r\nb\r\n", label="x")


def test_a_long_text_is_cut_and_says_so() -> None:
    drawn = numbered("x\n" * (MOST_LINES + 7), label="x")
    assert drawn.count("<li") == MOST_LINES
    assert "7 more lines are not drawn here." in drawn
    drawn = text_diff(["+" + "x" * MOST_CHARACTERS, "+y"], label="x")
    assert drawn.count("<li") == 0
    assert "2 more lines" in drawn


def test_lines_of_a_diff_are_told_by_their_sign() -> None:
    drawn = text_diff(unified(OLD, OLD.replace(b"0.7", b"<b>")), label="x")
    assert drawn.count('class="vl-diff-old"><code>-') == 1
    assert drawn.count('class="vl-diff-new"><code>+') == 1
    assert drawn.count("vl-diff-name") == 2
    assert "<b>" not in drawn


def test_a_step_that_could_not_be_made_is_never_green() -> None:
    steps = [Step("tree", True, "t"), Step("keys", False, "k"), Step("log", None, "not checked: w")]
    assert step_counts(steps) == "Steps: 1 held, 1 failed, 1 not checked"
    drawn = step_list(steps).split("<div>")[1:]
    for part, light, words in zip(
        drawn, ("green", "red", "grey"), ("tree: held", "keys: FAILED", "log: not checked"),
        strict=True,
    ):  # fmt: skip
        assert f"vl-is-{light}" in part
        assert words in part
    assert "<dd>w</dd>" in drawn[2]
