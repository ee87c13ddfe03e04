"""A full disk: a real fit of a wrapped model whose evidence cannot be written.

Twice: on a disk of 1 MB where one can be mounted, and with a limit on the size of files
(RLIMIT_FSIZE), which every system has: a write beyond it stops half way, as on a full disk.
"""

from __future__ import annotations

import os
import resource
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import venturalitica as vl
from torture.writing import Promise, all_well, append_for_ever, fork, hold, workshop
from venturalitica.ledger import Ledger
from venturalitica.ledger.signing.signer import FileSigner

DISK = 1 << 20
POLICY = """\
policy: full-disk
version: "1"
roles:
  target: {favorable: 1}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.5"
  - id: parity
    metric: demographic_parity_ratio
    across: group
    must: ">= 0.1"
"""


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    from sklearn.linear_model import LogisticRegression

    figures: dict[str, str] = {}
    with workshop() as (folder, signer):
        training = Training(folder, LogisticRegression)
        with mounted(folder / "disk") as why_not:
            if why_not:
                say(f"no disk of 1 MB: {why_not}")
            else:
                fits = _on_a_small_disk(folder / "disk", training, signer, short=short)
                figures["fits on a full disk of 1 MB"] = fits
        limits = range(-40, 12_000, 4001 if short else 301)
        cut = _under_a_limit(folder / "limited", training, signer, limits)
        say(f"{len(limits)} limits, {cut} fits without evidence")
    figures["limits of the file's size tried / fits whose evidence was refused"] = (
        f"{len(limits)} / {cut}"
    )
    figures["fits disturbed, entries lost, tails left torn"] = "0"
    return figures


class Training:
    """A fit of a wrapped model, and the same fit of a plain one beside it."""

    def __init__(self, folder: Path, model: Any) -> None:
        self.folder, self.model = folder, model
        self.policy = folder / "full.yaml"
        self.policy.write_text(POLICY)
        randomly = np.random.default_rng(5)
        self.X = pd.DataFrame(randomly.normal(size=(300, 4)), columns=list("abcd"))
        self.y = (self.X["a"] + randomly.normal(size=300) > 0).astype(int)
        self.group = np.where(self.X["b"] > 0, "m", "f")
        self.expected = model().fit(self.X, self.y).predict(self.X)

    def fit(self, home: Path) -> vl.Audit:
        """Fit inside a monitor; the result must be the plain model's."""
        before = dict(os.environ)
        os.environ.update(
            VENTURALITICA_HOME=str(home),
            VENTURALITICA_CONFIG=str(self.folder / "config"),
            VENTURALITICA_FINGERPRINT="0",
        )
        try:
            with warnings.catch_warnings(), vl.monitor("training") as run:
                warnings.simplefilter("ignore")
                model = vl.wrap(self.model(), policy=self.policy)
                model.fit(self.X, self.y, group=self.group)
        finally:
            os.environ.clear()
            os.environ.update(before)
        assert (model.predict(self.X) == self.expected).all(), "the training was disturbed"
        (audit,) = run.audits
        return audit


@contextmanager
def mounted(place: Path) -> Iterator[str]:
    """A disk of 1 MB, or the reason why there is none."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "none", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        yield done.stderr.strip() or "mount failed" if done.returncode else ""
    finally:
        if not done.returncode:
            subprocess.run(["umount", str(place)], check=True)


def _on_a_small_disk(disk: Path, training: Training, signer: FileSigner, *, short: bool) -> str:
    home = disk / "home"
    kept = [_promise(training.fit(home))]
    refused = 0
    for spare in (0, 4096, 8192) if short else range(0, 65_536, 4096):
        filler = _fill(disk, spare)
        audit = training.fit(home)
        if audit.entry is None:
            _clearly_refused(audit)
            refused += 1
        else:
            kept.append(_promise(audit))
        filler.unlink()
        hold(home, signer, kept, whole=False)
        _tail_is_clean(home)
        kept.append(_promise(training.fit(home)))
    assert refused, "the disk was never full"
    _verifies(home, kept)
    return f"{refused} refused with a clear error, {len(kept)} kept, all on a log that verifies"


def _under_a_limit(home: Path, training: Training, signer: FileSigner, limits: range) -> int:
    """Let the log grow by no more than so many bytes; each fit in a child, whose limit it is."""
    kept = [_promise(training.fit(home))]
    refused = home.with_name("refused")

    for number, more in enumerate(limits):
        limit = (home / "log" / "entries.jsonl").stat().st_size + more

        def work(promise: Callable[[Any], None], limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
            audit = training.fit(home)
            resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
            if audit.entry is not None:
                promise(audit.entry)
                return
            _clearly_refused(audit)
            _tail_is_clean(home)
            with refused.open("a") as stream:
                stream.write("x")

        child = fork(home.with_suffix(f".{number}"), work)
        all_well([child])
        kept += child.promises()
        writer = fork(
            home.with_suffix(f".{number}.after"),
            append_for_ever(home, signer, f"after-{number}", count=1),
        )
        all_well([writer])
        kept += writer.promises()
    _verifies(home, kept)
    return refused.stat().st_size


def _promise(audit: vl.Audit) -> Promise:
    assert audit.entry is not None, audit.fault
    return audit.entry.index, audit.entry.evidence_sha256


def _clearly_refused(audit: vl.Audit) -> None:
    assert audit.light == "red", audit.light
    assert "could not be written" in audit.fault, audit.fault
    assert "No space left" in audit.fault or "File too large" in audit.fault, audit.fault


def _tail_is_clean(home: Path) -> None:
    assert (home / "log" / "entries.jsonl").read_bytes().endswith(b"\n"), "a torn tail was left"


def _fill(disk: Path, spare: int) -> Path:
    """Leave no more than `spare` bytes on a disk."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(b"\0" * 4096)
        except OSError:
            pass
        stream.truncate(max(0, stream.tell() - spare))
    return filler


def _verifies(home: Path, kept: list[Promise]) -> None:
    found = {entry.index: entry.evidence_sha256 for entry in Ledger.open(home).entries()}
    assert all(found.get(index) == digest for index, digest in kept), "an entry was lost"
    verification = vl.verify(home)
    assert verification.ok, verification.fault
