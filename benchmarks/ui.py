"""Measure the pages: `python benchmarks/ui.py [--runs 100 10000] [--times 30]`.

For a ledger of each size: p50 and p95 of every page that grows with it, asked of the application in
this process (waiting, and computing alone), and again right after a record was appended; the memory
of the process; and how long `venturalitica ui` takes from the command to its first page.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import random
import resource
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from venturalitica.core.link import Link
from venturalitica.core.verdict import Interval, Verdict, worst_light
from venturalitica.ledger import Index, Ledger, Outbox, load_signer
from venturalitica.ledger.formats.checkpoint import Checkpoint, NoteKey, sign_note
from venturalitica.ledger.formats.dsse import sign_envelope
from venturalitica.ledger.formats.merkle import RunningRoot, leaf_hash
from venturalitica.ledger.formats.public_key import carry_keys
from venturalitica.ledger.records.placement import Draft
from venturalitica.ledger.signing.signer import FileSigner

CONTROLS = 8
MODELS = [f"m{number:02}" for number in range(20)]
PIPELINES = [f"{team}-{model}" for team in ("retail", "business", "cards") for model in MODELS]


def statements(count: int) -> Iterator[dict[str, Any]]:
    """A history: sixty pipelines, three versions of two policies, one model in five fails."""
    rng = random.Random(1)
    for number in range(count):
        yield statement(number, count, rng)


def statement(number: int, count: int, rng: random.Random) -> dict[str, Any]:
    version = f"1.{3 * number // count}"
    name = "credit-scoring" if number % 3 else "fraud"
    rules = "".join(
        f"  - {{id: c{n}, metric: accuracy, must: '>= 0.7'}}\n" for n in range(CONTROLS)
    )
    policy = f"policy: {name}\nversion: '{version}'\ncontrols:\n{rules}".encode()
    digest = sha256(policy).hexdigest()
    found = [verdict(n, rng) for n in range(CONTROLS)]
    at = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(1767225600 + number * 600))
    predicate = {
        "format": 1,
        "kind": "audit",
        "package": "0",
        "run": {
            "id": f"{rng.getrandbits(128):032x}",
            "name": PIPELINES[number % len(PIPELINES)],
            "parent": None,
            "sequence": 0,
            "started_at": at,
            "ended_at": at,
            "source": "fit",
        },
        "policy": {
            "name": name,
            "version": version,
            "title": "",
            "filename": "model_policy.yaml",
            "sha256": digest,
            "bytes": base64.b64encode(policy).decode(),
        },
        "light": worst_light(item.light for item in found),
        "verdicts": [item.to_json() for item in found],
        "tally": {"rows": 1000, "tables": [{"cells": [[n, 1, 0, n * 7] for n in range(40)]}]},
        "tally_sha256": "0" * 64,
        "bindings": {"gender": "Attribute9"},
        "model": {"class": "sklearn.ensemble.RandomForestClassifier", "parameters": {}},
        "data": [],
        "environment": {
            "python": "3.11",
            "git": {"commit": f"{rng.getrandbits(160):040x}", "dirty": False},
            "packages": {f"package-{n}": "1.2.3" for n in range(60)},
        },
        "trackers": [tracked(number)],
        "exception": None,
        "audits": [],
    }
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "policy/model_policy.yaml", "digest": {"sha256": digest}}],
        "predicateType": "urn:venturalitica:audit:v1",
        "predicate": predicate,
    }


def verdict(number: int, rng: random.Random) -> Verdict:
    value = 0.7 + rng.gauss(0.05, 0.03)
    low, high = value - 0.02, value + 0.02
    return Verdict(
        control=f"c{number}",
        title=f"Control {number}",
        status="passed" if value >= 0.7 else "failed",
        reason=f"{value:.3f} against 0.70",
        metric="accuracy",
        must=">= 0.70",
        operator=">=",
        threshold=0.7,
        article="15(1)",
        on_fail="block" if number == 0 else "warn",
        value=value,
        interval=Interval(low, high),
        conclusive=not low <= 0.7 <= high,
        n=1000,
    )


def tracked(number: int) -> dict[str, Any]:
    run = f"{number:032x}"
    return {
        "tracker": "mlflow",
        "run_id": run,
        "uri": "http://mlflow.example:5000",
        "url": f"http://mlflow.example:5000/#/experiments/1/runs/{run}",
        "experiment_id": "1",
        "extra": {},
    }


def write_log(home: Path, signer: FileSigner, count: int) -> None:
    """A log as the ledger would have written it, without a sync for each entry; all delivered."""
    sealer, root, previous = signer.checkpoint_signer(), RunningRoot(), None
    origin = f"venturalitica/log/{'0' * 32}"
    (home / "log").mkdir(parents=True)
    carry_keys(home / "keys", (signer.public, sealer.public))
    receipts = (home / "receipts.jsonl").open("w")
    with (home / "log" / "entries.jsonl").open("wb") as stream, receipts:
        for index, each in enumerate(statements(count)):
            at = each["predicate"]["run"]["ended_at"]
            link = Link(
                origin=origin,
                index=index,
                previous=previous,
                appended_at=at,
                checkpoint_key=sealer.keyid,
            )
            payload = Draft(each).payload(link)
            line = sign_envelope(payload, keyid=signer.keyid, sign=signer.sign).to_json()
            stream.write(line + b"\n")
            leaf = leaf_hash(line)
            root.append(leaf)
            previous = leaf.hex()
            if index < count - 1:
                receipts.write(json.dumps(receipt(index, line)) + "\n")
    key = NoteKey(origin, sealer.public.raw_ed25519())
    checkpoint = Checkpoint(origin, count, root.root())
    (home / "log" / "checkpoint").write_text(sign_note(checkpoint.text(), key, sealer.sign))


def receipt(index: int, line: bytes) -> dict[str, Any]:
    return {
        "index": index,
        "tracker": "mlflow",
        "run_id": f"{index:032x}",
        "outcome": "confirmed",
        "detail": "",
        "at": "2026-01-01T00:00:00.000000Z",
        "evidence_sha256": sha256(line).hexdigest(),
    }


PAGES = {
    "overview": "/",
    "runs": "/runs",
    "runs, the last page": "/runs?page={last}",
    "runs, light and name": "/runs?light=amber&name=retail-m00",
    "runs, by worst margin": "/runs?sort=margin&order=asc",
    "runs, red at a control": "/runs?failing=c3",
    "runs, a search": "/runs?q=m07",
    "runs by model": "/runs?group=model",
    "runs by commit": "/runs?group=commit",
    "runs by commit, a search": "/runs?group=commit&q=m07",
    "compare": "/compare?a=1&b=2",
    "run": "/runs/7",
    "policies": "/policies",
    "evidence": "/evidence",
    "integrations": "/integrations",
}


LOOKED_AT = (
    *("overview", "runs", "runs by model", "runs by commit"),
    *("run", "policies", "integrations"),
)


def measured(home: Path, runs: int, times: int) -> None:
    """Every page so many times, the pages in turn: what else the machine does hits all alike."""
    import httpx

    from venturalitica.ui.app import create_app
    from venturalitica.ui.reader import Desk
    from venturalitica.ui.security import Guard

    started = time.perf_counter()
    with Index.open(Ledger.open(home)):
        pass
    built = time.perf_counter() - started
    app = create_app(Desk(home), Guard(host="127.0.0.1", port=8610))
    pages = {name: path.format(last=-(-runs // 50)) for name, path in PAGES.items()}
    taken: dict[str, list[float]] = {name: [] for name in pages}
    computed: dict[str, list[float]] = {name: [] for name in pages}

    async def ask() -> None:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8610") as one:
            for _ in range(times + 1):
                for name, path in pages.items():
                    start, worked = time.perf_counter(), time.process_time()
                    answer = await one.get(path)
                    taken[name].append((time.perf_counter() - start) * 1e3)
                    computed[name].append((time.process_time() - worked) * 1e3)
                    assert answer.status_code == 200, f"{path}: {answer.status_code}"

    asyncio.run(ask())
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{runs:,} runs: index made in {built:.1f} s; memory {memory:.0f} MB")
    print(f"{'page, ms':<28}{'first':>8}{'p50':>8}{'p95':>8}   computed: {'p50':>8}{'p95':>8}")
    table(taken, computed)


def table(taken: dict[str, list[float]], computed: dict[str, list[float]]) -> None:
    for name, (first, *rest) in taken.items():
        own = computed[name][1:]
        print(
            f"{name:<28}{first:8.0f}{statistics.median(rest):8.0f}{p95(rest):8.0f}"
            f"{'':13}{statistics.median(own):8.0f}{p95(own):8.0f}"
        )


def after_appends(home: Path, times: int) -> None:
    """The pages that are looked at while trainings run, each right after an append that was
    delivered: the log, the receipts and the index are others than at the page before."""
    import httpx

    from venturalitica.ui.app import create_app
    from venturalitica.ui.reader import Desk
    from venturalitica.ui.security import Guard
    from venturalitica.ui.server import read_ahead

    ledger = Ledger.open(home, signer=load_signer(None, Path(os.environ["VENTURALITICA_CONFIG"])))
    desk = Desk(home)
    read_ahead(desk)  # as `venturalitica ui` does of a long log, beside its first page
    app = create_app(desk, Guard(host="127.0.0.1", port=8610))
    taken: dict[str, list[float]] = {name: [] for name in LOOKED_AT}
    computed: dict[str, list[float]] = {name: [] for name in LOOKED_AT}
    rng = random.Random(2)

    async def ask() -> None:
        transport = httpx.ASGITransport(app, client=("127.0.0.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8610") as one:
            for _ in range(times + 1):
                for name in LOOKED_AT:
                    number = ledger.head().size
                    entry = ledger.append(statement(number, number + 1, rng))
                    run = tracked(number)["run_id"]
                    Outbox(ledger).confirm(entry.index, "mlflow", run)
                    start, worked = time.perf_counter(), time.process_time()
                    answer = await one.get(PAGES[name])
                    taken[name].append((time.perf_counter() - start) * 1e3)
                    computed[name].append((time.process_time() - worked) * 1e3)
                    assert answer.status_code == 200, f"{name}: {answer.status_code}"

    asyncio.run(ask())
    print(f"{'right after an append, ms':<28}{'first':>8}{'p50':>8}{'p95':>8}   computed:")
    table(taken, computed)


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def cold_start(home: Path) -> float:
    """Seconds from the command to its first page."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "venturalitica", "ui", "--no-open", "--port", str(port)]
    started = time.perf_counter()
    server = subprocess.Popen(
        [*command, "--ledger", str(home)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        while server.poll() is None and time.perf_counter() - started < 60:
            with suppress(urllib.error.URLError, ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=30).read()
                return time.perf_counter() - started
            time.sleep(0.005)
        assert server.stderr is not None
        server.kill()
        raise SystemExit(f"the server gave no page:\n{server.stderr.read().decode()}")
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(10)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 10_000])
    parser.add_argument("--times", type=int, default=30, help="how often each page is asked for")
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.home:
        from venturalitica.ui.server import collecting_rarely

        with collecting_rarely():
            measured(given.home, given.runs[0], given.times)
            after_appends(given.home, given.times)
        return
    with tempfile.TemporaryDirectory() as folder:
        os.environ["VENTURALITICA_CONFIG"] = f"{folder}/config"
        os.environ["VENTURALITICA_DOTENV"] = "0"
        signer = load_signer(None, Path(folder) / "config")
        for runs in given.runs:
            home = Path(folder) / str(runs)
            write_log(home, signer, runs)
            command = [sys.executable, __file__, "--home", str(home), "--runs", str(runs)]
            subprocess.run([*command, "--times", str(given.times)], check=True)
            starts = sorted(cold_start(home) for _ in range(3))
            print(f"from the command to the first page: {starts[1]:.2f} s (best {starts[0]:.2f})")


if __name__ == "__main__":
    main()
