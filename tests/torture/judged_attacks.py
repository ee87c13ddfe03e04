"""Records that contradict themselves, signed with the key: what an insider's process could do.

Each is made from a record as the product makes it, of real counts, and then changed before it is
signed. Loading this module enters the attacks.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torture import attacks
from torture.attacks import INSIDER, OUTSIDER, Play, World
from torture.formats import in_format_1
from venturalitica.audit.statement import Facts, Unsigned, build_statement
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.prior import Committed, Prior, identity_digest
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.judge import judge
from venturalitica.judge.pen import as_recorded
from venturalitica.ledger import Ledger
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.policy import parse_policy
from venturalitica.provenance.fingerprint import data_item

POLICY = parse_policy(
    b"""\
policy: loans
version: '1'
controls:
  - {id: accuracy, metric: accuracy, must: '>= 0.70'}
  - {id: parity, metric: demographic_parity_difference, across: gender, must: '<= 0.50'}
"""
)
attack: Callable[..., Callable[[Play], Play]] = attacks.attack
CELLS = (
    *((0, 0, 0, 180), (0, 0, 1, 168), (0, 1, 0, 70), (0, 1, 1, 82)),
    *((1, 0, 0, 82), (1, 0, 1, 70), (1, 1, 0, 168), (1, 1, 1, 180)),
)
TALLY = Tally(
    rows=1000,
    axes=(
        Axis("target", "y", (0, 1)),
        Axis("prediction", "p", (0, 1)),
        Axis("gender", "g", ("a", "b")),
    ),
    tables=(Table(("target", "prediction", "gender"), CELLS),),
    nulls={"target": 0, "prediction": 0, "gender": 0},
)
"""Accuracy 0.696: a failure against 0.70."""
AT = datetime(2026, 1, 2, tzinfo=UTC)


def judged_record(**changes: Any) -> dict[str, Any]:
    """A record of `TALLY` in the form of format 1, its counts in it: red."""
    asked = Circumstances()
    facts: dict[str, Any] = {
        "kind": "audit",
        "run_id": "0" * 32,
        "name": "training",
        "source": "enforce",
        "started": AT,
        "ended": AT,
        "policy": POLICY,
        "verdicts": judge(POLICY, TALLY, circumstances=asked),
        "circumstances": asked,
        "tally": TALLY,
        "bindings": {"target": "y", "prediction": "p", "gender": "g"},
    }
    made = Facts(**(facts | changes))
    return in_format_1(build_statement(made).statement, made.tally)


def in_format_3(home: Path, statement: dict[str, Any]) -> dict[str, Any]:
    """The same record as it is made now: its counts go into the vault of the log in `home`."""
    predicate = statement["predicate"] | {"format": 3, "rows": None, "axes": []}
    del predicate["tally_sha256"]
    tally = predicate["tally"]
    if tally is not None:
        predicate["tally"] = Vault(home).keep(Pair.of(canonical_json(tally).decode()))
        predicate |= {"rows": tally["rows"], "axes": tally["axes"] or []}
    return statement | {"predicate": predicate}


def run_record(entry: Any, **changes: Any) -> dict[str, Any]:
    """The record of a run that names the audit in `entry`, as it is."""
    said = {
        "index": entry.index,
        "evidence_sha256": entry.evidence_sha256,
        "light": entry.statement["predicate"]["light"],
        "policy": POLICY.sha256,
    }
    audits = ({**said, **changes},)
    record = judged_record(kind="run", verdicts=(), circumstances=None, tally=None, audits=audits)
    record["predicate"]["light"] = audits[0]["light"]
    return record


def _signed(world: World, home: Path, change: Callable[[dict[str, Any]], None]) -> None:
    statement = judged_record()
    change(statement["predicate"])
    Ledger.open(home, signer=world.ours).append(statement)


def passing(verdict: dict[str, Any]) -> None:
    """Call a verdict passed, conclusive and green."""
    verdict.update(status="passed", conclusive=True, light="green")


def counted_again(predicate: dict[str, Any]) -> None:
    """Make the digest of the tally fit what was changed in it."""
    predicate["tally_sha256"] = sha256_hex(canonical_json(predicate["tally"]))


@attack(INSIDER, found="alone")
def sign_a_pass_that_its_value_does_not_bear_out(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        passing(predicate["verdicts"][0])
        predicate["light"] = "green"

    _signed(world, home, change)


@attack(INSIDER, found="alone")
def sign_another_threshold_than_the_policy_says(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        passing(predicate["verdicts"][0])
        predicate["verdicts"][0].update(threshold=0.6, must=">= 0.6")
        predicate["light"] = "green"

    _signed(world, home, change)


@attack(INSIDER, found="alone")
def sign_another_value_than_the_counts_give(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        passing(predicate["verdicts"][0])
        predicate["verdicts"][0].update(value=0.8, interval={"low": 0.77, "high": 0.83})
        predicate["light"] = "green"

    _signed(world, home, change)


def data_record(home: Path) -> Unsigned:
    """A record of `TALLY` as it is made now, with digests of its data under the log's key."""
    digests = {name: sha256_hex(name.encode()) for name in ("y", "p", "g")}
    columns = [
        {"name": name, "type": "int64", "nulls": 0, "sha256": sha256}
        for name, sha256 in digests.items()
    ]
    identity = {"of": ["target"], "sha256": identity_digest(1000, [digests["y"]])}
    item = data_item("test", "audit", sha256="d" * 64, rows=1000, columns=columns)
    asked = Circumstances()
    facts = Facts(
        kind="audit",
        run_id="0" * 32,
        name="training",
        source="enforce",
        started=AT,
        ended=AT,
        policy=POLICY,
        verdicts=judge(POLICY, TALLY, circumstances=asked),
        circumstances=asked,
        tally=TALLY,
        bindings={"target": "y", "prediction": "p", "gender": "g"},
        data=(item | {"identity": identity},),
    )
    return build_statement(facts, key=Vault(home).key())


def sign_about_data(
    world: World, home: Path, change: Callable[[dict[str, Any]], None] = lambda _: None
) -> None:
    """Signed as it is made now; the log is asked what came before it after the change."""
    made = data_record(home)
    change(made.statement["predicate"])
    made.append_to(Ledger.open(home, signer=world.ours))


@attack(INSIDER, found="alone")
def sign_other_digests_than_those_of_the_data(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        [item] = predicate["data"]
        item["hmac_sha256"] = "c" * 64
        item["identity"]["hmac_sha256"] = "b" * 64

    sign_about_data(world, home)
    sign_about_data(world, home, change)


@attack(INSIDER, found="alone")
def sign_that_nobody_can_know_the_data_again(world: World, home: Path) -> None:
    sign_about_data(world, home)
    sign_about_data(world, home, lambda said: said["data"][0].update(identity=None))


@attack(INSIDER, found="alone")
def sign_a_sentence_that_its_counts_do_not_give(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        predicate["verdicts"][0].update(reason="0.993, must be >= 0.70", notes=[])

    sign_about_data(world, home, change)


@attack(INSIDER, found="alone")
def sign_a_title_that_the_policy_does_not_have(world: World, home: Path) -> None:
    sign_about_data(world, home, lambda said: said["policy"].update(title="Approved"))


@attack(INSIDER, found="alone")
def sign_another_column_than_was_counted(world: World, home: Path) -> None:
    sign_about_data(world, home, lambda said: said["bindings"].update(gender="p"))


@attack(INSIDER, found="alone")
def sign_a_shorter_term_than_was_asked_for(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        term = {"class": "six-months", "until": "2026-02-01", "counts_from": "record"}
        predicate["retention"] = term

    sign_about_data(world, home, change)


def _signed_in_format_3(
    world: World, home: Path, change: Callable[[dict[str, Any]], None] = lambda _: None
) -> None:
    """Signed as it is made now, its counts in the vault."""
    statement = in_format_3(home, judged_record())
    change(statement["predicate"])
    Ledger.open(home, signer=world.ours).append(statement)


@attack(INSIDER, found="alone")
def sign_another_value_than_the_counts_in_the_vault_give(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        passing(predicate["verdicts"][0])
        predicate["verdicts"][0].update(value=0.8, interval={"low": 0.77, "high": 0.83})
        predicate["light"] = "green"

    _signed_in_format_3(world, home, change)


@attack(INSIDER, found="alone")
def sign_other_axes_than_those_of_the_counts(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        axes = predicate["axes"]
        predicate["axes"] = [*axes[:2], axes[2] | {"levels": ["a", "c"]}]

    _signed_in_format_3(world, home, change)


@attack(OUTSIDER, found="alone")
def change_a_count_of_the_vault(world: World, home: Path) -> None:
    _signed_in_format_3(world, home)
    [pair] = [path for path in (home / "vault").glob("*.json") if b"180" in path.read_bytes()]
    pair.write_bytes(pair.read_bytes().replace(b"[0,0,0,180]", b"[0,0,0,181]"))


@attack(INSIDER, found="alone")
def sign_a_record_without_the_verdict_that_failed(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        del predicate["verdicts"][0]
        predicate["light"] = "green"

    _signed(world, home, change)


@attack(INSIDER, found="alone")
def say_that_a_role_was_not_bound_which_was_counted(world: World, home: Path) -> None:
    def change(predicate: dict[str, Any]) -> None:
        asked = Circumstances(unbound={"prediction": "the model was not there"})
        verdicts = judge(POLICY, TALLY, circumstances=asked)
        predicate["judging"] = asked.to_json()
        predicate["verdicts"] = [one.to_json() for one in as_recorded(verdicts, rough=False)]
        predicate["light"] = "amber"

    _signed(world, home, change)


@attack(INSIDER, found="alone")
def sign_tables_that_count_other_rows(world: World, home: Path) -> None:
    """One table in which the model is right more often than in the other, for the first control."""

    def change(predicate: dict[str, Any]) -> None:
        better = [[0, 0, 400], [0, 1, 100], [1, 0, 100], [1, 1, 400]]
        predicate["tally"]["tables"].append({"roles": ["target", "prediction"], "cells": better})
        counted_again(predicate)
        tally = Tally.from_json(predicate["tally"])
        verdicts = judge(POLICY, tally)
        predicate["verdicts"] = [one.to_json() for one in as_recorded(verdicts, rough=False)]
        predicate["light"] = "green"

    _signed(world, home, change)


@attack(INSIDER, found="alone")
def call_a_red_audit_of_its_log_green(world: World, home: Path) -> None:
    ledger = Ledger.open(home, signer=world.ours)
    ledger.append(run_record(ledger.append(judged_record()), light="green"))


@attack(INSIDER, found="alone")
def name_an_audit_that_was_never_made(world: World, home: Path) -> None:
    ledger = Ledger.open(home, signer=world.ours)
    audit = ledger.append(judged_record())
    ledger.append(run_record(audit, index=0, light="green"))


@attack(INSIDER, found="alone")
def name_a_commitment_that_was_never_made(world: World, home: Path) -> None:
    named = Committed(
        entry=0,
        evidence_sha256="a" * 64,
        committed_at="2025-01-01T00:00:00.000000Z",
        timestamped_at="2025-01-01T00:00:00.000000Z",
        data=True,
        rows=True,
    )

    def change(predicate: dict[str, Any]) -> None:
        predicate["prior"] = Prior(commitment=named).to_json()

    _signed(world, home, change)
