"""Taking in a log while processes die."""

from __future__ import annotations

from pathlib import Path

from tests.ledger.killing import killed_at_each_step
from tests.ledger.test_carrying import carried_step, only, taken, write
from venturalitica.ledger import Ledger, load_signer
from venturalitica.ledger.carrying.carry import carry
from venturalitica.ledger.signing.signer import FileSigner


def test_a_taking_killed_at_any_step_is_finished_by_the_next(
    signer: FileSigner, tmp_path: Path
) -> None:
    job_key = load_signer(None, tmp_path / "job's key")
    team = write(tmp_path / "team", signer, 1)
    job = write(tmp_path / "job", job_key, 1)
    carry(job.home, tmp_path / "first")
    taken(team, tmp_path / "first", job_key)
    write(job.home, job_key, 1, start=1)
    carry(job.home, tmp_path / "second", since="1")

    def act(home: Path) -> None:
        taken(Ledger.open(home, signer=signer), tmp_path / "second", job_key)

    kills = 0
    for copy, ended in killed_at_each_step(team.home, tmp_path / "killed", act):
        kills += not ended
        left = Ledger.open(copy, signer=signer)
        # Half taken is not taken: what stands is what was there before, or all of it.
        assert only(left).ledger().size in (1, 2)
        act(copy)
        assert only(left).ledger().size == 2
        assert len(list(only(left).home.parent.iterdir())) == 1
        assert not list((copy / "logs").glob(".new.*"))
        assert carried_step(left).ok
    assert kills > 20
