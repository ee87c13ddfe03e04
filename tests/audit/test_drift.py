"""Rows beside a reference: the last green record, a run, a baseline; or why there is none."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from msgspec.structs import replace
from scipy.spatial.distance import jensenshannon
from sklearn.linear_model import LogisticRegression

import venturalitica as vl
from venturalitica.audit import reference
from venturalitica.audit.baseline import make_baseline
from venturalitica.audit.measure import Request, measure
from venturalitica.audit.project import open_ledger
from venturalitica.audit.reference import Reference
from venturalitica.core.encoding import decode_base64, encode_base64
from venturalitica.core.record import Statement
from venturalitica.core.tally import Tally
from venturalitica.errors import DataError
from venturalitica.ledger.lifecycle.erase import erase
from venturalitica.ledger.records.publication import publication_of
from venturalitica.policy import parse_policy
from venturalitica.policy.diff import diff
from venturalitica.tally import drift

HEAD = (
    'policy: batches\nversion: "1"\nroles: {gender: {column: sex}, age: {column: age}}\ncontrols:\n'
)
BY_GENDER = (
    "  - {id: js, metric: jensen_shannon_distance, of: gender, against: REFERENCE, "
    'must: "<= 0.15"}\n'
)
ALL = (
    "  - {id: all, metric: population_stability_index, columns: all, against: baseline.json, "
    'must: "<= 0.25"}\n'
)


def batch(rows: int = 1_500, seed: int = 0, *, older: float = 0.0, women: float = 0.5) -> Any:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.normal(40 + older, 10, rows).round(2),
            "sex": random.choice(["f", "m"], rows, p=[women, 1 - women]),
            "children": random.integers(0, 4, rows),
        }
    )


@pytest.fixture
def judge(write_policy: Callable[..., Path]) -> Callable[..., Any]:
    def run(frame: Any, controls: str, **given: Any) -> Any:
        if "policy" not in given:
            given["policy"] = write_policy(HEAD + controls)
        given = {"name": "nightly"} | given
        return vl.enforce(frame, **given)

    return run


@pytest.fixture
def baseline(tmp_path: Path) -> Callable[..., Path]:
    def make(frame: Any, **given: Any) -> Path:
        path = tmp_path / "baseline.json"
        path.write_bytes(make_baseline(frame, name="train.csv", **given)[1])
        return path

    return make


def last_green(controls: str = BY_GENDER, reference: str = "last-green") -> str:
    return controls.replace("REFERENCE", reference)


def test_the_first_run_has_no_reference_and_is_one_for_the_next(judge: Any) -> None:
    first = judge(batch(), last_green())
    assert first["js"].status == "not_evaluated"
    assert "no green record of policy 'batches' and pipeline 'nightly'" in first["js"].reason
    assert first.light == "amber"
    second = judge(batch(seed=1), last_green())
    rows = [batch(seed=seed)["sex"].value_counts().sort_index() for seed in (0, 1)]
    assert second["js"].value == pytest.approx(jensenshannon(*rows, base=2), abs=1e-4)
    assert (second["js"].status, second["js"].conclusive, second.light) == ("passed", True, "green")
    assert any(note.startswith("compared with entry 0") for note in second["js"].notes)
    third = judge(batch(seed=2, women=0.05), last_green())
    assert (third["js"].status, third["js"].conclusive) == ("failed", True)
    assert "compared with entry 1" in third["js"].notes[0]
    # A red record is nobody's reference.
    assert "compared with entry 1" in judge(batch(seed=3), last_green())["js"].notes[0]
    assert vl.verify("evidence").ok


def test_other_pipelines_and_policies_are_no_reference(judge: Any, write_policy: Any) -> None:
    judge(batch(), last_green())
    other = judge(batch(), last_green(), name="weekly")
    assert "pipeline 'weekly'" in other["js"].reason
    renamed = HEAD.replace("policy: batches", "policy: others") + last_green()
    found = judge(batch(), "", policy=write_policy(renamed))
    assert "policy 'others'" in found["js"].reason


def test_an_older_run_without_drift_is_a_reference_by_its_own_counts(judge: Any) -> None:
    before = "  - {id: balance, metric: group_representation, across: gender, must: '>= 0.01'}\n"
    assert judge(batch(), before).light == "green"
    assert judge(batch(seed=1), last_green()).light == "green"
    age = last_green(BY_GENDER.replace("gender", "age"))
    lacking = judge(batch(seed=2), age)
    assert "holds no counts of 'age' that can be compared" in lacking["js"].reason
    # It counted them, and is the first of its kind.
    assert judge(batch(seed=3), age)["js"].status == "passed"
    assert vl.verify("evidence").ok


def test_a_run_is_named_as_runs_show_names_it(judge: Any) -> None:
    first = judge(batch(), last_green())
    for name in ("0", first.run_id, first.run_id[:9]):
        if re.search("[0-9]", name):
            named = judge(batch(seed=1, women=0.2), last_green(reference=f'"{name}"'))
            assert named["js"].status == "failed", name
    assert (
        "no audit on record fits it" in judge(batch(), last_green(reference="'999'"))["js"].reason
    )
    assert vl.verify("evidence").ok


def test_an_erased_tally_is_no_reference(judge: Any) -> None:
    judge(batch(), last_green())
    ledger = open_ledger()
    erase(ledger, [ledger.entry(0)])
    again = judge(batch(), last_green())
    assert "entry 0: its tally is not in the vault here, or was erased" in again["js"].reason
    by_number = judge(batch(), last_green(reference="'0'"))
    assert "was erased" in by_number["js"].reason
    assert vl.verify("evidence").ok


def test_what_a_baseline_left_out_is_named_where_all_columns_are_compared(
    judge: Any, baseline: Any
) -> None:
    baseline(batch().assign(plant="north", customer=range(1_500)))
    now = batch(seed=1).assign(plant="south", customer=range(1_500))
    verdict = judge(now, ALL)["all"]
    assert (verdict.status, verdict.light) == ("passed", "amber")
    assert "not in it: plant" in " ".join(verdict.notes)
    assert "1 column is not in the baseline and not compared" in verdict.reason


def test_all_columns_of_a_baseline(judge: Any, baseline: Any) -> None:
    train = batch(4_000)
    baseline(train)
    same = judge(batch(seed=1), ALL)
    assert [group.name for group in same["all"].groups] == ["age", "sex", "children"]
    assert same.light == "green"
    moved = judge(batch(seed=2, older=12), ALL)["all"]
    assert (moved.status, moved.conclusive) == ("failed", True)
    assert moved.value == max(group.value for group in moved.groups)
    assert "highest age" in moved.reason
    cuts = np.quantile(train["age"], np.arange(1, 10) / 10, method="inverted_cdf")
    p, q = (
        np.bincount(np.searchsorted(cuts, frame["age"], side="right"), minlength=10) / len(frame)
        for frame in (train, batch(seed=2, older=12))
    )
    assert moved.groups["age"].value == pytest.approx(((q - p) * np.log(q / p)).sum(), abs=1e-4)
    assert vl.verify("evidence").ok


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda text: text.replace(text[200], chr(ord(text[200]) % 25 + 65), 1), "base"),
        (lambda text: text[:-30], ""),
        (lambda text: "{}", "is not a DSSE envelope"),
    ],
)
def test_a_baseline_that_is_none(judge: Any, baseline: Any, spoil: Any, why: str) -> None:
    path = baseline(batch())
    path.write_text(spoil(path.read_text()))
    found = judge(batch(seed=1), ALL)["all"]
    assert found.status == "not_evaluated"
    assert found.value is None
    assert why in found.reason


def test_an_altered_count_is_refused(judge: Any, baseline: Any) -> None:
    path = baseline(batch())
    envelope = json.loads(path.read_bytes())
    payload = json.loads(decode_base64(envelope["payload"], what="payload"))
    payload["distributions"][0]["counts"][0] += 500
    envelope["payload"] = encode_base64(json.dumps(payload).encode())
    path.write_text(json.dumps(envelope))
    assert "does not verify" in judge(batch(seed=1), ALL)["all"].reason


def test_a_foreign_key_is_refused_until_it_lies_beside_the_log(
    judge: Any, baseline: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "colleague"))
    baseline(batch())
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "config"))
    refused = judge(batch(seed=1), ALL)["all"]
    assert refused.status == "not_evaluated"
    assert "is not among the keys here" in refused.reason
    from venturalitica.ledger import load_signer

    theirs = load_signer(None, tmp_path / "colleague").public
    (tmp_path / "evidence" / "keys" / f"{theirs.keyid}.pem").write_text(theirs.pem)
    assert judge(batch(seed=1), ALL)["all"].status == "passed"
    assert vl.verify("evidence").ok


def test_shares_that_do_not_sum_to_one_are_refused(judge: Any, tmp_path: Path) -> None:
    made, _ = make_baseline(batch(), name="train.csv")
    one = made.distributions[0]
    from venturalitica.audit.project import signer_of
    from venturalitica.system.settings import Settings

    signer = signer_of(Settings.current())
    more = replace(one, counts=(one.counts[0] + made.rows, *one.counts[1:]))
    forged = replace(made, distributions=(more,))
    data = forged.signed(keyid=signer.keyid, sign=signer.sign)
    (tmp_path / "baseline.json").write_bytes(data)
    assert "do not sum to one" in judge(batch(), ALL)["all"].reason


def test_a_level_that_the_reference_lacks_is_no_number(judge: Any, baseline: Any) -> None:
    baseline(batch())
    new = batch(seed=1).assign(sex=["d"] * 40 + ["f", "m"] * 730)
    found = judge(new, ALL)["all"]
    assert (found.status, found.value) == ("not_evaluated", None)
    assert "lacks a level of 'sex' that 40 rows of 1,500 have" in found.reason
    few = judge(new.assign(sex=["d"] * 2 + ["f", "m"] * 749), ALL)["all"]
    assert "that some rows of 1,500 have" in few.reason


def test_a_level_that_is_gone_is_smoothed_and_never_conclusive(judge: Any, baseline: Any) -> None:
    baseline(batch())
    found = judge(batch(seed=1).assign(sex="f"), ALL)["all"]
    assert found.status == "failed"
    assert (found.interval, found.conclusive) == (None, False)
    assert np.isfinite(found.value)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (lambda frame: frame.drop(columns="age"), "there is no column 'age'"),
        (lambda frame: frame.assign(age="old"), "'age' does not hold numbers"),
        (lambda frame: frame.assign(age=frame["age"].where(frame["age"] > 30)), "have no value"),
    ],
)
def test_a_column_that_cannot_be_compared(judge: Any, baseline: Any, change: Any, why: str) -> None:
    baseline(batch())
    found = judge(change(batch(seed=1)), ALL)["all"]
    assert (found.status, found.value) == ("not_evaluated", None)
    assert why in found.reason


def test_missing_values_are_left_out_where_the_control_says_so(judge: Any, baseline: Any) -> None:
    baseline(batch())
    gaps = batch(seed=1)
    gaps.loc[:99, "age"] = None
    found = judge(gaps, ALL.replace("}", ", nulls: drop}"))["all"]
    assert found.status == "passed"
    assert found.groups["age"].n == 1_400
    assert "100 of 'age'" in found.notes[1]
    # More than 5 % of the rows are left out.
    assert not found.conclusive
    assert "100 of 1,500 rows are left out" in found.reason
    gaps = batch(seed=1)
    gaps.loc[:2, "age"] = None
    few = judge(gaps, ALL.replace("}", ", nulls: drop}"))["all"]
    assert few.groups["age"].n == 1_500
    assert "some of 'age'" in few.notes[1]


def test_weights_count_for_nothing_and_a_note_says_so(judge: Any, baseline: Any) -> None:
    baseline(batch())
    weighted = batch(seed=1).assign(w=2.0, paid=[0, 1, 1] * 500)
    shares = ALL + "  - {id: paid, metric: base_rate, must: '>= 0.1'}\n"
    found = judge(weighted, shares, weight="w", target="paid")["all"]
    assert found.value == judge(batch(seed=1), ALL)["all"].value
    assert "not weighted by w: it is about the rows themselves" in found.notes


def test_columns_of_the_training_table_that_a_wrapped_model_sees(
    write_policy: Any, baseline: Any
) -> None:
    X = batch()[["age", "children"]]
    baseline(X)
    test = batch(seed=1)[["age", "children"]]
    model = vl.wrap(LogisticRegression(), policy=write_policy(HEAD + ALL))
    model.fit(X, X["age"] > 40, audit_data=(test, test["age"] > 40))
    (entry,) = open_ledger(create=False).entries()
    record = entry.statement["predicate"]
    assert record["verdicts"][0]["status"] == "passed"
    # What is compared is known again by its digest, and no column that nobody looked at.
    assert {column["name"] for column in record["data"][0]["columns"]} >= {"age", "children"}
    assert vl.verify("evidence").ok


def test_what_is_published_holds_no_few_rows(judge: Any, baseline: Any) -> None:
    published = HEAD.replace("roles:", "disclosure: {tallies: publish}\nroles:") + ALL
    baseline(batch())
    few = batch(seed=1)
    few.loc[:2, "sex"] = None
    said = [
        publication_of(policy, tally_of(frame, policy))
        for policy in [parse_policy(published.encode())]
        for frame in (batch(seed=1), few)
    ]
    assert [one["published"] for one in said if one] == [True, False]


def test_another_axis_is_refused(judge: Any, baseline: Any, write_policy: Any) -> None:
    text = HEAD.replace("age: {column: age}", "age: {column: age, bins: [30, 50]}")
    control = last_green(BY_GENDER.replace("gender", "age"), "baseline.json")
    baseline(batch(), policy=parse_policy((text + control).encode()))
    assert judge(batch(seed=1), "", policy=write_policy(text + control))["js"].status == "passed"
    other = write_policy(text.replace("[30, 50]", "[25, 60]") + control)
    found = judge(batch(seed=1), "", policy=other)["js"]
    assert found.status == "not_evaluated"
    assert "in other groups than the policy makes" in found.reason


def test_names_have_no_order(judge: Any, baseline: Any) -> None:
    baseline(batch())
    control = ALL.replace("population_stability_index", "kolmogorov_smirnov_distance")
    assert "the values of 'sex' have no order" in judge(batch(seed=1), control)["all"].reason


def test_no_few_rows_are_told(tmp_path: Path, judge: Any) -> None:
    frame = batch(600)
    frame.loc[:2, "sex"] = "Ada"
    frame.loc[3:6, "children"] = 40
    frame["mail"] = [f"a{at}@example.org" for at in range(600)]
    frame.loc[:1, "age"] = None
    made, data = make_baseline(frame, name="train.csv")
    text = json.dumps(json.loads(decode_base64(json.loads(data)["payload"], what="it")))
    assert "Ada" not in text
    assert "example.org" not in text
    assert "mail" in made.left_out
    for one in made.distributions:
        assert one.rows == 600
        assert not [count for count in one.counts if 0 < count < 5]
    (tmp_path / "baseline.json").write_bytes(data)
    now = batch(600, seed=1).assign(mail="x")
    now.loc[:1, "sex"] = "Eve"
    found = judge(now, ALL)
    assert "Eve" not in json.dumps(found.statement)


def every_engine(frame: pd.DataFrame) -> dict[str, Any]:
    table = pl.from_pandas(frame)
    return {
        "pandas": frame,
        "polars": table,
        "lazy": table.lazy(),
        "duckdb": duckdb.sql("SELECT * FROM frame"),
        "arrow": pa.Table.from_pandas(frame),
        "dict": {name: frame[name].to_numpy() for name in frame},
    }


def tally_of(frame: Any, policy: Any) -> Tally:
    tally = measure(Request(policy=policy, source="enforce", frame=frame), fingerprint=False).tally
    assert tally is not None
    return tally


def test_every_engine_gives_the_same_counts(judge: Any, baseline: Any) -> None:
    baseline(batch(), policy=parse_policy((HEAD + last_green()).encode()))
    controls = ALL + last_green(reference="baseline.json")
    policy = parse_policy((HEAD + controls).encode())
    found = {name: tally_of(frame, policy) for name, frame in every_engine(batch(seed=1)).items()}
    assert len({tally.sha256 for tally in found.values()}) == 1
    assert Tally.from_json(found["lazy"].to_json()) == found["pandas"]
    made = {make_baseline(frame, name="x")[0].distributions
            for frame in every_engine(batch()).values()}  # fmt: skip
    assert len(made) == 1


def test_a_column_that_no_engine_groups_by_is_left_out(judge: Any, baseline: Any) -> None:
    odd = batch().assign(tags=[["a"]] * 1_500, made=pd.Timestamp("2026-01-01"))
    for frame in (odd, pl.from_pandas(odd), pl.from_pandas(odd).lazy()):
        made, _ = make_baseline(frame, name="x")
        assert [one.name for one in made.distributions] == ["age", "sex", "children"]
        assert set(made.left_out) == {"tags", "made"}
    baseline(batch())
    with pytest.raises(DataError, match="column 'sex' holds list values"):
        judge(batch(seed=1).assign(sex=[["f"]] * 1_500), ALL)


def test_a_broken_index_costs_the_controls_on_drift_alone(judge: Any) -> None:
    judge(batch(), last_green())
    Path("evidence/index.db").unlink(missing_ok=True)
    Path("evidence/index.db").mkdir()
    counts = "  - {id: rows, metric: row_count, must: '>= 10'}\n"
    found = judge(batch(), last_green() + counts)
    assert [verdict.status for verdict in found] == ["not_evaluated", "passed"]


def test_parts_add_up_against_one_baseline(judge: Any, baseline: Any) -> None:
    baseline(batch())
    whole = batch(2_000, seed=1)
    policy = parse_policy((HEAD + ALL).encode())
    parts = [tally_of(part, policy) for part in (whole[:700], whole[700:])]
    assert Tally.merge(parts, {}) == tally_of(whole, policy)
    baseline(batch(seed=5))
    other = tally_of(whole, policy)
    with pytest.raises(DataError, match="with another reference than part 1"):
        Tally.merge([parts[0], other], {})


def test_predictions_and_scores_of_a_model(write_policy: Any) -> None:
    text = HEAD + last_green(BY_GENDER.replace("gender", "[prediction, score]"))
    policy = write_policy(text.replace("jensen_shannon_distance", "kolmogorov_smirnov_distance"))
    frame = batch()
    X, y = frame[["age", "children"]], (frame["age"] > 40).astype(int)
    for seed in (1, 2):
        test = batch(seed=seed)
        model = vl.wrap(LogisticRegression(), policy=policy)
        truth = (test["age"] > 40).astype(int)
        model.fit(X, y, audit_data=(test[["age", "children"]], truth))
    records = [entry.statement["predicate"] for entry in open_ledger(create=False).entries()]
    assert [record["verdicts"][0]["status"] for record in records] == ["not_evaluated", "passed"]
    named = [group["name"] for group in records[1]["verdicts"][0]["groups"]]
    assert named == ["prediction", "score"]
    assert vl.verify("evidence").ok


def test_another_reference_is_a_change_of_what_is_measured() -> None:
    old, new = (
        parse_policy((HEAD + last_green(reference=one)).encode())
        for one in ("last-green", "baseline.json")
    )
    (change,) = diff(old, new).changes
    assert change.kind == "changed"
    assert [(a.key, a.old, a.new) for a in change.aspects] == [
        ("against", "last-green", "baseline.json")
    ]
    assert "stands still now" in change.aspects[0].note


def liar(monkeypatch: pytest.MonkeyPatch, change: Callable[[Reference], Reference]) -> None:
    """Who runs the training patches the process that signs: another reference than was found."""
    honest = reference.find_reference

    def find(*arguments: Any) -> Reference:
        return change(honest(*arguments))

    monkeypatch.setattr(reference, "find_reference", find)


def other_counts(found: Reference) -> Reference:
    known = {
        key: replace(one, counts=(*[count + 100 for count in one.counts[:-1]], one.counts[-1]))
        for key, one in found.known.items()
    }
    return replace(found, known=known)


def of_entry(index: int) -> Callable[[Reference], Reference]:
    def change(found: Reference) -> Reference:
        ledger = open_ledger()
        record = Statement.of(ledger.entry(index).statement)
        tally, _ = reference.counts_of(ledger, index, record)
        assert tally is not None
        return reference._run(index, record, tally)

    return change


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (other_counts, "compares 'gender' with other counts than entry 0 has"),
        (of_entry(1), "its reference, entry 1, is not green"),
        (of_entry(2), "its reference, entry 2, is of another policy or pipeline"),
        (
            lambda found: replace(found, said={**found.said, "run_id": "f" * 32}),
            "its reference, entry 0, is another record than it says",
        ),
        (
            lambda found: replace(found, said={**found.said, "entry": 3}),
            "its reference comes after it",
        ),
        (
            lambda found: replace(found, said={**found.said, "kind": "file"}),
            "its reference 'last-green' is of another kind",
        ),
        (
            lambda found: replace(found, said={"kind": "none", "why": "nobody knows"}),
            "it has no reference 'last-green', and counts",
        ),
    ],
)
def test_who_signs_another_reference_is_found_out(
    judge: Any, monkeypatch: pytest.MonkeyPatch, change: Any, fault: str
) -> None:
    judge(batch(), last_green())
    assert judge(batch(seed=1, women=0.1), last_green()).light == "red"
    judge(batch(seed=1), last_green(), name="weekly")
    liar(monkeypatch, change)
    judge(batch(seed=2), last_green())
    verified = vl.verify("evidence")
    assert not verified.ok
    assert fault in " ".join(step.detail for step in verified.steps if step.ok is False)


def test_a_count_that_was_changed_in_both_places_is_found_out(
    judge: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role's rows stand in its table too, and must be the same."""
    controls = last_green() + (
        "  - {id: balance, metric: group_representation, across: gender, must: '>= 0.01'}\n"
    )
    judge(batch(), controls)
    honest = drift.drift_tables

    def forged(*arguments: Any) -> Any:
        (table,) = honest(*arguments)
        first, second, rest = table.counts
        return (replace(table, counts=(first + 50, second - 50, rest)),)

    monkeypatch.setattr(drift, "drift_tables", forged)
    judge(batch(seed=1, women=0.4), controls)
    verified = vl.verify("evidence")
    assert not verified.ok
    said = " ".join(step.detail for step in verified.steps if step.ok is False)
    assert "'gender' has other rows in a comparison" in said


def test_a_pruned_or_copied_bundle_verifies_alone(judge: Any, tmp_path: Path) -> None:
    judge(batch(), last_green())
    second = judge(batch(seed=1), last_green())
    path = tmp_path / "bundle.json"
    path.write_bytes(open_ledger().bundle(second.entry.index))
    assert vl.verify(path).ok


def test_the_earlier_run_may_not_be_told_of_by_its_small_cells(judge: Any) -> None:
    few = batch()
    few.loc[:2, "sex"] = "Ada"
    judge(few, last_green())
    again = judge(few, last_green())
    assert "Ada" not in json.dumps(again.statement)
    found = measure(
        Request(policy=parse_policy((HEAD + last_green()).encode()), source="enforce", frame=few,
                title="nightly"),
        fingerprint=False,
    ).tally  # fmt: skip
    assert found is not None
    (table,) = found.drift
    assert "Ada" not in table.levels
    assert not [count for count in table.reference if 0 < count < 5]
