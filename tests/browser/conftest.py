"""A real browser before a real `venturalitica ui`: Debian's chromium, driven by Playwright.

Each test opens pages through `look`, which watches them: at the end of the test, a request to
anywhere but the server under test, a dialog, a line of error in the console, a breach of the
content security policy, or a trace that a script of somebody else's ran, fails it.

chromium and axe-core are needed; where one is absent the tests fail and say how to get it.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent


def _helper(path: Path, name: str) -> Any:
    """A helper beside the tests; without packages, they cannot import each other."""
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return sys.modules[name]


_helper(HERE.parent / "ui" / "naughty.py", "ui_naughty")
_helper(HERE.parent / "conftest.py", "tests_shared_with_browser")
_helper(HERE.parent / "reports" / "conftest.py", "reports_conftest")
looking = _helper(HERE / "looking.py", "browser_looking")
crawling = _helper(HERE / "crawling.py", "browser_crawling")
_helper(HERE / "tracking.py", "browser_tracking")
serving = _helper(HERE / "serving.py", "browser_serving")
logs = _helper(HERE / "logs.py", "browser_logs")
_helper(HERE / "refusal.py", "browser_refusal")
_helper(HERE / "screenshots.py", "browser_screenshots")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Debian's chromium. For a module, not longer: Playwright keeps an event loop running."""
    with looking.chromium() as browser:
        yield browser


@pytest.fixture(autouse=True)
def _read_whole_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playwright returns from a click once the next page begins; a test reads it once it is there.

    Rows that are read at once (`all()`, `count()`) are not waited for: a page half read has none.
    """
    from playwright.sync_api import Locator

    def and_wait(action: Callable[..., None]) -> Callable[..., None]:
        def act(locator: Locator, *arguments: Any, **options: Any) -> None:
            action(locator, *arguments, **options)
            locator.page.wait_for_load_state("load")

        return act

    for name in ("click", "press"):
        monkeypatch.setattr(Locator, name, and_wait(getattr(Locator, name)))


@pytest.fixture
def watch(chromium: Any) -> Iterator[Any]:
    """Watches the pages of a test; `watch.go(page, address)` leaves one for another."""
    with looking.Watch(chromium) as watch:
        yield watch
        watch.assert_nothing_odd()


@pytest.fixture
def look(watch: Any) -> Callable[..., Any]:
    """`look(address, scheme="dark", width=360, javascript=False, …)` gives a watched page."""
    look: Callable[..., Any] = watch.look
    return look


@pytest.fixture(scope="session")
def axe() -> Callable[..., list[str]]:
    """`axe(page)`: what axe-core finds that is serious or critical, one line each."""
    source = looking.axe_source()
    return lambda page: looking.axe_findings(page, source)


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of the demo's history: no test changes it."""
    home: Path = logs.written_history(tmp_path_factory.mktemp("history"))
    return home


@pytest.fixture(scope="session")
def ui(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`venturalitica ui` over the demo's history, in a process of its own: `.url`."""
    with serving.Ui(demo_home, tmp_path_factory.mktemp("ui")) as served:
        yield served


@pytest.fixture(scope="session")
def hostile_ui(demo_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """`venturalitica ui` over a log that attacks whoever looks at it."""
    home = tmp_path_factory.mktemp("hostile") / ".venturalitica"
    logs.write_hostile(home, logs.an_audit(demo_home))
    with serving.Ui(home, tmp_path_factory.mktemp("ui")) as served:
        yield served


@pytest.fixture
def serve() -> Iterator[Callable[..., Any]]:
    """`serve(home)`: a `venturalitica ui` for one test."""
    started: list[Any] = []

    def start(home: Path, **environment: str) -> Any:
        served = serving.Ui(home, home.parent, **environment)
        started.append(served)
        return served.__enter__()

    try:
        yield start
    finally:
        for served in started:
            served.__exit__(None, None, None)
