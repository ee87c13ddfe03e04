"""One control is changed; every other byte of the text stays."""

from __future__ import annotations

import difflib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from venturalitica.policy import edit, parse_policy
from venturalitica.policy.edit import EditError, put_control, read_controls, take_out
from venturalitica.policy.template import policy_template

ROOT = Path(__file__).parents[2]
TEXTS = [
    *(path.read_text() for path in sorted((ROOT / "examples").rglob("*policy*.yaml"))),
    *(path.read_text() for path in sorted((ROOT / "src").rglob("*policy*.yaml"))),
    policy_template(),
]
FLOW = 'policy: p\nversion: "1"\ncontrols: [{id: a, metric: accuracy, must: ">= 0.5"}]\n'


def changed(old: str, new: str) -> list[str]:
    lines = difflib.ndiff(old.splitlines(keepends=True), new.splitlines(keepends=True))
    return [line for line in lines if line[0] in "+-"]


def test_there_are_policies_to_edit() -> None:
    assert len(TEXTS) > 5


@pytest.mark.parametrize("text", TEXTS)
def test_only_the_lines_of_the_keys_that_are_new_differ(text: str) -> None:
    controls = parse_policy(text.encode()).controls
    for place, control in enumerate(controls):
        title = control.title and f"{control.title}: but # otherwise"
        must = read_controls(text)[place]["must"]
        assert put_control(text, place, {"must": must}) == text
        after = put_control(text, place, {"must": "<= 0.123", "title": title or None})
        read = parse_policy(after.encode(), check_metrics=False).controls
        assert [one.id for one in read] == [one.id for one in controls]
        assert read[place].title == title
        assert str(read[place].must) == "<= 0.123"
        assert len(changed(text, after)) <= 4


@pytest.mark.parametrize("text", TEXTS)
def test_a_new_one_comes_after_the_last_and_goes_again(text: str) -> None:
    known = read_controls(text)
    after = put_control(text, None, {"id": "new", "metric": "row_count", "must": ">= 100"})
    assert parse_policy(after.encode()).controls[-1].id == "new"
    assert all(line.startswith("+") for line in changed(text, after))
    assert take_out(after, len(known)) == text
    if len(known) > 1:
        for place in range(len(known)):
            left = [one.id for one in parse_policy(take_out(text, place).encode()).controls]
            assert left == [one["id"] for at, one in enumerate(known) if at != place]


def test_comments_between_controls_stay_with_the_one_below() -> None:
    text = "controls:\n- id: a  # one\n  must: '>= 1'\n\n# about b\n- id: b\n# the end\n"
    assert take_out(text, 0) == "controls:\n\n# about b\n- id: b\n# the end\n"
    assert put_control(text, 0, {"id": "c"}) == text.replace("- id: a", "- id: c")
    assert put_control(text, None, {"id": "z"}).endswith("- id: b\n- id: z\n# the end\n")


BLOCKS = """\
policy: p
version: "1"
controls:
  - id: a
    metric: accuracy
    must: ">= 0.5"
    remedy: |
      Ask.

      # no comment, a line of the text
      Then wait.
      # nor this

  # about b
  - id: b
    metric: recall
    must: ">= 0.5"
    title: >-
      one
      # two

"""


@pytest.mark.parametrize("place", [0, 1])
def test_a_text_in_lines_of_its_own_keeps_each_of_them(place: int) -> None:
    before = parse_policy(BLOCKS.encode()).controls
    after = put_control(BLOCKS, place, {"on_fail": "block"})
    assert changed(BLOCKS, after) == ["+     on_fail: block\n"]
    read = parse_policy(after.encode()).controls
    assert [one.remedy for one in read] == [one.remedy for one in before]
    assert [one.title for one in read] == [one.title for one in before]
    added = put_control(BLOCKS, None, {"id": "c", "metric": "accuracy", "must": "> 0"})
    assert all(line.startswith("+") for line in changed(BLOCKS, added))
    assert parse_policy(added.encode()).controls[1].title == before[1].title
    left = take_out(BLOCKS, place)
    assert "# about b" in left
    assert ("# nor this" in left) == (place == 1)


def test_what_would_change_more_than_is_asked_for_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = edit._dumped
    monkeypatch.setattr(edit, "_dumped", lambda value: real(value).replace("0.5", "0.4"))
    with pytest.raises(EditError, match="without changing more"):
        put_control(BLOCKS, 0, {"on_fail": "block"})


@pytest.mark.parametrize(
    "text", [FLOW, json.dumps({"policy": "p", "version": "1", "controls": [{"id": "a"}]})]
)
def test_controls_on_one_line_and_json_are_edited_too(text: str) -> None:
    after = put_control(text, 0, {"must": ">= 0.7", "metric": "accuracy"})
    assert read_controls(after)[0]["must"] == ">= 0.7"
    assert str(parse_policy(after.encode()).controls[0].must) == ">= 0.7"
    after = put_control(after, None, {"id": "b", "metric": "accuracy", "must": "> 0"})
    assert [one["id"] for one in read_controls(take_out(after, 0))] == ["b"]


@pytest.mark.parametrize(
    "text", ['policy: p\nversion: "1"\n', 'policy: p\nversion: "1"\ncontrols:\n']
)
def test_the_first_control_of_a_text_without_any(text: str) -> None:
    after = put_control(text, None, {"id": "a", "metric": "accuracy", "must": ">= 0.7"})
    assert parse_policy(after.encode()).controls[0].id == "a"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("controls: [", 0, "line 1"),
        ("- a", 0, "no keys"),
        ("controls: 5", 0, "no list"),
        ("controls:\n- 5\n", 0, "a mapping"),
        ("controls:\n- id: a\n", 3, "no control 4; there is 1"),
        ("[" * 5000, 0, "line 1"),
    ],
)
def test_what_cannot_be_edited_is_refused_with_a_sentence(text: str, place: int, said: str) -> None:
    with pytest.raises(EditError, match=said):
        put_control(text, place, {"id": "b"})


def test_the_only_control_is_not_taken_out() -> None:
    with pytest.raises(EditError, match="at least one"):
        take_out(FLOW, 0)


@settings(max_examples=150, deadline=None)
@given(
    title=st.text(min_size=1, max_size=40),
    across=st.lists(
        st.sampled_from(["gender", "age", "on", "null", "1e3"]), min_size=1, unique=True
    ),
)
def test_whatever_text_is_put_in_is_read_again(title: str, across: list[str]) -> None:
    text = TEXTS[0]
    try:
        after = put_control(text, 0, {"title": title, "across": across})
    except EditError:
        return
    try:
        found = read_controls(after)[0]
    except EditError:  # a character that no policy may hold: said when the text is checked
        return
    assert found["across"] == across
    assert found["title"] == title or not title.isprintable()
