"""A command that there is not is answered with the nearest one, in whatever group it is."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        ("lint", "did you mean 'gate-server lint' or 'policy lint'?"),
        ("history", "did you mean 'policy history'?"),
        ("histroy", "did you mean 'policy history'?"),
        ("list", "did you mean 'runs list'?"),
        ("rotate", "did you mean 'keys rotate'?"),
        ("show", "did you mean 'policy show', 'runs show' or 'keys show'?"),
        ("run", "did you mean 'runs' or 'report run'?"),
        ("policies", "did you mean 'policy'?"),
        ("verfy", "did you mean 'verify'?"),
        ("policy lnt", "did you mean 'policy lint'?"),
        ("policy verify", "did you mean 'verify'?"),
        ("runs lint", "did you mean 'gate-server lint' or 'policy lint'?"),
        ("keys rotte", "did you mean 'keys rotate'?"),
        ("report xyz", "there is no command 'report xyz'; it has run, site"),
        ("xyz", "there is no command 'xyz'; --help lists all"),
    ],
)
def test_the_nearest_command(call, typed: str, wanted: str) -> None:
    result = call(*typed.split())
    assert result.exit_code == 2
    assert wanted in result.stderr
