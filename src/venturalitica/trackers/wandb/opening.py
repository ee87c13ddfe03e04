"""The way to a run: the one that is open, or the server's, opened again; and what is kept there."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from venturalitica.canonical import sha256_hex
from venturalitica.causes import cause, said
from venturalitica.errors import MissingExtra, TrackerError
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.claims import ROOT, SNAPSHOTS
from venturalitica.trackers.haul import Haul
from venturalitica.trackers.wandb import account, active
from venturalitica.trackers.wandb.library import library
from venturalitica.trackers.wandb.run import RunShelf

INIT_WITHIN = 20


@contextmanager
def opened(run: RunRef) -> Iterator[Any]:
    """The live run if it is still open, else the run opened again at the server."""
    live = active.find(run.run_id)
    if live is not None:
        yield live
        return
    if run.extra.get("offline"):
        account.require_uploaded(run)
    account.require_login(run.uri)
    wandb = library()
    with (
        active.reopening(run.run_id),
        tempfile.TemporaryDirectory(prefix="venturalitica-") as folder,
    ):
        again = wandb.init(
            entity=run.extra.get("entity") or None,
            project=run.extra.get("project") or None,
            id=run.run_id,
            resume="must",
            reinit="create_new",
            mode="online",
            dir=folder,
            settings=wandb.Settings(
                base_url=run.uri,
                console="off",
                disable_code=True,
                disable_git=True,
                init_timeout=INIT_WITHIN,
                silent=True,
                x_disable_machine_info=True,
                x_disable_meta=True,
                x_disable_stats=True,
            ),
        )
        try:
            yield again
        finally:
            again.finish()


def lies_here(run: RunRef, evidence_sha256: str) -> bool:
    """Whether an offline run that has ended holds the evidence in its folder, not uploaded."""
    if not run.extra.get("offline") or active.find(run.run_id) or account.uploaded(run):
        return False
    files = _files(Path(str(run.extra["folder"])) / "files")
    return any(_envelope(path, data) == evidence_sha256 for path, data in files.items())


def _envelope(path: str, data: bytes) -> str:
    """The digest of the envelope in a bundle; empty where the file is none."""
    try:
        envelope = json.loads(data)["envelope"] if path.endswith(".json") else None
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return sha256_hex(envelope.encode("utf-8", "replace")) if isinstance(envelope, str) else ""


def path_of(run: RunRef) -> str:
    """What `fetch` finds the run by: its folder where it was offline, else its path at W&B."""
    if active.find(run.run_id) is not None:
        return run.run_id
    folder = str(run.extra.get("folder", ""))
    if run.extra.get("offline") and folder and (Path(folder) / "files").is_dir():
        return folder
    parts = (run.extra.get("entity", ""), run.extra.get("project", ""), run.run_id)
    return "/".join(str(part) for part in parts if part)


def fetch(run_id: str, uri: str) -> dict[str, bytes]:
    live = active.find(run_id)
    if live is not None:
        tags = {f"tags/{key}": text.encode() for key, text in RunShelf(live, {}).tags().items()}
        return {
            **_files(active.files_of(live)),
            **{key: tags[key] for key in tags if _ours(key[5:])},
        }
    if (Path(run_id) / "files").is_dir():
        return _files(Path(run_id) / "files")
    client = library()
    account.require_login(uri)
    run = client.Api(overrides={"base_url": uri} if uri else None, timeout=INIT_WITHIN).run(run_id)
    found = {
        f"tags/{key}": value.encode()
        for key, value in run.summary.items()
        if isinstance(value, str) and _ours(key)
    }
    haul = Haul()
    with tempfile.TemporaryDirectory(prefix="venturalitica-") as folder:
        for file in run.files():
            root = file.name.split("/", 1)[0]
            if root in (ROOT, SNAPSHOTS):
                haul.admit(file.name, file.size, folder=root)
                with file.download(root=folder, replace=True) as stream:
                    found[file.name] = Path(stream.name).read_bytes()
    return found


def _ours(key: str) -> bool:
    return key == ROOT or key.startswith(f"{ROOT}.")


def _files(folder: Path) -> dict[str, bytes]:
    haul, found = Haul(), {}
    for root in (ROOT, SNAPSHOTS):
        for file in sorted((folder / root).rglob("*")):
            if file.is_file() and not file.is_symlink():
                path = file.relative_to(folder).as_posix()
                haul.admit(path, file.stat().st_size, folder=root)
                found[path] = file.read_bytes()
    return found


@contextmanager
def translated(run: RunRef) -> Iterator[None]:
    """Every failure of W&B's becomes a TrackerError that says what to do next."""
    try:
        yield
    except (TrackerError, MissingExtra):
        raise
    except Exception as error:
        folder = run.extra.get("folder", "")
        advice = f"; its folder is {folder}" if folder else ""
        server = f"W&B at {run.uri}" if run.uri else "W&B"
        trouble = "does not answer: " if cause(error) else f"failed for run '{run.run_id}': "
        raise TrackerError(f"{server} {trouble}{said(error)}{advice}") from error
