"""`venturalitica ui`, the command: ports, tokens, and what it says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import pytest

from venturalitica.core.origin import install_line
from venturalitica.errors import SettingsError
from venturalitica.ui.server import PORTS, listen


@contextmanager
def _running(*arguments: str, home: Path, **environment: str) -> Iterator[tuple[Any, list[str]]]:
    """The real command in a process of its own, and its first line of stdout: the address."""
    command = ["-m", "venturalitica", "ui", "--no-open", *arguments]
    with _process(command, VENTURALITICA_HOME=str(home), **environment) as found:
        yield found


@contextmanager
def _process(command: list[str], **environment: str) -> Iterator[tuple[Any, list[str]]]:
    process = subprocess.Popen(
        [sys.executable, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        if not address:
            raise AssertionError(process.communicate()[1])
        yield process, [address]
    finally:
        process.kill()
        process.communicate()


def _ended(process: Any) -> tuple[int, str]:
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    return process.returncode, said


def _read(stream: IO[bytes]) -> str:
    return stream.read().decode()


def test_it_answers_and_ctrl_c_leaves_quietly(history: Any) -> None:
    with _running("--port", "0", home=history.home) as (process, (address,)):
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert "release-candidate" in _read(answer)
            assert "server" not in {name.lower() for name in answer.headers}
        status, said = _ended(process)
    assert status == 0
    assert said.splitlines() == [f"Looking at {history.home}. Ctrl-C ends it."]


def test_that_sign_offs_are_signed_is_said_in_the_terminal(history: Any, tmp_path: Path) -> None:
    arguments = ("--port", "0", "--write", "--host", "0.0.0.0")
    config = {"VENTURALITICA_CONFIG": str(history.config)}
    with _running(*arguments, home=history.home, **config) as (process, (address,)):
        with urllib.request.build_opener(urllib.request.HTTPCookieProcessor()).open(
            address, timeout=30
        ) as answer:
            assert "ui --write" in _read(answer)
        status, said = _ended(process)
    assert status == 0
    assert "sign-offs and notes from these pages are signed by key" in said
    assert "can sign with that key, in any name" in said
    nobody = {"VENTURALITICA_CONFIG": str(tmp_path / "nobody")}
    with _running("--port", "0", "--write", home=history.home, **nobody) as (process, (address,)):
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert "ui --write" in _read(answer)
        status, said = _ended(process)
    assert "nothing can be signed yet. There is no signing key here" in said
    assert not (tmp_path / "nobody").exists()


DEMO = """
import sys
from pathlib import Path
from venturalitica.demo import history

def small(folder, *, progress):
    (folder / "made").mkdir()
    return history.History(folder, folder / ".venturalitica", folder / "keys")

history.write_history = small
from venturalitica.cli.app import run
sys.exit(run(["ui", "--demo", "--no-open", "--port", "0"]))
"""


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=str)
def test_however_it_ends_the_demo_leaves_nothing_behind(kind: int, tmp_path: Path) -> None:
    with _process(["-c", DEMO], TMPDIR=str(tmp_path)) as (process, (address,)):
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert "No evidence here yet" in _read(answer)
        assert [path.name for path in tmp_path.glob("*/*")] == ["made"]
        process.send_signal(kind)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_fails_leaves_the_server_up(own_history: Any) -> None:
    with _running("--port", "0", home=own_history.home) as (process, (address,)):
        (own_history.home / "log" / "checkpoint").write_bytes(b"nonsense\n")
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address + "runs", timeout=30)
        assert refused.value.code == 503
        refused.value.close()
        assert process.poll() is None


def test_a_token_is_made_where_others_can_reach_it(history: Any) -> None:
    arguments = ("--port", "0", "--host", "0.0.0.0")
    with _running(*arguments, home=history.home) as (process, (address,)):
        plain, _, token = address.partition("?token=")
        assert len(token) >= 32
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(plain, timeout=30)
        assert refused.value.code == 401
        refused.value.close()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(address, timeout=30) as answer:
            assert "release-candidate" in _read(answer)
            assert answer.url == plain
        status, said = _ended(process)
    assert status == 0
    assert f"From another machine: http://{socket.gethostname()}:" in said
    assert token in said


def test_the_environment_gives_a_token(history: Any) -> None:
    token = "from-the-environment-1"
    with _running("--port", "0", home=history.home, VENTURALITICA_UI_TOKEN=token) as (_, lines):
        assert lines[0].endswith(f"/?token={token}")


def test_a_busy_port_gives_way_to_the_next() -> None:
    first = listen("127.0.0.1", 0)
    second = listen("127.0.0.1", first.port)
    try:
        assert first.port < second.port < first.port + PORTS
        assert second.busy == first.port
        assert first.busy is None
    finally:
        first.socket.close()
        second.socket.close()


def test_the_command_says_that_a_port_is_busy(history: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with _running("--port", str(port), home=history.home) as (process, (address,)):
            assert f":{port}/" not in address
            _, said = _ended(process)
    assert f"Port {port} is in use; taking " in said


def test_all_ports_busy_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    first = listen("127.0.0.1", 0)
    monkeypatch.setattr("venturalitica.ui.server.PORTS", 1)
    try:
        with pytest.raises(SettingsError, match="in use; give another --port"):
            listen("127.0.0.1", first.port)
    finally:
        first.socket.close()


@pytest.mark.parametrize("host", ["no-such-host.invalid", "203.0.113.9", "a" * 300])
def test_a_host_that_is_not_ours_is_said(host: str) -> None:
    with pytest.raises(SettingsError):
        listen(host, 0)


def test_loopback_needs_no_token_and_others_do() -> None:
    for host, needs in (("127.0.0.1", False), ("localhost", False), ("0.0.0.0", True)):
        listening = listen(host, 0)
        listening.socket.close()
        assert bool(listening.token) is needs, host
        assert ("?token=" in listening.address) is needs
        assert listening.token == "" or listening.token not in repr(listening)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(SettingsError, match="expected 16 or more, "):
        listen("127.0.0.1", 0, token="hunter2")


def test_a_given_token_counts_on_loopback_too() -> None:
    listening = listen("127.0.0.1", 0, token="t" * 16)
    listening.socket.close()
    assert listening.address.endswith("/?token=" + "t" * 16)


def test_help_imports_no_server() -> None:
    code = (
        "import sys\nfrom venturalitica.cli.app import run\nrun(['ui', '--help'])\n"
        "heavy = {'starlette', 'jinja2', 'uvicorn', 'sqlalchemy', 'numpy', 'sklearn'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.splitlines()[-1] == "[]"


def _call(*arguments: str) -> Any:
    from typer.testing import CliRunner

    from venturalitica.cli.app import app

    result = CliRunner().invoke(app, arguments)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.mark.parametrize("library", ["starlette", "uvicorn", "python_multipart"])
@pytest.mark.parametrize("command", [["ui"], ["report", "site", "out"]], ids=" ".join)
def test_without_the_extra_the_message_is_the_line_that_installs_it(
    library: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    done = _call(*command)
    assert done.exit_code == 2
    assert install_line("ui") in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--out", "x"], "give it with --demo"),
        (["--demo", "--ledger", "."], "leave --ledger out"),
        (["--ledger", "no/such/folder"], "no such folder"),
        (["--ledger", "nonsense://u:hunter2@h/x"], "the index cannot be opened"),
        (["--ledger", "sqlite:////no/such/folder/x.db"], "the index cannot be used"),
        (["--token", "short"], "16 or more"),
        (["--write", "--ledger", "."], "leave --ledger out"),
        (["--key", "ada.pem"], "give it with --write"),
        (["--write", "--key", "no-such-ada.pem"], "no-such-ada.pem"),
    ],
    ids=str,
)
def test_a_wrong_call_is_said(
    arguments: list[str], said: str, history: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(history.home))
    monkeypatch.setattr("venturalitica.cli.ui._end_as_ctrl_c_does", lambda: None)
    done = _call("ui", "--no-open", "--port", "0", *arguments)
    assert done.exit_code == 2
    assert said in done.stderr
    assert "hunter2" not in done.stderr


def test_an_index_in_a_database_is_shown_without_credentials(
    history: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from venturalitica.ui.reader import Desk

    desk = Desk(history.home, index_url="postgresql://user:hunter2@db.internal/team")
    assert desk.index_shown == "postgresql://db.internal/team"
    file = tmp_path / "team.db"
    desk = Desk(history.home, index_url=f"sqlite:///{file}")
    with desk.reading() as reading:
        assert len(reading.index.runs()) == reading.ledger.size
    desk.close()
    assert file.exists()
