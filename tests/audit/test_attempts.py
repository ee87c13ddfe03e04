"""Every audit tells what came before it in the log: a commitment, and looks at its data."""

from __future__ import annotations

import json
import multiprocessing
import shutil
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
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


@pytest.mark.parametrize("damage", ["gone", "edited", "shorter", "other", "folder"])
def test_what_is_kept_of_looks_is_made_again(
    table: pd.DataFrame, policy: Path, tmp_path: Path, damage: str
) -> None:
    for _ in range(3):
        look(table, policy)
    kept = tmp_path / "evidence" / "cache" / "looks.txt"
    text = kept.read_text()
    if damage == "gone":
        shutil.rmtree(kept.parent)
    elif damage == "edited":
        kept.write_text(text.replace("\n0 audit", "\n0 commitment"))
    elif damage == "shorter":
        kept.write_text("\n".join(text.splitlines()[:2]))
    elif damage == "other":
        kept.write_text("venturalitica/looks/v1 many many many many\n")
    else:
        kept.unlink()
        kept.mkdir()
    assert attempts(look(table, policy))[0] == 3
    assert step(tmp_path / "evidence").ok is True


def test_a_count_that_the_kept_looks_were_made_to_lower_is_found(
    table: pd.DataFrame, policy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever can write to the folder can make its digest fit, too; the log tells."""
    from venturalitica.core.encoding import sha256_hex

    for _ in range(3):
        look(table, policy)
    kept = tmp_path / "evidence" / "cache" / "looks.txt"
    head, *lines = kept.read_text().splitlines()
    rest = "".join(f"{line}\n" for line in lines[1:])
    kept.write_text(f"{head.rpartition(' ')[0]} {sha256_hex(rest.encode())}\n{rest}")
    assert attempts(look(table, policy))[0] == 2
    found = verify_ledger(tmp_path / "evidence")
    assert found.fault is not None
    assert (found.fault.name, found.fault.index) == ("attempts", 3)
    assert "counts 2 earlier audits" in found.fault.detail
    assert "the log holds 3 earlier audits" in found.fault.detail


@pytest.mark.parametrize(
    "forged", ["0 commitment {policy} - -", "zero audit:{key} {policy} {data} -"]
)
def test_kept_looks_that_cannot_be_read_cost_no_record(
    table: pd.DataFrame, policy: Path, tmp_path: Path, forged: str
) -> None:
    from venturalitica.core.encoding import sha256_hex

    for _ in range(2):
        look(table, policy)
    kept = tmp_path / "evidence" / "cache" / "looks.txt"
    head, line, _ = kept.read_text().splitlines()
    _, key, text, data, _ = line.replace("audit:", "").split(" ")
    rest = f"{forged.format(key=key, policy=text, data=data)}\n"
    kept.write_text(f"{head.rpartition(' ')[0]} {sha256_hex(rest.encode())}\n{rest}")
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


def test_it_is_quick_in_a_long_log(tmp_path: Path) -> None:
    """Ten thousand looks are read, searched and written in a few hundredths of a second."""
    from venturalitica.core.encoding import sha256_hex
    from venturalitica.ledger.log.log_files import LogFiles
    from venturalitica.ledger.records import kept_looks

    key = bytes(32)
    looks = [
        Look(n, key_id(key), f"a{n % 7:031x}", f"b{n % 50:031x}", f"c{n:031x}")
        for n in range(10_000)
    ]
    text = "".join(f"{kept_looks._line(one)}\n" for one in looks)
    kept = kept_looks._Kept(10_000, sha256_hex(b"leaf"), text)
    files = LogFiles(tmp_path)
    kept_looks._write(files, kept, key)
    begun = perf_counter()
    read = kept_looks._read(files, key)
    new = replace(looks[3], index=10_000)
    counted = kept_looks._attempts(read.text, new)
    kept_looks._write(files, read, key)
    assert perf_counter() - begun < 0.5  # 0.01 where nothing else runs
    assert counted is not None
    assert (counted.audits, counted.models) == (200, 200)
    assert counted == Looks(looks).attempts(new)


def test_what_is_malformed_reads_as_absent() -> None:
    assert Attempts.of({"audits": -1}) is None
    assert Attempts.of(None) is None
    assert Prior.of("x") is None
    assert Prior.of({"commitment": {"entry": True}, "attempts": 3}) == Prior()
    assert json.dumps(Prior().to_json()) == '{"commitment": null, "attempts": null}'
