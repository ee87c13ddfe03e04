"""`make screenshots`: the pictures for docs and README, from the history of the demo.

One more is of MLflow's own page, where a server with the gate refuses an alias.

    python tests/browser/screenshots.py               those that docs and README show
    python tests/browser/screenshots.py --all OUT     every page, light, dark, at 360 px

Each picture is the top of a page, ours in 256 colours at most: text on plain ground loses nothing.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
if __name__ == "__main__":
    import looking
    import refusal
    import serving

    sys.path.append(str(ROOT))
else:
    looking, serving = sys.modules["browser_looking"], sys.modules["browser_serving"]
    refusal = sys.modules["browser_refusal"]

LARGEST = 150_000
"""Bytes of one picture."""


SHOWN = frozenset(
    {
        *("overview-light.png", "overview-dark.png", "overview-light-360.png"),
        *("run-light.png", "run-light-360.png"),
        *("policy-diff-light.png", "integrations-light.png"),
    }
)
"""What docs and README show of the dashboard; a test holds the three together."""
REFUSAL = "gate-refusal.png"
"""MLflow's page, beside the folder of the others."""


@dataclass(frozen=True)
class Picture:
    """One picture: page, and how it is looked at."""

    name: str
    path: str
    scheme: str = "light"
    width: int = 1280
    height: int = 900

    @property
    def file(self) -> str:
        """Its file's name."""
        size = "-360" if self.width == 360 else ""
        return f"{self.name}-{self.scheme}{size}.png"


def pictures(links: dict[str, str]) -> Iterator[Picture]:
    """Every page of `links` (name -> path) in light, dark, and on a telephone."""
    for name, path in links.items():
        yield Picture(name, path)
        yield Picture(name, path, scheme="dark")
        yield Picture(name, path, width=360, height=740)


def main() -> None:
    """Make all pictures; refuse one that is too large."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", type=Path, metavar="OUT", help="every picture, into this folder")
    every = parser.parse_args().all
    out = every or ROOT / "docs" / "images" / "ui"
    out.mkdir(parents=True, exist_ok=True)
    # Pages show this path: it is the same each time.
    folder = Path(tempfile.gettempdir()) / "loans"
    folder.mkdir()
    try:
        os.environ["VENTURALITICA_CONFIG"] = str(folder / "keys")
        os.environ["VENTURALITICA_HOME"] = str(folder / "evidence")
        with serving.Ui(None, folder) as ui, looking.chromium() as browser:
            for picture in pictures(_links(browser, ui.url)):
                if every or picture.file in SHOWN:
                    _write(out / picture.file, _small(_taken(browser, ui.url, picture)))
            # Not in fewer colours: the shadow around its dialog would be tinted.
            _write((every or out.parent) / REFUSAL, _refused(browser, folder / "mlflow"))
    finally:
        shutil.rmtree(folder)


def _write(file: Path, data: bytes) -> None:
    if len(data) > LARGEST:
        raise SystemExit(f"{file.name}: {len(data)} bytes; at most {LARGEST}")
    file.write_bytes(data)
    print(f"{file}: {len(data) // 1024} KB")


def _links(browser: Any, url: str) -> dict[str, str]:
    """The pages of which there are pictures; the run is the last one that failed."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{url}/runs?light=red")
    run = page.locator("main a[href^='/runs/']").first.get_attribute("href")
    page.goto(f"{url}/policies")
    diff = page.locator("main a[href*='/diff']").first.get_attribute("href")
    context.close()
    return {
        "overview": "/",
        "runs": "/runs",
        "run": run,
        "policy-diff": diff,
        "evidence": "/evidence",
        "integrations": "/integrations",
    }


def _taken(browser: Any, url: str, picture: Picture) -> bytes:
    context = _context(browser, picture)
    page = context.new_page()
    page.goto(url + picture.path)
    page.wait_for_load_state("networkidle")
    data: bytes = page.screenshot()
    context.close()
    return data


def _refused(browser: Any, folder: Path) -> bytes:
    from tests.conftest import started_server

    folder.mkdir()
    server = refusal.start_gated(started_server, folder)
    try:
        context = _context(browser, Picture("refusal", "", height=620))
        page = context.new_page()
        page.goto(refusal.register_bare(server.url))
        refusal.ask_for_champion(page)
        data: bytes = page.screenshot()
        context.close()
    finally:
        server.stop()
    return data


def _context(browser: Any, picture: Picture) -> Any:
    return browser.new_context(
        viewport={"width": picture.width, "height": picture.height},
        color_scheme=picture.scheme,
        timezone_id="UTC",
        locale="en-GB",
        reduced_motion="reduce",
    )


def _small(data: bytes) -> bytes:
    """The picture in 256 colours."""
    from PIL import Image

    out = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        # First a palette that has the rare colours too (the lights are small), then the nearest
        # to what is there: no ground is tinted.
        few = image.convert("RGB").quantize(
            colors=256,
            method=Image.Quantize.MAXCOVERAGE,
            kmeans=3,
            dither=Image.Dither.NONE,
        )
        few.save(out, "PNG", optimize=True)
    return out.getvalue()


if __name__ == "__main__":
    main()
