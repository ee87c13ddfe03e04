"""Canaries wherever a script can have secrets; none in any byte that we write, print or upload.

A real script (`leaky_script.py`) trains, fails, and runs every command, beside a real database of
MLflow's, a server that refuses and quotes what it was asked with, a database that cannot be
reached, and in the long form an offline W&B run and a real server that takes everything, through a
proxy that keeps what passes. Then every file is searched, and every word.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

from torture.canaries import Canaries
from torture.proxy import Proxy
from torture.server import started_server

HERE = Path(__file__).parent
POLICY = """\
# {comment}: the bytes of a policy are published as they are, its comments too
policy: loan
version: "1.0"
roles:
  target: {{favorable: 1}}
controls:
  - id: accuracy
    metric: accuracy
    must: ">= 0.50"
  - id: parity
    metric: demographic_parity_ratio
    across: gender
    must: ">= 1.0"
    on_fail: block
"""
ENVIRONMENT = (
    "OPENAI_API_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
    "AZURE_STORAGE_ACCESS_KEY", "GITHUB_TOKEN", "WANDB_API_KEY", "DB_PASSWORD",
    "MLFLOW_TRACKING_TOKEN", "DATABRICKS_TOKEN", "HF_TOKEN", "SOME_VARIABLE",
)  # fmt: skip
IN_SCRIPT = (
    "run name", "source query", "source token", "output query", "absent input", "user error",
    "model error", "model error url", "model error query", "sql user", "sql password", "a row",
    "parameter password", "parameter api_key", "parameter auth_token",
    "parameter aws_secret_access_key", "url user", "url password", "signature", "query token",
    "dsn", "bearer", "deep", "option", "deep url", "pair", "list pair", "flag", "flag=", "repr",
    "github shape", "pem",
)  # fmt: skip
IN_COMMENT = "policy comment"
# What the user wrote there, and what the product must not copy from.
USERS_OWN = {".env", "netrc", "model_policy.yaml", "rows.csv", "planted.json", "seen.json"}


def run(*, short: bool, seed: int, say: Callable[[str], None]) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="secrets-") as name:
        folder = Path(name)
        with ExitStack() as stack:
            refusing = stack.enter_context(closing(Proxy("http://127.0.0.1:9")))
            refusing.order("401" if short else "500")
            refusing.echo = True
            proxies = [refusing] if short else [refusing, _serving(stack)]
            canaries, said = _scenario(folder, proxies)
            say(f"the script has run and said {len(said):,} bytes")
            return _search(folder, proxies, canaries, said)


def _serving(stack: ExitStack) -> Proxy:
    """Before a real server, whose own files are searched by what was sent to it."""
    name = stack.enter_context(tempfile.TemporaryDirectory(prefix="server-"))
    server = started_server(Path(name))
    stack.callback(server.stop)
    return stack.enter_context(closing(Proxy(server.url)))


def _scenario(folder: Path, proxies: list[Proxy]) -> tuple[Canaries, bytes]:
    canaries = Canaries()
    environment = _environment(folder, proxies[0], canaries)
    extra = []
    if len(proxies) > 1:
        extra = ["offline_wandb", "serving"]
        address = proxies[1].url.replace("://", f"://me:{canaries.plant('server password')}@")
        environment["SERVING"] = address
    arguments = ["--token", canaries.plant("argv"), f"password={canaries.plant('argv=')}"]
    secret = {kind: canaries.plant(kind) for kind in (*IN_SCRIPT, IN_COMMENT)}
    (folder / "planted.json").write_text(
        json.dumps({kind: value for value, kind in canaries.items()})
    )
    (folder / "model_policy.yaml").write_text(POLICY.format(comment=secret[IN_COMMENT]))
    command = [sys.executable, "-P", str(HERE / "leaky_script.py"), *arguments]
    done = subprocess.run(
        [*command, *extra],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode(errors="replace")
    return canaries, done.stdout


def _environment(folder: Path, proxy: Proxy, canaries: Canaries) -> dict[str, str]:
    plant = canaries.plant
    for name in ("tmp", "config", "data", "cache", "wandb-config"):
        (folder / name).mkdir()
    plain = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    passphrase = plant("signing key passphrase", special=True)
    key = _signing_key(passphrase)
    canaries[key.splitlines()[2]] = "a line of the signing key"
    user, password, query = plant("uri user"), plant("uri password"), plant("uri query")
    address = proxy.url.replace("://", f"://{user}:{password}@")
    (folder / ".env").write_text(
        "MLFLOW_TRACKING_USERNAME=me\n"  # which MLflow itself writes to its runs
        f"MLFLOW_TRACKING_PASSWORD={plant('.env password')}\n"
        f"DATABASE_URL=mysql://me:{plant('.env url')}@db/x\n"
    )
    netrc = folder / "netrc"
    netrc.write_text(f"machine api.wandb.ai login user password {plant('netrc')}\n")
    netrc.chmod(0o600)
    remote = f"https://{plant('git user')}:{plant('git token')}@example.org/a/b.git"
    for line in (["init", "-q"], ["remote", "add", "origin", remote]):
        subprocess.run(["git", *line], cwd=folder, check=True, capture_output=True)
    return {
        **plain,
        **{name: plant(f"environment {name}") for name in ENVIRONMENT},
        "HOME": str(folder),
        "TMPDIR": str(folder / "tmp"),
        "NETRC": str(netrc),
        "HTTPS_PROXY": f"http://u:{plant('proxy password')}@127.0.0.1:9",
        "NO_PROXY": "127.0.0.1",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # it prints credentials too
        "REFUSING": f"{address}/?token={query}",
        "MLFLOW_TRACKING_URI": f"{address}/?token={query}",
        "WANDB_BASE_URL": f"https://{plant('w user')}:{plant('w password')}@127.0.0.1:9",
        "WANDB_DIR": str(folder),
        "WANDB_DATA_DIR": str(folder / "data"),
        "WANDB_CACHE_DIR": str(folder / "cache"),
        "WANDB_CONFIG_DIR": str(folder / "wandb-config"),
        "VENTURALITICA_SIGNING_KEY": key,
        "VENTURALITICA_SIGNING_KEY_PASSPHRASE": passphrase,
        "VENTURALITICA_HOME": str(folder / "evidence"),
        "VENTURALITICA_CONFIG": str(folder / "config"),
        "PLANTED": str(folder / "planted.json"),
        "SEEN": str(folder / "seen.json"),
    }


def _signing_key(passphrase: str) -> str:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        PrivateFormat,
    )

    key = ec.generate_private_key(ec.SECP256R1())
    lock = BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock).decode()


def _search(folder: Path, proxies: list[Proxy], canaries: Canaries, said: bytes) -> dict[str, str]:
    in_sight = set(json.loads((folder / "seen.json").read_text()))
    unseen = set(canaries.values()) - in_sight
    assert not unseen, f"these were planted where the product could not see them: {unseen}"
    places = {"said": said, **_files(folder)}
    for number, proxy in enumerate(proxies):
        sent = (_without_its_own_address(request) for request in proxy.sent)
        places[f"sent {number}"] = b"\n".join(sent)
    _all_ways_were_gone(places, proxies)
    leaks = {where: found for where, data in places.items() if (found := canaries.found_in(data))}
    published = {where for where, found in leaks.items() if found == {IN_COMMENT}}
    assert published, "a policy's comments are said to be published, and are not"
    leaks = {where: found for where, found in leaks.items() if found != {IN_COMMENT}}
    assert not leaks, f"secrets got out: {leaks}"
    total = sum(len(data) for data in places.values())
    return {
        "canaries": str(len(canaries)),
        "files searched": str(len(places) - 1 - len(proxies)),
        "bytes searched": f"{total:,}",
        "secrets found": "0",
    }


def _without_its_own_address(request: bytes) -> bytes:
    """MLflow sends the credentials of an address to that very address, which they are for."""
    return re.sub(rb"(?im)^Authorization:.*$", b"", re.sub(rb"^(\w+) \S+", rb"\1", request))


def _files(folder: Path) -> dict[str, bytes]:
    """Everything under the folder but what the user wrote; names too."""
    found = {}
    for file in folder.rglob("*"):
        name = file.relative_to(folder).as_posix()
        users = name in USERS_OWN or name.startswith((".git/", "rows.csv?"))
        if file.is_file() and not users:
            found[name] = name.encode() + b"\n" + file.read_bytes()
    return found


def _all_ways_were_gone(places: dict[str, bytes], proxies: list[Proxy]) -> None:
    """Else nothing was found because nothing was there."""
    log = places["evidence/log/entries.jsonl"].splitlines()
    assert len(log) >= 10, f"{len(log)} entries"
    assert "evidence/receipts.jsonl" in places
    assert "mlflow.db" in places
    assert any(path.endswith("venturalitica/evidence.json") for path in places)
    assert any(path.endswith("report.html") for path in places)
    assert proxies[0].sent, "the refusing server was never asked"
    assert b"Authorization" in b"".join(proxies[0].sent), "it was asked without credentials"
    assert b"postgresql" in places["evidence/receipts.jsonl"]
    assert b"blocked:" in places["said"]
    assert places["said"].count(b"$ venturalitica ") >= 10
    if len(proxies) > 1:
        assert any(path.startswith("wandb/offline-run") for path in places)
        assert b"venturalitica/bundle/v1" in places["sent 1"], "no evidence was sent to the server"
