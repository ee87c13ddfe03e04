"""Measure the evidence log: `python benchmarks/ledger.py [--entries 100000] [--processes 8]`.

Prints append latency beside the disk's own three syncs, appends per second from several processes,
and for a long log: open, append, inclusion proof, index rebuild, verification (time and memory).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from venturalitica.audit.statement import Facts, Unsigned, build_statement
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.link import Link
from venturalitica.core.tally import Axis, Table, Tally
from venturalitica.judge import judge
from venturalitica.ledger import Index, Ledger, load_signer, verify_bundle, verify_ledger
from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
from venturalitica.ledger.formats.dsse import sign_envelope
from venturalitica.ledger.formats.merkle import RunningRoot, leaf_hash
from venturalitica.ledger.formats.public_key import carry_keys
from venturalitica.ledger.log.tail import TreeCache
from venturalitica.ledger.records.placement import Draft
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.signing.signer import FileSigner
from venturalitica.policy import parse_policy

POLICY = parse_policy(
    b"""policy: benchmark
version: '1'
controls:
  - {id: accuracy, metric: accuracy, must: '>= 0.6'}
  - {id: recall, metric: recall, must: '>= 0.6'}
  - {id: precision, metric: precision, must: '>= 0.6'}
  - {id: by-gender, metric: demographic_parity_ratio, across: gender, must: '>= 0.8'}
  - {id: by-age, metric: demographic_parity_ratio, across: age, must: '>= 0.8'}
  - {id: odds, metric: equalized_odds_difference, across: gender, must: '<= 0.2'}
  - {id: enough, metric: row_count, must: '>= 100'}
"""
    + b"# %s\n" % (b"words " * 110)
)

WRITER = """
import json, sys
from pathlib import Path
from venturalitica.ledger import Ledger, load_signer
home, config, count = sys.argv[1:]
statement = json.loads(sys.stdin.readline())
ledger = Ledger.open(home, signer=load_signer(None, Path(config)))
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(count)):
    ledger.append(statement)
"""


def unsigned(number: int = 0) -> Unsigned:
    """A statement of seven controls over two roles, as an audit makes it; other counts for another
    number, so that it has to be judged for itself when it is verified."""
    verdicts = judge(POLICY, tally := counts(number), circumstances=Circumstances())
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return build_statement(
        Facts(
            kind="audit",
            run_id="0" * 32,
            name="training",
            source="fit",
            started=at,
            ended=at,
            policy=POLICY,
            verdicts=verdicts,
            circumstances=Circumstances(),
            tally=tally,
        )
    )


def counts(number: int) -> Tally:
    """1,000 rows or more by label, prediction, gender and five ages."""
    roles = ("target", "prediction", "gender", "age")
    cells = [
        (target, said, gender, age, 30 + 40 * (target == said) + (number % 997) * (age == 0))
        for target in (0, 1)
        for said in (0, 1)
        for gender in (0, 1)
        for age in range(5)
    ]
    ages = tuple(f"{low} to under {low + 10}" for low in range(20, 70, 10))
    levels: tuple[tuple[str | int, ...], ...] = ((0, 1), (0, 1), ("female", "male"), ages)
    return Tally(
        rows=sum(cell[-1] for cell in cells),
        axes=tuple(Axis(role, role, names) for role, names in zip(roles, levels, strict=True)),
        tables=(Table(roles, tuple(cells)),),
        nulls=dict.fromkeys(roles, 0),
    )


def median_ms(action: Callable[[], Any], times: int) -> float:
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken) * 1e3


@contextmanager
def timed(what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    print(f"{what:<58} {time.perf_counter() - start:10.3f} s")


def three_syncs(folder: Path) -> float:
    """What the disk alone takes for line, checkpoint and folder."""
    log = os.open(folder / "raw", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    place = os.open(folder, os.O_RDONLY)

    def write() -> None:
        os.write(log, b"x" * 8000)
        os.fsync(log)
        seal = os.open(folder / "seal.new", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(seal, b"y" * 200)
        os.fsync(seal)
        os.close(seal)
        (folder / "seal.new").rename(folder / "seal")
        os.fsync(place)

    found = median_ms(write, 200)
    os.close(log)
    os.close(place)
    return found


def several_writers(folder: Path, config: Path, processes: int, each: int) -> None:
    home = folder / "shared"
    command = [sys.executable, "-c", WRITER, str(home), str(config), str(each)]
    writers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for writer in writers:
        assert writer.stdin is not None
        assert writer.stdout is not None
        writer.stdin.write(json.dumps(unsigned().statement) + "\n")
        writer.stdin.flush()
        writer.stdout.readline()
    start = time.perf_counter()
    for writer in writers:
        writer.communicate("go\n")
    rate = processes * each / (time.perf_counter() - start)
    size = Ledger.open(home).size
    print(f"{f'{processes} processes x {each} appends, {size} entries':<58} {rate:10.0f} per s")


def long_log(home: Path, signer: FileSigner, entries: int, different: int = 1) -> None:
    """A log as the ledger would have written it, without a sync for each entry."""
    sealer, root = signer.checkpoint_signer(), RunningRoot()
    made = [unsigned(number) for number in range(different)]
    drafts = [Draft(one.statement) for one in made]
    for one in made:
        for pair in one.pairs:
            Vault(home).keep(pair)
    origin, previous = f"venturalitica/log/{'0' * 32}", None
    (home / "log").mkdir(parents=True)
    carry_keys(home / "keys", (signer.public, sealer.public))
    with (home / "log" / "entries.jsonl").open("wb") as stream:
        for index in range(entries):
            link = Link(
                origin=origin,
                index=index,
                previous=previous,
                appended_at="2026-01-01T00:00:00.000000Z",
                checkpoint_key=sealer.keyid,
            )
            payload = drafts[index * different // entries].payload(link)
            line = sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()
            stream.write(line + b"\n")
            leaf = leaf_hash(line)
            root.append(leaf)
            previous = leaf.hex()
    note = sign_note(
        Checkpoint(origin, entries, root.root()).text(),
        NoteKey(origin, sealer.public.raw_ed25519()),
        sealer.sign,
    )
    (home / "log" / "checkpoint").write_text(note)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--each", type=int, default=1000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        signer = load_signer(None, folder / "config")
        ledger = Ledger.open(folder / "one", signer=signer)
        content = unsigned()
        size = len(ledger.append(content.statement, pairs=content.pairs).envelope)
        print(f"one record: {size} bytes")
        disk = three_syncs(folder)
        print(f"{'the disk: one line, one checkpoint, three syncs':<58} {disk:10.2f} ms")
        append = median_ms(lambda: ledger.append(content.statement, pairs=content.pairs), 300)
        print(f"{'append':<58} {append:10.2f} ms")
        print(f"{'append besides the disk':<58} {append - disk:10.2f} ms")
        several_writers(folder, folder / "config", options.processes, options.each)
        big(folder / "long", signer, options.entries)
        judging(folder / "different", signer)


def big(home: Path, signer: FileSigner, entries: int) -> None:
    with timed(f"making a log of {entries} entries (not a measurement)"):
        long_log(home, signer, entries)
    with timed("first open: the tree cache is made"):
        ledger = Ledger.open(home, signer=signer)
    with timed("open again"):
        ledger = Ledger.open(home, signer=signer)
    print(f"{'append':<58} {median_ms(lambda: ledger.append(unsigned().statement), 50):10.2f} ms")
    with TreeCache(home / "cache") as cache:
        tree = cache.tree(ledger.size)
        proof = median_ms(lambda: tree.inclusion(entries // 3), 50)
    print(f"{'inclusion proof':<58} {proof:10.2f} ms")
    print(f"{'bundle':<58} {median_ms(lambda: ledger.bundle(entries // 3), 20):10.2f} ms")
    bundle = ledger.bundle(entries // 3)
    print(f"{'verify a bundle':<58} {median_ms(lambda: verify_bundle(bundle), 20):10.2f} ms")
    start = time.perf_counter()
    Index.open(ledger).close()
    rate = ledger.size / (time.perf_counter() - start)
    print(f"{'index built':<58} {rate:10.0f} entries per s")
    with timed("index opened again"):
        Index.open(ledger).close()
    with timed(f"verify {ledger.size} entries"):
        found = verify_ledger(home)
    assert found.ok, found.fault
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{'largest memory of this process':<58} {memory:10.0f} MB")


def judging(home: Path, signer: FileSigner, entries: int = 300) -> None:
    """Records that are all different: each is judged again."""
    long_log(home, signer, entries, different=entries)
    start = time.perf_counter()
    found = verify_ledger(home)
    assert found.ok, found.fault
    each = (time.perf_counter() - start) / entries * 1e3
    print(f"{'verify a record that differs from all others':<58} {each:10.2f} ms")


if __name__ == "__main__":
    main()
