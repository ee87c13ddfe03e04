"""Somebody who wants an unproven version under `champion`, and may ask the server for anything.

An attacker draws a few steps and asks them of a server over HTTP, as any client may. Who they are
up against is told apart by `Keeper`, which knows no gate: it digests the files that stand under the
alias, where they lie, and compares them with those of the models that were judged and met the
policy.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

from tests.gate.attacks import elsewhere

ALIAS = "registered-models/alias"
EVIL = elsewhere.EVIL


def files_of(folder: Path) -> dict[str, str]:
    """Name -> SHA-256 of each file below a folder, but MLflow's own note of its registry."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file() and file.name != "registered_model_meta"
    }


class Attacker:
    """One sequence of steps, drawn by `random`; `number` is in the names that it makes."""

    def __init__(self, world: Any, number: int, random: Random, tally: Counter[str]) -> None:
        self.world = world
        self.number = number
        self.random = random
        self.tally = tally
        self.shelf = list(world.shelf.values())
        self.made: list[tuple[str, str]] = []

    def attack(self) -> None:
        """Three to six steps, of which the last asks for the alias."""
        steps = [step for step in STEPS for _ in range(STEPS[step])]
        for _ in range(self.random.randint(2, 5)):
            self._step(self.random.choice(steps))
        self._step(Attacker.ask_alias)

    def _step(self, step: Callable[[Attacker], None]) -> None:
        self.tally["steps"] += 1
        try:
            step(self)
        except (OSError, http.client.HTTPException):
            self.tally["no answer"] += 1  # the server was killed meanwhile

    # What is asked for

    def any_version(self) -> tuple[str, str]:
        """Name and number of a version: one of the shelf, or made by this attacker."""
        if self.made and self.random.random() < 0.5:
            return self.random.choice(self.made)
        return "credit", self.random.choice(self.shelf).version

    def ask_alias(self) -> None:
        name, version = self.any_version()
        alias = self.random.choice(["champion"] * 4 + ["Champion"])
        said: dict[str, object] = {"name": name, "alias": alias, "version": version}
        prefix = self.random.choice(["/api/2.0", "/ajax-api/2.0"])
        path = f"{prefix}/mlflow/{self.random.choice([ALIAS, 'registered-models/%61lias'])}"
        plain = json.dumps(said).encode()
        form = f"name={name}&alias={alias}&version={version}"
        twice = f'{{"alias":"x","name":"y",{plain.decode()[1:]}'
        ways: list[dict[str, Any]] = [
            *[{"said": said}] * 4,
            {"said": {**said, "version": f"0{version}"}},
            {"body": twice.encode()},
            {"body": plain, "chunked": True},
            {"body": plain, "headers": {"Content-Type": "text/plain"}},
            {"body": gzip.compress(plain), "headers": {"Content-Encoding": "gzip"}},
            {"body": json.dumps(said).encode("utf-16")},
            {"body": plain[: self.random.randint(0, len(plain))]},
            {"body": self.random.randbytes(200)},
            {"said": {**said, "more": "x" * self.random.choice([10, 1 << 20])}},
            {
                "body": form.encode(),
                "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            },
            {"said": said, "headers": {"X-HTTP-Method-Override": "PUT"}},
        ]
        answer = self.world.ask("POST", path, **self.random.choice(ways))
        self.tally["aliases asked for"] += 1
        self.tally[f"alias: {answer.status}"] += 1
        _, _, rule = answer.body.partition("[gate: ")
        if rule:
            self.tally[f"refused: {rule.split(';')[0].split(']')[0]}"] += 1

    def ask_stage(self) -> None:
        name, version = self.any_version()
        stage = self.random.choice(["Production", "production", "PRODUCTION", "Staging"])
        said = {"name": name, "version": version, "stage": stage}
        rest = {"archive_existing_versions": self.random.random() < 0.5}
        self.world.api("POST", "model-versions/transition-stage", {**said, **rest})

    # What it rests on

    def write_files(self) -> None:
        one = self.random.choice(self.shelf)
        file = self.random.choice(
            ["MLmodel", "model.pkl", "requirements.txt", "extra.py", "a/b.py"]
        )
        way = self.random.choice(
            [
                f"0/models/{one.model}/artifacts/{file}",
                f"0/models/{one.model}/./artifacts/{file}",
                f"0//models/{one.model}//artifacts//{file}",
                f"0/models/x/../{one.model}/artifacts/{file}",
                f"0/models/{one.model}%2Fartifacts%2F{file}",
            ]
        )
        self.world.put(way, EVIL)

    def delete_files(self) -> None:
        one = self.random.choice(self.shelf)
        below = self.random.choice(["", "/MLmodel"])
        place = f"0/models/{one.model}/artifacts{below}"
        self.world.ask("DELETE", f"/api/2.0/mlflow-artifacts/artifacts/{place}")

    def write_evidence(self) -> None:
        """That of another run, an edited one, an empty one, too much of it."""
        one, other = self.random.choice(self.shelf), self.random.choice(self.shelf)
        found = self.world.artifact(f"0/{other.run}/artifacts/venturalitica/evidence.json")
        data = found.read_bytes() if found.exists() else b"{}"
        data = self.random.choice([data, data, edited(data), b"", b"[" * 10_000, b" " * (9 << 20)])
        name = self.random.choice(["evidence.json", "evidence.json", "x.json", "deep/er.json"])
        if self.random.random() < 0.3:
            path = (
                f"/ajax-api/2.0/mlflow/upload-artifact?run_uuid={one.run}&path=venturalitica/{name}"
            )
            self.world.ask("POST", path, body=data)
        else:
            self.world.put(f"0/{one.run}/artifacts/venturalitica/{name}", data)

    def write_tags(self) -> None:
        one = self.random.choice(self.shelf)
        light = {"key": "venturalitica.light", "value": "green"}
        self.world.api("POST", "runs/set-tag", {"run_id": one.run, **light})
        version = {"name": "credit", "version": one.version}
        self.world.api("POST", "model-versions/set-tag", {**version, **light})

    def delete_run(self) -> None:
        one = self.random.choice(self.shelf)
        self.world.api("POST", "runs/delete", {"run_id": one.run})

    # Where it stands

    def new_version(self) -> None:
        """Some files with the evidence of some run, under a protected name."""
        self._version("credit")

    def new_name(self) -> None:
        """A protected name of one's own, or an unprotected one that is renamed to it."""
        name = f"credit-{self.number}"
        first = self.random.choice([name, f"trojan-{self.number}"])
        self.world.api("POST", "registered-models/create", {"name": first})
        self._version(first)
        if first != name:
            if self.random.random() < 0.7:
                self.world.set_alias("1", name=first)
            self.world.api("POST", "registered-models/rename", {"name": first, "new_name": name})
            self.made.append((name, "1"))

    def again(self) -> None:
        """The number of a version that was there before, with other files."""
        name = f"credit-{self.number}"
        for _ in range(2):
            self.world.api("POST", "registered-models/create", {"name": name})
            self._version(name)
            self.world.set_alias("1", name=name)
            self.world.api("DELETE", "registered-models/delete", {"name": name})
        self.world.api("POST", "registered-models/create", {"name": name})
        self._version(name)
        self.world.set_alias("1", name=name)

    def delete_version(self) -> None:
        if self.made:
            name, version = self.made.pop()
            said = {"name": name, "version": version}
            self.world.api("DELETE", "model-versions/delete", said)

    def _version(self, name: str) -> None:
        files, evidence = self.random.choice(self.shelf), self.random.choice(self.shelf)
        source = self.random.choice(
            [
                f"models:/{files.model}",
                f"mlflow-artifacts:/0/models/{files.model}/artifacts",
                f"models:/credit/{files.version}",
                f"runs:/{evidence.run}/model",
                f"mlflow-artifacts:/0/{evidence.run}/artifacts/venturalitica",
                (self.world.artifact("0/models") / files.model / "artifacts").as_uri(),
            ]
        )
        said = {"name": name, "source": source, "run_id": evidence.run}
        if self.random.random() < 0.3:
            said["model_id"] = self.random.choice(self.shelf).model
        made = self.world.api("POST", "model-versions/create", said)
        if made.status == 200:
            self.made.append((name, str(made.json["model_version"]["version"])))

    # At once

    def at_once(self) -> None:
        """Files are written while the alias is asked for."""
        one = self.random.choice(self.shelf)
        place = f"0/models/{one.model}/artifacts/requirements.txt"

        def slowly() -> Iterator[bytes]:
            for part in (EVIL, b"\n", EVIL):
                yield part
                if pause:
                    threading.Event().wait(0.01)

        pause = self.random.random() < 0.5
        asked = threading.Thread(
            target=self._quietly, args=(lambda: self.world.set_alias(one.version),)
        )
        asked.start()
        route = f"/api/2.0/mlflow-artifacts/artifacts/{place}"
        body = b"".join(slowly())
        self.world.ask("PUT", route, body=body, chunked=True)
        asked.join()

    def _quietly(self, ask: Callable[[], Any]) -> None:
        try:
            ask()
        except (OSError, http.client.HTTPException):
            self.tally["no answer"] += 1

    def odd_addresses(self) -> None:
        version = self.random.choice(self.shelf).version
        said = {"name": "credit", "alias": "champion", "version": version}
        query = f"name=credit&alias=champion&version={version}"
        change = f'mutation {{ setAlias(name: "credit", alias: "champion", version: "{version}") }}'
        method, path, body = self.random.choice(
            [
                ("POST", f"/api/3.0/mlflow/{ALIAS}", said),
                ("POST", f"//api//2.0//mlflow//{ALIAS}", said),
                ("POST", f"/api/2.0/mlflow/{ALIAS}/", said),
                ("PUT", f"/api/2.0/mlflow/{ALIAS}", said),
                ("PATCH", f"/api/2.0/mlflow/{ALIAS}?{query}", said),
                ("GET", f"/api/2.0/mlflow/{ALIAS}?{query}", said),
                ("POST", f"/api/2.0/preview/mlflow/{ALIAS}", said),
                ("POST", "/graphql", {"query": change}),
                ("POST", "/api/2.0/mlflow-artifacts/mpu/create/x", {"path": "x", "num_parts": 1}),
                ("POST", f"/api/2.0/x/../mlflow/{ALIAS}", said),
            ]
        )
        self.world.ask(method, path, body)


STEPS: dict[Callable[[Attacker], None], int] = {
    Attacker.ask_alias: 4,
    Attacker.ask_stage: 2,
    Attacker.write_files: 4,
    Attacker.delete_files: 1,
    Attacker.write_evidence: 4,
    Attacker.write_tags: 1,
    Attacker.delete_run: 1,
    Attacker.new_version: 3,
    Attacker.new_name: 2,
    Attacker.again: 1,
    Attacker.delete_version: 1,
    Attacker.at_once: 2,
    Attacker.odd_addresses: 1,
    elsewhere.logged_models: 1,
    elsewhere.as_a_prompt: 1,
    elsewhere.in_a_batch: 1,
    elsewhere.traces_and_hooks: 1,
    elsewhere.experiment_over_a_model: 2,
    elsewhere.other_bodies: 1,
}
"""How often each step is drawn."""


def edited(data: bytes) -> bytes:
    """Evidence whose verdicts say something else than what was signed."""
    try:
        bundle = json.loads(data)
        envelope = json.loads(bundle["envelope"])
        said = base64.b64decode(envelope["payload"])
        envelope["payload"] = base64.b64encode(said.replace(b'"failed"', b'"passed"')).decode()
        return json.dumps({**bundle, "envelope": json.dumps(envelope)}).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        return data.replace(b"a", b"b", 7)


class Keeper:
    """What stands under protection, looked at on disk; and how it was when all began."""

    def __init__(self, world: Any, proven: list[Any]) -> None:
        self.world = world
        self.folder = world.artifact("0")
        self.before = {file: file.read_bytes() for file in self.folder.rglob("*") if file.is_file()}
        self.proven = [files_of(self._files(one.model)) for one in proven]
        self.stood = 0

    def _files(self, model: str) -> Path:
        return self.folder / "models" / model / "artifacts"

    def reached(self) -> list[str]:
        """Each unproven version that stands under a protected alias or stage."""
        found = []
        for model in self._models():
            for version in self._standing(model):
                self.stood += 1
                where = f"{model['name']}/{version['version']} ({version.get('source')})"
                folder = self._folder(model["name"], version["version"])
                if not any(files_of(folder) == files for files in self.proven):
                    found.append(where)
        return found

    def _models(self) -> list[dict[str, Any]]:
        models, token = [], ""
        while True:
            query = f"max_results=1000&page_token={token}"
            page = self.world.api("GET", f"registered-models/search?{query}").json
            models += page.get("registered_models", [])
            token = page.get("next_page_token", "")
            if not token:
                return [one for one in models if one["name"].casefold().startswith("credit")]

    def _standing(self, model: dict[str, Any]) -> list[dict[str, Any]]:
        asked = f"filter=name%3D%27{model['name']}%27&max_results=10000"
        page = self.world.api("GET", f"model-versions/search?{asked}").json
        under = {
            str(one["version"])
            for one in model.get("aliases", [])
            if one["alias"].casefold() == "champion"
        }
        return [
            one
            for one in page.get("model_versions", [])
            if str(one["version"]) in under or one.get("current_stage") == "Production"
        ]

    def _folder(self, name: str, version: str) -> Path:
        query = f"name={name}&version={version}"
        said = self.world.api("GET", f"model-versions/get-download-uri?{query}").json
        uri = str(said["artifact_uri"])
        if uri.startswith("mlflow-artifacts:/"):
            return Path(self.world.artifact(uri.removeprefix("mlflow-artifacts:/").lstrip("/")))
        return Path(uri.removeprefix("file://"))

    def mend(self, made: list[tuple[str, str]]) -> None:
        """All as it was: files from their bytes, runs from MLflow's bin, what was made gone."""
        for version in {one for one in made if one[0] == "credit"}:
            said = {"name": version[0], "version": version[1]}
            self.world.api("DELETE", "model-versions/delete", said)
        for name in {name for name, _ in made} - {"credit"}:
            self.world.api("DELETE", "registered-models/delete", {"name": name})
        for alias in ("champion", "Champion"):
            self.world.drop_alias(alias=alias)
        for one in self.world.shelf.values():
            said = {"name": "credit", "version": one.version, "stage": "None"}
            rest = {"archive_existing_versions": False}
            self.world.api("POST", "model-versions/transition-stage", {**said, **rest})
            self.world.api("POST", "runs/restore", {"run_id": one.run})
        for file in [file for file in self.folder.rglob("*") if file.is_file()]:
            if file not in self.before:
                file.unlink()
        for file, data in self.before.items():
            if not file.exists() or file.read_bytes() != data:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
