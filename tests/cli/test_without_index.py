"""`index.db` and `cache/` can be deleted at any time: every command that reads says the same."""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from tests.ledger.conftest import POLICY, make_statement
from venturalitica.cli.commands import COMMANDS
from venturalitica.ledger import Ledger, load_signer
from venturalitica.system.settings import Settings

GONE = {"tracker": "memory", "run_id": "gone-0123456789", "uri": "memory:", "extra": {}}

READS: dict[str, list[list[str]]] = {
    "runs list": [
        [],
        ["--json"],
        ["--light", "red"],
        ["--policy", "loans"],
        ["--name", "nightly"],
        ["--kind", "run"],
        ["--since", "2020-01-01", "--limit", "2"],
        ["--until", "2020-01-01"],
    ],
    "runs show": [["0"], ["1", "--json"], ["2", "--details"], ["gone-0123"], ["99"], ["latest"]],
    "report run": [
        ["0", "--format", "markdown"],
        ["1", "--out", "-", "--format", "markdown"],
        ["99"],
    ],
    "verify": [
        [],
        ["--json"],
        ["--witnesses"],
        ["--format", "junit"],
        ["--format", "markdown"],
        ["--aliases"],
    ],
    "sync": [[], ["--json"]],
    "doctor": [[], ["--json"]],
    "reindex": [[], ["--json"]],
    "policy history": [[], ["--json"]],
    "policy diff": [["loans@1", "model_policy.yaml"]],
    "policy plan": [["model_policy.yaml", "--from", one] for one in ("0", "99", "gone-0123")],
    "prune": [["--dry-run"], ["--dry-run", "--json"]],
    "approve": [["99", "--as", "Ada", "--role", "auditor", "--yes"]],
    "erase": [["99", "--yes"]],
    "note": [["99", "Seen.", "--as", "Ada"]],
    "attach": [["99", "gone-0123"], ["0", "gone-0123"]],
    "bind": [["gone-0123"]],
    "gate": [["gone.json"], ["gone.json", "--json"]],
    "carry": [["out", "--since", "99"], ["out", "--since", "gone"]],
    "take": [["gone"], ["gone", "--json"]],
    "place": [["zzzz", "--on", "2024-02-29", "--yes"]],
}
"""What reads the ledger. Of what also writes, the calls here find nothing to write."""

NEITHER = {
    "demo": "writes evidence of its own, elsewhere",
    "init": "reads data, writes a policy",
    "check": "appends a record; what it reads for a control on drift has tests of its own",
    "baseline": "reads data, writes a baseline",
    "policy commit": "appends; that it counts audits by the index has tests of its own",
    "policy lint": "reads a policy file; its warning of the log has tests of its own",
    "policy show": "reads a policy file",
    "policy schema": "reads nothing",
    "gate-server lint": "reads a gate file",
    "gate-server schema": "reads nothing",
    "override": "asks MLflow, and appends a record",
    "metrics": "reads nothing",
    "ui": "serves pages; they have tests of their own",
    "watch": "keeps in the cache what it told; it has tests of its own",
    "report site": "writes pages from the same readings as `ui`",
    "keys show": "reads the user's keys",
    "keys export": "reads the user's keys, and the log without its index",
    "keys rotate": "changes the key and appends a record",
}


def leaves() -> Iterator[str]:
    """Every command by its words, those of groups among them."""
    for line in COMMANDS:
        module = importlib.import_module(f"venturalitica.cli.{line.module}")
        command = typer.main.get_command(module.app)
        inner = getattr(command, "commands", None)
        yield from (f"{line.name} {name}" for name in inner) if inner else (line.name,)


def test_every_command_is_known_to_read_or_not() -> None:
    found = set(leaves())
    assert found == READS.keys() | NEITHER.keys(), "say in this file whether it reads the ledger"
    assert not READS.keys() & NEITHER.keys()


@pytest.fixture
def home(project: Path) -> Path:
    """Four records, one of which waits for a tracker's run that is gone."""
    settings = Settings.current()
    ledger = Ledger.open(settings.home, signer=load_signer(None, settings.config))
    (project / "model_policy.yaml").write_bytes(POLICY)
    ledger.append(make_statement(0))
    ledger.append(make_statement(1, light="red", trackers=[GONE]))
    ledger.append(make_statement(2, light="amber", policy=None))
    ledger.append(make_statement(3, kind="run", verdicts=[], light="grey"))
    return settings.home


def delete(home: Path, _whole: Path) -> None:
    (home / "index.db").unlink(missing_ok=True)
    shutil.rmtree(home / "cache", ignore_errors=True)


def break_them(home: Path, whole: Path) -> None:
    delete(home, whole)
    shutil.copytree(whole / "cache", home / "cache")
    (home / "index.db").write_bytes(b"SQLite format 3\0" + b"\1" * 4000)
    for path in (home / "cache").iterdir():
        path.write_bytes(path.read_bytes()[:-5] + b"wrong")


@pytest.mark.parametrize("name", READS)
def test_deleted_or_broken_the_answers_are_the_same(
    call, home: Path, tmp_path: Path, name: str
) -> None:
    calls = [[*name.split(), *options] for options in READS[name]]
    call("runs", "list")
    assert (home / "index.db").exists()
    assert (home / "cache").is_dir()
    shutil.copytree(home / "cache", tmp_path / "whole" / "cache")

    def answers() -> list[tuple[int, str, str]]:
        return [(r.exit_code, r.stdout, r.stderr) for r in (call(*line) for line in calls)]

    expected = answers()
    assert all(out or err for _, out, err in expected)
    for harm in (delete, break_them):
        for line, before in zip(calls, expected, strict=True):
            harm(home, tmp_path / "whole")
            after = call(*line)
            assert (after.exit_code, after.stdout, after.stderr) == before, (line, harm.__name__)
    assert answers() == expected
