"""`carry` and `take`: what a job found reaches the team's ledger whole, once, or not at all."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1]))

from torture.judged_attacks import in_format_3, judged_record

from venturalitica.core.encoding import encode_base64
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Ledger, load_signer
from venturalitica.ledger.carrying.carry import carry
from venturalitica.ledger.carrying.contents import Contents
from venturalitica.ledger.carrying.take import Taking, take
from venturalitica.ledger.carrying.taken import taken_logs
from venturalitica.ledger.lifecycle.erase import erase, erase_taken
from venturalitica.ledger.records.vault import Pair, Vault
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.review.verification import verify_source


@pytest.fixture(scope="module")
def job_key(tmp_path_factory: pytest.TempPathFactory) -> FileSigner:
    return load_signer(None, tmp_path_factory.mktemp("job"))


def audit(home: Path, number: int) -> dict[str, Any]:
    """An audit as the product records it, its tally in the vault of the log in `home`."""
    return in_format_3(home, judged_record(run_id=f"{number:032x}"))


def write(home: Path, signer: FileSigner, count: int, start: int = 0) -> Ledger:
    ledger = Ledger.open(home, signer=signer)
    for number in range(start, start + count):
        ledger.append(audit(home, number))
    return ledger


@pytest.fixture
def job(tmp_path: Path, job_key: FileSigner) -> Ledger:
    """A job's log with three audits."""
    return write(tmp_path / "job", job_key, 3)


@pytest.fixture
def team(tmp_path: Path, signer: FileSigner) -> Ledger:
    """The team's own log, with an audit of its own."""
    return write(tmp_path / "team", signer, 1)


def taken(team: Ledger, folder: Path, key: FileSigner) -> Taking:
    return take(team, folder, keys={"trusted_keys": [key.public]})


def only(team: Ledger) -> Any:
    (found,) = taken_logs(team).values()
    return found


def carried_step(team: Ledger) -> Any:
    found = verify_source(team.home)
    return next((step for step in found.steps if step.name == "carried"), None)


def refusal(team: Ledger, folder: Path, key: FileSigner) -> str:
    """The sentence by which it is refused; nothing of the team's ledger is changed."""
    before = inside(team.home)
    with pytest.raises(EvidenceError) as error:
        taken(team, folder, key)
    assert inside(team.home) == before
    assert str(error.value).startswith(str(folder))
    return str(error.value)


def inside(home: Path) -> dict[str, bytes]:
    """What lies in a ledger, but for what can be made again."""
    files = (path for path in home.rglob("*") if path.is_file())
    named = {str(path.relative_to(home)): path for path in files}
    return {
        name: path.read_bytes()
        for name, path in named.items()
        if "cache" not in name and "index.db" not in name and not name.endswith(".lock")
    }


def lines(home: Path) -> bytes:
    return (home / "log" / "entries.jsonl").read_bytes()


def test_a_carried_log_is_kept_byte_for_byte_beside_the_own_one(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    parcel = carry(job.home, tmp_path / "out")
    assert (parcel.start, parcel.size, parcel.tallies, parcel.left) == (0, 3, 3, 0)
    done = taken(team, parcel.folder, job_key)
    assert (done.new, done.tallies, done.left, done.log.size) == (3, 3, 0, 3)
    kept = only(team)
    assert lines(kept.home) == lines(job.home)
    assert kept.ledger().checkpoint == job.checkpoint
    assert kept.last.key == job_key.keyid
    assert Vault(kept.home).digests() == Vault(job.home).digests()
    assert done.entry is not None
    assert team.entry(done.entry.index).record.kind == "carried"
    assert verify_source(team.home).ok
    assert carried_step(team).ok


def test_only_tallies_travel(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    Vault(job.home).key()
    Vault(job.home).keep(Pair.of("Ada Lovelace"))
    carry(job.home, tmp_path / "out")
    everything = b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    assert b"Ada Lovelace" not in everything
    assert encode_base64(Vault(job.home).key()).encode() not in everything
    assert taken(team, tmp_path / "out", job_key).tallies == 3


def test_taking_again_changes_nothing(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    before = inside(team.home)
    again = taken(team, tmp_path / "out", job_key)
    assert (again.entry, again.new, again.tallies) == (None, 0, 0)
    assert inside(team.home) == before


def test_an_older_parcel_taken_later_changes_nothing(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "early")
    write(job.home, job_key, 2, start=3)
    carry(job.home, tmp_path / "late")
    taken(team, tmp_path / "late", job_key)
    before = inside(team.home)
    assert taken(team, tmp_path / "early", job_key).entry is None
    assert inside(team.home) == before


def test_since_a_checkpoint_only_what_is_new_is_carried(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "first")
    taken(team, tmp_path / "first", job_key)
    write(job.home, job_key, 2, start=3)
    for since in (tmp_path / "first", tmp_path / "first" / "log" / "checkpoint", 3):
        out = tmp_path / f"second{str(since)[-3:]}"
        parcel = carry(job.home, out, since=str(since))
        assert (parcel.start, parcel.size) == (3, 5)
        assert len(lines(out).splitlines()) == 2
    done = taken(team, tmp_path / "second3", job_key)
    assert (done.new, done.tallies, done.log.size) == (2, 2, 5)
    assert lines(only(team).home) == lines(job.home)
    assert [one.size for _, one in only(team).records] == [3, 5]
    assert len(list(only(team).home.parent.iterdir())) == 1, "the folder of before is still there"
    assert carried_step(team).ok


def test_a_checkpoint_of_another_log_or_copy_is_no_beginning(
    job: Ledger, team: Ledger, tmp_path: Path, job_key: FileSigner
) -> None:
    with pytest.raises(EvidenceError, match="is a checkpoint of the log"):
        carry(job.home, tmp_path / "out", since=str(team.home / "log" / "checkpoint"))
    shutil.copytree(job.home, tmp_path / "copy")
    write(tmp_path / "copy", job_key, 1, start=7)
    write(job.home, job_key, 1, start=8)
    with pytest.raises(EvidenceError, match="did not grow out of"):
        carry(job.home, tmp_path / "out", since=str(tmp_path / "copy" / "log" / "checkpoint"))
    with pytest.raises(EvidenceError, match="has 4 entries"):
        carry(job.home, tmp_path / "out", since="5")
    with pytest.raises(EvidenceError, match="expected a checkpoint of this log"):
        carry(job.home, tmp_path / "out", since="nowhere")
    assert not (tmp_path / "out").exists()


def test_what_is_there_is_not_written_over(job: Ledger, tmp_path: Path) -> None:
    carry(job.home, tmp_path / "out")
    with pytest.raises(EvidenceError, match="new or empty folder"):
        carry(job.home, tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert carry(job.home, tmp_path / "empty").size == 3


def test_a_key_that_nobody_admitted_is_refused(
    job: Ledger, team: Ledger, signer: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    said = refusal(team, tmp_path / "out", signer)
    assert "not admitted" in said
    assert "--signers" in said
    with pytest.raises(EvidenceError, match="not admitted"):
        take(team, tmp_path / "out", keys={"known_keys": [signer.public]})


def test_a_gap_is_refused(job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path) -> None:
    carry(job.home, tmp_path / "out", since="2")
    said = refusal(team, tmp_path / "out", job_key)
    assert "a gap: it begins at entry 2, and 0 were taken" in said
    assert "--since 0" in said


@pytest.mark.parametrize("since", ["", "2"])
def test_a_fork_is_refused(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path, since: str
) -> None:
    shutil.copytree(job.home, tmp_path / "copy")
    write(job.home, job_key, 1, start=3)
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    write(tmp_path / "copy", job_key, 2, start=8)
    carry(tmp_path / "copy", tmp_path / "forked", since=since)
    assert "a fork: entry 3 is another" in refusal(team, tmp_path / "forked", job_key)


def test_what_does_not_continue_is_refused(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    shutil.copytree(job.home, tmp_path / "copy")
    write(job.home, job_key, 1, start=3)
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    write(tmp_path / "copy", job_key, 2, start=8)
    carry(tmp_path / "copy", tmp_path / "forked", since="4")
    assert "of a fork of the log" in refusal(team, tmp_path / "forked", job_key)


def altered(path: Path, old: bytes, new: bytes) -> None:
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new, 1))


def a_tally(out: Path) -> Path:
    return min((out / "tallies").iterdir())


ZEROS = "0" * 64


def linked(path: Path) -> None:
    """The same thing, behind a link."""
    path.rename(path.parents[2] / "elsewhere")
    path.symlink_to(path.parents[2] / "elsewhere")


def cut(out: Path) -> None:
    whole = lines(out).splitlines(keepends=True)
    (out / "log" / "entries.jsonl").write_bytes(b"".join(whole[:2]))


def tally_of_nobody(out: Path) -> None:
    pair = Pair.of("x")
    (out / "tallies" / f"{pair.digest}.json").write_bytes(pair.data)


def misnamed_key(out: Path) -> None:
    (out / "keys" / f"{ZEROS}.pem").write_bytes(min((out / "keys").iterdir()).read_bytes())


def replaced(name: str, old: bytes, new: bytes) -> Callable[[Path], None]:
    return lambda out: altered(out / name, old, new)


def written(name: str, data: bytes) -> Callable[[Path], object]:
    return lambda out: (out / name).write_bytes(data)


def cut_short(out: Path) -> None:
    altered(out / "log" / "checkpoint", b"\n3\n", b"\n2\n")
    altered(out / "carried.json", b'"size":3', b'"size":2')


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "edited line": (replaced("log/entries.jsonl", b'"sig":"M', b'"sig":"N'), "was edited"),
    "line cut": (cut, "ends after 2 of 3 lines"),
    "line added": (
        lambda out: (out / "log" / "entries.jsonl").write_bytes(lines(out) + b"{}\n"),
        "something was added",
    ),
    "edited seal": (replaced("log/checkpoint", b"\n3\n", b"\n2\n"), "one of both was edited"),
    "edited seal and manifest": (
        cut_short,
        "something was added",
    ),
    "no seal": (lambda out: (out / "log" / "checkpoint").unlink(), "is missing"),
    "no seal but a word": (written("log/checkpoint", b"x"), "signature lines"),
    "edited manifest": (replaced("carried.json", b'"start":0', b'"start":9'), "was edited"),
    "edited count": (replaced("carried.json", b'"size":3', b'"size":2'), "was edited"),
    "no count": (replaced("carried.json", b'"size":3', b'"size":-3'), "missing or malformed"),
    "another format": (
        replaced("carried.json", b"carried/v1", b"carried/v9"),
        "of format 'venturalitica/carried/v9'; expected 'venturalitica/carried/v1'",
    ),
    "no manifest": (lambda out: (out / "carried.json").unlink(), "holds no carried.json"),
    "giant manifest": (written("carried.json", b" " * 5000), "is larger than"),
    "edited tally": (
        lambda out: altered(a_tally(out), b"rows", b"sour"),
        "is not the one that was sealed",
    ),
    "a tally of nobody": (tally_of_nobody, "no record of this log names it"),
    "a linked tally": (
        lambda out: (out / "tallies" / f"{ZEROS}.json").symlink_to("/etc/passwd"),
        "is a link",
    ),
    "linked entries": (lambda out: linked(out / "log" / "entries.jsonl"), "is a link"),
    "linked folder": (lambda out: linked(out / "keys"), "is a link"),
    "a pipe": (lambda out: os.mkfifo(out / "tallies" / f"{ZEROS}.json"), "not a regular file"),
    "a hostile name": (written("keys/x\nFORGED ok.pem", b"x"), r"'x\nFORGED ok.pem' is nothing"),
    "a stray file": (lambda out: (out / "log" / "inbox").mkdir(), "is nothing that"),
    "a stray folder": (lambda out: (out / "vault").mkdir(), "is nothing that"),
    "another's key": (misnamed_key, "is not the key that its name says"),
    "no key": (lambda out: shutil.rmtree(out / "keys"), "keys: No such file"),
    "no log": (lambda out: shutil.rmtree(out / "log"), "log: No such file"),
    "nothing": (shutil.rmtree, "no such folder"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_was_meddled_with_is_refused(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path, name: str
) -> None:
    meddle, words = HOSTILE[name]
    carry(job.home, tmp_path / "out")
    meddle(tmp_path / "out")
    assert words in refusal(team, tmp_path / "out", job_key)


def test_a_record_without_its_policy_is_refused(
    team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    job = Ledger.open(tmp_path / "bare", signer=job_key)
    said = audit(job.home, 0)
    said["predicate"]["policy"]["bytes"] = encode_base64(b"policy: other\n")
    job.append(said)
    carry(job.home, tmp_path / "out")
    assert "it does not verify: policy (entry 0)" in refusal(team, tmp_path / "out", job_key)


def test_its_own_log_is_not_taken(team: Ledger, signer: FileSigner, tmp_path: Path) -> None:
    carry(team.home, tmp_path / "out")
    assert "the very log" in refusal(team, tmp_path / "out", signer)


def test_a_later_removal_shows_in_verify_and_can_be_mended(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    shutil.rmtree(team.home / "logs")
    assert carried_step(team).ok is False
    assert "is gone: it was removed since" in carried_step(team).detail
    mended = taken(team, tmp_path / "out", job_key)
    assert mended.entry is None
    assert carried_step(team).ok


def test_a_later_alteration_shows_in_verify(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    altered(only(team).home / "log" / "entries.jsonl", b'"sig":"M', b'"sig":"N')
    assert carried_step(team).ok is False
    assert not verify_source(team.home).ok


def tallies_of(team: Ledger) -> list[Path]:
    """The tallies of the taken log, in the order of its records."""
    log = only(team).ledger()
    return [Vault(log.home).path(entry.record.tally_kept) for entry in log.entries()]


def test_tallies_that_came_and_were_removed_are_a_fault(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    log = only(team).ledger()
    tallies_of(team)[1].unlink()
    step = carried_step(team)
    assert step.ok is False
    assert "1 tally that came with it is not here" in step.detail
    assert "(the first that is not here is of its entry 1)" in step.detail
    # Neither erasing another one nor taking what comes next makes a record that forgets it.
    erase_taken(team, only(team), [log.entry(0)])
    assert "1 tally that came with it is not here" in carried_step(team).detail
    write(job.home, job_key, 1, start=3)
    carry(job.home, tmp_path / "more", since="3")
    taken(team, tmp_path / "more", job_key)
    assert "1 tally that came with it is not here" in carried_step(team).detail
    # The artifact mends it, all but what was erased.
    taken(team, tmp_path / "out", job_key)
    assert carried_step(team).ok
    assert [path.exists() for path in tallies_of(team)] == [False, True, True, True]


def test_all_tallies_removed_or_one_edited_are_a_fault(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    first, *_ = tallies_of(team)
    first.write_bytes(first.read_bytes().replace(b"1", b"2"))
    assert carried_step(team).ok is False
    for path in tallies_of(team):
        path.unlink()
    assert "3 tallies that came with it are not here" in carried_step(team).detail
    assert taken(team, tmp_path / "out", job_key).entry is None
    assert carried_step(team).ok


def test_tallies_that_did_not_come_are_no_fault_and_may_come_later(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "bare")
    for path in (tmp_path / "bare" / "tallies").iterdir():
        path.unlink()
    assert taken(team, tmp_path / "bare", job_key).left == 3
    assert carried_step(team).ok
    later = taken(team, tmp_path / "whole", job_key)
    assert (later.tallies, later.new) == (3, 0)
    assert later.entry is not None
    assert carried_step(team).ok
    tallies_of(team)[2].unlink()
    assert carried_step(team).ok is False


def test_of_a_record_that_does_not_say_which_came_nothing_is_held(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    carry(job.home, tmp_path / "out")
    with monkeypatch.context() as older:
        older.setattr(Contents, "came", lambda *_: None)
        taken(team, tmp_path / "out", job_key)
    assert only(team).last.tallies is None
    assert carried_step(team).ok
    tallies_of(team)[0].unlink()
    step = carried_step(team)
    assert step.ok is None
    assert step.detail.startswith("not checked: 1 value not in the vault")


def test_what_was_erased_stays_erased(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    log = only(team).ledger()
    gone = log.entry(1).record.tally_kept
    done = erase_taken(team, only(team), [log.entry(1)], reason="asked for")
    assert done.pairs == 1
    assert not Vault(log.home).holds(gone)
    assert carried_step(team).ok
    again = taken(team, tmp_path / "out", job_key)
    assert (again.tallies, again.erased) == (0, 1)
    write(job.home, job_key, 1, start=3)
    carry(job.home, tmp_path / "more")
    assert taken(team, tmp_path / "more", job_key).erased == 1
    shutil.rmtree(team.home / "logs")
    taken(team, tmp_path / "more", job_key)
    assert not Vault(only(team).home).holds(gone)
    assert verify_source(team.home).ok
    Vault(only(team).home).keep(
        Pair(gone, (tmp_path / "more/tallies" / f"{gone}.json").read_bytes())
    )
    assert "it is there again" in carried_step(team).detail


def test_what_the_job_erased_is_erased_here_too(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    erase(job, [job.entry(0)])
    parcel = carry(job.home, tmp_path / "more", since="3")
    assert parcel.tallies == 0
    taken(team, tmp_path / "more", job_key)
    assert not Vault(only(team).home).holds(job.entry(0).record.tally_kept)
    assert carried_step(team).ok


def test_two_keys_that_say_one_origin_stay_apart(
    job: Ledger, team: Ledger, job_key: FileSigner, tmp_path: Path
) -> None:
    other_key = load_signer(None, tmp_path / "other")
    carry(job.home, tmp_path / "out")
    taken(team, tmp_path / "out", job_key)
    other = write(tmp_path / "second", other_key, 2)
    carry(other.home, tmp_path / "out2")
    taken(team, tmp_path / "out2", other_key)
    assert {one.last.key for one in taken_logs(team).values()} == {job_key.keyid, other_key.keyid}
    assert carried_step(team).ok
    assert "2 logs with 5 entries" in carried_step(team).detail


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cuts=st.lists(st.integers(0, 4), max_size=4), again=st.booleans())
def test_in_any_pieces_it_comes_to_the_whole(
    signer: FileSigner,
    job_key: FileSigner,
    tmp_path_factory: pytest.TempPathFactory,
    cuts: list[int],
    again: bool,
) -> None:
    place = tmp_path_factory.mktemp("pieces")
    job, ends = None, [*sorted(cuts), 4]
    team = write(place / "team", signer, 0)
    start, done = 0, 0
    for number, end in enumerate(ends):
        job = write(place / "job", job_key, end - done, start=done)
        done = max(done, end)
        if not done:
            continue
        out = place / f"out{number}"
        carry(job.home, out, since=str(max(0, start - 1)) if again else str(start))
        taken(team, out, job_key)
        start = done
    assert job is not None
    carry(job.home, place / "whole")
    before = inside(only(team).home)
    assert taken(team, place / "whole", job_key).new == 0
    assert inside(only(team).home) == before
    fresh = write(place / "fresh", signer, 0)
    taken(fresh, place / "whole", job_key)
    assert inside(only(fresh).home) == before
    assert verify_source(team.home).ok
