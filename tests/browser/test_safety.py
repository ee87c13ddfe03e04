"""What a stranger's page, open in the same browser, can do to ours: nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Stranger(ThreadingHTTPServer):
    """A server on this machine that serves one page to whoever asks."""

    page = ""

    def at(self, host: str) -> str:
        return f"http://{host}:{self.server_port}/"


class Handler(BaseHTTPRequestHandler):
    server: Stranger

    def do_GET(self) -> None:
        data = self.server.page.encode()
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    with Stranger(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_rebound_name_is_shown_nothing(look, ui) -> None:
    port = ui.url.rpartition(":")[2]
    page = look(f"http://evil.example:{port}/runs", ours=ui.url, expect=421)
    assert page.locator("table, a[href^='/runs/']").count() == 0
    assert "credit" not in page.content()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "evil.example"])
@pytest.mark.parametrize("path", ["/evidence/verify", "/evidence/bundle", "/integrations/retry"])
def test_a_strangers_form_is_refused(look, ui, stranger, host, path) -> None:
    stranger.page = (
        f"<form method=post action='{ui.url}{path}'><input name=csrf value=x><button>Go</button>"
    )
    page = look(stranger.at(host), ours=ui.url)
    with page.expect_response(lambda answer: answer.request.method == "POST") as told:
        page.get_by_role("button").click()
    assert told.value.status == 403
    page.wait_for_url(f"{ui.url}/**")
    assert page.locator("h1").count() == 1


def test_a_strangers_script_reads_nothing(look, ui, stranger) -> None:
    stranger.page = "<h1>Look at this kitten</h1>"
    page = look(stranger.at("evil.example"), ours=ui.url)
    for options in ("{}", "{credentials: 'include'}", "{method: 'POST', body: 'csrf=x'}"):
        told = page.evaluate(
            f"fetch('{ui.url}/runs', {options}).then(answer => answer.text(), () => 'refused')"
        )
        assert told == "refused"


def test_nobody_frames_a_page_of_ours(look, ui, stranger) -> None:
    stranger.page = f"<iframe src='{ui.url}/evidence'></iframe>"
    page = look(stranger.at("evil.example"), ours=ui.url)
    page.wait_for_load_state("networkidle")
    (frame,) = page.frames[1:]
    assert frame.get_by_role("link").count() == 0
    assert "venturalitica" not in frame.content()


def test_what_we_lead_to_does_not_learn_where_from(look, ui, stranger) -> None:
    stranger.page = "<h1>Elsewhere</h1>"
    page = look(f"{ui.url}/runs?q=secret-search", elsewhere=stranger.at("evil.example"))
    page.evaluate(f"location.href = '{stranger.at('evil.example')}'")
    page.get_by_role("heading", name="Elsewhere").wait_for()
    assert "secret-search" not in page.evaluate("document.referrer")
