"""Faults on purpose: `python -m torture` from `tests/`, or `make torture`.

A part is a module of this folder with

    def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]

It raises AssertionError where the product fails, and gives the figures that docs/reliability.md
prints. `short` is the seed that CI runs (`test_seeds.py`): seconds, not minutes.
"""

PARTS: dict[str, str] = {
    "kills": "kill -9 at random moments of appending, two writers at a time",
    "syscalls": "EIO, ENOSPC and SIGKILL at every system call of the write path",
    "disk": "a full disk of 1 MB, and files that may not grow, under a real fit",
    "writers": "eight processes, threads, and forks in an open monitor, all into one log",
    "nolocks": "no flock: four writers by the inbox, killed and stopped at random",
    "rotations": "kill -9 in the middle of rotating keys, with a writer beside it",
    "tracker_faults": "an MLflow server that fails in every way; scripts killed in a delivery",
    "secrets": "canaries wherever a script can have secrets; every byte is searched for them",
    "tampering": "every change to files of evidence and to a run, and which step finds it",
    "hostile": "names, links, pipes, giants, bombs and pickles against everything that reads",
    "parsers": "100,000 mutated inputs for every reader: typed errors only",
    "clock": "clocks set back, far ahead, without a zone, in the hour that comes twice",
    "pruning": "kill -9 in the middle of pruning and erasing, with writers and readers at work",
}
"""Each part's module and what it does, in the order in which they run."""
