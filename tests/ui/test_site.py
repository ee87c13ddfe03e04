"""`report site`: every page as a file; the links between them lead somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.policies import small_policy
from venturalitica.demo.history import History
from venturalitica.ui.pages import PAGES
from venturalitica.ui.reader import Desk
from venturalitica.ui.static_export import Written, export, file_name


@pytest.fixture(scope="module")
def site(history: History, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Written]:
    desk = Desk(history.home)
    yield export(desk, tmp_path_factory.mktemp("site"))
    desk.close()


def _pages(site: Written) -> Iterator[tuple[Path, str]]:
    for name in site.files.values():
        if name.endswith(".html") and "download" not in name:
            path = site.folder / name
            yield path, path.read_text("utf-8")


def test_every_static_page_is_there(site: Written) -> None:
    assert site.problems == {}
    for page in PAGES:
        if page.nav:
            assert (site.folder / site.files[page.path]).is_file(), page.name
    for entry in range(40):
        assert (site.folder / f"runs/{entry}.html").is_file(), entry


def test_every_link_leads_to_a_file(site: Written) -> None:
    for path, text in _pages(site):
        for address in re.findall(r'(?:href|src)="([^"]*)"', text):
            parts = urlsplit(unescape(address))
            if parts.scheme in ("http", "https", "data") or not parts.path:
                continue
            assert not parts.path.startswith("/"), (path, address)
            assert not parts.query, (path, address)
            target = (path.parent / unquote(parts.path)).resolve()
            assert target.is_file(), (path, address)
            assert target.is_relative_to(site.folder.resolve())


def test_nothing_in_it_needs_the_server(site: Written) -> None:
    for path, text in _pages(site):
        assert "<form" not in text, path
        assert "hx-" not in text, path
        assert "csrf" not in text, path
        assert "htmx" not in text, path
        assert not re.search(r'(?:src|action)="(?:https?:)?//', text), path
        assert "Content-Security-Policy\" content=\"default-src 'none';" in text, path


def test_files_to_take_away_are_beside_the_pages(site: Written, history: History) -> None:
    from venturalitica.ledger import Ledger
    from venturalitica.ledger.verify.verify import verify_bundle

    folder = site.folder / "runs" / "5" / "download"
    assert verify_bundle((folder / "bundle.json").read_bytes()).ok
    entry = Ledger.open(history.home).entry(5)
    assert entry.evidence_sha256 in (folder / "report.html").read_text("utf-8")
    assert (folder / "policy.txt").read_bytes().startswith(b"# The policy of the loan scenario")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("/", "index.html"),
        ("/runs", "runs.html"),
        ("/runs?page=2", "runs-2.html"),
        ("/runs/3", "runs/3.html"),
        ("/runs/3/download/bundle", "runs/3/download/bundle.json"),
        (f"/compare?a=3&b={'ab' * 32}", "compare-3-abababababab.html"),
    ],
)
def test_file_names(address: str, name: str) -> None:
    assert file_name(address) == name


@pytest.mark.parametrize(
    "name", ["%252E%252E", "a%252Fb", "%255Cx", "CON<>:", "%2500", "x" * 400, ".hidden", "%"]
)
def test_a_hostile_name_stays_in_the_folder(name: str) -> None:
    file = file_name(f"/policies/{name}")
    assert re.fullmatch(r"policies/[a-z0-9][a-z0-9._-]{0,80}\.html", file), file
    assert ".." not in file


def test_two_names_have_two_files() -> None:
    assert file_name("/policies/Loan") != file_name("/policies/loan")
    assert file_name("/policies/a%252Fb") != file_name("/policies/a-b")


def _call(*arguments: str) -> Any:
    from typer.testing import CliRunner

    from venturalitica.cli.app import app

    result = CliRunner().invoke(app, ["report", "site", *arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A ledger of one record that is signed off, as the project's own."""
    import venturalitica as vl
    from venturalitica.audit.project import open_ledger
    from venturalitica.ledger.lifecycle.approve import approve

    home = tmp_path / "small"
    monkeypatch.setenv("VENTURALITICA_HOME", str(home))
    (tmp_path / "small.yaml").write_text(small_policy())
    truth = [0, 1] * 50
    audit = vl.enforce(target=truth, prediction=truth[:], policy=tmp_path / "small.yaml")
    assert audit.entry is not None
    ledger = open_ledger()
    approve(
        ledger,
        audit.entry,
        person="Ada",
        role="reviewer",
        decision="approved",
        light="green",
        keyid=ledger.signer_id,
        at=datetime.now(UTC),
    )
    return home


def test_the_command_writes_and_says_so(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _call(str(out))
    assert done.exit_code == 0, done.stderr
    assert re.match(r"wrote \d+ pages and \d+ other files\n", done.stdout)
    assert f"open {out / 'index.html'}" in done.stdout
    assert "'venturalitica erase' does not reach copies" in done.stderr

    (out / "own.txt").write_text("mine")
    again = _call(str(out))
    assert again.exit_code == 0, again.stderr
    assert re.search(r"\d+ of them were there already", again.stdout)
    assert (out / "own.txt").read_text() == "mine"

    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "own.txt").write_text("mine")
    refused = _call(str(tmp_path / "other"))
    assert refused.exit_code == 2
    assert "is not empty; --force" in refused.stderr
    assert _call(str(tmp_path / "other"), "--force", "--limit", "1").exit_code == 0
    assert (tmp_path / "other" / "own.txt").read_text() == "mine"


def test_the_command_needs_evidence_and_a_folder(
    history: History, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VENTURALITICA_HOME", str(tmp_path / "nothing"))
    assert "no evidence log here" in _call(str(tmp_path / "out")).stderr
    assert not (tmp_path / "out").exists()
    monkeypatch.setenv("VENTURALITICA_HOME", str(history.home))
    (tmp_path / "file").write_text("x")
    assert "is a file; give a folder" in _call(str(tmp_path / "file")).stderr


def test_a_page_that_cannot_be_drawn_is_said(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def broken(request: Any) -> Any:
        raise ValueError("no")

    monkeypatch.setattr("venturalitica.ui.pages.policies.page", broken)
    done = _call(str(tmp_path / "out"))
    assert done.exit_code == 1
    assert "/policies could not be drawn" in done.stderr
    assert (tmp_path / "out" / "runs" / "0.html").is_file()
