"""A warm interpreter that forks one child for each job, so that a job costs no imports.

As a program: reads jobs as JSON lines, answers each with `started PID` and `ended STATUS SECONDS`
(the monotonic clock). A job is {"call": "module:function", "folder": ..., "arguments": {...},
"environment": {...}}; the child's output goes to `out.txt` in its folder, and it ends as every
script ends: by falling off the end of the main module.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Warm:
    """The warm interpreter, seen from the test."""

    def __init__(self, *modules: str, folder: Path) -> None:
        plain = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("MLFLOW_", "WANDB_", "VENTURALITICA_", "PYTHONWARNINGS"))
        }
        self.log = folder / "warm.log"
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(Path(__file__)), *modules],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=folder,
                env={**plain, "VENTURALITICA_DOTENV": "0"},
            )

    def start(
        self, call: str, folder: Path, *, environment: dict[str, str], **arguments: Any
    ) -> Job:
        folder.mkdir(parents=True, exist_ok=True)
        job = {
            "call": call,
            "folder": str(folder),
            "arguments": arguments,
            "environment": environment,
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return Job(self, int(self.line("started")), folder)

    def line(self, what: str) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line.startswith(what), f"expected {what!r}, got {line!r}: {self.log.read_text()}"
        return line.removeprefix(what).strip()

    def close(self) -> None:
        """Let it end; where a child hangs, its parent's death ends it."""
        try:
            self._process.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()


@dataclass
class Job:
    """One child of the warm interpreter."""

    warm: Warm
    pid: int
    folder: Path
    status: int | None = None
    ended: float = 0.0

    def wait(self) -> Job:
        """Until the child has ended; one job runs at a time."""
        if self.status is None:
            status, ended = self.warm.line("ended").split()
            self.status, self.ended = int(status), float(ended)
        return self

    def output(self) -> str:
        return (self.folder / "out.txt").read_text(errors="replace")

    def wait_for(self, name: str) -> None:
        """Until the child has made a file of that name."""
        until(lambda: (self.folder / name).exists() or not alive(self.pid))
        assert (self.folder / name).exists(), self.output()

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def until(true: Any) -> None:
    """A generous deadline, for a machine that has much to do."""
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it never became true"
        time.sleep(0.005)


def main() -> None:
    sys.path[:0] = [str(Path(__file__).parents[1])]
    for module in sys.argv[1:]:
        importlib.import_module(module)
    for line in sys.stdin:
        job = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(job)
            return  # and so to the end of the interpreter, which is part of what is measured
        print(f"started {pid}", flush=True)
        _, status = os.waitpid(pid, 0)
        print(f"ended {os.waitstatus_to_exitcode(status)} {time.monotonic()}", flush=True)


def _become(job: dict[str, Any]) -> None:
    os.chdir(job["folder"])
    out = os.open("out.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (out, 1), (out, 2)):
        os.dup2(source, target)
    os.environ.update(job["environment"])
    module, _, function = job["call"].partition(":")
    status = getattr(importlib.import_module(module), function)(**job["arguments"])
    if status:
        sys.exit(status)


if __name__ == "__main__":
    main()
