"""`report site` again: it goes on, makes only what is new, and of what was chosen alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from venturalitica.demo.history import History
from venturalitica.ledger import Ledger, Outbox, load_signer
from venturalitica.ui import static_export
from venturalitica.ui.reader import Desk
from venturalitica.ui.site_memory import entry_of
from venturalitica.ui.static_export import Selection, Written, export

FEW = Selection(limit=5)
"""A page takes its time to draw, and five records show it as well as fifty."""


@pytest.fixture
def desk(own_history: History) -> Iterator[Desk]:
    found = Desk(own_history.home)
    yield found
    found.close()


def files(site: Written) -> dict[str, bytes]:
    return {
        str(path.relative_to(site.folder)): path.read_bytes()
        for path in site.folder.rglob("*")
        if path.is_file()
    }


def drawn(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    asked: list[str] = []
    real = static_export._ask

    async def counted(app: Any, address: str, standing: Any) -> Any:
        asked.append(address)
        return await real(app, address, standing)

    monkeypatch.setattr(static_export, "_ask", counted)
    return asked


def test_a_second_export_draws_no_record_again(desk, tmp_path, monkeypatch):
    first = export(desk, tmp_path / "site", selection=FEW)
    before = files(first)
    asked = drawn(monkeypatch)
    second = export(desk, tmp_path / "site", selection=FEW)
    assert [address for address in asked if entry_of(address) is not None] == []
    assert second.kept == sum(entry_of(address) is not None for address in first.files)
    assert (second.files, second.problems) == (first.files, {})
    assert files(second).keys() == before.keys()
    fresh = files(export(desk, tmp_path / "other", selection=FEW))
    assert files(second).keys() == fresh.keys()


def test_what_is_new_and_what_it_changes_is_made(desk, own_history, tmp_path, monkeypatch):
    export(desk, tmp_path / "site", selection=FEW)
    ledger = Ledger.open(own_history.home, signer=load_signer(None, own_history.config))
    with desk.reading() as reading:
        index = reading.index.runs(limit=5)[2].index
    Outbox(ledger).failed(index, "mlflow", "0" * 32, "no answer")
    asked = drawn(monkeypatch)
    export(desk, tmp_path / "site", selection=FEW)
    assert {entry_of(address) for address in asked} - {None} == {index}


def test_a_page_that_somebody_changed_or_removed_is_made_again(desk, tmp_path, monkeypatch):
    site = export(desk, tmp_path / "site", selection=FEW)
    before = files(site)
    one, other = sorted(
        name for name in before if name.count("/") == 1 and name.startswith("runs/")
    )[:2]
    (site.folder / one).write_text("<p>all is well</p>")
    (site.folder / other).unlink()
    asked = drawn(monkeypatch)
    again = export(desk, tmp_path / "site", selection=FEW)
    assert {again.files[address] for address in asked if entry_of(address) is not None} == {
        one,
        other,
    }
    assert files(again).keys() == before.keys()
    assert b"all is well" not in files(again)[one]


def test_an_export_that_was_interrupted_goes_on(desk, tmp_path, monkeypatch):
    real, count = static_export._ask, 0

    async def stopped(app: Any, address: str, standing: Any) -> Any:
        nonlocal count
        count += 1
        if count == 8:
            raise KeyboardInterrupt
        return await real(app, address, standing)

    monkeypatch.setattr(static_export, "_ask", stopped)
    with pytest.raises(KeyboardInterrupt):
        export(desk, tmp_path / "site", selection=FEW)
    monkeypatch.setattr(static_export, "_ask", real)
    found = export(desk, tmp_path / "site", selection=FEW)
    assert found.kept >= 3
    assert files(found).keys() == files(export(desk, tmp_path / "whole", selection=FEW)).keys()


def test_only_what_was_chosen_has_pages(desk, tmp_path):
    more = export(desk, tmp_path / "site", selection=FEW)
    some = export(desk, tmp_path / "site", selection=Selection(limit=3))
    chosen = sorted(
        int(path.stem) for path in (some.folder / "runs").glob("*.html") if path.stem.isdecimal()
    )
    with desk.reading() as reading:
        newest = sorted(row.index for row in reading.index.runs(limit=3))
    assert chosen == newest
    assert len(more.files) > len(some.files)
    assert (some.folder / "needs-the-server.html").is_file()
    again = export(desk, tmp_path / "site", selection=FEW)
    assert files(again).keys() == files(export(desk, tmp_path / "other", selection=FEW)).keys()


def test_a_selection_by_policy_and_date(desk, tmp_path):
    with desk.reading() as reading:
        rows = reading.index.runs()
    row = rows[4]
    chosen = Selection(policy=row.policy_name, since=row.appended_at)
    site = export(desk, tmp_path / "site", selection=chosen)
    wanted = {
        one.index
        for one in rows
        if one.policy_name == row.policy_name and one.appended_at >= row.appended_at
    }
    assert {entry_of(address) for address in site.files} - {None} == wanted


def test_the_memory_lies_beside_the_evidence_and_not_with_the_pages(desk, own_history, tmp_path):
    sites = Path(own_history.home, "sites")
    before = set(sites.glob("*.jsonl"))  # the history was copied with what others made of it
    site = export(desk, tmp_path / "site", selection=FEW)
    assert not [path for path in site.folder.rglob("*") if path.suffix == ".jsonl"]
    assert len(set(sites.glob("*.jsonl")) - before) == 1
