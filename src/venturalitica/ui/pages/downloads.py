"""What a record can be taken away as: its bundle, its report, the policy's bytes.

The bytes are the ledger's own, and a browser is never to run them: they are attachments of a plain
type, under a name that is safe on every system.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.errors import EntryPruned, EvidenceError

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ui.reader import Reading

File = tuple[bytes, str, str]
SVG = "image/svg+xml; charset=utf-8"
BYTES = "application/octet-stream"
FALLBACK = "model_policy.yaml"
MOST_NAME = 100

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_DEVICES = frozenset({"con", "prn", "aux", "nul"}) | {
    f"{name}{number}" for name in ("com", "lpt") for number in range(10)
}


def page(request: Request) -> Response:
    """One file, as an attachment."""
    index: int = request.path_params["entry"]
    what: str = request.path_params["what"]
    make = _MAKERS.get(what)
    if make is None:
        raise HTTPException(404, f"A record has no download {what[:40]!r}: {_there()}.")
    with request.app.state.desk.reading() as reading:
        data, name, kind = make(reading, _entry(reading, index))
    return Response(
        data,
        headers={
            "content-type": kind,
            "content-disposition": f'attachment; filename="{name}"',
            "x-content-type-options": "nosniff",
        },
    )


def chart(request: Request) -> Response:
    """The chart of one control as a file."""
    index: int = request.path_params["entry"]
    control: str = request.path_params["control"]
    with request.app.state.desk.reading() as reading:
        data, name, kind = _chart(reading, _entry(reading, index), control)
    return Response(
        data,
        headers={"content-type": kind, "content-disposition": f'attachment; filename="{name}"'},
    )


def _chart(reading: Reading, entry: Entry, control: str) -> File:
    from venturalitica.reports.html.chart_file import chart_svg
    from venturalitica.review.record_page import readable

    if not entry.record.judged:
        raise HTTPException(404, f"Entry {entry.index} is no audit and no run: it has no charts.")
    with readable(entry):
        context = reading.page_context(entry)
    verdict = next((one for one in context.verdicts if one.control == control), None)
    of = f"{context.run.name}, entry {entry.index}, record SHA-256 {entry.evidence_sha256}"
    drift = context.drift.get(control, ())
    drawn = None if verdict is None else chart_svg(verdict, of, drift)
    if drawn is None:
        raise HTTPException(404, f"Entry {entry.index} measured nothing of {control[:80]!r}.")
    return drawn.encode(), chart_name(entry.index, control), SVG


def chart_name(entry: int | str, control: str) -> str:
    """What the file of a chart is called: `chart-`, and then as much of a name as is safe."""
    said = _UNSAFE.sub("_", control)[:MOST_NAME].strip("._-")
    return f"chart-{entry}-{said}.svg" if said else f"chart-{entry}.svg"


def safe_name(name: str) -> str:
    """A recorded file name as a name of ours: no path, no device, nothing that a shell minds."""
    last = re.split(r"[/\\]", name)[-1]
    before, dot, suffix = _UNSAFE.sub("_", last)[-MOST_NAME:].rpartition(".")
    stem = (before if dot else suffix).strip("._-")
    if not stem or stem.partition(".")[0].lower() in _DEVICES:
        return FALLBACK
    return f"{stem}.{suffix}" if dot else stem


def _entry(reading: Reading, index: int) -> Entry:
    if index >= reading.ledger.size:
        raise HTTPException(404, f"There is no entry {index} in this log.")
    try:
        return reading.ledger.entry(index)
    except EntryPruned as error:
        raise HTTPException(404, str(error)) from error


def _bundle(reading: Reading, entry: Entry) -> File:
    return reading.ledger.bundle(entry.index), f"evidence-{entry.index}.json", "application/json"


def _report(reading: Reading, entry: Entry) -> File:
    from venturalitica.reports.html.page import draw_page
    from venturalitica.review.record_page import readable

    if not entry.record.judged:
        raise HTTPException(404, f"Entry {entry.index} is no audit and no run: it has no report.")
    with readable(entry):
        page = draw_page(reading.page_context(entry)).encode()
    return page, f"report-{entry.index}.html", "text/html; charset=utf-8"


def _policy(reading: Reading, entry: Entry) -> File:
    """The policy's bytes, held against their digest.

    Raises:
        EvidenceError: they are not those of it.
    """
    policy = entry.record.policy
    if policy is None:
        raise HTTPException(404, f"No policy was in force in entry {entry.index}.")
    try:
        data = policy.checked()
    except EvidenceError as error:
        raise EvidenceError(
            f"entry {entry.index}: {error}; its bundle has them as they are"
        ) from error
    return data, safe_name(policy.filename), BYTES


_MAKERS: Mapping[str, Callable[..., File]] = {
    "bundle": _bundle,
    "report": _report,
    "policy": _policy,
}


def _there() -> str:
    return f"there are {', '.join(_MAKERS)}"
