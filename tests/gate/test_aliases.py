"""An alias that no decision let through shows: in `verify`, with what to do."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from tests.gate.test_command import called
from venturalitica.audit.project import open_ledger
from venturalitica.cli.app import app
from venturalitica.core.gate import Alias, Decision
from venturalitica.core.text import timestamp
from venturalitica.ledger.records.decision import Decided, Overridden
from venturalitica.review.gate.aliases import standings

pytestmark = pytest.mark.filterwarnings("ignore")
NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
ROOT = "ab" * 32
OTHER = "cd" * 32
HERE = Alias("credit", "champion", "3")


def decided(version: str = "3", *, rule: Any = "allowed", alias: str = "champion") -> Decided:
    made = Decision(
        allowed=rule == "allowed",
        rule=rule,
        sentence="as it is",
        name="credit",
        version=version,
        files_root=ROOT,
    )
    return Decided(decision=made, alias=alias, at=timestamp(NOW))


def by_override(hours: int) -> Decided:
    until = timestamp(NOW + timedelta(hours=hours))
    by = Overridden(evidence_sha256=ROOT, keyid=OTHER, until=until, because="a fraud")
    return replace(decided(rule="control"), mode="override", override=by)


OBSERVED = replace(decided(rule="control"), mode="observe")
CASES: dict[str, tuple[list[Decided], str, str]] = {
    "allowed": ([decided()], "green", "allowed (entry 0)"),
    "nothing at all": ([], "grey", "not known to be protected"),
    "only refused": ([decided(rule="control")], "red", "went round the gate"),
    "of another model": (
        [replace(decided(), decision=replace(decided().decision, name="loans"))],
        "red",
        "went round the gate",
    ),
    "of another alias": ([decided(alias="candidate")], "grey", "not known to be protected"),
    "moved": ([decided("2")], "red", "entry 0 let version 2 through, and 3 stands there"),
    "moved back": ([decided(), decided("2")], "red", "entry 1 let version 2 through"),
    "observed": ([OBSERVED], "amber", "would have been refused"),
    "overridden": ([by_override(2)], "red", "allowed by override until 2026-11-30T14:00 UTC"),
    "ended": ([by_override(-2)], "red", "that has ended"),
    "refused since": ([decided(), decided(rule="too-old")], "red", "refused since (entry 1)"),
    "allowed again": ([decided(rule="control"), decided()], "green", "allowed (entry 1)"),
}


@pytest.mark.parametrize("way", list(CASES))
def test_each_alias_has_its_light_and_reason(way: str) -> None:
    log, light, said = CASES[way]
    found = [(f"entry {place}", one) for place, one in enumerate(log)]
    (one,) = standings(found, [HERE], now=NOW)
    assert (one.light, said in one.sentence) == (light, True), one.sentence
    assert bool(one.todo) == (light in ("red", "amber") and way != "overridden")


def test_files_changed_after_the_decision_are_red() -> None:
    log = [("entry 0", decided())]
    (same,) = standings(log, [HERE], now=NOW, roots={("credit", "3"): ROOT})
    (other,) = standings(log, [HERE], now=NOW, roots={("credit", "3"): OTHER})
    assert (same.light, other.light) == ("green", "red")
    assert "files were changed after the decision (entry 0)" in other.sentence


def test_without_mlflow_it_is_as_the_decisions_left_it() -> None:
    log = [decided("1"), decided("2", rule="control"), by_override(2), decided(alias="staging")]
    found = standings([("entry", one) for one in log], None, now=NOW)
    assert [(one.alias, one.version, one.light) for one in found] == [
        ("champion", "3", "red"),
        ("staging", "3", "green"),
    ]


def test_hostile_names_stay_on_their_line() -> None:
    naughty = Alias("x\nFORGED\x1b[2J", "y\u202e\nFORGED", "3\n")
    other = replace(decided(alias="y\u202e\nFORGED"))
    (one,) = standings([("entry 0", other)], [naughty], now=NOW)
    told = "".join((one.name, one.alias, one.version, one.sentence, one.todo, one.called))
    assert not {"\n", "\x1b", "\u202e"} & set(told)


def verified(*words: str) -> tuple[int, dict[str, Any]]:
    found = CliRunner().invoke(app, ["verify", "--json", *words])
    return found.exit_code, json.loads(found.stdout)


def test_verify_asks_mlflow_for_the_aliases(project: Any) -> None:
    assert called("models:/credit/1", "--set-alias", "champion").exit_code == 0
    status, told = verified("--aliases")
    assert (status, told["ok"]) == (0, True)
    (one,) = told["aliases"]
    assert (one["name"], one["alias"], one["light"]) == ("credit", "champion", "green")
    (step,) = [step for step in told["steps"] if step["name"] == "aliases"]
    assert step["ok"]


def test_who_goes_round_the_gate_is_seen(project: Any) -> None:
    assert called("models:/credit/1", "--set-alias", "champion").exit_code == 0
    version = project.client.get_model_version("credit", "1")
    made = project.client.create_model_version("credit", source=version.source)
    project.client.set_registered_model_alias("credit", "champion", made.version)
    status, told = verified("--aliases")
    assert (status, told["fault"]["name"]) == (1, "aliases")
    assert "was moved after the decision" in told["fault"]["detail"]
    shown = CliRunner().invoke(app, ["verify", "--aliases"])
    assert "went round the gate" in shown.stdout
    # From the files of the log alone nobody can know where MLflow's alias is.
    status, told = verified()
    assert (status, told["aliases"][0]["version"]) == (0, "1")


def test_files_swapped_under_an_alias_are_seen(project: Any) -> None:
    assert called("models:/credit/1", "--set-alias", "champion").exit_code == 0
    (file,) = project.folder.glob("artifacts/models/*/artifacts/model.pkl")
    file.write_bytes(file.read_bytes() + b"\0")
    status, told = verified("--aliases")
    assert (status, told["fault"]["name"]) == (1, "aliases")
    assert "files were changed after the decision" in told["fault"]["detail"]


def test_an_alias_set_without_asking_is_seen(project: Any) -> None:
    assert called("models:/credit/1", "--set-alias", "champion", "--max-age", "1h").exit_code == 0
    project.client.set_registered_model_alias("credit", "other", "1")
    _, told = verified("--aliases")
    assert {one["alias"]: one["light"] for one in told["aliases"]} == {
        "champion": "green",
        "other": "grey",
    }


def test_mlflow_that_does_not_answer_is_no_pass(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    assert called("models:/credit/1", "--set-alias", "champion").exit_code == 0
    mlflow.set_tracking_uri("http://127.0.0.1:9")
    _, told = verified("--aliases")
    (step,) = [step for step in told["steps"] if step["name"] == "aliases"]
    assert step["ok"] is None
    assert "does not answer" in step["detail"]


def test_a_colleagues_decision_lies_at_the_run(
    project: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert called("models:/credit/1", "--set-alias", "champion").exit_code == 0
    home = open_ledger(create=False).home
    (home / "log").rename(home / "log-of-a-colleague")
    (home / "index.db").unlink(missing_ok=True)
    assert called("models:/credit/1").exit_code == 0
    _, told = verified("--aliases")
    (one,) = told["aliases"]
    assert (one["alias"], one["light"]) == ("champion", "green")
    assert "at its run" in one["sentence"]
