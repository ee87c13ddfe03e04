"""`verify` judges: a record that does not say what its policy and its counts give is no evidence.

Records are made as the product makes them, from counts, then changed and signed with the right key.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy
import pytest
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.judged_attacks import (
    POLICY,
    TALLY,
    counted_again,
    in_format_3,
    judged_record,
    passing,
    run_record,
)

from venturalitica.core.circumstances import UNNAMED, Circumstances
from venturalitica.core.policy import Phase
from venturalitica.core.record import JUDGED
from venturalitica.core.scores import ScoreTable
from venturalitica.core.tally import Axis, Tally
from venturalitica.core.verification import Step
from venturalitica.judge import judge, select
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.registry import STATISTICS
from venturalitica.policy import parse_policy

Change = Callable[[dict[str, Any]], None]
GOLDEN = Path(__file__).parents[1] / "data" / "intervals" / "replicates-1.json"


def verdicts_step(ledger: Ledger, name: str = "verdicts") -> Step:
    return next(step for step in verify_ledger(ledger.home).steps if step.name == name)


def after(ledger: Ledger, change: Change) -> Step:
    """What is said of a genuine record after a change, as part of a log and alone."""
    statement = judged_record()
    change(statement["predicate"])
    entry = ledger.append(statement)
    alone = verify_bundle(ledger.bundle(entry.index))
    found = verdicts_step(ledger)
    assert {step.ok for step in alone.steps if step.name == "verdicts"} == {found.ok}
    now = ledger.home.parent / f"{ledger.home.name}-3"
    _after_in_format_3(Ledger.open(now, signer=ledger._signer), statement, found)
    return found


def _after_in_format_3(ledger: Ledger, statement: dict[str, Any], found: Step) -> None:
    """With its counts in the vault the same is found of it; alone it cannot hold, but may fail."""
    if statement["predicate"].get("judging") is None:
        return
    entry = ledger.append(in_format_3(ledger.home, statement))
    assert verdicts_step(ledger).ok == found.ok
    alone = verify_bundle(ledger.bundle(entry.index))
    steps = {step.ok for step in alone.steps if step.name == "verdicts"}
    assert steps <= {None, False}
    assert found.ok is not True or steps == {None}


def untouched(predicate: dict[str, Any]) -> None:
    """As it was made."""


def test_a_genuine_record_holds_and_is_counted(ledger: Ledger) -> None:
    found = after(ledger, untouched)
    assert found.ok
    assert "judged again (1)" in found.detail


def failing(predicate: dict[str, Any]) -> dict[str, Any]:
    verdict: dict[str, Any] = predicate["verdicts"][0]
    assert (verdict["status"], verdict["value"]) == ("failed", 0.696)
    return verdict


def with_a_pass(predicate: dict[str, Any]) -> None:
    passing(failing(predicate))
    predicate["light"] = "green"


def with_an_amber_pass(predicate: dict[str, Any]) -> None:
    failing(predicate).update(status="passed", light="amber", conclusive=False)
    predicate["light"] = "amber"


def with_another_threshold(predicate: dict[str, Any]) -> None:
    with_a_pass(predicate)
    predicate["verdicts"][0].update(threshold=0.5)


def with_another_threshold_in_words_too(predicate: dict[str, Any]) -> None:
    with_a_pass(predicate)
    predicate["verdicts"][0].update(threshold=0.5, must=">= 0.5", interval=None, conclusive=False)


def with_another_threshold_in_words_alone(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["must"] = "<= 0.01"


def with_another_value(predicate: dict[str, Any]) -> None:
    with_a_pass(predicate)
    predicate["verdicts"][0].update(value=0.9, interval={"low": 0.88, "high": 0.92})


def with_a_value_a_little_higher(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["value"] += 1e-6


def with_a_narrower_interval(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["interval"]["high"] -= 1e-4


def with_another_interval_of_a_group(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["groups"][0]["interval"]["low"] += 0.01


def with_another_group_value(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["groups"][0]["value"] += 0.01


def with_a_group_less(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["groups"].pop()


def with_more_rows(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["n"] = 100_000


def with_another_level(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["level"] = 0.99


def without_the_failure(predicate: dict[str, Any]) -> None:
    del predicate["verdicts"][0]
    predicate["light"] = "green"


def without_the_failure_as_left_out(predicate: dict[str, Any]) -> None:
    without_the_failure(predicate)
    predicate["judging"]["left_out"] = ["accuracy"]


def with_a_verdict_twice(predicate: dict[str, Any]) -> None:
    predicate["verdicts"].append(predicate["verdicts"][1])


def with_a_control_of_no_policy(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["control"] = "precision"


def in_another_order(predicate: dict[str, Any]) -> None:
    predicate["verdicts"].reverse()


def with_a_title_of_its_own(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["title"] = "Accuracy, which is fine"


def that_blocks_no_more(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["on_fail"] = "record"


def with_another_metric(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["metric"] = "recall"


def with_a_failure_called_not_evaluated(predicate: dict[str, Any]) -> None:
    failing(predicate).update(
        status="not_evaluated", light="amber", value=None, interval=None, conclusive=False
    )
    predicate["light"] = "amber"


def with_a_failure_called_green(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][0]["light"] = "green"


def with_counts_that_deny_a_role(predicate: dict[str, Any]) -> None:
    predicate["judging"]["unbound"] = {"gender": "nobody bound it"}


def that_could_not_be_counted(predicate: dict[str, Any]) -> None:
    predicate["judging"]["failure"] = "no rows"


def with_a_phase_that_is_none(predicate: dict[str, Any]) -> None:
    predicate["judging"]["phase"] = "night"


def with_circumstances_of_no_form(predicate: dict[str, Any]) -> None:
    predicate["judging"] = {"rules": 2}


@pytest.mark.parametrize(
    "change",
    [
        with_a_pass,
        with_an_amber_pass,
        with_another_threshold,
        with_another_threshold_in_words_too,
        with_another_threshold_in_words_alone,
        with_another_value,
        with_a_value_a_little_higher,
        with_a_narrower_interval,
        with_another_interval_of_a_group,
        with_another_group_value,
        with_a_group_less,
        with_more_rows,
        with_another_level,
        without_the_failure,
        without_the_failure_as_left_out,
        with_a_verdict_twice,
        with_a_control_of_no_policy,
        in_another_order,
        with_a_title_of_its_own,
        that_blocks_no_more,
        with_another_metric,
        with_a_failure_called_not_evaluated,
        with_a_failure_called_green,
        with_counts_that_deny_a_role,
        that_could_not_be_counted,
        with_a_phase_that_is_none,
        with_circumstances_of_no_form,
    ],
)
def test_a_record_that_contradicts_itself_is_found(ledger: Ledger, change: Change) -> None:
    found = after(ledger, change)
    assert found.ok is False
    assert found.index == 0


def test_the_fault_says_what_and_where(ledger: Ledger) -> None:
    found = after(ledger, with_another_value)
    assert "entry 0: control 'accuracy': its status is 'passed'" in found.detail
    assert "its policy and counts give 'failed'" in found.detail
    found = after(ledger, with_a_value_a_little_higher)
    assert found.index == 0, "the first fault is told"


# --- Records of before circumstances were kept ---------------------------------------------------


def with_all_decimals(predicate: dict[str, Any]) -> None:
    """Values were not rounded then, and intervals were drawn from replicates."""
    then = Circumstances(rules=1, intervals=UNNAMED)
    predicate["verdicts"] = [v.to_json() for v in judge(POLICY, TALLY, circumstances=then)]


def as_before(change: Change) -> Change:
    def changed(predicate: dict[str, Any]) -> None:
        del predicate["judging"]
        with_all_decimals(predicate)
        change(predicate)

    return changed


def reported(predicate: dict[str, Any]) -> None:
    """All its values told by somebody, which such a record does not say anywhere."""
    predicate.update(tally=None, tally_sha256=None, light="red")
    for verdict in predicate["verdicts"]:
        verdict.update(interval=None, conclusive=False, groups=[])
        verdict["light"] = "red" if verdict["status"] == "failed" else "amber"


@pytest.mark.parametrize("change", [untouched, reported, with_a_failure_called_not_evaluated])
def test_an_old_record_is_no_false_alarm(ledger: Ledger, change: Change) -> None:
    assert after(ledger, as_before(change)).ok


@pytest.mark.parametrize(
    "change",
    [
        with_a_pass,
        with_another_threshold,
        with_another_threshold_in_words_too,
        with_another_value,
        with_a_narrower_interval,
        with_a_control_of_no_policy,
        in_another_order,
        that_blocks_no_more,
        with_a_failure_called_green,
    ],
)
def test_what_can_be_derived_of_an_old_record_is(ledger: Ledger, change: Change) -> None:
    assert after(ledger, as_before(change)).ok is False


def test_controls_that_an_old_record_lacks_must_be_those_of_a_phase(ledger: Ledger) -> None:
    found = after(ledger, as_before(without_the_failure))
    assert found.ok is False
    assert "no phase leaves out just these" in found.detail


def test_what_a_phase_left_out_of_an_old_record_is_said(ledger: Ledger) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate.update(verdicts=[], light="grey")

    found = after(ledger, as_before(change))
    assert found.ok is None
    assert "2 controls are not in the record (before judging was recorded)" in found.detail


def test_an_audit_may_not_call_itself_older_than_the_one_before_it(ledger: Ledger) -> None:
    ledger.append(judged_record())
    statement = judged_record()
    del statement["predicate"]["judging"]
    ledger.append(statement)
    found = verdicts_step(ledger)
    assert (found.ok, found.index) == (False, 1)
    assert "says not how it judged, as entry 0 does" in found.detail


@pytest.mark.parametrize(
    "change",
    [
        lambda predicate: predicate["judging"].update(rules=1),
        lambda predicate: predicate["data"].append(
            {"name": "audit", "context": "audit", "rows": 999}
        ),
        lambda predicate: predicate["data"].append(
            {"name": "audit", "context": "audit", "training_rows": True}
        ),
    ],
)
def test_circumstances_that_the_record_itself_denies_are_found(
    ledger: Ledger, change: Change
) -> None:
    assert after(ledger, change).ok is False


@pytest.mark.parametrize("share", [0.0, 0.001, 1.0])
def test_a_share_of_training_rows_that_chance_would_explain_is_no_way_out(
    ledger: Ledger, share: float
) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate["data"] = [{"name": "audit", "context": "audit", "training_rows": True}]
        chance = {"share": share, "by_chance": share, "rows": 1000}
        predicate["judging"]["training_share"] = chance

    found = after(ledger, change)
    assert found.ok is False
    assert "trained on" in found.detail


def test_verdicts_left_out_under_an_unknown_method_are_found(ledger: Ledger) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate["judging"]["intervals"] = "exact-9"
        without_the_failure(predicate)

    found = after(ledger, change)
    assert found.ok is False
    assert "has no verdict in it" in found.detail


def test_an_audit_that_calls_itself_a_run_is_found(ledger: Ledger) -> None:
    ledger.append(judged_record())
    statement = judged_record()
    statement["predicate"].update(kind="run", judging=None)
    statement["predicateType"] = next(kind for kind, name in JUDGED.items() if name == "run")
    ledger.append(statement)
    found = verdicts_step(ledger)
    assert found.ok is False
    assert "a run's record counts nothing" in found.detail


def test_a_run_that_counts_is_held_to_what_an_audit_is(ledger: Ledger) -> None:
    statement = judged_record()
    statement["predicate"].update(kind="run", judging=None)
    with_all_decimals(statement["predicate"])
    without_the_failure(statement["predicate"])
    statement["predicateType"] = next(kind for kind, name in JUDGED.items() if name == "run")
    ledger.append(statement)
    found = verdicts_step(ledger)
    assert found.ok is False
    assert "no phase leaves out just these" in found.detail


def test_no_old_record_is_sure_without_counts(ledger: Ledger) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate.update(tally=None, tally_sha256=None)

    found = after(ledger, as_before(change))
    assert found.ok is False
    assert "no counts stand behind it" in found.detail


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("rules", 99, "rules 99"), ("intervals", "exact-9", "'exact-9', which is not known here")],
)
def test_an_unknown_way_of_judging_is_said_and_never_held(
    ledger: Ledger, name: str, value: object, said: str
) -> None:
    found = after(ledger, lambda predicate: predicate["judging"].update({name: value}))
    assert found.ok is None
    assert said in found.detail
    ledger.append(judged_record())
    assert verdicts_step(ledger).ok
    assert said in verdicts_step(ledger, "not judged").detail


# --- A metric that the verifier does not have ----------------------------------------------------


def of_elsewhere(phase: Phase | None = None) -> dict[str, Any]:
    """A genuine record, red for its accuracy, of a process that had two metrics more."""
    share = replace(CATALOG["base_rate"], name="share")
    apart = replace(CATALOG["demographic_parity_difference"], name="apart")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(CATALOG, "share", share)
        patch.setitem(CATALOG, "apart", apart)
        patch.setitem(STATISTICS, "share", STATISTICS["base_rate"])
        policy = parse_policy(
            b"""\
policy: loans
version: '1'
controls:
  - {id: accuracy, metric: accuracy, must: '>= 0.70'}
  - {id: share, metric: share, must: '<= 0.60'}
  - {id: apart, metric: apart, across: gender, must: '<= 0.50'}
"""
        )
        chosen = {control.id for control in select(policy, phase)}
        left_out = tuple(control.id for control in policy.controls if control.id not in chosen)
        asked = Circumstances(phase=phase, left_out=left_out)
        verdicts = judge(policy, TALLY, circumstances=asked)
        return judged_record(policy=policy, verdicts=verdicts, circumstances=asked)


def elsewhere(ledger: Ledger, change: Change, phase: Phase | None = None) -> Step:
    statement = of_elsewhere(phase)
    change(statement["predicate"])
    entry = ledger.append(statement)
    alone = verify_bundle(ledger.bundle(entry.index))
    found = verdicts_step(ledger)
    assert {step.ok for step in alone.steps if step.name == "verdicts"} == {found.ok}
    return found


@pytest.mark.parametrize(
    ("phase", "said"), [(None, "share, apart"), ("data", "share"), ("model", "apart")]
)
def test_a_metric_that_is_not_here_is_said_and_not_held(
    ledger: Ledger, phase: Phase | None, said: str
) -> None:
    found = elsewhere(ledger, untouched, phase)
    assert found.ok is None
    assert found.detail.endswith(f"this version has no metric {said}")
    assert verify_ledger(ledger.home).ok
    ledger.append(judged_record())
    assert verdicts_step(ledger).ok
    assert said in verdicts_step(ledger, "not judged").detail


def with_another_threshold_elsewhere(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1].update(threshold=0.9, must="<= 0.9")


def with_another_metric_elsewhere(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["metric"] = "base_rate"


def without_the_verdict_elsewhere(predicate: dict[str, Any]) -> None:
    del predicate["verdicts"][1]


def with_a_value_elsewhere_that_fails(predicate: dict[str, Any]) -> None:
    predicate["verdicts"][1]["value"] = 0.7


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_another_threshold_elsewhere, "its threshold is"),
        (with_another_metric_elsewhere, "its metric is"),
        (without_the_verdict_elsewhere, "has no verdict in it"),
        (with_a_value_elsewhere_that_fails, "it says passed"),
        (with_another_value, "its status is"),
        (lambda predicate: predicate.update(light="green"), "its light is green"),
    ],
)
def test_all_else_is_held_where_a_metric_is_not_here(
    ledger: Ledger, change: Change, said: str
) -> None:
    found = elsewhere(ledger, change)
    assert found.ok is False
    assert said in found.detail


# --- Counts that nobody counted ------------------------------------------------------------------


def table(predicate: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = predicate["tally"]["tables"][0]
    return found


def negative(predicate: dict[str, Any]) -> None:
    table(predicate)["cells"][0][-1] = -180


def a_level_too_far(predicate: dict[str, Any]) -> None:
    table(predicate)["cells"][0][0] = 7


def a_truth_for_a_count(predicate: dict[str, Any]) -> None:
    table(predicate)["cells"][0][-1] = True


def a_half(predicate: dict[str, Any]) -> None:
    table(predicate)["cells"][0][-1] = 0.5


def a_cell_twice(predicate: dict[str, Any]) -> None:
    cells = table(predicate)["cells"]
    cells[1] = cells[0]


def huge_counts(predicate: dict[str, Any]) -> None:
    table(predicate)["cells"][0][-1] = 2**53 - 1


def fewer_rows(predicate: dict[str, Any]) -> None:
    predicate["tally"]["rows"] = 10


def levels_twice(predicate: dict[str, Any]) -> None:
    predicate["tally"]["axes"][0]["levels"] = [0, 0]


def levels_in_lists(predicate: dict[str, Any]) -> None:
    predicate["tally"]["axes"][2]["levels"] = [["a"], ["b"]]


def a_missing_value_that_is_none(predicate: dict[str, Any]) -> None:
    predicate["tally"]["nulls"]["gender"] = 3


def an_axis_of_nothing(predicate: dict[str, Any]) -> None:
    predicate["tally"]["axes"] = None


def scores_going_down(predicate: dict[str, Any]) -> None:
    cells = [[0, 0, 500], [1, 1, 500]]
    predicate["tally"]["scores"] = [
        {"roles": ["target"], "scores": [0.9, 0.1], "cells": cells, "exact": True, "width": 0}
    ]


def cells_as_wide_as_all_scores(predicate: dict[str, Any]) -> None:
    scores_going_down(predicate)
    predicate["tally"]["scores"][0].update(scores=[0.1, 0.9], exact=False, width=1.0)


def a_million_levels(predicate: dict[str, Any]) -> None:
    predicate["tally"]["axes"][2]["levels"] = [str(number) for number in range(1_000_000)]


def a_thousand_tables(predicate: dict[str, Any]) -> None:
    predicate["tally"]["tables"] *= 1000


@pytest.mark.parametrize(
    "change",
    [
        negative,
        a_level_too_far,
        a_truth_for_a_count,
        a_half,
        a_cell_twice,
        huge_counts,
        fewer_rows,
        levels_twice,
        levels_in_lists,
        a_missing_value_that_is_none,
        an_axis_of_nothing,
        scores_going_down,
        cells_as_wide_as_all_scores,
        a_thousand_tables,
    ],
)
def test_counts_that_nobody_counted_are_refused(ledger: Ledger, change: Change) -> None:
    def hostile(predicate: dict[str, Any]) -> None:
        change(predicate)
        counted_again(predicate)

    found = after(ledger, hostile)
    assert found.ok is False
    assert "tally" in found.detail


def with_policy(data: bytes) -> Change:
    import base64
    from hashlib import sha256

    def change(predicate: dict[str, Any]) -> None:
        encoded = base64.b64encode(data).decode()
        predicate["policy"] |= {"sha256": sha256(data).hexdigest(), "bytes": encoded}

    return change


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b"a: " * 100_000,
        b"x: &a [1,1]\n" + b"".join(b"y%d: &b%d [*a,*a]\n" % (n, n) for n in range(300)),
        b"policy: loans\nversion: '1'\ncontrols:\n"
        + b"".join(b"  - {id: c%d, metric: accuracy, must: '>= 0.7'}\n" % n for n in range(15_000)),
        b"#" * 2_000_000,
    ],
    ids=["empty", "garbage", "deep", "keys", "aliases", "controls", "long"],
)
def test_a_policy_made_to_break_its_reader_is_refused(ledger: Ledger, data: bytes) -> None:
    assert after(ledger, with_policy(data)).ok is False


def test_thousands_of_verdicts_are_refused_without_judging_them(ledger: Ledger) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate["verdicts"] = predicate["verdicts"][1:] * 5_000

    found = after(ledger, change)
    assert found.ok is False
    assert "more verdicts than a policy has controls" in found.detail


def test_counts_too_many_to_judge_are_said_not_judged(ledger: Ledger) -> None:
    groups = [f"g{number}" for number in range(30_000)]
    cells = [[t, 0, place, 1] for t in (0, 1) for place in range(len(groups))]

    def change(predicate: dict[str, Any]) -> None:
        predicate["tally"]["rows"] = len(cells)
        predicate["tally"]["axes"][2]["levels"] = groups
        predicate["tally"]["tables"][0]["cells"] = cells
        counted_again(predicate)

    found = after(ledger, change)
    assert found.ok is None
    assert "too many cells" in found.detail


# --- Scores: what was judged is finer than what is kept ------------------------------------------

SCORED = parse_policy(
    b"""\
policy: scores
version: '1'
controls:
  - {id: auc, metric: roc_auc, must: '>= 0.70'}
  - {id: auc-by-gender, metric: roc_auc, across: gender, compare: min, must: '>= 0.70'}
  - {id: auc-apart, metric: roc_auc, across: gender, compare: difference, must: '<= 0.10'}
  - {id: auc-ratio, metric: roc_auc, across: gender, compare: ratio, must: '>= 0.10'}
  - {id: brier, metric: brier_score, must: '<= 0.30'}
  - {id: loss, metric: log_loss, must: '<= 0.90'}
  - {id: calibration, metric: expected_calibration_error, across: gender, compare: max,
     must: '<= 0.50'}
  - {id: precision, metric: average_precision, must: '>= 0.30'}
"""
)


def scored_tally(rows: int, seed: int = 0) -> Tally:
    """As it is in memory: a level for each score up to 65,536 of them, else fine cells."""
    from venturalitica.core.scores import EXACT_LIMIT, FINE_CELLS, regrid

    draw = numpy.random.default_rng(seed)
    target = draw.integers(0, 2, rows)
    raw = numpy.clip(draw.normal(0.4 + 0.3 * target, 0.2), 0, 1)
    scores, level = numpy.unique(raw, return_inverse=True)
    cells = numpy.column_stack([target, draw.integers(0, 2, rows), level])
    places, counts = numpy.unique(cells, axis=0, return_counts=True)
    exact = ScoreTable(
        ("target", "gender"),
        tuple(scores.tolist()),
        tuple(map(tuple, numpy.column_stack([places, counts]).tolist())),
    )
    return Tally(
        rows=rows,
        axes=(Axis("target", "y", (0, 1)), Axis("gender", "g", ("a", "b"))),
        scores=(exact if len(scores) <= EXACT_LIMIT else regrid(exact, FINE_CELLS),),
        nulls={"target": 0, "gender": 0, "score": 0},
    )


@pytest.mark.parametrize("rows", [700, 5_000, 120_000])
def test_scores_finer_than_those_kept_are_judged_to_the_same(ledger: Ledger, rows: int) -> None:
    tally = scored_tally(rows)
    verdicts = judge(SCORED, tally)
    ledger.append(judged_record(policy=SCORED, tally=tally, verdicts=verdicts))
    assert any(
        verdict.value != again.value
        for verdict, again in zip(verdicts, judge(SCORED, tally.for_evidence()), strict=True)
    )
    found = verdicts_step(ledger)
    assert found.ok, found.detail


@pytest.mark.parametrize("off", [0.01, -0.01, 0.1])
def test_a_value_of_scores_that_the_levels_do_not_bear_out_is_found(
    ledger: Ledger, off: float
) -> None:
    tally = scored_tally(5_000)
    statement = judged_record(policy=SCORED, tally=tally, verdicts=judge(SCORED, tally))
    statement["predicate"]["verdicts"][0]["value"] += off
    ledger.append(statement)
    assert verdicts_step(ledger).ok is False


def test_an_interval_of_scores_must_follow_from_its_value(ledger: Ledger) -> None:
    tally = scored_tally(5_000)
    statement = judged_record(policy=SCORED, tally=tally, verdicts=judge(SCORED, tally))
    statement["predicate"]["verdicts"][0]["interval"]["low"] += 1e-4
    ledger.append(statement)
    assert verdicts_step(ledger).ok is False


def test_all_scores_within_one_level_are_said_to_be_borne_out_roughly(ledger: Ledger) -> None:
    """With every score in one cell any AUC is possible: that is no proof, and no contradiction."""
    draw = numpy.random.default_rng(1)
    target = draw.integers(0, 2, 3_000)
    scores, level = numpy.unique(0.5 + 1e-5 * (target + draw.random(3_000)), return_inverse=True)
    places, counts = numpy.unique(
        numpy.column_stack([target, numpy.zeros_like(target), level]), axis=0, return_counts=True
    )
    cells = tuple(map(tuple, numpy.column_stack([places, counts]).tolist()))
    tally = Tally(
        rows=3_000,
        axes=(Axis("target", "y", (0, 1)), Axis("gender", "g", ("a",))),
        scores=(ScoreTable(("target", "gender"), tuple(scores.tolist()), cells),),
        nulls={"target": 0, "gender": 0, "score": 0},
    )
    verdicts = judge(SCORED, tally)
    assert verdicts[0].value == pytest.approx(1.0)
    ledger.append(judged_record(policy=SCORED, tally=tally, verdicts=verdicts))
    found = verdicts_step(ledger)
    assert found.ok is None
    assert "can bear out no more" in found.detail


# --- The runs of a log ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"light": "green"},
        {"light": "amber"},
        {"index": 7},
        {"index": 1},
        {"index": -1},
        {"index": "0"},
        {"evidence_sha256": "0" * 64},
        {"policy": None},
    ],
)
def test_a_run_must_say_of_its_audits_what_they_say(
    ledger: Ledger, changes: dict[str, Any]
) -> None:
    record = run_record(ledger.append(judged_record()), **changes)
    ledger.append(record)
    assert verdicts_step(ledger, "run audits").ok is False


def test_a_run_may_not_name_the_audit_of_another_run(ledger: Ledger) -> None:
    record = run_record(ledger.append(judged_record(run_id="1" * 32)))
    ledger.append(record)
    found = verdicts_step(ledger, "run audits")
    assert found.ok is False
    assert "run 000" in found.detail


def test_a_run_that_names_its_audits_as_they_are_holds(ledger: Ledger) -> None:
    ledger.append(run_record(ledger.append(judged_record())))
    assert verdicts_step(ledger, "run audits").ok
    alone = verify_bundle(ledger.bundle(1))
    assert alone.ok
    assert {step.name for step in alone.steps if step.ok is None} >= {"run audits"}


def test_an_audit_that_its_run_does_not_name_is_said(ledger: Ledger) -> None:
    first = ledger.append(judged_record())
    ledger.append(judged_record())
    ledger.append(run_record(first))
    found = verdicts_step(ledger, "run audits")
    assert found.ok is None
    assert "does not name entry 1 (red)" in found.detail


# --- What signs is not what verifies -------------------------------------------------------------

PATCHED = """
import sys
import venturalitica.audit.audit, venturalitica.audit.measure, venturalitica.judge as room
from msgspec.structs import replace
genuine = room.judge
def flattering(*given, **named):
    found = genuine(*given, **named)
    return tuple(replace(verdict, status="passed", conclusive=True) for verdict in found)
if sys.argv[1] == "judge":
    room.judge = flattering
else:
    from venturalitica.core.verdict import Verdict
    honest = Verdict.to_json
    green = {"status": "passed", "light": "green", "conclusive": True}
    Verdict.to_json = lambda verdict: honest(verdict) | green
    import venturalitica.audit.statement as statement
    if sys.argv[1] == "light too":
        statement.worst_light = lambda lights: "green"
import venturalitica as vl
table = {"y": [0, 1] * 100, "p": [0, 1, 1, 1] * 50, "g": ["a", "b"] * 100}
import pandas
vl.enforce(pandas.DataFrame(table), policy="strict.yaml", target="y", prediction="p")
"""


@pytest.mark.parametrize("how", ["judge", "to_json", "light too"])
def test_a_judgement_patched_in_the_process_that_signs_is_found(tmp_path: Path, how: str) -> None:
    (tmp_path / "strict.yaml").write_text(
        "policy: strict\nversion: '1'\ncontrols:\n"
        "  - {id: accuracy, metric: accuracy, must: '>= 0.99'}\n"
    )
    import os

    done = subprocess.run(
        [sys.executable, "-c", PATCHED, how],
        cwd=tmp_path,
        env={
            **os.environ,
            "VENTURALITICA_CONFIG": str(tmp_path / "config"),
            "VENTURALITICA_HOME": str(tmp_path / ".venturalitica"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = verify_ledger(tmp_path / ".venturalitica")
    faults = {step.name for step in found.steps if step.ok is False}
    assert "verdicts" in faults, found.steps


# --- The method is frozen ------------------------------------------------------------------------


def test_the_method_of_records_that_name_none_gives_what_it_always_gave() -> None:
    """`UPDATE_GOLDEN=intervals` writes the file anew, which nothing but a new name should need."""
    import os

    verdicts = [
        *judge(POLICY, TALLY, circumstances=Circumstances.from_json(None)),
        *judge(SCORED, scored_tally(700), circumstances=Circumstances.from_json(None)),
    ]
    found = {v.control: [v.value, *(v.interval or ()), v.conclusive] for v in verdicts}
    if os.environ.get("UPDATE_GOLDEN") == "intervals":
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(json.dumps(found, indent=1) + "\n")
    kept = json.loads(GOLDEN.read_text())
    assert kept.keys() == found.keys()
    for control, numbers in kept.items():
        assert found[control] == pytest.approx(numbers, abs=1e-9), control


def test_another_process_judges_alike_signed_by_another(
    ledger: Ledger, stranger: FileSigner
) -> None:
    """Who signed is another question: a forged key's genuine record is judged the same."""
    other = Ledger.open(ledger.home.parent / "other", signer=stranger)
    other.append(judged_record())
    assert verdicts_step(other).ok


@pytest.mark.parametrize(
    "changes",
    [{"light_of_judged": "green"}, {"judged": ["accuracy"]}, {"left_out": ["accuracy"]}],
)
def test_what_a_run_says_its_audits_judged_must_be_so(
    ledger: Ledger, changes: dict[str, Any]
) -> None:
    audit = ledger.append(judged_record())
    right = {"light_of_judged": "red", "judged": ["accuracy", "parity"], "left_out": []}
    ledger.append(run_record(audit, **right))
    assert verdicts_step(ledger, "run audits").ok
    ledger.append(run_record(audit, **(right | changes)))
    assert verdicts_step(ledger, "run audits").ok is False


def test_rows_that_were_trained_on_must_count_in_the_judgement(ledger: Ledger) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate["data"] = [{"name": "audit", "context": "audit", "training_rows": True}]
        predicate["judging"]["training_share"] = None

    found = after(ledger, change)
    assert found.ok is False
    assert "trained on" in found.detail
