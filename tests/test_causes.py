"""Why a server gave no answer is told in words, whatever a library packs it into."""

from __future__ import annotations

import socket
import ssl
import urllib.error
from typing import Any

import pytest
import requests
from mlflow.exceptions import MlflowException
from urllib3.exceptions import MaxRetryError, NewConnectionError, ReadTimeoutError

from venturalitica.core.causes import cause, said
from venturalitica.errors import TrackerError

HERE: Any = None
POOL = (
    "HTTPConnectionPool(host='127.0.0.1', port=1): Max retries exceeded with url: /api/2.0/x "
    '(Caused by NewConnectionError("<urllib3.connection.HTTPConnection object at 0x7f0a>: Failed '
    'to establish a new connection: [Errno 111] Connection refused"))'
)


def raised_from(outer: Exception, inner: Exception) -> Exception:
    outer.__cause__ = inner
    return outer


def refused() -> Exception:
    try:
        requests.get("http://127.0.0.1:1/x", timeout=2)
    except requests.RequestException as error:
        return error
    raise AssertionError("somebody listens on port 1")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "the connection was refused"),
        (urllib.error.URLError(ConnectionRefusedError(111, "no")), "the connection was refused"),
        (MlflowException(f"API request to http://x failed with exception {POOL}"), "was refused"),
        (raised_from(MlflowException("failed"), refused()), "the connection was refused"),
        (MaxRetryError(HERE, "/x", NewConnectionError(HERE, "Connection refused")), "was refused"),
        (socket.gaierror(-2, "Name or service not known"), "its name is not known"),
        (TimeoutError("timed out"), "no answer in time"),
        (ReadTimeoutError(HERE, "/x", "Read timed out. (read timeout=5)"), "no answer in time"),
        (requests.ConnectTimeout("HTTPSConnectionPool(host='x'): timed out"), "no answer in time"),
        (ssl.SSLCertVerificationError(1, "certificate verify failed: self-signed"), "certificate"),
        (OSError(113, "No route to host"), "there is no way to it"),
        (ConnectionResetError(104, "Connection reset by peer"), "the connection was cut off"),
        (requests.ConnectionError("('Connection aborted.', RemoteDisconnected())"), "cut off"),
        (Exception('(psycopg2.OperationalError) connection to server at "db" failed: Connection '
                   "refused\n\tIs the server running?"), "the connection was refused"),
        (ConnectionError("odd"), "the connection failed"),
    ],
)  # fmt: skip
def test_the_cause_in_words(error: Exception, words: str) -> None:
    assert words in cause(error)
    for sign in ("Pool", "Errno", "0x", "(", "urllib", "Retr"):
        assert sign not in said(error)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("the run 'x' has a timeout of 3"), "the run 'x' has a timeout of 3"),
        (KeyError(), "KeyError"),
        (RuntimeError("<Client object at 0x7f> said no"), "said no"),
        (RuntimeError("two\n lines"), "two lines"),
        (RuntimeError("http://u:hunter2@host/ said no"), "http://host/ said no"),
        (TrackerError("MLflow does not answer\nmore"), "MLflow does not answer"),
    ],
)
def test_other_errors_say_what_they_say(error: Exception, text: str) -> None:
    assert cause(error) == ""
    assert said(error) == text


def test_our_own_sentence_is_kept_whatever_it_came_from() -> None:
    ours = raised_from(TrackerError("MLflow at http://x does not answer: start it"), refused())
    assert said(ours) == "MLflow at http://x does not answer: start it"


@pytest.mark.parametrize("name", ["mlflow", "wandb"])
def test_health_and_delivery_say_it_shortly(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from venturalitica.trackers import tracker
    from venturalitica.trackers.mlflow.client import explain

    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.delenv("WANDB_MODE", raising=False)
    assert tracker(name).health({})["detail"] == "does not answer: the connection was refused"
    told = explain(refused(), "abc", "http://127.0.0.1:1")
    assert told == (
        "MLflow at http://127.0.0.1:1 does not answer (the connection was refused): "
        "start it, or set MLFLOW_TRACKING_URI"
    )
