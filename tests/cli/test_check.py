"""`venturalitica check`, end to end: real files, a real policy, real evidence."""

from __future__ import annotations

import json
import subprocess
import sys

import polars as pl
import pytest

from venturalitica.ledger import Ledger
from venturalitica.ledger.rejudge.counts import Counts
from venturalitica.system.settings import Settings

POLICY = """\
policy: loans
version: "1"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.60"
  - id: parity
    metric: demographic_parity_ratio
    across: gender
    must: ">= 0.80"
    on_fail: ON_FAIL
  - id: complete
    metric: completeness
    must: ">= 1.0"
"""
CALL = ["--target", "class", "--prediction", "guess", "--role", "gender=sex"]


def write(project, *, female, male, on_fail="warn", policy=POLICY, name="loans.csv"):
    """200 rows: `female` and `male` are how many of each 100 are predicted favorable."""
    (project / "model_policy.yaml").write_text(policy.replace("ON_FAIL", on_fail))
    rows = [(1, int(i < female), "F") for i in range(100)]
    rows += [(1, int(i < male), "M") for i in range(100)]
    frame = pl.DataFrame(rows, schema=["class", "guess", "sex"], orient="row")
    frame.write_csv(project / name)
    return frame


@pytest.mark.parametrize(
    ("female", "male", "on_fail", "status", "first"),
    [
        (90, 90, "warn", 0, "GREEN"),
        (60, 90, "warn", 1, "RED"),
        (60, 90, "record", 1, "RED"),
        (60, 90, "block", 1, "RED"),
    ],
)
def test_verdicts_decide_the_exit_status(call, project, female, male, on_fail, status, first):
    write(project, female=female, male=male, on_fail=on_fail)
    result = call("check", "loans.csv", *CALL)
    assert result.exit_code == status
    assert result.stdout.splitlines()[1].startswith(first)
    assert "parity" in result.stdout
    assert Ledger.open(Settings.current().home).size == 1


def test_what_is_not_evaluated_has_its_own_status(call, project):
    frame = write(project, female=90, male=90)
    with_null = frame.with_row_index().with_columns(
        guess=pl.when(pl.col("index") > 0).then("guess")
    )
    with_null.drop("index").write_csv(project / "loans.csv")
    result = call("check", "loans.csv", *CALL)
    assert "not evaluated" in result.stdout
    assert result.exit_code == (1 if "failed" in result.stdout else 3)


def test_json_has_the_facts_and_nothing_else_is_printed(call, project):
    write(project, female=60, male=90)
    result = call("check", "loans.csv", *CALL, "--json")
    facts = json.loads(result.stdout)
    assert facts["exit_status"] == result.exit_code == 1
    assert facts["light"] == "red"
    assert facts["passed"] is False
    assert [verdict["control"] for verdict in facts["verdicts"]] == [
        "accuracy",
        "parity",
        "complete",
    ]
    entry = Ledger.open(Settings.current().home).entry(facts["evidence"]["index"])
    assert facts["evidence"]["sha256"] == entry.evidence_sha256
    assert entry.statement["predicate"]["run"]["source"] == "check"
    assert facts["verdicts"] == entry.statement["predicate"]["verdicts"]
    assert entry.statement["predicate"]["data"][0]["name"] == "loans.csv"


def test_the_same_rows_give_the_same_tally_in_every_format(call, project):
    frame = write(project, female=60, male=90)
    frame.write_parquet(project / "loans.parquet")
    frame.write_ipc(project / "loans.arrow")
    (project / "parts").mkdir()
    frame[:70].write_csv(project / "parts" / "1.csv")
    frame[70:].write_csv(project / "parts" / "2.csv")
    digests = set()
    for source in ("loans.csv", "loans.parquet", "loans.arrow", "parts/*.csv"):
        found = json.loads(call("check", source, *CALL, "--json").stdout)
        entry = Ledger.open(Settings.current().home).entry(found["evidence"]["index"])
        digests.add(json.dumps(Counts(Settings.current().home).of(entry.record)))
    assert len(digests) == 1


def test_phase_judges_only_its_controls(call, project):
    write(project, female=60, male=90)
    facts = json.loads(
        call("check", "loans.csv", "--target", "class", "--phase", "data", "--json").stdout
    )
    assert [verdict["control"] for verdict in facts["verdicts"]] == ["complete"]
    assert (facts["exit_status"], facts["light"]) == (0, "amber")
    shown = call("check", "loans.csv", "--target", "class", "--phase", "data")
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[1].startswith("AMBER  Data controls only.")


def test_controls_left_out_unasked_are_controls_not_evaluated(call, project):
    write(project, female=90, male=90)
    import venturalitica as vl
    from venturalitica.cli.check import final_status

    table = {"class": [0, 1] * 50}
    audit = vl.enforce(table, policy="model_policy.yaml", phase="data", target="class")
    assert final_status(audit) == 3
    assert final_status(audit, phase_asked=True) == 0


def test_details_show_reasons_and_groups(call, project):
    write(project, female=90, male=90)
    short = call("check", "loans.csv", *CALL).stdout
    full = call("check", "loans.csv", *CALL, "--details").stdout
    assert "n=100" not in short
    assert full.count("(n=100)") >= 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing.csv"], "there is no file"),
        (["loans.csv", "--target", "clas"], "did you mean 'class'"),
        (["loans.csv", *CALL[:4], "--role", "gendr=sex"], "did you mean 'gender'"),
        (["loans.csv", "--role", "gender"], "expected ROLE=COLUMN"),
        (["loans.csv", "--role", "target=class"], "use --target class"),
        (["loans.csv", *CALL, "--role", "gender=guess"], "given twice"),
        (["loans.csv", *CALL, "--policy", "none.yaml"], "none.yaml"),
        (["loans.csv", *CALL[:4]], "gender"),
        (["loans.csv", "--phase", "later"], "later"),
        ([], "FILE"),
    ],
)
def test_a_wrong_call_is_refused_with_what_to_do(call, project, arguments, said):
    write(project, female=90, male=90)
    result = call("check", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert not (project / ".venturalitica" / "log").exists()


def test_without_a_policy_init_is_named(call, project):
    write(project, female=90, male=90)
    (project / "model_policy.yaml").unlink()
    result = call("check", "loans.csv", *CALL)
    assert result.exit_code == 2
    assert "venturalitica init" in result.stderr


def test_evidence_that_cannot_be_written_is_never_a_pass(call, project, monkeypatch):
    write(project, female=90, male=90)
    (project / "file").write_text("in the way")
    monkeypatch.setenv("VENTURALITICA_HOME", str(project / "file"))
    result = call("check", "loans.csv", *CALL)
    assert result.exit_code == 2
    assert "evidence could not be written" in result.stderr
    assert "GREEN" not in result.stdout


def test_a_file_without_rows_passes_nothing(call, project):
    write(project, female=90, male=90)
    (project / "loans.csv").write_text("class,guess,sex\n")
    result = call("check", "loans.csv", *CALL)
    assert result.exit_code != 0
    assert "GREEN" not in result.stdout


def test_errors_speak_of_options_not_of_keyword_arguments(call, project):
    write(project, female=90, male=90)
    unbound = call("check", "loans.csv", "--target", "class").stderr
    assert "pass --prediction COLUMN" in unbound
    assert "pass --role gender=COLUMN" in unbound
    assert "--phase data" in unbound
    assert unbound.count("(columns: class, guess, sex)") == 1
    wrong = call("check", "loans.csv", *CALL[:4], "--role", "gender=sx").stderr
    assert "--role gender=sx: there is no column 'sx'; did you mean 'sex'?" in wrong
    wrong = call("check", "loans.csv", "--target", "clas", *CALL[2:]).stderr
    assert "--target clas: there is no column 'clas'; did you mean 'class'?" in wrong
    unknown = call("check", "loans.csv", *CALL, "--role", "age=years").stderr
    assert "a control makes it one with 'across: age'" in unknown
    (project / "model_policy.yaml").unlink()
    assert "or pass --policy FILE" in call("check", "loans.csv", *CALL).stderr
    assert not (project / ".venturalitica" / "log").exists()


def test_a_phase_without_controls_is_refused_before_anything_is_recorded(call, project):
    write(project, female=90, male=90, policy=POLICY.partition("  - id: complete")[0])
    result = call("check", "loans.csv", *CALL, "--phase", "data")
    assert result.exit_code == 2
    import venturalitica as vl

    assert "has no control of the phase 'data', only of 'model'" in result.stderr
    with pytest.raises(vl.VenturaliticaError, match="no control of the phase 'data'"):
        vl.enforce({"y": [0, 1]}, policy="model_policy.yaml", phase="data", target="y")
    assert not (project / ".venturalitica" / "log").exists()


def judge_csv(call, project, policy, rows, *roles):
    (project / "model_policy.yaml").write_text(policy)
    (project / "x.csv").write_text("truth,guess,score\n" + "".join(f"{row}\n" for row in rows))
    options = [part for role in roles for part in (f"--{role[0]}", role[1])]
    return call("check", "x.csv", *options, "--json")


ACCURACY = 'policy: t\nversion: "1"\ncontrols:\n  - {id: a, metric: accuracy, must: ">= 0.1"}\n'
LABELS = (("target", "truth"), ("prediction", "guess"))


@pytest.mark.parametrize(
    ("truth", "guess", "value"),
    [
        ("101 102 103 101 102", "101 102 103 101 other", 0.8),
        ("007 010 11 11 11", "11 11 11 11 11", 0.6),
        ("1 0 1 0", "1 0 unknown 0", 0.75),
        ("1.0 0.0 1.0 0.0", "1 0 1 1", 0.75),
    ],
)
def test_codes_of_target_and_prediction_are_one_type(call, project, truth, guess, value):
    rows = [f"{t},{g},0" for t, g in zip(truth.split(), guess.split(), strict=True)] * 20
    result = judge_csv(call, project, ACCURACY, rows, *LABELS)
    assert result.exit_code == 0
    assert json.loads(result.stdout)["verdicts"][0]["value"] == pytest.approx(value)


def test_a_favorable_label_in_quotes_is_text(call, project):
    policy = (
        'policy: t\nversion: "1"\nroles: {target: {favorable: "101"}}\n'
        'controls:\n  - {id: a, metric: selection_rate, must: ">= 0.1"}\n'
    )
    for other in ("102", "other"):
        rows = ["101,101,0", f"102,{other},0"] * 30
        result = judge_csv(call, project, policy, rows, *LABELS)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout)["verdicts"][0]["value"] == 0.5


@pytest.mark.parametrize("small", ["1.2e-105", "2.5e-005", "1E-9", "0"])
def test_the_smallest_scores_are_numbers(call, project, small):
    policy = (
        'policy: t\nversion: "1"\nroles: {target: {favorable: 1}}\n'
        'controls:\n  - {id: a, metric: roc_auc, must: ">= 0.1"}\n'
    )
    rows = [f"{i % 2},0,{0.2 + 0.6 * (i % 2) + 0.001 * (i % 7)}" for i in range(60)]
    roles = (("target", "truth"), ("score", "score"))
    result = judge_csv(call, project, policy, [*rows, f"0,0,{small}"], *roles)
    assert result.exit_code == 0, result.stderr


def test_files_of_a_spreadsheet_are_judged_like_any_other(call, project):
    """Blank lines at the end, and lines that end in a carriage return alone."""
    found = set()
    for end, tail in (("\n", ""), ("\r", ""), ("\r\n", "\r\n\r\n"), ("\n", "\n\n   \n")):
        write(project, female=80, male=90)
        lines = (project / "loans.csv").read_text().splitlines()
        (project / "loans.csv").write_bytes((end.join(lines) + end + tail).encode())
        result = call("check", "loans.csv", *CALL, "--json")
        verdicts = json.loads(result.stdout)["verdicts"]
        found.add((result.exit_code, *(verdict["n"] for verdict in verdicts)))
    assert found == {(0, 200, 200, 200)}


def test_what_else_is_installed_changes_nothing(call, project):
    """The same verdicts and the same digests with DuckDB as the only other library."""
    write(project, female=80, male=90)
    pl.read_csv(project / "loans.csv").write_parquet(project / "loans.parquet")
    code = (
        "import sys\n"
        "for name in ('pandas', 'polars', 'pyarrow'): sys.modules[name] = None\n"
        "from venturalitica.cli import main\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    for name in ("loans.csv", "loans.parquet"):
        arguments = ["check", name, *CALL]
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert call(*arguments).exit_code == 0
    ledger = Ledger.open(Settings.current().home)
    entries = [entry.statement["predicate"] for entry in ledger.entries()]
    assert len({entry["data"][0]["hmac_sha256"] for entry in entries}) == 1
    assert len({json.dumps(entry["verdicts"], sort_keys=True) for entry in entries}) == 1
