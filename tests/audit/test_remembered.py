"""A policy that was read is not read again in the next process, and nobody has to trust that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from msgspec import msgpack
from msgspec.structs import replace

import venturalitica as vl
from venturalitica.audit import remembered
from venturalitica.audit.remembered import read_again, remember_policies
from venturalitica.core.policy import Policy, Threshold
from venturalitica.policy import read_policy

SCRIPT = """\
import sys
import pandas
import venturalitica as vl
table = pandas.DataFrame({"y": [1, 0] * 20, "p": [1, 0, 1, 1] * 10, "gender": ["f", "m"] * 20})
audit = vl.enforce(table, policy="model_policy.yaml", target="y", prediction="p", gender="gender")
print([(one.control, one.status, one.value) for one in audit.verdicts])
print(sorted({"pydantic", "ruamel.yaml"} & sys.modules.keys()))
"""


def kept(home: Path) -> list[Path]:
    return sorted((home / "cache" / "policies").glob("*"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    remembered._read.cache_clear()
    remembered._fresh.clear()
    return tmp_path / "evidence"


def again(path: Path, home: Path) -> Policy:
    """As another process reads it."""
    remembered._read.cache_clear()
    return read_again(path, home)


def test_the_next_process_loads_nothing_that_reads_policies(policy: Path) -> None:
    said = [
        subprocess.run(
            [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        for _ in range(2)
    ]
    (verdicts, loaded), (same, nothing) = said
    assert verdicts == same
    assert (loaded, nothing) == ("['pydantic', 'ruamel.yaml']", "[]")


MANY = """\
policy: many
version: "2"
roles:
  target: {favorable: yes, labels: [yes, no], column: label}
  age: {bins: [25, 60.5], column: "1"}
  code: {as: text}
  sex: {map: {1: m, 2: f, "3": y, 0.5: z}}
controls:
  - {id: a, metric: accuracy, must: ">= 0.50 surely", article: "15(1)", on_fail: block}
  - {id: b, metric: selection_rate, across: [sex, age], compare: between, nulls: drop,
     groups: [m × under 25, f × under 25], must: "<= 1e-1", phase: model, remedy: Look.}
  - {id: c, metric: completeness, of: [age, code], must: "== 1"}
"""


def test_every_key_comes_back_as_it_was_read(home: Path, write_policy: Callable[..., Path]) -> None:
    root = Path(__file__).parents[2]
    shipped = [*root.glob("examples/**/*polic*.yaml"), *root.glob("src/**/model_policy*.yaml")]
    files = [write_policy(MANY, "many.yaml"), *shipped]
    for file in files:
        read = again(file, home)
        remember_policies(home)
        found = again(file, home)
        assert found == read == read_policy(file)
        assert repr(found) == repr(read)  # 1 and True are equal, and not the same
    assert len(kept(home)) == len({file.read_bytes() for file in files}) > 5


def test_other_bytes_are_another_policy(
    home: Path, write_policy: Callable[..., Path], policy: Path
) -> None:
    loose = again(policy, home)
    remember_policies(home)
    write_policy(policy.read_text().replace("0.50", "0.90"))
    assert again(policy, home).controls[0].must == Threshold(">=", 0.9)
    assert loose.controls[0].must == Threshold(">=", 0.5)


def test_what_belongs_to_one_ledger_is_not_lost_to_another(home: Path, policy: Path) -> None:
    again(policy, home)
    remember_policies(home / "another")
    assert kept(home) == []
    remember_policies(home)
    assert len(kept(home)) == 1


def test_a_policy_that_a_caller_made_is_kept_nowhere(
    home: Path, policy: Path, table: pd.DataFrame
) -> None:
    fewer = replace(read_policy(policy), controls=read_policy(policy).controls[:1])
    vl.enforce(table, policy=fewer, target="label", prediction="said")
    assert kept(home) == []


@pytest.mark.parametrize("spoil", ["torn", "not ours", "of another policy", "open to others"])
def test_what_is_spoilt_is_read_anew(home: Path, policy: Path, spoil: str) -> None:
    whole = again(policy, home)
    remember_policies(home)
    (file,) = kept(home)
    forged = replace(whole, bytes=b"", controls=whole.controls[:1])
    contents = {
        "torn": file.read_bytes()[:40],
        "not ours": b"\xff" * 100,
        "of another policy": msgpack.encode(replace(forged, sha256="0" * 64)),
        "open to others": msgpack.encode(forged),
    }
    file.write_bytes(contents[spoil])
    if spoil == "open to others":
        file.chmod(0o622)
    assert again(policy, home) == whole


def test_a_forged_one_is_found_by_verify(home: Path, policy: Path, table: pd.DataFrame) -> None:
    whole = again(policy, home)
    remember_policies(home)
    (file,) = kept(home)
    lax = replace(whole.controls[0], must=Threshold(">=", 0.0))
    file.write_bytes(msgpack.encode(replace(whole, bytes=b"", controls=(lax,))))
    assert len(again(policy, home).controls) == 1
    vl.enforce(table, policy=policy, target="label", prediction="said")
    found = vl.verify()
    assert not found.ok
    assert "verdicts" in {step.name for step in found.steps if not step.ok}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_costs_nothing(home: Path, policy: Path) -> None:
    home.mkdir()
    home.chmod(0o500)
    assert again(policy, home) == read_policy(policy)
    remember_policies(home)
    assert kept(home) == []
