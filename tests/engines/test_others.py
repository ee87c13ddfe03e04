"""The contract on Ibis and Modin."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.engine_contract import JUDGED, hold, in_files


@pytest.mark.parametrize("what", list(JUDGED))
def test_ibis(what: str, tmp_path: Path, monkeypatch: Any) -> None:
    import ibis

    connection = ibis.duckdb.connect()
    hold(
        lambda rows, f: connection.read_parquet(f"{in_files(rows, f)}/*.parquet"),
        what,
        tmp_path,
        monkeypatch,
    )


@pytest.mark.parametrize("what", list(JUDGED))
def test_modin(what: str, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("MODIN_ENGINE", "Python")
    import modin.pandas

    hold(lambda rows, _: modin.pandas.DataFrame(rows.to_pandas()), what, tmp_path, monkeypatch)
