"""The status dashboard: pages drawn on the server from the ledger and `reports`.

It never judges, and writes no evidence but the sign-offs and notes of `ui --write`. What it does on
request (deliver what waits, verify, sign off) is done by the rooms that do it for the command line.

    serve.py       the port, the browser, the server
    guard.py       who may ask: host, token, origin; the headers of every answer
    app.py         pages -> routes; errors become pages
    desk.py        what a page reads: ledger, index, what waits, sign-offs
    addresses.py   the address of each page, in the server and in a static export
    rendering.py   templates: what they are given, their filters
    assets.py      style sheet and scripts, from memory
    site.py        every page as files that link to each other
    run_files.py   records as CSV, JSON, Parquet
    signing.py     what `ui --write` keeps until it is confirmed, and signs
    notify/        one message for each change of a light: `ui --notify`, `watch`
    pages/         one module a page: a frozen context, `read`, `page`
    templates/     one template a page
    static/        the style sheet, htmx (vendored, its licence beside it), two small scripts

Starlette and uvicorn (extra `ui`) are imported here and nowhere else, and not before
`venturalitica ui` or `report site` is called.
"""

from __future__ import annotations

import importlib

from venturalitica.errors import MissingExtra

LIBRARIES = {
    "starlette": "Starlette",
    "uvicorn": "uvicorn",
    "python_multipart": "python-multipart",
}


def require() -> None:
    """Import them.

    Raises:
        MissingExtra: one is not installed.
    """
    for module, name in LIBRARIES.items():
        try:
            importlib.import_module(module)
        except ImportError:
            raise MissingExtra(name, "ui") from None
