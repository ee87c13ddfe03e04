"""Whole numbers that nobody gave bins may be codes: what their quartiles say concludes nothing."""

from __future__ import annotations

from typing import Any

import numpy
import pandas
import polars
import pytest

from venturalitica.audit.measure import Request, measure
from venturalitica.core.verdict import Verdict
from venturalitica.errors import PolicyError
from venturalitica.judge import judge
from venturalitica.policy import parse_policy

RANDOM = numpy.random.default_rng(8)
ROWS = 4_000


def judged(ages: Any, rule: str = "", engine: Any = pandas.DataFrame) -> list[Verdict]:
    policy = parse_policy(
        f'policy: a\nversion: "1"\nroles: {{age: {{column: age{rule}}}}}\ncontrols:\n'
        '  - {id: by, metric: accuracy, across: age, compare: min, must: ">= 0.5"}\n'
        '  - {id: parity, metric: demographic_parity_ratio, across: age, must: ">= 0.5"}\n'
        '  - {id: whole, metric: accuracy, must: ">= 0.5"}\n'.encode()
    )
    target = numpy.arange(ROWS) % 2
    right = numpy.arange(ROWS) % 10 != 0
    said = numpy.where(right, target, 1 - target)
    frame = engine({"age": ages, "target": target, "prediction": said})
    bindings = {"target": "target", "prediction": "prediction"}
    found = measure(
        Request(policy=policy, source="test", frame=frame, bindings=bindings), fingerprint=False
    )
    assert judge(policy, found.tally, circumstances=found.circumstances) == found.verdicts
    return list(found.verdicts)


@pytest.mark.parametrize("engine", [pandas.DataFrame, polars.DataFrame, polars.LazyFrame])
@pytest.mark.parametrize("kind", [int, float])
def test_ages_without_bins_conclude_nothing_and_say_what_to_write(kind: Any, engine: Any) -> None:
    ages = RANDOM.integers(18, 80, ROWS).astype(kind)
    *by, whole = judged(ages, engine=engine)
    for verdict in by:
        assert (verdict.status, verdict.light) == ("passed", "amber")
        said = " ".join((verdict.reason, *verdict.notes))
        assert "`bins:`" in said
        assert "`as: text`" in said
        assert verdict.groups[0].name.startswith("under")
    assert whole.light == "green"


@pytest.mark.parametrize("rule", [", bins: [25, 35]", ", as: text"])
def test_either_remedy_makes_them_conclusive(rule: str) -> None:
    ages = RANDOM.integers(18, 43, ROWS)
    assert [verdict.light for verdict in judged(ages, rule)] == ["green"] * 3


def test_twenty_codes_and_amounts_stay_what_they_were() -> None:
    for ages in (RANDOM.integers(0, 20, ROWS), RANDOM.normal(40.0, 9.0, ROWS)):
        assert [verdict.light for verdict in judged(ages)] == ["green"] * 3


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("age: {as: number}", "'as'"),
        ("age: {as: text, bins: [25]}", "a role has 'bins' or 'as', not both"),
        ("age: {as: text, map: {1: a}}", "a role has 'map' or 'as', not both"),
        ("target: {as: text}", "target is no grouping role"),
        ("age: {has: text}", "unknown key 'has'"),
    ],
)
def test_what_as_cannot_be_is_said_with_its_line(rule: str, said: str) -> None:
    control = '{id: b, metric: accuracy, must: ">= 0.5"}'
    text = f'policy: a\nversion: "1"\nroles:\n  {rule}\ncontrols:\n  - {control}\n'
    with pytest.raises(PolicyError) as refused:
        parse_policy(text.encode())
    [problem] = refused.value.problems
    assert problem.line == 4
    assert said in problem.message
