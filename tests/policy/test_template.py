"""The policy that `init` writes lints clean, as it is and with its comments taken away."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import pytest

from venturalitica.policy.template import ColumnFacts, policy_template

LOANS = (
    ColumnFacts("Attribute9", "text", 4, ("A91", "A92", "A93", "A94")),
    ColumnFacts("Attribute13", "number", 53, (), 19, 75),
    ColumnFacts("Attribute8", "number", 4, (1, 2, 3, 4), 1, 4),
    ColumnFacts("telephone", "boolean", 2, (False, True)),
    ColumnFacts("constant", "text", 1, ("x",)),
    ColumnFacts("when", "other", 0),
    ColumnFacts("name", "text", 900),
    ColumnFacts("class", "number", 2, (1, 2), 1, 2),
)
HOSTILE = (
    ColumnFacts("score", "number", 30, (), 0.0, 1.0),
    ColumnFacts("model", "text", 2, ("no", "yes")),
    ColumnFacts("Age: years # old", "number", 90, (), -1e300, 1e300),
    ColumnFacts("age_years_old", "number", 90, (), 0.1, 0.2),
    ColumnFacts("a\nb: !!x", "text", 3, ("", "\n- id: x", "a: b")),
    ColumnFacts("género", "text", 3, ("010", "1.0", "null")),
    ColumnFacts("性別", "text", 2, ("男 ", "女\u2028")),
    ColumnFacts("🙂", "text", 2, ('"', "'")),
    ColumnFacts("", "boolean", 2, (False, True)),
    ColumnFacts("long", "text", 2, ("x" * 300, "y" * 300)),
    ColumnFacts("labels", "text", 3, ("yes", "#x", "\x1b[31m")),
)
CASES: Sequence[tuple[Sequence[ColumnFacts], str | None]] = (
    ((), None),
    (LOANS, None),
    (LOANS, "class"),
    (LOANS, "name"),
    (HOSTILE, None),
    (HOSTILE, "labels"),
    (tuple(ColumnFacts(f"c{n}", "text", 2, ("a", "b")) for n in range(100)), "c7"),
)


@pytest.mark.parametrize(("columns", "target"), CASES)
def test_it_lints_clean(columns: Any, target: str | None, lint_text: Any) -> None:
    result = lint_text(policy_template(name="my: project", columns=columns, target=target))
    assert result.errors == ()
    assert result.hints == ()
    assert result.policy.name == "my: project"
    assert [control.id for control in result.policy.controls] == ["accuracy"]
    assert set(result.policy.roles) <= {"target"}, "no grouping role is chosen for the user"
    assert result.policy.role("target").favorable is None, "the favorable label is never guessed"
    assert result.policy.role("target").column == target


def _uncommented(text: str) -> str:
    """Every commented key and list item made real; of several favorable labels and columns one."""
    lines, seen = [], set()
    for line in text.splitlines():
        real = re.sub(r"^(\s*)# (?=(- id:|\w+:|  \S))", r"\1", line)
        key = real.strip().partition(":")[0]
        if line.startswith("#") or (
            real != line and key in ("favorable", "target") and key in seen
        ):
            continue
        if real != line or not line.strip().startswith("#"):
            lines.append(real)
            seen.add(key)
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(("columns", "target"), [((), None), (LOANS, "class"), (HOSTILE, "labels")])
def test_its_comments_lint_clean_too(columns: Any, target: str | None, lint_text: Any) -> None:
    text = _uncommented(policy_template(columns=columns, target=target))
    result = lint_text(text)
    assert result.errors == (), text
    assert len(result.policy.controls) == 4
    assert result.policy.role("target").favorable is not None
    assert len(result.policy.roles) > 2


def test_the_users_labels_and_groups_are_offered() -> None:
    text = policy_template(columns=LOANS, target="class")
    assert "    # favorable: 1\n    # favorable: 2\n" in text
    assert "  # attribute9:  # 4 values: A91, A92, A93, A94\n" in text
    assert "  # attribute13:  # numbers from 19 to 75\n" in text
    assert "constant" not in text
    assert "# name" not in text


def test_an_unknown_target_is_refused() -> None:
    with pytest.raises(ValueError, match="no column 'klass'"):
        policy_template(columns=LOANS, target="klass")
