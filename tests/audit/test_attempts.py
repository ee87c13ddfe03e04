"""Every audit tells what came before it in the log: a commitment, and looks at its data."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

import venturalitica as vl
from venturalitica.audit.committing import commit_to, describe_test_data
from venturalitica.audit.project import open_ledger
from venturalitica.core.prior import KNOWN_BY, Attempts, Prior, key_id
from venturalitica.core.record import Statement
from venturalitica.core.verification import Step
from venturalitica.ledger import Ledger, verify_bundle, verify_ledger
from venturalitica.ledger.log.log_files import LogFiles
from venturalitica.ledger.records import kept_looks
from venturalitica.ledger.records.kept_looks import prior_of
from venturalitica.ledger.records.looks import Look, Looks

LABELS: dict[str, Any] = {"target": "label", "prediction": "said", "gender": "sex"}


def look(table: pd.DataFrame, policy: Path, **named: Any) -> Prior:
    audit = vl.enforce(table, policy=policy, **{**LABELS, **named})
    assert audit.entry is not None, audit.fault
    found = audit.entry.record.prior
    assert found is not None
    return found


def attempts(found: Prior) -> tuple[int, ...]:
    said = found.attempts
    assert said is not None
    return said.audits, said.policies, said.models, said.before_policy, said.not_compared


def step(home: Path, name: str = "attempts") -> Step:
    return next(one for one in verify_ledger(home).steps if one.name == name)


def test_neither_policy_nor_answers_nor_names_begin_anew(
    table: pd.DataFrame, policy: Path, write_policy: Callable[..., Path], tmp_path: Path
) -> None:
    assert attempts(look(table, policy)) == (0, 0, 0, 0, 0)
    other = table.assign(said=1 - table["said"])
    assert attempts(look(other, policy)) == (1, 1, 0, 0, 0)
    renamed = table.rename(columns={"label": "outcome"})
    assert attempts(look(renamed, policy, target="outcome")) == (2, 1, 0, 0, 0)
    changed = write_policy(policy.read_text().replace("0.10", "0.05"), "other.yaml")
    found = look(table, changed)
    assert attempts(found) == (3, 1, 0, 3, 0)
    assert found.sentences()[1:] == [
        "This log holds 3 earlier audits of these data (1 policy text); looks elsewhere are not "
        "counted.",
        "Policy changed after 3 audits of these data: its text came into the log only then.",
        KNOWN_BY,
    ]
    assert attempts(look(table, policy)) == (4, 2, 0, 0, 0)
    # Arrays beside the table, and other rows.
    arrays = {"target": table["label"].to_numpy(), "prediction": table["said"].to_numpy()}
    assert attempts(look(table, policy, **arrays))[0] == 5
    assert attempts(look(table[:200], policy))[0] == 0
    assert step(tmp_path / "evidence").ok is True


def test_models_are_counted_by_their_digest(table: pd.DataFrame, policy: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    for strength in (1.0, 0.1):
        model = vl.wrap(LogisticRegression(C=strength), policy=policy)
        model.fit(table[["x"]], table["label"], audit_data=table, gender="sex")
    assert attempts(look(table, policy)) == (2, 1, 2, 0, 0)


def test_an_audit_names_the_newest_commitment_to_its_text(
    table: pd.DataFrame, policy: Path, write_policy: Callable[..., Path], tmp_path: Path
) -> None:
    rules = vl.read_policy(policy)
    data = describe_test_data(rules, table, name="test.csv", target="label")
    commit_to(rules, None, rows=None, authority=None)
    second = commit_to(rules, data, rows=400, authority=None)
    other = vl.read_policy(write_policy(policy.read_text() + "# two\n", "two.yaml"))
    commit_to(other, None, rows=None, authority=None)
    named = look(table, policy).commitment
    assert named is not None
    assert (named.entry, named.evidence_sha256) == (1, second.entry.evidence_sha256)
    assert (named.data, named.rows, named.timestamped_at) == (True, True, None)
    assert "It named these data. It planned as many rows." in named.sentence()
    assert named.sentence().endswith("it does not show that nobody had looked.")
    named = look(table[:300], policy).commitment
    assert named is not None
    assert (named.data, named.rows) == (False, False)
    assert "other data than these" in named.sentence()
    assert "another number of rows" in named.sentence()
    third = write_policy(policy.read_text() + "# three\n", "three.yaml")
    found = look(table, third)
    assert found.commitment is None
    assert found.sentences()[0].startswith("No commitment to this policy text is in the log")
    # Committed to before the first look: no policy that was changed after it.
    assert attempts(look(table, tmp_path / "two.yaml"))[3] == 0
    assert step(tmp_path / "evidence").ok is True


def test_the_identity_is_under_the_key_of_the_log(table: pd.DataFrame, policy: Path) -> None:
    audit = vl.enforce(table, policy=policy, **LABELS)
    home = audit.entry and open_ledger().home
    assert home
    said = Statement.of(audit.entry.statement).data[0]["identity"]  # type: ignore[union-attr]
    bare = describe_test_data(vl.read_policy(policy), table, name="t", target="label")
    assert bare["identity"]["sha256"] not in audit.entry.envelope.decode()  # type: ignore[union-attr]
    assert said["of"] == ["target"]
    # Another key, and nothing can be compared any more: that is said, not counted as none.
    (home / "vault" / "log.key").unlink()
    found = look(table, policy)
    assert attempts(found) == (0, 0, 0, 0, 1)
    assert "The data of 1 earlier audit cannot be compared with these." in found.sentences()
    assert step(home).ok is True


def test_without_a_fingerprint_nothing_is_counted(
    table: pd.DataFrame, policy: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VENTURALITICA_FINGERPRINT", "0")
    found = look(table, policy)
    assert found.attempts is None
    assert "were not counted" in found.sentences()[1]
    monkeypatch.delenv("VENTURALITICA_FINGERPRINT")
    assert attempts(look(table, policy)) == (0, 0, 0, 0, 1)
    assert step(tmp_path / "evidence").ok is True


def kept_of(home: Path) -> Path:
    return home / "cache" / "looks.bin"


def rows_in(kept: Path) -> Any:
    """The head, and a row for each entry, which can be changed and `put` back."""
    head, _, data = kept.read_bytes().partition(b"\n")
    return head, np.frombuffer(data, dtype="<u8").reshape(-1, kept_looks.WIDTH).copy()


def put(kept: Path, head: bytes, rows: Any) -> None:
    rows[:, kept_looks.SUM] = kept_looks._checksums(rows)
    kept.write_bytes(head + b"\n" + rows.astype("<u8").tobytes())


@pytest.mark.parametrize("damage", ["gone", "edited", "shorter", "torn", "other", "folder"])
def test_what_is_kept_of_looks_is_made_again(
    table: pd.DataFrame, policy: Path, tmp_path: Path, damage: str
) -> None:
    for _ in range(3):
        look(table, policy)
    kept = kept_of(tmp_path / "evidence")
    data = kept.read_bytes()
    if damage == "gone":
        shutil.rmtree(kept.parent)
    elif damage == "edited":
        kept.write_bytes(data[:80] + b"x" + data[81:])
    elif damage in ("shorter", "torn"):
        kept.write_bytes(data[: -88 if damage == "shorter" else -30])
    elif damage == "other":
        kept.write_bytes(b"venturalitica/looks/v2 many\n" + bytes(100))
    else:
        kept.unlink()
        kept.mkdir()
    for before in (3, 4):
        assert attempts(look(table, policy))[0] == before
    assert step(tmp_path / "evidence").ok is True
    if damage != "folder":  # it was mended, and is not read from the log at each audit
        _, rows = rows_in(kept)
        sound = rows[:, kept_looks.SUM] == kept_looks._checksums(rows)
        assert set(rows[sound][:, 0].tolist()) == set(range(5))


def test_a_count_that_the_kept_looks_were_made_to_lower_is_found(
    table: pd.DataFrame, policy: Path, tmp_path: Path
) -> None:
    """Whoever can write to the folder can make its checksums fit, too; the log tells."""
    for _ in range(3):
        look(table, policy)
    kept = kept_of(tmp_path / "evidence")
    head, rows = rows_in(kept)
    rows[0, kept_looks.KIND] = kept_looks.OTHER
    put(kept, head, rows)
    assert attempts(look(table, policy))[0] == 2
    found = verify_ledger(tmp_path / "evidence")
    assert found.fault is not None
    assert (found.fault.name, found.fault.index) == ("attempts", 3)
    assert "counts 2 earlier audits" in found.fault.detail
    assert "the log holds 3 earlier audits" in found.fault.detail


@pytest.mark.parametrize("forged", ["commitment", "leaf"])
def test_kept_looks_that_cannot_be_right_cost_no_record(
    table: pd.DataFrame, policy: Path, tmp_path: Path, forged: str
) -> None:
    for _ in range(2):
        look(table, policy)
    kept = kept_of(tmp_path / "evidence")
    head, rows = rows_in(kept)
    if forged == "commitment":
        rows[0, kept_looks.KIND] = kept_looks.COMMITTED
    else:
        rows[-1, kept_looks.LEAF] += 1
    put(kept, head, rows)
    assert attempts(look(table, policy)) == (2, 1, 0, 0, 0)
    assert step(tmp_path / "evidence").ok is True


@pytest.mark.parametrize("lie", ["none", "fewer", "commitment", "silent"])
def test_a_record_that_tells_otherwise_than_the_log_is_a_fault(
    table: pd.DataFrame, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    from venturalitica.audit import statement

    commit_to(vl.read_policy(policy), None, rows=None, authority=None)
    look(table, policy)

    def lying(*args: Any, **named: Any) -> dict[str, Any]:
        said = prior_of(*args, **named)
        prior = said["prior"]
        if lie == "silent":
            return {}
        if lie == "none":
            return {"prior": prior | {"attempts": None}}
        if lie == "fewer":
            return {"prior": prior | {"attempts": prior["attempts"] | {"audits": 0}}}
        return {"prior": prior | {"commitment": None}}

    monkeypatch.setattr(statement, "prior_of", lying)
    vl.enforce(table, policy=policy, **LABELS)
    fault = verify_ledger(tmp_path / "evidence").fault
    assert fault is not None
    # One that says nothing at all is no whole record of this format either.
    assert fault.name in ("attempts", "statements")
    assert fault.index == 2


def test_a_bundle_alone_says_that_it_needs_the_log(table: pd.DataFrame, policy: Path) -> None:
    audit = vl.enforce(table, policy=policy, **LABELS)
    assert audit.entry is not None
    found = verify_bundle(open_ledger().bundle(audit.entry.index))
    assert found.ok, found.fault
    (told,) = (one for one in found.steps if one.name == "attempts")
    assert told.ok is None
    assert "earlier audits are in the log alone" in told.detail


def _audits(home: str, config: str, policy: str, count: int) -> None:
    import os

    os.environ |= {"VENTURALITICA_HOME": home, "VENTURALITICA_CONFIG": config}
    truth = np.arange(200) % 2
    for _ in range(count):
        vl.enforce(target=truth, prediction=truth.copy(), policy=policy)


@pytest.mark.parametrize("locks", ["1", "0"])
def test_two_processes_at_once_never_count_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, locks: str
) -> None:
    monkeypatch.setenv("VENTURALITICA_LOCKS", locks)
    policy, home = tmp_path / "model_policy.yaml", tmp_path / "evidence"
    policy.write_text(
        'policy: p\nversion: "1"\ncontrols:\n  - {id: a, metric: accuracy, must: ">= 0.5"}\n'
    )
    arguments = (str(home), str(tmp_path / "config"), str(policy), 6)
    spawned = multiprocessing.get_context("spawn")
    workers = [spawned.Process(target=_audits, args=arguments) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    ledger = Ledger.open(home)
    counted = [entry.record.prior for entry in ledger.entries()]
    assert [one and one.attempts and one.attempts.audits for one in counted] == list(range(12))
    assert step(home).ok is True
    assert verify_ledger(home).ok


def test_a_long_log_is_counted_as_a_short_one(tmp_path: Path) -> None:
    key = bytes(32)
    looks = [
        Look(n, key_id(key), f"a{n % 7:031x}", f"b{n % 50:031x}", f"c{n:031x}")
        for n in range(10_000)
    ]
    files = LogFiles(tmp_path)
    kept_looks._append(files, key, [kept_looks._row(one.index, bytes(32), one) for one in looks])
    new = replace(looks[3], index=10_000)
    counted = kept_looks.attempts_in(kept_looks._read(files, key, 10_000), new)
    assert counted is not None
    assert (counted.audits, counted.models) == (200, 200)
    assert counted == Looks(looks).attempts(new)


def test_what_is_malformed_reads_as_absent() -> None:
    assert Attempts.of({"audits": -1}) is None
    assert Attempts.of(None) is None
    assert Prior.of("x") is None
    assert Prior.of({"commitment": {"entry": True}, "attempts": 3}) == Prior()
    assert json.dumps(Prior().to_json()) == '{"commitment": null, "attempts": null}'
