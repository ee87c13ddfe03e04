"""Look at a page as a person does, and note whatever a person must never be shown."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

PATIENCE = 30_000
"""Milliseconds that Playwright waits for what must come."""

NO_CHROMIUM = (
    "chromium is not installed: the browser's tests cannot be made without it. "
    "'make test-browser' installs it; by hand: apt-get install chromium"
)
NO_AXE = (
    "{path}: axe-core is not there: accessibility cannot be tested without it. "
    "'make test-browser' installs it; by hand: npm install --prefix .venv/axe axe-core@4"
)

ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP *.example 127.0.0.1, MAP * ~NOTFOUND,"
    " EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
"""No name leads off this machine. Those of strangers lead to it: an attacker who rebinds a name
arranges that. Requests are watched, not caught: catching them would turn the cache off."""

WATCHED = """
window.breaches = [];
document.addEventListener('securitypolicyviolation',
  event => window.breaches.push(event.violatedDirective + ' ' + event.blockedURI));
"""

ODD = """
() => {
  const odd = [...(window.breaches || [])];
  if (window.pwned !== undefined) odd.push('a recorded script ran');
  for (const element of document.querySelectorAll('*')) {
    const said = element.outerHTML.slice(0, 120);
    for (const attribute of element.attributes) {
      if (attribute.name.startsWith('on') || attribute.name.startsWith('hx-on')
          || attribute.name === 'srcdoc' || attribute.name === 'style')
        odd.push(attribute.name + ': ' + said);
      if (['href', 'src', 'action', 'formaction', 'data', 'xlink:href'].includes(attribute.name)
          && /^[\\s\\x00-\\x20]*(javascript|vbscript|data:text)/i.test(attribute.value))
        odd.push('an address that runs: ' + said);
    }
    const name = element.localName;
    if (['iframe', 'object', 'embed', 'base', 'style', 'animate', 'marquee', 'math'].includes(name))
      odd.push('<' + name + '>: ' + said);
    // A link in a drawing has no `protocol` of its own.
    const to = name === 'a' && element.getAttribute('href');
    if (to && !['http:', 'https:', 'file:'].includes(new URL(to, location.href).protocol))
      odd.push('a link that is not of the web: ' + said);
    if (name === 'script' && !element.src) odd.push('a script in the page: ' + said);
    for (const what of ['src', 'href', 'action']) {
      const said = element.getAttribute(what);
      if (said === null || name === 'a' || said.startsWith('data:image/')) continue;
      const address = new URL(said, location.href);
      if (address.origin !== location.origin) odd.push('it names elsewhere: ' + said);
    }
  }
  return odd;
}
"""


@contextmanager
def chromium() -> Iterator[Any]:
    """The system's chromium, closed in the end."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("chromium-browser")
    assert program, NO_CHROMIUM
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


class Watch:
    """Opens pages and keeps a list of what was odd about them."""

    def __init__(self, browser: Any) -> None:
        self._browser = browser
        self._contexts: list[Any] = []
        self._pages: list[Any] = []
        self._ours: set[str] = set()
        self._elsewhere: set[str] = set()
        self.odd: list[str] = []

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for context in self._contexts:
            context.close()

    def look(
        self,
        address: str,
        *,
        scheme: str = "light",
        width: int = 1280,
        height: int = 900,
        javascript: bool = True,
        elsewhere: str = "",
        ours: str = "",
        expect: int | None = 200,
        **more: Any,
    ) -> Any:
        """A page at `address`, loaded; `ours` is the server under test, if that is another.

        `elsewhere` is a server that may be asked besides, and the one at `address` where `ours` is
        given; what its pages do is its own affair, as long as they ask nobody beyond.
        """
        context = self._browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme=scheme,
            java_script_enabled=javascript,
            accept_downloads=True,
            **more,
        )
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        self._ours.add(_origin(ours or address))
        others = [elsewhere, address if ours else ""]
        self._elsewhere |= {_origin(other) for other in others if other}
        context.add_init_script(WATCHED)
        context.on("page", self._watch)
        page = context.new_page()
        answer = page.goto(address)
        if answer is not None and expect is not None:
            assert answer.status == expect, (address, answer.status, page.inner_text("body"))
        return page

    def go(self, page: Any, address: str) -> Any:
        """Go on to another address, after a look at what is left; gives the answer."""
        self.check(page)
        return page.goto(address)

    def check(self, page: Any) -> None:
        """Look for what must not be in a page, now; done for each page at the end, too."""
        if _origin(page.url) in self._ours:
            self.odd += [f"{page.url}: {odd}" for odd in page.evaluate(ODD)]

    def assert_nothing_odd(self) -> None:
        """Fail with all that was odd."""
        for page in self._pages:
            if not page.is_closed():
                self.check(page)
        assert not self.odd, "\n".join(dict.fromkeys(self.odd))

    def _watch(self, page: Any) -> None:
        self._pages.append(page)
        page.on("console", lambda message: self._console(page, message))
        page.on("pageerror", lambda error: self._note(page, f"a script failed: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)

    def _request(self, request: Any) -> None:
        frame = request.frame
        if not self._may_ask(request.url) and _origin(frame.url) not in self._elsewhere:
            self.odd.append(f"it asks elsewhere: {request.url} from {frame.url}")

    def _may_ask(self, url: str) -> bool:
        return _origin(url) in self._ours | self._elsewhere or url.startswith(
            ("data:", "about:", "blob:")
        )

    def _dialog(self, dialog: Any) -> None:
        self.odd.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def _console(self, page: Any, message: Any) -> None:
        # The browser says of each page of ours with an error status that it has one.
        if message.type in ("error", "warning") and "the server responded with a status of" not in (
            message.text
        ):
            self._note(page, f"console: {message.text}")

    def _note(self, page: Any, what: str) -> None:
        if _origin(page.url) not in self._elsewhere:
            self.odd.append(f"{page.url}: {what}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def axe_source() -> str:
    """axe-core as npm installed it beside the tests' Python."""
    path = Path(sys.prefix) / "axe" / "node_modules" / "axe-core" / "axe.min.js"
    assert path.is_file(), NO_AXE.format(path=path)
    return path.read_text(encoding="utf-8")


def axe_findings(page: Any, source: str) -> list[str]:
    """What axe-core finds in a page that is serious or critical: rule, place, what is wrong."""
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(source)
    found = page.evaluate(
        "axe.run(document, {preload: false, resultTypes: ['violations'], runOnly: {type: 'tag',"
        " values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}})"
    )
    return [
        f"{violation['id']} ({violation['impact']}): {node['target']}: {node['failureSummary']}"
        for violation in found["violations"]
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]


def too_wide(page: Any) -> list[str]:
    """What makes a page wider than its window; empty where nothing must be scrolled sideways."""
    found: list[str] = page.evaluate(
        """() => {
          const room = document.documentElement.clientWidth;
          if (document.documentElement.scrollWidth <= room) return [];
          const wide = [...document.body.querySelectorAll('*')].filter(element => {
            for (let up = element.parentElement; up; up = up.parentElement)
              if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX)
                  && up !== document.body) return false;
            return element.getBoundingClientRect().right > room + 1;
          });
          return ['scrollWidth ' + document.documentElement.scrollWidth + ' > ' + room,
                  ...wide.slice(0, 5).map(element => element.outerHTML.slice(0, 160))];
        }"""
    )
    return found
