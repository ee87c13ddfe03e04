"""A real `mlflow server` with the gate, models in its registry, and a hand that asks it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from msgspec import Struct

from venturalitica.ledger import Ledger
from venturalitica.ledger.lifecycle.ties import decisions
from venturalitica.ledger.records.decision import Decided

POLICY = """\
policy: credit
version: "1.0"
disclosure: {tallies: publish}
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
"""
GATE = """\
gate: "1"
mode: enforce
protect:
  - models: ["credit*"]
    aliases: [champion]
    stages: [Production]
    policy: policy.yaml
    signers: keys
"""


class Answer(Struct, frozen=True):
    """What the server answered."""

    status: int
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Version(Struct, frozen=True):
    """A version of the registry, its run and its logged model."""

    kind: str
    version: str
    run: str
    model: str


class World:
    """The server at `url`, whose files lie in `folder`."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.shelf: dict[str, Version] = {}

    def train(
        self, *kinds: str, name: str = "credit", policy: str = POLICY, stranger: bool = False
    ) -> list[Version]:
        """Versions of these kinds (`training.py`), by a person whose key the gate knows.

        Args:
            policy: the one that they are judged by.
            stranger: whether the gate does not know that key.
        """
        work = self.folder / ("stranger" if stranger else "work")
        work.mkdir(exist_ok=True)
        (work / "policy.yaml").write_text(policy)
        done = subprocess.run(
            [sys.executable, str(Path(__file__).with_name("training.py")), name, *kinds],
            cwd=work,
            env={
                **os.environ,
                "MLFLOW_TRACKING_URI": self.url,
                "VENTURALITICA_HOME": str(work / "evidence"),
                "VENTURALITICA_CONFIG": str(work / "config"),
                "VENTURALITICA_TRACKER_WAIT": "60",
            },
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        (self.folder / "keys").mkdir(exist_ok=True)
        for key in () if stranger else (work / "evidence" / "keys").glob("*.pem"):
            shutil.copy(key, self.folder / "keys")
        said = json.loads(done.stdout.strip().splitlines()[-1])
        return [Version(**one) for one in said]

    def ask(
        self,
        method: str,
        path: str,
        said: object = None,
        *,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
        chunked: bool = False,
    ) -> Answer:
        """Ask as any client may: `said` goes as JSON, `body` as it is."""
        place = urlsplit(self.url)
        client = http.client.HTTPConnection(str(place.hostname), place.port, timeout=60)
        sent = {"Content-Type": "application/json", **(headers or {})}
        data = json.dumps(said).encode() if body is None and said is not None else body
        content = iter([data]) if chunked and data is not None else data
        try:
            client.request(method, path, content, sent, encode_chunked=chunked)
            found = client.getresponse()
            return Answer(found.status, found.read().decode("utf-8", "replace"))
        finally:
            client.close()

    def api(self, method: str, path: str, said: object = None) -> Answer:
        """Ask MLflow's REST interface."""
        return self.ask(method, f"/api/2.0/mlflow/{path}", said)

    def set_alias(self, version: str, *, name: str = "credit", alias: str = "champion") -> Answer:
        """Ask for an alias."""
        said = {"name": name, "alias": alias, "version": version}
        return self.api("POST", "registered-models/alias", said)

    def drop_alias(self, *, name: str = "credit", alias: str = "champion") -> Answer:
        """Take an alias away."""
        return self.api("DELETE", "registered-models/alias", {"name": name, "alias": alias})

    def champion(self, name: str = "credit", alias: str = "champion") -> str | None:
        """The version under the alias."""
        found = self.api("GET", f"registered-models/alias?name={name}&alias={alias}")
        return str(found.json["model_version"]["version"]) if found.status == 200 else None

    def put(self, place: str, data: bytes = b"other bytes") -> Answer:
        """Upload by the artifact proxy, below the server's own folder of artifacts."""
        return self.ask(
            "PUT",
            f"/api/2.0/mlflow-artifacts/artifacts/{place}",
            body=data,
            headers={"Content-Type": "application/octet-stream"},
        )

    def decisions(self) -> list[Decided]:
        """What the server's own log says of its decisions."""
        if not (self.folder / "evidence" / "log").exists():
            return []
        return [one for _, one in decisions(Ledger.open(self.folder / "evidence"))]

    def artifact(self, place: str) -> Path:
        """Where the server keeps it."""
        return self.folder / "artifacts" / place
