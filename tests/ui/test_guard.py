"""Who is let in: hosts, origins, tokens, forms; and what every answer tells the browser."""

from __future__ import annotations

from typing import Any

import pytest

from venturalitica.ui.pages import PAGES
from venturalitica.ui.security import CONTENT_POLICY, Guard, is_loopback

LOCAL = Guard("127.0.0.1", 8610)
TOKEN = "a-token-of-some-length"
OPEN: dict[str, Any] = {"host": "0.0.0.0", "port": 8610, "token": TOKEN}
POSTS = [page for page in PAGES if page.methods == ("POST",)]
OURS = {"origin": "http://127.0.0.1:8610", "sec-fetch-site": "same-origin"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8610", "localhost:8610", "LOCALHOST:8610", "[::1]:8610"]
)
def test_this_machine_by_any_name_is_answered(host: str) -> None:
    assert LOCAL.knows_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example:8610",
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:80",
        "127.0.0.1:8611",
        "127.0.0.1.evil.example:8610",
        "localhost.evil.example:8610",
        "localhost:8610@evil.example:8610",
        "evil.example#localhost:8610",
        "localhost:8610, evil.example",
        "0.0.0.0:8610",
        "10.0.0.7:8610",
        "2130706433:8610",
        "localhost:8610:8610",
        "localhost:",
        "localhost:99999999999",
        "local host:8610",
        "",
        "[::1",
        "١٢٧.0.0.1:8610",
    ],
)
def test_rebinding_another_host_is_refused(host: str, client: Any, words: Any) -> None:
    assert not LOCAL.knows_host(host)
    answer = client.get("/runs", headers={"host": host.encode()})
    assert answer.status_code == 421
    assert "not one of ours" in words(answer)
    assert "nightly" not in answer.text  # nothing of what is here
    assert str(client.app.state.desk.home) not in answer.text


def test_a_given_host_is_answered_by_its_name() -> None:
    guard = Guard("evidence.internal", 9000, TOKEN)
    assert guard.knows_host("Evidence.Internal:9000")
    assert guard.knows_host("localhost:9000")
    assert not guard.knows_host("other.internal:9000")


def test_two_hosts_are_refused(client: Any) -> None:
    headers = [("host", "127.0.0.1:8610"), ("host", "evil.example")]
    assert client.get("/", headers=headers).status_code == 421


def test_loopback() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.9.1", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "10.0.0.1", "::", "evil", "", "127.0.0.1.evil")))


@pytest.mark.parametrize("page", POSTS, ids=lambda page: page.name)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"origin": "http://127.0.0.1:8610.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "http://127.0.0.1:8610", "sec-fetch-site": "cross-site"},
        {"origin": "http://evil.example", "sec-fetch-site": "same-origin"},
    ],
    ids=str,
)
def test_a_post_from_elsewhere_is_refused(
    page: Any, headers: dict[str, str], client: Any, words: Any
) -> None:
    form = {"csrf": client.app.state.guard.csrf}
    answer = client.request(
        "POST", page.path.replace("{entry:int}", "3"), data=form, headers=headers
    )
    assert answer.status_code == 403
    assert "from another site" in words(answer)


@pytest.mark.parametrize("page", POSTS, ids=lambda page: page.name)
@pytest.mark.parametrize("word", [None, "", "0" * 64, "é"])
def test_a_form_without_our_word_is_refused(page: Any, word: str | None, client: Any) -> None:
    form = {} if word is None else {"csrf": word}
    answer = client.request("POST", page.path.replace("{entry:int}", "3"), data=form, headers=OURS)
    assert answer.status_code == 403


def test_the_word_is_of_this_process() -> None:
    assert Guard("127.0.0.1", 8610).csrf != Guard("127.0.0.1", 8610).csrf
    assert LOCAL.knows_form(LOCAL.csrf)
    assert not LOCAL.knows_form(None)


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_is_bounded_whatever_it_says_of_its_length(
    declared: bool, client: Any, words: Any
) -> None:
    body = b"csrf=" + b"x" * 200_000

    async def chunks() -> Any:
        for start in range(0, len(body), 1000):
            yield body[start : start + 1000]

    answer = client.request(
        "POST",
        "/integrations/retry",
        content=body if declared else chunks(),
        headers=OURS | {"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code == 413
    assert "64 KB" in words(answer)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_need_our_origin_too(method: str, client: Any) -> None:
    assert client.request(method, "/runs").status_code == 403
    assert client.request(method, "/runs", headers=OURS).status_code == 405


def _addresses(client: Any) -> list[tuple[str, str]]:
    found = [("GET", page.path) for page in PAGES if "{" not in page.path]
    found += [("POST", page.path) for page in POSTS]
    found += [("GET", "/nope"), ("GET", "/static/app.css"), ("GET", "/static/nope")]
    return [*found, ("GET", "/runs/3"), ("GET", "/runs/999"), ("GET", "/favicon.ico")]


def test_every_answer_carries_the_policy(client: Any) -> None:
    for method, address in _addresses(client):
        for headers in ({}, {"host": "evil.example"}):
            answer = client.request(method, address, headers=headers)
            assert answer.headers["content-security-policy"] == CONTENT_POLICY, address
            assert answer.headers["x-content-type-options"] == "nosniff", address
            assert answer.headers["referrer-policy"] == "same-origin", address
            assert answer.headers["cross-origin-opener-policy"] == "same-origin", address
            assert answer.headers["cross-origin-resource-policy"] == "same-origin", address
            assert answer.headers["cache-control"], address
            if not address.startswith("/static/app"):
                assert answer.headers["cache-control"] == "no-store", address


def test_the_policy_lets_nothing_run_that_is_inline_or_from_elsewhere() -> None:
    assert "default-src 'none'" in CONTENT_POLICY
    assert "frame-ancestors 'none'" in CONTENT_POLICY
    assert "unsafe" not in CONTENT_POLICY
    assert "http" not in CONTENT_POLICY


def test_without_the_token_nothing_is_shown(history: Any, client_for: Any, words: Any) -> None:
    client = client_for(history.home, **OPEN)
    for address in ("/", "/runs", "/runs/3", "/nope", "/?token=", "/?token=wrong", "/?token=%ff"):
        answer = client.get(address)
        assert answer.status_code == 401, address
        assert "A token is needed" in words(answer)
        assert "nightly" not in answer.text
        assert "set-cookie" not in answer.headers
    assert client.get("/static/app.css").status_code == 200  # the refusal's own style


def test_the_token_becomes_a_cookie_and_leaves_the_address(history: Any, client_for: Any) -> None:
    client = client_for(history.home, **OPEN)
    answer = client.get(f"/runs?light=red&token={TOKEN}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/runs?light=red"
    cookie = answer.headers["set-cookie"]
    assert TOKEN not in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert client.get("/runs?light=red").status_code == 200
    assert client.post("/runs").status_code == 405


def test_a_token_does_not_lead_elsewhere(history: Any, client_for: Any) -> None:
    client = client_for(history.home, **OPEN)
    for path in ("//evil.example/", "///evil.example/", "/%5cevil.example/", "/\\evil.example/"):
        answer = client.get(f"http://127.0.0.1:8610{path}?token={TOKEN}")
        assert answer.status_code == 303
        assert answer.headers["location"].lower() in ("/evil.example/", "/%5cevil.example/")


def test_a_wrong_cookie_is_none(history: Any, client_for: Any) -> None:
    client = client_for(history.home, **OPEN)
    name = client.app.state.guard.cookie
    for value in ("", "0" * 64, TOKEN, '"', "{a:1}"):
        assert client.get("/", headers={"cookie": f"{name}={value}"}).status_code == 401
    good = f'other={{"a": 1}}; {name}={client.app.state.guard.pass_word}'
    assert client.get("/", headers={"cookie": good}).status_code == 200


def test_a_post_needs_the_cookie_besides(history: Any, client_for: Any) -> None:
    client = client_for(history.home, **OPEN)
    assert client.post(f"/integrations/retry?token={TOKEN}").status_code == 401


def test_secrets_are_not_in_their_own_representation() -> None:
    guard = Guard(**OPEN, secret=b"a" * 32)
    assert TOKEN not in repr(guard)
    assert "aaaa" not in repr(guard)
