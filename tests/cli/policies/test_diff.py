"""`policy diff` and `policy history`, on files and on a real ledger of signed records."""

from __future__ import annotations

import base64
import json
import re
import sqlite3
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))

from torture.formats import in_format_1

from venturalitica.audit.statement import Facts, build_statement
from venturalitica.core.policy import Policy
from venturalitica.ledger import Ledger, load_signer
from venturalitica.policy import parse_policy
from venturalitica.system.settings import Settings

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
OLD = """\
policy: credit-scoring
version: "1.2"
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.70"}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0.80"}
"""
NEW = OLD.replace('"1.2"', '"1.3"').replace(">= 0.80", ">= 0.75")


def policy(text: str) -> Policy:
    return parse_policy(text.encode(), check_metrics=False)


def statement(of: Policy, number: int, **settings: Any) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "kind": "audit",
        "run_id": f"{number:032x}",
        "name": "training",
        "source": "check",
        "started": START,
        "ended": START,
        "policy": of,
        "retention": "six-months",
    }
    return in_format_1(build_statement(Facts(**facts | settings), key=b"k").statement)


@pytest.fixture
def ledger(project: Path) -> Ledger:
    found = Settings.current()
    return Ledger.open(found.home, signer=load_signer(None, found.config))


@pytest.fixture
def record(ledger: Ledger) -> Any:
    """Record audits under policies, given as texts or values."""

    def append(*policies: str | Policy) -> None:
        for one in policies:
            value = policy(one) if isinstance(one, str) else one
            ledger.append(statement(value, ledger.size if ledger._log.exists() else 0))

    return append


@pytest.fixture
def files(project: Path) -> None:
    Path("old.yaml").write_text(OLD)
    Path("new.yaml").write_text(NEW)


def test_two_files(call: Any, files: None) -> None:
    result = call("policy", "diff", "old.yaml", "new.yaml")
    assert result.exit_code == 1
    assert "1 control loosened: the policy is looser." in result.stdout
    assert re.search(r"▼ loosened +control parity\n +must: >= 0.80 → >= 0.75", result.stdout)
    assert '-version: "1.2"\n' in result.stdout
    assert '+version: "1.3"\n' in result.stdout
    assert result.stderr == ""


def test_the_same_text_is_status_0_and_a_comment_is_not(call: Any, files: None) -> None:
    result = call("policy", "diff", "old.yaml", "old.yaml")
    assert result.exit_code == 0
    assert "The same text." in result.stdout
    Path("same.yaml").write_text(OLD + "# words\n")
    result = call("policy", "diff", "old.yaml", "same.yaml")
    assert result.exit_code == 1
    assert "The same rules, in another text." in result.stdout
    (fault,) = [line for line in result.stdout.splitlines() if line.startswith("FAULT")]
    assert policy(OLD).sha256 in fault
    assert policy(OLD + "# words\n").sha256 in fault


def test_json_has_the_rules_and_the_text(call: Any, files: None) -> None:
    result = call("policy", "diff", "old.yaml", "new.yaml", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 1
    assert found == json.loads(
        call("policy", "diff", "old.yaml", "new.yaml", "--format", "json").stdout
    )
    assert (found["direction"], found["same_text"]) == ("loosened", False)
    kinds = [(c["place"], c["name"], c["kind"], c["direction"]) for c in found["changes"]]
    assert kinds == [
        ("control", "parity", "loosened", "loosened"),
        ("policy", "credit-scoring", "reworded", "reworded"),
    ]
    assert found["changes"][0]["aspects"] == [
        {
            "key": "must",
            "old": ">= 0.80",
            "new": ">= 0.75",
            "direction": "loosened",
            "note": "more values pass",
        }
    ]
    assert found["text"][0] == "--- credit-scoring 1.2 (file old.yaml)"
    assert found["new"]["sha256"] == policy(NEW).sha256


def test_markdown_is_inert_and_its_fence_stays_closed(call: Any, files: None) -> None:
    title = "x | <img src=a> ``` [a](http://b) @me\\n− removed   control parity"
    hostile = NEW.replace("controls:", f'title: "{title}"\n# ````\ncontrols:')
    Path("new.yaml").write_text(hostile)
    text = call("policy", "diff", "old.yaml", "new.yaml", "--format", "markdown").stdout
    table, fence, patch, end = re.fullmatch(
        r"(.*?)\n(`+)diff\n(.*)\n(`+)\n", text, re.DOTALL
    ).groups()  # fmt: skip
    assert "<img" not in table
    assert "http://" not in table
    assert fence == end == "`````"
    assert fence not in patch
    assert "| ▼ loosened | control parity | must: &gt;\\= 0.80" in table


def test_hostile_words_forge_no_line(call: Any, files: None) -> None:
    title = r"x\n− removed   control accuracy [bold]y[/bold]"
    Path("new.yaml").write_text(NEW.replace("controls:", f'title: "{title}"\ncontrols:'))
    text = call("policy", "diff", "old.yaml", "new.yaml").stdout
    assert not re.search("^− removed", text, re.MULTILINE)
    assert "[bold]y[/bold]" in text
    Path("old.yaml").write_bytes(OLD.replace("\n", "\r\n").encode())
    text = call("policy", "diff", "old.yaml", "new.yaml").stdout
    assert "-controls:\\r\n" in text


def test_marks_are_words_and_signs_in_ascii_too(
    call: Any, files: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("venturalitica.cli.policies.changes.speaks_unicode", lambda: False)
    text = call("policy", "diff", "old.yaml", "new.yaml").stdout
    assert "v loosened  control parity" in text
    assert text.isascii()


def test_wrong_calls(call: Any, files: None, record: Any) -> None:
    record(OLD)
    for arguments, said in (
        (("old.yaml", "nwe.yaml"), "there is no such policy file"),
        (("old.yaml", "1.4"), "on record: credit-scoring@1.2"),
        (("old.yaml", "credit-scorin@1.2"), "did you mean 'credit-scoring@1.2'?"),
        (("old.yaml", policy(OLD).sha256[:7]), "no such policy"),
        (("old.yaml", "x" * 300), "no such policy"),
        (("old.yaml", "new.yaml", "--json", "--format", "markdown"), "two formats"),
    ):
        result = call("policy", "diff", *arguments)
        assert (result.exit_code, result.stdout) == (2, ""), arguments
        assert said in result.stderr, arguments
    Path("new.yaml").write_text(NEW.replace("accuracy,", "acuracy,"))
    assert call("policy", "diff", "old.yaml", "new.yaml").exit_code == 2


def test_without_a_ledger_a_version_is_nowhere(call: Any, files: None) -> None:
    result = call("policy", "diff", "1.2", "new.yaml")
    assert result.exit_code == 2
    assert "there is no file '1.2'" in result.stderr
    assert "no evidence log here" in result.stderr


def test_versions_on_record(call: Any, files: None, record: Any) -> None:
    record(OLD, OLD, NEW)
    for old, new in (
        ("1.2", "1.3"),
        ("credit-scoring@1.2", "new.yaml"),
        (policy(OLD).sha256[:8].upper(), policy(NEW).sha256),
    ):
        found = json.loads(call("policy", "diff", old, new, "--json").stdout)
        assert found["summary"] == "1 control loosened"
        assert found["old"]["source"] == "on record, entries 0 to 1"
    Path("1.2").write_text(NEW)
    found = json.loads(call("policy", "diff", "1.2", "1.3", "--json").stdout)
    assert found["old"]["source"] == "file 1.2"


def test_a_version_over_two_texts_is_refused_with_both_digests(call: Any, record: Any) -> None:
    texts = OLD, OLD.replace(">= 0.70", ">= 0.60")
    record(*texts)
    digests = [policy(text).sha256 for text in texts]
    result = call("policy", "diff", "1.2", "1.2")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "one version, 2 texts" in result.stderr
    assert all(digest in result.stderr for digest in digests)
    (shown,) = re.findall("'venturalitica (policy diff .*?)'", result.stderr)
    found = call(*shown.split())
    assert found.exit_code == 1
    assert "FAULT  one version, two texts" in found.stdout
    assert "▼ loosened  control accuracy" in found.stdout


def test_a_version_of_several_policies_is_unclear(call: Any, record: Any) -> None:
    record(OLD, OLD.replace("credit-scoring", "loans"))
    result = call("policy", "diff", "1.2", "1.2")
    assert result.exit_code == 2
    assert "fits 2 policies" in result.stderr
    assert call("policy", "diff", "loans@1.2", "credit-scoring@1.2").exit_code == 1


def test_history(call: Any, record: Any) -> None:
    record(OLD, OLD, NEW, OLD.replace("credit-scoring", "loans"), NEW, OLD)
    result = call("policy", "history")
    assert result.exit_code == 0
    assert "credit-scoring: 2 texts, 5 audits" in result.stdout
    assert "loans: 1 text, 1 audit\n" in result.stdout
    line = next(line for line in result.stdout.splitlines() if line.startswith("1.3"))
    assert policy(NEW).sha256[:16] in line
    assert "1 control loosened" in " ".join(result.stdout.split())
    facts = json.loads(call("policy", "history", "credit-scoring", "--json").stdout)
    assert facts["faults"] == []
    old, new = facts["policies"]
    assert (old["version"], old["audits"], old["first_entry"], old["last_entry"]) == (
        "1.2",
        3,
        0,
        5,
    )
    assert (old["sha256"], old["before"], old["changes"]) == (policy(OLD).sha256, None, None)
    assert (new["audits"], new["before"], new["direction"]) == (2, old["sha256"], "loosened")
    assert old["first_seen"] < new["first_seen"] < new["last_seen"] < old["last_seen"]
    text = call("policy", "history", "--format", "markdown").stdout
    assert f"`{policy(NEW).sha256}` | 1 control loosened |" in text


def test_history_tells_one_version_over_two_texts(call: Any, record: Any) -> None:
    texts = OLD, OLD + "# more\n", OLD + "# and more\n"
    record(*texts)
    for options in ((), ("--format", "markdown"), ("--json",)):
        result = call("policy", "history", *options)
        assert result.exit_code == 1
        assert "one version, 3 texts" in result.stdout
        assert all(policy(text).sha256 in result.stdout for text in texts)


def test_history_counts_audits_and_not_monitors(call: Any, ledger: Ledger) -> None:
    ledger.append(statement(policy(OLD), 1))
    ledger.append(statement(policy(OLD), 2, kind="run"))
    ledger.append(statement(policy(OLD), 3, policy=None))
    (found,) = json.loads(call("policy", "history", "--json").stdout)["policies"]
    assert (found["audits"], found["entries"], found["last_entry"]) == (1, 2, 1)


def test_history_of_nothing_and_of_another_name(call: Any, ledger: Ledger) -> None:
    ledger.append(statement(policy(OLD), 1, policy=None))
    result = call("policy", "history")
    assert (result.exit_code, result.stdout) == (0, "No record holds a policy.\n")
    assert "no record holds a policy" in call("policy", "history", "credit").stderr
    ledger.append(statement(policy(OLD), 2))
    result = call("policy", "history", "credit-scorin")
    assert result.exit_code == 2
    assert "did you mean 'credit-scoring'?" in result.stderr


def test_what_this_version_cannot_read_is_listed_and_never_green(call: Any, record: Any) -> None:
    strange = OLD.replace("version:", "later: 1\nversion:").encode()
    newer = Policy(name="credit-scoring", version="9", controls=(), bytes=strange)
    record(OLD, newer, NEW)
    result = call("policy", "history")
    assert result.exit_code == 3
    said = " ".join(result.stdout.split())
    assert newer.sha256[:16] in said
    _, middle, last = json.loads(call("policy", "history", "--json").stdout)["policies"]
    assert "this version cannot read it as a policy" in middle["problem"]
    assert "'later'" in middle["problem"]
    assert (middle["sha256"], last["changes"]) == (newer.sha256, None)
    result = call("policy", "diff", "1.2", "9")
    assert result.exit_code == 1
    assert "RULES NOT COMPARED" in result.stdout
    assert "+later: 1\n" in result.stdout
    assert json.loads(call("policy", "diff", "1.2", "9", "--json").stdout)["changes"] is None


def test_a_metric_that_is_gone_by_now_does_not_keep_a_policy_from_being_read(
    call: Any, record: Any
) -> None:
    record(OLD.replace("metric: accuracy", "metric: bygone"), NEW)
    *_, last = json.loads(call("policy", "history", "--json").stdout)["policies"]
    assert last["summary"] == "1 control loosened, 1 control changed"


def test_a_record_that_calls_its_policy_otherwise_is_a_fault(call: Any, record: Any) -> None:
    record(OLD, Policy(name="loans", version="7", controls=(), bytes=OLD.encode()))
    result = call("policy", "history", "--json")
    faults = json.loads(result.stdout)["faults"]
    assert result.exit_code == 1
    assert len(faults) == 2
    assert faults[0].startswith("one text, two names: sha256")
    assert "calls it loans 7, its bytes say credit-scoring 1.2" in faults[1]
    result = call("policy", "diff", "loans@7", "1.2")
    assert result.exit_code == 1
    assert "FAULT" in result.stdout


def test_bytes_that_are_not_those_of_the_digest_are_a_fault(call: Any, ledger: Ledger) -> None:
    made = statement(policy(OLD), 1)
    made["predicate"]["policy"]["bytes"] = base64.b64encode(NEW.encode()).decode()
    ledger.append(made)
    result = call("policy", "history")
    assert result.exit_code == 1
    assert f"its policy's bytes have {policy(NEW).sha256}" in result.stdout
    result = call("policy", "diff", "1.2", "1.2")
    assert (result.exit_code, result.stdout) == (1, "")


def test_an_index_that_lies_is_made_again(call: Any, record: Any, ledger: Ledger) -> None:
    record(OLD)
    told = call("policy", "history", "--json")
    assert told.exit_code == 0
    with sqlite3.connect(ledger.home / "index.db") as base:
        for table in ("runs", "run_counts"):
            base.execute(f"update {table} set policy_sha256 = ?", ("ab" * 32,))
    base.close()
    again = call("policy", "history", "--json")
    assert (again.exit_code, again.stdout) == (0, told.stdout)


def test_entries_that_are_gone_are_told(call: Any, record: Any, ledger: Ledger) -> None:
    from venturalitica.ledger.lifecycle.prune import plan, prune

    record(*[OLD] * 4, *[NEW] * 3)
    assert json.loads(call("policy", "history", "--json").stdout)["missing"] == 0
    assert prune(ledger, plan(ledger, date(2099, 1, 1), segment=2)) is not None
    result = call("policy", "history")
    assert "entries of the log were pruned" in result.stderr
    assert "1.3" in result.stdout
    assert json.loads(call("policy", "history", "--json").stdout)["missing"] > 0


def test_each_text_is_read_once(call: Any, record: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    record(*[OLD] * 5, *[NEW] * 5)
    read: list[int] = []
    entry = Ledger.entry
    call("runs", "list")  # the index is caught up

    def counted(self: Ledger, index: int) -> Any:
        read.append(index)
        return entry(self, index)

    monkeypatch.setattr(Ledger, "entry", counted)
    assert call("policy", "history").exit_code == 0
    assert [index for index in read if index != 9] == [0, 5], "9 is where the index looks"


@pytest.mark.parametrize("arguments", [["history"], ["diff", "1.2", "1.3"]])
def test_hostile_names_on_record_are_inert(call: Any, record: Any, arguments: list[str]) -> None:
    for version in ("1.2", "1.3"):
        record(Policy(name="a\x1b[31m\nFAULT x", version=version, controls=(), bytes=b"\xff\x1b]"))
    for options in ((), ("--format", "markdown"), ("--json",)):
        result = call("policy", *arguments, *options)
        assert result.exit_code in (1, 3)
        assert "\x1b" not in result.stdout + result.stderr
        assert not re.search("^FAULT x", result.stdout + result.stderr, re.MULTILINE)
    for wrong in (["diff", "1.2", "nowhere"], ["history", "nowhere"], ["history", "FAULT x"]):
        assert not re.search("^FAULT x", call("policy", *wrong).stderr, re.MULTILINE)
    record(Policy(name="a\nFAULT x", version="1.2", controls=(), bytes=b"-"))
    assert not re.search("^FAULT x", call("policy", "diff", "1.2", "1.2").stderr, re.MULTILINE)
