"""Earlier audits of the same data: those of format 1, those that were pruned, those of a copy."""

from __future__ import annotations

import hashlib
import shutil
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.audit import statement as module
from venturalitica.audit.statement import Facts, Unsigned, build_statement
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.prior import Attempts, identity_digest
from venturalitica.ledger import Ledger, verify_ledger
from venturalitica.ledger.lifecycle.prune import plan, prune
from venturalitica.ledger.records import kept_looks
from venturalitica.ledger.records.kept_looks import prior_of
from venturalitica.ledger.records.looks import Look, Looks
from venturalitica.ledger.records.vault import Vault
from venturalitica.policy import parse_policy
from venturalitica.provenance.fingerprint import data_item

old_log = sys.modules["ledger_old_log"]
clock, ledger = old_log.clock, old_log.ledger
POLICY = b"""\
policy: loans
version: '1'
controls:
  - {id: whole, metric: completeness, of: [target], must: '>= 0.5', phase: data}
"""
COLUMN = hashlib.sha256(b"the target").hexdigest()
BARE = {"of": ["target"], "sha256": identity_digest(100, [COLUMN])}


def first_format(statement: Any, number: int, **changes: Any) -> dict[str, Any]:
    """An audit of format 1 of the data, which has bare digests of its columns."""
    data = [
        {
            "name": "audit",
            "context": "audit",
            "sha256": hashlib.sha256(b"data %d" % number).hexdigest(),
            "rows": 100,
            "columns": [{"name": "label", "type": "int64", "nulls": 0, "sha256": COLUMN}],
        }
    ]
    bound = {"target": "label", "gender": "sex"}
    made: dict[str, Any] = statement(number, data=data, bindings=bound, **changes)
    return made


def third_format(ledger: Ledger, number: int, retention: str = "ten-years") -> Unsigned:
    """One of format 3, of the same data, to be appended with what came before it."""
    digest = hashlib.sha256(b"%d" % number).hexdigest()
    label = {"name": "label", "type": "int64", "nulls": 0, "sha256": COLUMN}
    facts: dict[str, Any] = {"rows": 100, "sha256": digest, "columns": [label], "identity": BARE}
    made = Facts(
        kind="audit",
        run_id=f"{number:032x}",
        name="training",
        source="fit",
        started=old_log.BEGIN,
        ended=old_log.BEGIN,
        policy=parse_policy(POLICY, filename="model_policy.yaml"),
        circumstances=Circumstances(phase="model", left_out=("whole",)),
        model={"class": "Forest", "parameters": {}, "sha256": digest},
        bindings={"target": "label"},
        data=(data_item("audit", "audit", **facts),),
        retention=retention,
    )
    return build_statement(made, key=Vault(ledger.home).key())


def counted(ledger: Ledger, index: int) -> Attempts:
    prior = ledger.entry(index).record.prior
    assert prior is not None
    assert prior.attempts is not None
    return prior.attempts


def step(home: Path) -> Any:
    return next(one for one in verify_ledger(home).steps if one.name == "attempts")


def test_records_of_format_1_are_of_the_same_data(ledger: Ledger, statement: Any) -> None:
    for number in range(3):
        ledger.append(first_format(statement, number))
    ledger.append(statement(3))  # its data say nothing of their columns
    third_format(ledger, 4).append_to(ledger)
    found = Attempts(audits=3, policies=1, models=3, before_policy=3, not_compared=1)
    assert counted(ledger, 4) == found
    assert step(ledger.home).ok is True


def test_a_copy_without_the_key_says_what_it_cannot_compare(
    ledger: Ledger, statement: Any, tmp_path: Path
) -> None:
    for number in range(2):
        ledger.append(first_format(statement, number))
    third_format(ledger, 2).append_to(ledger)
    copy = tmp_path / "copy"
    shutil.copytree(ledger.home, copy, ignore=shutil.ignore_patterns("vault"))
    told = step(copy)
    assert told.ok is None
    assert "1 in part: audits of format 1, without log.key here" in told.detail
    assert step(ledger.home).ok is True


def test_what_was_pruned_is_not_counted_and_what_had_been_is_told_in_part(
    ledger: Ledger, statement: Any, clock: Any
) -> None:
    for number in range(8):
        third_format(ledger, number, "six-months").append_to(ledger)
    third_format(ledger, 8).append_to(ledger)
    assert counted(ledger, 8).audits == 8
    clock.now = datetime(2021, 1, 2, tzinfo=UTC)
    assert prune(ledger, plan(ledger, date(2021, 1, 2), segment=8)) is not None
    third_format(ledger, 10).append_to(ledger)
    found = Attempts(audits=1, policies=1, models=1)
    assert counted(ledger, 10) == found
    # The same from the log alone.
    (ledger.home / "cache" / "looks.bin").unlink()
    third_format(ledger, 11).append_to(ledger)
    assert counted(ledger, 11).audits == 2
    told = step(ledger.home)
    assert told.ok is None
    assert told.detail == "3 told of what came before them; 1 in part: entries pruned since"


@pytest.mark.parametrize("audits", [0, 99])
def test_pruning_explains_no_count_that_cannot_be(
    ledger: Ledger, statement: Any, clock: Any, audits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        third_format(ledger, number, "six-months").append_to(ledger)
    honest = prior_of

    def lying(*given: Any, **named: Any) -> dict[str, Any]:
        said = honest(*given, **named)
        return {
            "prior": said["prior"] | {"attempts": said["prior"]["attempts"] | {"audits": audits}}
        }

    monkeypatch.setattr(module, "prior_of", lying)
    third_format(ledger, 9).append_to(ledger)
    clock.now = datetime(2021, 1, 2, tzinfo=UTC)
    made = plan(ledger, date(2021, 1, 2), segment=8)
    with pytest.raises(Exception, match="earlier audits of these data"):
        prune(ledger, made)  # nothing is pruned from a log that does not verify
    monkeypatch.setattr("venturalitica.ledger.lifecycle.prune._verify", lambda _: None)
    assert prune(ledger, made) is not None
    fault = verify_ledger(ledger.home).fault
    assert fault is not None
    assert (fault.name, fault.index) == ("attempts", 9)
    assert "that cannot be counted again" in fault.detail


def test_looks_are_taken_out_again() -> None:
    looks = Looks([Look(0, "k", "p", "d", "m"), Look(1, "k", "q", "d", "m"), Look(2, "", "q")])
    looks.prune(0, 1)
    found = looks.attempts(Look(3, "k", "q", "d", "m"))
    assert found == Attempts(audits=1, policies=1, models=1)
    looks.prune(0, 3)
    assert looks.commitment("q") == 2
    assert looks.attempts(Look(3, "k", "q", "d", "m")) == Attempts()
    assert looks.attempts(Look(3, "-", "q")) is None


ROWS = st.lists(
    st.tuples(
        *(st.sampled_from(["", "k1", "k2", "-", "?"]), st.integers(0, 3), st.integers(0, 3)),
        st.integers(0, 2),
    ),
    max_size=20,
)


@given(rows=ROWS, new=st.tuples(st.integers(0, 3), st.integers(0, 3)), gone=st.integers(0, 20))
def test_searching_counts_as_taking_in_does(
    rows: list[tuple[str, int, int, int]], new: tuple[int, int], gone: int
) -> None:
    made = [
        Look(
            index,
            key,
            f"{policy:032x}",
            f"{key}{data:030x}" if key.startswith("k") else "",
            f"{99 + model:032x}" if key and model else "",
        )
        for index, (key, policy, data, model) in enumerate(rows)
    ]
    looks = Looks(made)
    looks.prune(0, gone)
    pruning = [len(made), 0, kept_looks.PRUNED, 0, 0, 0, gone, 0, 0, 0]
    kept = kept_looks._summed([kept_looks._row(o.index, bytes(32), o) for o in made] + [pruning])
    look = Look(len(rows), "k1", f"{new[0]:032x}", f"k1{new[1]:030x}")
    assert kept_looks.attempts_in(kept, look) == looks.attempts(look)
    assert kept_looks.commitment_to(kept, look.policy) == looks.commitment(look.policy)
