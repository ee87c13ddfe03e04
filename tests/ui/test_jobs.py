"""What goes on beside the pages: one at a time, answers that age, results that are kept."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.ui.shelf import Shelf
from venturalitica.errors import EvidenceError
from venturalitica.system.settings import Settings
from venturalitica.ui import jobs as room
from venturalitica.ui.health import standing
from venturalitica.ui.jobs import FRESH, KEPT, STALE, Job, Jobs
from venturalitica.ui.reader import Desk


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def desk(shelf: Shelf) -> Desk:
    return Desk(shelf.home, settings=replace(Settings.current(), config=shelf.config))


def ended(jobs: Jobs, job: Job) -> Job:
    deadline = time.monotonic() + 60
    while job.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not job.running
    return job


class Hand:
    """A clock that is turned by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_awaited_by_nobody_and_used_while_it_is_fresh() -> None:
    hand, gate, asked = Hand(), threading.Event(), []
    jobs = Jobs(clock=hand)

    def question() -> int:
        asked.append(1)
        gate.wait(60)
        return len(asked)

    assert jobs.ask("health", question) is None
    assert jobs.ask("health", question) is None, "it is asked once, however many look"
    gate.set()
    assert jobs.ask("health", question, wait=60) == 1
    hand.now += FRESH
    assert jobs.ask("health", question) == 1
    assert len(asked) == 1
    hand.now += 0.1
    jobs.ask("health", question)
    assert jobs.ask("health", question, wait=60) == 2


def test_an_old_answer_is_not_shown_as_if_it_were_got_now() -> None:
    hand, gate = Hand(), threading.Event()
    jobs = Jobs(clock=hand)
    assert jobs.ask("health", lambda: "up", wait=60) == "up"
    hand.now += STALE + 1
    assert jobs.ask("health", lambda: gate.wait(60)) is None
    gate.set()


def test_a_question_that_fails_stays_unanswered() -> None:
    jobs = Jobs()
    assert jobs.ask("health", lambda: 1 / 0, wait=60) is None


def test_one_verification_at_a_time(
    shelf: Shelf, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf.audit()
    gate = threading.Event()

    def slowly(source: Any, **options: Any) -> Any:
        gate.wait(60)
        raise EvidenceError("http://me:hunter2@host has gone")

    monkeypatch.setattr("venturalitica.review.verification.verify_source", slowly)
    jobs = Jobs()
    first = jobs.verify(desk)
    assert jobs.verify(desk) is first
    gate.set()
    assert ended(jobs, first).error == "http://host has gone"
    assert jobs.verified is None
    assert jobs.verify(desk) is not first


def test_a_fault_of_ours_is_told_without_its_trace(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_verify", lambda *_, **__: 1 / 0)
    jobs = Jobs()
    job = ended(jobs, jobs.verify(desk))
    assert "ZeroDivisionError" in job.error


def test_what_a_verification_is_worth_later(shelf: Shelf, desk: Desk) -> None:
    shelf.audit()
    shelf.audit()
    jobs = Jobs()
    assert standing(jobs.verified, 2, shelf.home).light == "grey"
    ended(jobs, jobs.verify(desk))
    found = jobs.verified
    assert found is not None
    assert (found.ok, found.size) == (True, 2)
    trust = next(step for step in found.found.steps if step.name == "trust")
    assert trust.ok, "the reader's own keys are those of the desk's settings"
    now = standing(found, 2, shelf.home)
    assert (now.light, now.text) == ("green", "2 records, up to entry 1")
    shelf.audit()
    grown = standing(found, 3, shelf.home)
    assert (grown.light, grown.word) == ("amber", "Grown since")
    assert "1 more since" in grown.text


def test_a_log_that_was_touched_since_is_not_green(shelf: Shelf, desk: Desk) -> None:
    shelf.audit()
    jobs = Jobs()
    ended(jobs, jobs.verify(desk))
    entries = shelf.home / "log" / "entries.jsonl"
    entries.write_bytes(entries.read_bytes().replace(b'"payload":"e', b'"payload":"f', 1))
    assert standing(jobs.verified, 1, shelf.home).light == "amber"
    ended(jobs, jobs.verify(desk))
    assert standing(jobs.verified, 1, shelf.home).light == "red"


@pytest.mark.parametrize("folder", ["keys", "vault"])
def test_what_lies_beside_the_log_and_was_edited_since_is_not_green(
    shelf: Shelf, desk: Desk, folder: str
) -> None:
    shelf.sign_off(shelf.audit())
    jobs = Jobs()
    ended(jobs, jobs.verify(desk))
    assert standing(jobs.verified, 2, shelf.home).light == "green"
    files = [path for path in (shelf.home / folder).rglob("*") if path.is_file()]
    file = max(files, key=lambda path: path.stat().st_size)
    before = file.stat()
    data = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(data[:-3] + bytes([data[-3] ^ 1]) + data[-2:])
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    now = standing(jobs.verified, 2, shelf.home)
    assert (now.light, now.word) == ("amber", "Changed since"), "in place, and its time put back"


def test_old_results_are_forgotten_and_ids_cannot_be_guessed() -> None:
    jobs = Jobs()
    made = [jobs.keep("bundle", number) for number in range(KEPT + 3)]
    assert jobs.get("bundle", made[0].id) is None
    newest = jobs.get("bundle", made[-1].id)
    assert newest is not None
    assert newest.result == KEPT + 2
    assert jobs.get("verify", made[-1].id) is None
    assert len({job.id for job in made}) == len(made)


def test_what_a_page_was_given_stays_as_it_was_while_the_job_ends() -> None:
    job = Job("retry")
    seen = job.seen()
    job.result, job.ended = ("done",), "2026-01-01T00:00:00Z"
    assert (seen.running, seen.result) == (True, None)
    assert (job.seen().running, job.seen().result) == (False, ("done",))
