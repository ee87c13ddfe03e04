"""Faults on purpose: `python -m torture` from `tests/`, or `make torture`.

A part is a module of this folder with

    def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]

It raises AssertionError where the product fails, and gives the figures that docs/reliability.md
prints. `short` is the seed that CI runs (`test_seeds.py`): seconds, not minutes.
"""

PARTS: dict[str, str] = {}
"""Each part's module and what it does, in the order in which they run."""
