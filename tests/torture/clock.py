"""Clocks that are wrong: set back, far ahead, without a zone, in the hour that comes twice.

The order of records is by index and nothing else; `verify` says which clocks disagree, and never
fails for it.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from unittest import mock
from zoneinfo import ZoneInfo

from torture.attacks import record
from venturalitica.cli.app import run as command_line
from venturalitica.ledger import Index, Ledger, load_signer, verify_bundle, verify_ledger
from venturalitica.ledger.signing.signer import FileSigner

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)


def _every(step: timedelta, start: datetime, count: int = 6) -> list[datetime]:
    return [start + step * number for number in range(count)]


def _fall_back() -> list[datetime]:
    """The hour that comes twice, as a clock on the wall shows it."""
    before = datetime(2025, 10, 26, 2, 30, tzinfo=BERLIN)
    return [before, before.replace(minute=59), before.replace(fold=1), before.replace(hour=3)]


def _spring_forward() -> list[datetime]:
    """The hour that does not come."""
    before = datetime(2026, 3, 29, 1, 30, tzinfo=BERLIN)
    return [before, before.replace(minute=59), before.replace(hour=3, minute=0)]


CLOCKS: dict[str, tuple[Sequence[datetime], bool]] = {
    "right": (_every(timedelta(seconds=1), NOW - timedelta(hours=1)), True),
    "standing still": ([NOW - timedelta(hours=1)] * 6, True),
    "set back an hour": (_every(timedelta(hours=-1), NOW), False),
    "set back to 1970": ([NOW, datetime(1970, 1, 1, tzinfo=UTC), NOW], False),
    "ten years ahead": (_every(timedelta(days=3653), NOW), False),
    "ten years ahead and back": ([NOW, NOW.replace(year=2036), NOW], False),
    "the last moment there is": ([NOW, datetime.max.replace(tzinfo=UTC), NOW], False),
    "beyond the last moment": (
        [NOW, datetime.max.replace(tzinfo=timezone(-timedelta(hours=9)))],
        False,
    ),
    "before the first moment": (
        [datetime.min.replace(tzinfo=timezone(timedelta(hours=9))), NOW],
        True,
    ),
    "of the year 1": ([datetime.min.replace(tzinfo=UTC), NOW], True),
    "daylight saving ends": (_fall_back(), True),
    "daylight saving begins": (_spring_forward(), True),
    "two zones, one after another": ([NOW.astimezone(BERLIN), NOW.astimezone(UTC)], True),
    "without a zone": ([datetime(2026, 1, 1, 12), datetime(2026, 1, 1, 13)], True),
    "without a zone, in the hour that comes twice": (
        [datetime(2025, 10, 26, 2, 50), datetime(2025, 10, 26, 2, 10)],
        False,
    ),
}
"""What the clock says at each append, and whether its times agree with their order."""


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    figures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="torture-") as name, summer_time():
        folder = Path(name)
        signer = load_signer(None, folder / "config")
        for number, (what, (times, agree)) in enumerate(CLOCKS.items()):
            home = folder / str(number) / ".venturalitica"
            figures[f"a clock {what}"] = keeps_order(home, signer, times, agree=agree)
            say(f"a clock {what}: {figures[f'a clock {what}']}")
    return figures


def keeps_order(home: Path, signer: FileSigner, times: Sequence[datetime], *, agree: bool) -> str:
    """Append by that clock; the answer says what `verify` says of it."""
    moments = iter(times)
    ledger = Ledger.open(home, signer=signer, clock=lambda: next(moments))
    for number in range(len(times)):
        assert ledger.append(record(number)).index == number
    found = verify_ledger(home, now=NOW)
    assert found.ok, found.fault
    clock = next(step for step in found.steps if step.name == "clock")
    assert clock.ok is (True if agree else None), clock
    assert agree or "order is by index" in clock.detail
    stamps = [entry.statement["predicate"]["log"]["appended_at"] for entry in ledger.entries()]
    assert all(len(stamp) == 27 and stamp.endswith("Z") for stamp in stamps), stamps
    newest_first = list(range(len(times)))[::-1]
    with Index.open(ledger) as index:
        assert [row.index for row in index.runs()] == newest_first
    assert listed(home) == newest_first
    assert listed(home, "--since", "2026-01-01", "--until", "9999-12-31") is not None
    assert verify_bundle(ledger.bundle(0)).ok
    assert verify_ledger(home, now=datetime.max.replace(tzinfo=UTC)).ok
    return "flagged" if clock.ok is None else "agrees"


def listed(home: Path, *options: str) -> list[int]:
    """The order in which `runs list` shows the records."""
    out = io.StringIO()
    variables = {"VENTURALITICA_HOME": str(home)}
    with mock.patch.dict(os.environ, variables), contextlib.redirect_stdout(out):
        status = command_line(["runs", "list", "--json", *options])
    assert status == 0, out.getvalue()
    return [row["index"] for row in json.loads(out.getvalue())]


@contextlib.contextmanager
def summer_time() -> Iterator[None]:
    """A process in a zone with daylight saving: times without a zone are in it."""
    import time

    with mock.patch.dict(os.environ, {"TZ": "Europe/Berlin"}):
        time.tzset()
        try:
            yield
        finally:
            os.environ.pop("TZ", None)
    time.tzset()
