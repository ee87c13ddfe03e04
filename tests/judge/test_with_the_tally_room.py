"""The tally of a real table gives the verdicts that the hand-counted one gives, bit for bit."""

from __future__ import annotations

import random

import pandas

from venturalitica.core.encoding import canonical_json
from venturalitica.core.policy import Role
from venturalitica.judge import judge
from venturalitica.metrics.catalog import CATALOG, misuse_of, needs
from venturalitica.tally.binding import bind
from venturalitica.tally.build import build_tally


def table(count: int) -> pandas.DataFrame:
    chance = random.Random(8)
    target = [chance.choice(["good", "good", "bad"]) for _ in range(count)]
    flipped = {"good": "bad", "bad": "good"}
    return pandas.DataFrame(
        {
            "target": target,
            "prediction": [t if chance.random() < 0.8 else flipped[t] for t in target],
            "score": [
                round(chance.uniform(0.2, 1.0) * (1 if t == "good" else 0.7), 2) for t in target
            ],
            "gender": [chance.choice(["f", "m"]) for _ in range(count)],
            "age": [chance.randrange(18, 75) for _ in range(count)],
        }
    )


def every_control(make) -> list:
    """All that compare labels: alone where that is possible, else across gender and age."""
    catalog = {name: spec for name, spec in CATALOG.items() if not spec.is_amount}
    alone = [make.control(name, ">= 0.1") for name in catalog]
    across = [
        make.control(name, ">= 0.1", across=("gender", "age"), id=f"{name} across")
        for name, spec in catalog.items()
        if spec.compare
    ]
    compared = [
        make.control(name, ">= 0.1", across="gender", compare="min", id=f"{name} min")
        for name, spec in catalog.items()
        if spec.comparable
    ]
    return [control for control in [*alone, *across, *compared] if not misuse_of(control)]


def judged(policy, frame: pandas.DataFrame):
    """The way of `enforce`: only what the controls ask for is bound and counted."""
    roles = {name: policy.role(name) for name in ("target", "prediction", "score", "gender", "age")}
    asked = needs(policy.controls)
    wanted = dict.fromkeys(role for need in asked for role in need.roles)
    binding = bind(roles, {name: name for name in wanted}, list(frame), wanted=wanted)
    tally = build_tally(
        frame,
        needs=asked,
        binding=binding,
        roles=roles,
    )
    return judge(policy, tally)


def test_no_control_moves_the_interval_of_another(make) -> None:
    frame = table(400)
    # completeness without `of` is over all bound roles, so other controls do bear on it.
    controls = [c for c in every_control(make) if c.metric != "completeness"]
    controls.append(make.control("completeness", of=("gender",)))
    every = judged(make.policy(*controls, favorable="good"), frame)
    turned = judged(make.policy(*controls[::-1], favorable="good"), frame)
    assert every == turned[::-1]
    for control, verdict in list(zip(controls, every, strict=True))[::7]:
        assert judged(make.policy(control, favorable="good"), frame) == (verdict,)


def test_a_model_that_predicts_one_label_has_a_selection_rate(make) -> None:
    """The target tells which labels there are, whether or not another control needs it."""
    frame = table(100).assign(target=[0, 1] * 50, prediction=0)
    control = make.control("selection_rate", "<= 0.1")
    asked = needs([control])
    for roles in (("prediction",), ("target", "prediction")):
        binding = bind({}, {name: name for name in roles}, list(frame), wanted=["prediction"])
        (verdict,) = judge(make.policy(control), build_tally(frame, needs=asked, binding=binding))
        assert verdict.value == (0.0 if "target" in roles else None)


def test_every_metric_of_the_catalog_is_measured_on_a_real_table(make) -> None:
    frame = table(1500)
    controls = every_control(make)
    bins = Role("age", bins=(25, 60))
    policy = make.policy(*controls, favorable="good", age=bins)
    verdicts = judged(policy, frame)
    labelled = {name for name, spec in CATALOG.items() if not (spec.is_amount or spec.drift)}
    assert {control.metric for control in controls} == labelled
    for verdict in verdicts:
        assert verdict.status in ("passed", "failed"), f"{verdict.control}: {verdict.reason}"
        assert verdict.interval is not None
        assert verdict.value is not None
        assert verdict.interval.low <= verdict.value <= verdict.interval.high, verdict.control
    assert b"NaN" not in canonical_json([verdict.to_json() for verdict in verdicts])
    names = ["under 25", "25 to under 60", "60 and over"]
    binned = [names[(age >= 25) + (age >= 60)] for age in frame["age"]]
    by_hand = make.tally(
        target=frame["target"].tolist(),
        prediction=frame["prediction"].tolist(),
        gender=frame["gender"].tolist(),
        age=binned,
        score=frame["score"].tolist(),
        levels={"age": names},
    )
    for ours, theirs in zip(verdicts, judge(policy, by_hand), strict=True):
        assert ours.value == theirs.value, ours.control
        assert [g.value for g in ours.groups] == [g.value for g in theirs.groups]
        assert [(g.name, g.n) for g in ours.groups] == [(g.name, g.n) for g in theirs.groups]
