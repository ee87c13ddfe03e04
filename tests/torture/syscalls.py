"""EIO, ENOSPC and SIGKILL at every system call of the write path, by strace's fault injection.

A warm child waits at a pipe, strace takes hold of it, and only then does it write. A dry run tells
which calls one append makes; then each of them is made to fail, and each is made the last.
"""

from __future__ import annotations

import ctypes
import os
import random
import re
import select
import shutil
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import venturalitica.errors
from torture.writing import Promise, Writer, fork, hold, statement, without_flock, workshop
from venturalitica.ledger import Ledger
from venturalitica.ledger.signing.signer import FileSigner

INSTALL = "apt-get install -y strace"
FAULTS = ("error=EIO", "error=ENOSPC", "signal=KILL")
CALLS = re.compile(
    r"open|stat|access|read|write|sync|truncate|rename|link|mkdir|flock|seek|close|getdents|rmdir"
)
PR_SET_PTRACER = 0x59616D61


@dataclass(frozen=True)
class Scene:
    """What is done to which log; `entries` are in it before."""

    name: str
    entries: int
    locks: bool = True
    opened: bool = True


SCENES = (
    Scene("append", 3),
    Scene("begin a log and append", 0, opened=False),
    Scene("append without locks", 3, locks=False),
    Scene("begin without locks and append", 0, locks=False, opened=False),
)


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    why_not = _strace_fails()
    if why_not and short:
        say(f"not run: {why_not}")
        return {"skipped": why_not}
    assert not why_not, why_not
    randomly = random.Random(seed)
    done: Counter[str] = Counter()
    with workshop() as (folder, signer):
        for scene in SCENES:
            with nullcontext() if scene.locks else without_flock():
                stage = Stage(folder / f"scene-{SCENES.index(scene)}", signer, scene)
                cases = list(stage.cases())
                for case in randomly.sample(cases, 4) if short else cases:
                    done[stage.play(*case)] += 1
            say(f"{scene.name}: {len(cases)} faults at {len(cases) // len(FAULTS)} calls")
    told = ", ".join(f"{count} {outcome}" for outcome, count in sorted(done.items()))
    return {
        "faults injected": str(sum(done.values())),
        "what the writer said": told,
        "inconsistent logs, lost entries, untyped errors": "0",
    }


def _strace_fails() -> str:
    if shutil.which("strace") is None:
        return f"strace is missing: {INSTALL}"
    with workshop() as (folder, _):
        try:
            with traced(lambda _: None, folder / "probe", ["-e", "trace=close"]) as writer:
                writer.wait()
        except AssertionError as error:
            return f"strace cannot trace here: {error}"
    return ""


@contextmanager
def traced(
    work: Callable[[Callable[[Any], None]], None], notes: Path, options: list[str]
) -> Iterator[Writer]:
    """Fork a writer that waits, let strace take hold of it, then let it go on."""
    gate, go = os.pipe()
    ready, say_ready = os.pipe()

    def gated(promise: Callable[[Any], None]) -> None:
        os.close(go)
        # Where only a process's own parents may trace it (Yama), it lets anybody.
        ctypes.CDLL(None).prctl(PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)
        os.write(say_ready, b"x")
        select.select([gate], [], [])  # not a call that faults are injected into
        work(promise)

    writer = fork(notes, gated)
    os.close(gate)
    os.close(say_ready)
    os.read(ready, 1)
    os.close(ready)
    command = ["strace", "-f", "-o", str(notes.with_suffix(".trace")), *options]
    strace = subprocess.Popen([*command, "-p", str(writer.pid)], stderr=subprocess.PIPE)
    try:
        _attached(strace)
        os.write(go, b"x")
        yield writer
    finally:
        os.close(go)
        writer.kill()
        writer.wait()
        strace.communicate(timeout=60)


def _attached(strace: subprocess.Popen[bytes]) -> None:
    assert strace.stderr is not None
    text, deadline = b"", time.monotonic() + 60
    while b"attached" not in text:
        ready, _, _ = select.select([strace.stderr], [], [], max(0.0, deadline - time.monotonic()))
        new = os.read(strace.stderr.fileno(), 4096) if ready else b""
        assert new, text.decode() or "no answer"
        text += new


class Stage:
    """A log as it was before, again and again; and the calls that the scene's writer makes."""

    def __init__(self, folder: Path, signer: FileSigner, scene: Scene) -> None:
        self.folder, self.signer, self.scene = folder, signer, scene
        self.before = folder / "before"
        self.home = folder / "home"
        self.number = 0
        self.promised: list[Promise] = []
        folder.mkdir()
        if scene.entries:
            ledger = Ledger.open(self.before, signer=signer)
            entries = [ledger.append(statement(f"before-{n}")) for n in range(scene.entries)]
            self.promised = [(entry.index, entry.evidence_sha256) for entry in entries]
        else:
            # Whatever is imported or read once in a process is not part of what is traced.
            Ledger.open(folder / "warm", signer=signer).append(statement("warm"))
        self.calls = self._dry_run()

    def cases(self) -> Iterator[tuple[str, int, str]]:
        """Each call and occurrence, with each fault."""
        for call, count in sorted(self.calls.items()):
            for occurrence in range(1, count + 1):
                for fault in FAULTS:
                    yield call, occurrence, fault

    def play(self, call: str, occurrence: int, fault: str) -> str:
        """One fault; gives what the writer said, and holds the log against it."""
        options = ["-e", f"trace={call}", "-e", f"inject={call}:{fault}:when={occurrence}"]
        writer = self._write(options)
        case = f"{self.scene.name}: {call} #{occurrence} {fault}: {writer.error()[-300:]}"
        try:
            return self._judge(writer)
        except Exception as error:
            raise AssertionError(f"{case}: {error}") from error

    def _judge(self, writer: Writer) -> str:
        outcome, new = _outcome(writer), writer.promises()
        assert outcome != "written" or len(new) == 1
        if self.home.exists():
            size = hold(self.home, self.signer, [*self.promised, *new], whole=True)
            if outcome == "refused":
                assert size == self.scene.entries, "it was refused, and stands"
            if outcome == "kept in the inbox":
                assert size == self.scene.entries + 1, "it said that the inbox keeps it"
        after = Ledger.open(self.home, signer=self.signer).append(statement("after"))
        promised = [*self.promised, *new, (after.index, after.evidence_sha256)]
        hold(self.home, self.signer, promised, whole=True)
        return outcome

    def _write(self, options: list[str]) -> Writer:
        self.number += 1
        shutil.rmtree(self.home, ignore_errors=True)
        if self.scene.entries:
            shutil.copytree(self.before, self.home)
        # Opened before it is traced, or by what is traced.
        opened = Ledger.open(self.home, signer=self.signer) if self.scene.opened else None

        def work(promise: Callable[[Any], None]) -> None:
            ledger = opened or Ledger.open(self.home, signer=self.signer)
            promise(ledger.append(statement("faulty")))

        with traced(work, self.folder / f"n{self.number}", options) as writer:
            writer.wait()
        return writer

    def _dry_run(self) -> Counter[str]:
        writer = self._write(["-e", "trace=%file,%desc"])
        assert writer.status == 0, writer.error()
        lines = writer.notes.with_suffix(".trace").read_text().splitlines()
        names = [found[1] for line in lines if (found := re.match(r"\d+ +(\w+)\(", line))]
        counts = Counter(name for name in names if CALLS.search(name))
        counts["write"] -= 1  # the promise itself
        return +counts


def _outcome(writer: Writer) -> str:
    if writer.status == 0:
        return "written"
    if writer.status == -9:
        return "killed"
    name, text = writer.error().strip().splitlines()[-1].split(":", 1)
    kind = getattr(venturalitica.errors, name.rpartition(".")[2], None)
    typed = isinstance(kind, type) and issubclass(kind, venturalitica.errors.EvidenceError)
    assert typed, f"an untyped error: {writer.error()}"
    if name.endswith("EvidenceWaiting"):
        return "kept in the inbox"
    return "said to be doubtful" if "does not say how much" in text else "refused"
