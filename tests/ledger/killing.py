"""Kill a process at each of its steps on the disk, one after another."""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
STEPS = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"}
KILLED = 9


def killed_at_each_step(
    begin: Path, folder: Path, act: Callable[[Path], object]
) -> Iterator[tuple[Path, bool]]:
    """Copies of `begin`, each as `act` left it when killed before its n-th step, then one whole.

    A step opens a file for writing, syncs, renames or removes one. Gives the copy, and whether
    `act` came to its end.
    """
    for number in itertools.count(1):
        copy = folder / str(number)
        shutil.copytree(begin, copy)
        ended = _run(copy, act, number)
        yield copy, ended
        shutil.rmtree(copy)
        if ended:
            return


def _run(copy: Path, act: Callable[[Path], object], number: int) -> bool:
    pid = os.fork()
    if pid == 0:
        _Killer(number).arm()
        try:
            act(copy)
        except BaseException:  # noqa: BLE001 - a child of a test must not run the test's own ends
            os._exit(1)
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, KILLED), f"it failed at step {number} instead of being killed"
    return status == 0


class _Killer:
    def __init__(self, number: int) -> None:
        self.left = number

    def arm(self) -> None:
        plain = os.fsync

        def fsync(descriptor: int) -> None:
            self.step()
            plain(descriptor)

        os.fsync = fsync  # type: ignore[assignment]
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple[object, ...]) -> None:
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if opened or event in STEPS:
            self.step()

    def step(self) -> None:
        self.left -= 1
        if self.left == 0:
            os._exit(KILLED)
