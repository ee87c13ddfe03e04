"""The servers that a browser looks at, each in a process of its own on loopback."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

PATIENCE = 60
"""Seconds; a command that takes two on a quiet machine may take many on a busy one."""


class Ui:
    """`venturalitica ui --no-open` over one ledger folder, or `--demo`, where it is None; or with
    `options`, over what the environment names.

    `url` ends without a slash.
    """

    def __init__(self, home: Path | None, folder: Path, *options: str, **environment: str) -> None:
        self._what = ["--ledger", str(home)] if home else ["--demo", "--out", "demo"]
        self._what = list(options) or self._what
        self._folder = folder
        self._environment = environment
        self.log = folder / "ui.log"
        self.url = ""

    def __enter__(self) -> Ui:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "venturalitica", "ui", "--no-open"]
        command += ["--port", str(port), *self._what]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                env=plain_environment() | self._environment,
            )
        self._wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        said = self.log.read_text()
        assert "Traceback" not in said, f"a page could not be drawn: ...{said[-2000:]}"

    def _wait(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until and self.process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/", timeout=PATIENCE):
                    return
            except urllib.error.HTTPError:
                return  # it answers; what it answers is a test's business
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"venturalitica ui did not start:\n{self.log.read_text()}")


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def plain_environment() -> dict[str, str]:
    """The environment without trackers' settings; keys of tests stay in the tests' folders."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "WANDB_", "PYTHONWARNINGS", "GITHUB_", "CI"))
    }
