"""Files with faults, and beside each (`.txt`) the message it gets: all faults, in file order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from venturalitica.errors import PolicyError
from venturalitica.policy import parse_policy

BAD = Path(__file__).parent / "bad"
FILES = sorted(path for path in BAD.iterdir() if path.suffix in (".yaml", ".json"))


def _message(path: Path) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parse_policy(path.read_bytes(), filename=path.name)
    return caught.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_message(path: Path, golden: Callable[[Path, str], None]) -> None:
    golden(path.with_suffix(path.suffix + ".txt"), f"{_message(path)}\n")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_problems_are_in_file_order_and_within_the_file(path: Path) -> None:
    lines = [problem.line for problem in _message(path).problems]
    assert lines == sorted(lines)
    assert lines[-1] <= path.read_text(encoding="utf-8").count("\n")


def test_every_golden_file_has_its_policy() -> None:
    assert {path.name for path in BAD.glob("*.txt")} == {f"{path.name}.txt" for path in FILES}


def test_the_issues_own_example() -> None:
    """Word for word what was promised."""
    text = "\n" * 10 + "controls:\n  - id: accuracy\n    must: '>= 0.7'\n    metric: acuracy\n"
    with pytest.raises(PolicyError) as caught:
        parse_policy(f"policy: a\nversion: '1'{text[2:]}".encode())
    assert str(caught.value) == (
        "model_policy.yaml:13: control 'accuracy': unknown metric 'acuracy'; did you mean "
        "'accuracy'? ('venturalitica metrics' lists all)"
    )


def test_beyond_a_bound_problems_are_counted() -> None:
    controls = "".join("  - {}\n" for _ in range(300))
    with pytest.raises(PolicyError) as caught:
        parse_policy(f'policy: a\nversion: "1"\ncontrols:\n{controls}'.encode())
    assert len(caught.value.problems) == 201
    assert caught.value.problems[-1].message == "… and 700 more problems"
