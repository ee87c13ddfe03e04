"""With MLflow's own passwords: who may not ask is turned away by them, and who may by the gate."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.gate import world as worlds

ADMIN = {"Authorization": "Basic " + base64.b64encode(b"admin:long enough a word").decode()}
ALIAS = "/api/2.0/mlflow/registered-models/alias"


def test_basic_auth_and_the_gate_are_both_asked(
    tmp_path: Path, start_server: Callable[..., Any]
) -> None:
    (tmp_path / "policy.yaml").write_text(worlds.POLICY)
    (tmp_path / "gate.yaml").write_text(worlds.GATE)
    server = start_server(
        tmp_path,
        "--app-name",
        "venturalitica-gate",
        VENTURALITICA_GATE_AUTH="basic-auth",
        VENTURALITICA_HOME=str(tmp_path / "evidence"),
        VENTURALITICA_CONFIG=str(tmp_path / "config"),
        MLFLOW_FLASK_SERVER_SECRET_KEY="a key of this test",
        MLFLOW_AUTH_ADMIN_PASSWORD="long enough a word",
    )
    try:
        world = worlds.World(server.url, tmp_path)

        def ask(path: str, said: object) -> Any:
            return world.ask("POST", f"/api/2.0/mlflow/{path}", said, headers=ADMIN)

        run = ask("runs/create", {"experiment_id": "0"}).json["run"]["info"]
        assert ask("registered-models/create", {"name": "credit"}).status == 200
        source = {"source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
        assert ask("model-versions/create", {"name": "credit", **source}).status == 200
        said = {"name": "credit", "alias": "champion", "version": "1"}
        assert world.ask("POST", ALIAS, said).status == 401
        assert world.decisions() == []
        refused = world.ask("POST", ALIAS, said, headers=ADMIN)
        assert refused.status == 403
        assert "[gate: " in refused.json["message"]
        assert [one.by for one in world.decisions()] == ["admin"]
        free = {**said, "alias": "candidate"}
        assert world.ask("POST", ALIAS, free, headers=ADMIN).status == 200
    finally:
        server.stop()
