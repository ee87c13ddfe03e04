"""A database that does not answer is told at once: MLflow itself would try it for minutes."""

from __future__ import annotations

import socket

import pytest

from venturalitica.errors import TrackerUnreachable
from venturalitica.trackers.mlflow.client import client_at


@pytest.mark.parametrize("scheme", ["postgresql", "postgresql+psycopg2", "mysql+pymysql"])
def test_it_is_refused_without_its_password(scheme: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        port = taken.getsockname()[1]
        with pytest.raises(TrackerUnreachable, match="does not answer") as raised:
            client_at(f"{scheme}://ada:lovelace-1815@127.0.0.1:{port}/mlflow")
    assert f"127.0.0.1:{port}" in str(raised.value)
    assert "1815" not in str(raised.value)
