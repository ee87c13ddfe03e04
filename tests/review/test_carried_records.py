"""The records of many logs as one list: the newest first, and no log opened before its turn."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.judged_attacks import in_format_3, judged_record

from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, load_signer
from venturalitica.ledger.carrying.carry import carry
from venturalitica.ledger.carrying.take import take
from venturalitica.ledger.carrying.taken import taken_logs
from venturalitica.review.carried_records import Lists, log_named

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
CARE = {"without": ("carried",)}


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """A team's ledger with four logs of two records each, whose days interleave."""
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(tmp_path / "team-key"))
    key = load_signer(None, tmp_path / "job-key")
    found = Ledger.open(tmp_path / "team", signer=load_signer(None, tmp_path / "team-key"))
    for number in range(4):
        days = iter((number, number + 10))
        job = Ledger.open(
            tmp_path / f"job{number}",
            signer=key,
            clock=lambda days=days: BEGIN + timedelta(days=next(days)),  # type: ignore[misc]
        )
        for place in range(2):
            record = judged_record(run_id=f"{2 * number + place:032x}")
            job.append(in_format_3(job.home, record))
        carry(job.home, tmp_path / f"out{number}")
        take(found, tmp_path / f"out{number}", keys={"trusted_keys": [key.public]})
    return found


def days(team: Ledger, most: int) -> list[int]:
    """On which day each record of the list was appended."""
    found = [one.appended_at for one in Lists(team, CARE, None, most=most)]
    return [(datetime.fromisoformat(at) - BEGIN).days for at in found]


def test_the_newest_of_all_logs_come_first(team: Ledger) -> None:
    assert days(team, 20) == [13, 12, 11, 10, 3, 2, 1, 0]


def test_a_log_is_opened_when_its_turn_can_have_come(team: Ledger) -> None:
    logs = sorted(taken_logs(team).values(), key=lambda one: one.last.latest)
    assert days(team, 2) == [13, 12]
    opened = [(one.home / "index.db").exists() for one in logs]
    assert opened == [False, False, True, True]


def test_a_light_that_none_has_is_looked_for_in_all(team: Ledger) -> None:
    assert list(Lists(team, CARE, "green", most=5)) == []
    assert len(list(Lists(team, CARE, "red", most=5))) == 5


def test_a_log_is_named_by_the_beginning_of_its_name(team: Ledger) -> None:
    for name, taken in taken_logs(team).items():
        assert log_named(team, name[:8]).home == taken.home
    with pytest.raises(EvidenceError, match="give 4 or more characters"):
        log_named(team, name[:3])
    with pytest.raises(EvidenceError, match="is called 'nothing'"):
        log_named(team, "nothing")
