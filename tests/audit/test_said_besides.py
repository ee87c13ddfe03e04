"""What a record says besides its verdicts: intervals, keys, other columns, rows of the training."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from msgspec.structs import replace
from sklearn.linear_model import LogisticRegression
from typer.testing import CliRunner

import venturalitica as vl
from venturalitica.audit.other_columns import OTHERS
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.circumstances import INTERVALS, MADE_BY, Share, share_words
from venturalitica.core.policy import LEVEL
from venturalitica.judge.controls import METHODS
from venturalitica.ledger import verify_ledger
from venturalitica.ledger.ledger import Ledger
from venturalitica.metrics.intervals import REPLICATES
from venturalitica.reports.html.page import draw_page
from venturalitica.review.record_page import page_context

ROLES: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def last():
    ledger = open_ledger(create=False)
    return ledger.entry(ledger.size - 1)


def step(name: str):
    return next(one for one in verify_ledger(open_ledger().home).steps if one.name == name)


def test_how_intervals_were_made(policy, table):
    vl.enforce(table, policy=policy, **ROLES)
    said = last().record.intervals
    assert said is not None
    assert said["method"] == INTERVALS == last().record.judging["intervals"]
    assert (said["level"], said["replicates"]) == (LEVEL, REPLICATES)
    assert said["corrections"]
    assert said["for_several_controls"] == "none"
    assert MADE_BY.keys() == METHODS.keys()
    assert step("verdicts").ok


def test_intervals_that_are_said_to_be_others_are_a_fault(policy, table):
    vl.enforce(table, policy=policy, **ROLES)
    predicate = {name: said for name, said in last().record.predicate.items() if name != "log"}
    predicate["intervals"] = predicate["intervals"] | {"level": 0.99}
    open_ledger().append(dict(last().statement) | {"predicate": predicate})
    assert step("verdicts").ok is False
    assert "its intervals" in step("verdicts").detail


def test_who_signed_in_which_role(policy, table):
    vl.enforce(table, policy=policy, **ROLES)
    entry = last()
    assert [role for role, _ in entry.record.keys] == ["records", "checkpoints"]
    assert dict(entry.record.keys)["records"] == entry.signer
    assert dict(entry.record.keys)["checkpoints"] == entry.record.link.checkpoint_key


def test_a_key_that_did_not_sign_is_a_fault(policy, table, monkeypatch):
    own = Ledger._link

    def forged(self: Ledger, *given: Any) -> Any:
        return replace(own(self, *given), record_key="0" * 64)

    monkeypatch.setattr(Ledger, "_link", forged)
    vl.enforce(table, policy=policy, **ROLES)
    assert step("signatures").ok is False
    assert "says that key 0000000000000000 signs it" in step("signatures").detail


def test_the_columns_that_no_rule_looks_at(policy, table, monkeypatch):
    vl.enforce(table, policy=policy, **ROLES)
    (item,) = last().record.data
    assert item["other_columns"] == ["chance", "x"]
    assert item["other_columns_besides"] == 0
    many = pd.concat([table, pd.DataFrame(0, table.index, [f"c{n}" for n in range(120)])], axis=1)
    vl.enforce(many, policy=policy, **ROLES)
    (item,) = last().record.data
    assert (len(item["other_columns"]), item["other_columns_besides"]) == (OTHERS, 22)
    monkeypatch.setenv("VENTURALITICA_OTHER_COLUMNS", "0")
    vl.enforce(table, policy=policy, **ROLES)
    assert "other_columns" not in last().record.data[0]
    assert "'chance'" not in str(last().record.predicate)


@pytest.mark.parametrize(
    ("rows", "shown"),
    [(0, 0.0), (1, 0.04), (4, 0.04), (5, 0.05), (50, 0.5), (95, 0.95), (96, 0.96), (99, 0.96)],
)
def test_no_share_tells_of_fewer_than_five_rows(rows, shown):
    for share in (rows / 100, round(rows / 100 + 4e-7, 6)):
        told = Share(share, 0.0, 100).told(5)
        assert told.share == pytest.approx(shown, abs=1e-6)
        assert told.few is (0 < rows < 5)
    assert Share(rows / 100, 0.0, 100).told(0).share == rows / 100


@pytest.mark.parametrize("least", [3, 5, 20])
def test_it_is_so_of_any_number_of_rows(least):
    for rows in (1, 7, 40, 333, 100_000):
        counts = {*range(min(rows, 30) + 1), *range(max(0, rows - 30), rows + 1)}
        told = {count: Share(round(count / rows, 6), 0.0, rows).told(least) for count in counts}
        few = {told[count] for count in counts if 0 < count < least}
        nearly = {told[count] for count in counts if 0 < rows - count < least <= count}
        assert max(len(few), len(nearly)) <= 1, "which of them it is, is told"
        chances = {
            Share(0.0, count / rows, rows).told(least) for count in range(1, min(least, rows))
        }
        assert len(chances) <= 1


def trained(policy, table, taken: int) -> Any:
    """The share recorded of an audit on rows of which `taken` were in the training."""
    features = ["x", "chance"]
    train, other = table.iloc[:150], table.iloc[150 : 290 - taken]
    held = pd.concat([train.iloc[:taken], other]).reset_index(drop=True)
    model = vl.wrap(LogisticRegression(), policy=policy)
    model.fit(train[features], train.label, audit_data=held, target="label", gender="sex")
    return last().record.judging["training_share"]["share"]


def test_the_share_of_training_rows_is_recorded_and_small_parts_are_not(policy, table):
    assert (
        trained(policy, table, 3) == trained(policy, table, 1) == pytest.approx(4 / 140, abs=1e-6)
    )
    assert trained(policy, table, 42) == pytest.approx(0.3)
    assert trained(policy, table, 138) == trained(policy, table, 137)
    assert step("verdicts").ok


@pytest.mark.parametrize("said", [None, {}, {"share": "x"}, {"share": 1e400}, [1]])
def test_words_of_a_share_that_is_none(said):
    assert share_words(said) == ""


def test_it_is_shown(policy, table):
    trained(policy, table, 42)
    page = re.sub(r"<[^>]*>|\s+", " ", draw_page(page_context(open_ledger(), last())))
    page = re.sub(r" +", " ", page)
    shown = CliRunner().invoke(app, ["runs", "show", "last", "--details"]).stdout
    for text in (page, shown):
        assert "30.0% of 140 rows looked at" in text
        assert "exact ends of a share (Clopper-Pearson)" in text
        assert last().signer in text
        assert "no rule looks at" in text
    assert "Method exact-1 Level 0.95 Replicates, where they are used 2,000" in page
    assert "exact-1: exact ends" in shown
    assert "level 0.95, 2000 replicates" in shown
    assert "Key of checkpoints" in page
    assert "of checkpoints" in shown
