"""Run the parts: `python -m torture [--short] [--seed N] [PART ...]`."""

from __future__ import annotations

import argparse
import importlib
import logging
import random
import sys
import time
import traceback

from torture import PARTS


def main() -> int:
    parser = argparse.ArgumentParser(prog="torture", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="all of them if left out")
    parser.add_argument("--short", action="store_true", help="the seed that CI runs")
    parser.add_argument("--seed", type=int, default=None, help="drawn and printed if left out")
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    # The product tells of every fault that is made here; the figures are told instead.
    logging.getLogger("venturalitica").addHandler(logging.NullHandler())
    began = time.monotonic()
    failed = [name for name in options.parts or PARTS if not survives(name, seed, options.short)]
    print(f"\nall parts: {time.monotonic() - began:.0f} s", flush=True)
    if failed:
        print(f"FAILED: {', '.join(failed)}; again with --seed {seed} {' '.join(failed)}")
    return 1 if failed else 0


def survives(name: str, seed: int, short: bool) -> bool:
    """Run one part and print its figures."""
    print(f"\n{name}: {PARTS[name]}", flush=True)
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"  [{time.monotonic() - began:6.1f} s] {text}", flush=True)

    try:
        figures = importlib.import_module(f"torture.{name}").run(short=short, seed=seed, say=say)
    except Exception:  # noqa: BLE001 - whatever it is, the part has not survived
        traceback.print_exc()
        return False
    for what, figure in figures.items():
        print(f"  {what:<60} {figure}")
    print(f"  survived, {time.monotonic() - began:.1f} s", flush=True)
    return True


if __name__ == "__main__":
    sys.exit(main())
