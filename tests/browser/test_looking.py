"""The watch itself sees what it must; a browser or axe-core that is absent is a failure."""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

looking = sys.modules["browser_looking"]
POLICY = "default-src 'none'; script-src 'unsafe-inline'; img-src * data:"


class Bad(BaseHTTPRequestHandler):
    body = ""

    def do_GET(self) -> None:
        data = f"<!DOCTYPE html><link rel=icon href=data:image/png,>{self.body}".encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-security-policy", POLICY)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Bad) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def odd_of(chromium, url: str, body: str) -> list[str]:
    Bad.body = body
    with looking.Watch(chromium) as watch:
        page = watch.look(f"{url}/")
        page.wait_for_load_state("networkidle")
        watch.check(page)
        found: list[str] = watch.odd
        return found


def test_a_plain_page_is_not_odd(chromium, url) -> None:
    assert odd_of(chromium, url, "<h1>x</h1><a href='https://elsewhere.example/'>x</a>") == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("<script>window.pwned = 1</script>", "a recorded script ran"),
        ("<script>document.currentScript.remove(); alert(1)</script>", "a dialog"),
        ("<img src='https://elsewhere.example/x.png'>", "asks elsewhere"),
        ("<p onclick='x()'>x</p>", "onclick"),
        ("<p style='color:red'>x</p>", "style"),
        ("<a href='javascript:x()'>x</a>", "an address that runs"),
        ("<a href='ftp://elsewhere.example'>x</a>", "a link that is not of the web"),
        ("<iframe srcdoc='x'></iframe>", "iframe"),
        ("<form action='https://elsewhere.example/'></form>", "names elsewhere"),
        ("<script>document.currentScript.remove(); console.error('x')</script>", "console"),
        ("<script>document.currentScript.remove(); throw Error('x')</script>", "a script failed"),
        ("<script>document.currentScript.remove(); fetch('/x').catch(() => 0)</script>", "connect"),
    ],
)  # fmt: skip
def test_what_is_odd_is_seen(chromium, url, body, said) -> None:
    assert any(said in odd for odd in odd_of(chromium, url, body))


def test_too_wide_is_seen(chromium, url) -> None:
    Bad.body = "<p>" + "W" * 400
    with looking.Watch(chromium) as watch:
        assert looking.too_wide(watch.look(f"{url}/", width=360))


def test_axe_finds_what_is_wrong(chromium, url, axe) -> None:
    Bad.body = "<html lang=en><title>x</title><main><h1>x</h1><img src=data:image/gif,><input>"
    with looking.Watch(chromium) as watch:
        found = " ".join(axe(watch.look(f"{url}/")))
    assert "image-alt" in found
    assert "label" in found


def test_without_a_browser_it_fails_and_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(AssertionError, match="apt-get install chromium"), looking.chromium():
        pass


def test_without_axe_it_fails_and_says_what_to_install(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(AssertionError, match=r"npm install --prefix \.venv/axe axe-core@4"):
        looking.axe_source()
