"""The tracker itself: the run that is open, and the way to one that is not."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from venturalitica.core.causes import cause, said
from venturalitica.core.encoding import sha256_hex
from venturalitica.errors import MissingExtra, TrackerError
from venturalitica.system.files import one_at_a_time
from venturalitica.trackers import tell_logged, tell_opened
from venturalitica.trackers.base import (
    ROOT,
    Lead,
    LoggedModel,
    NoRun,
    Parcel,
    Receipt,
    RunRef,
    Tracker,
    Written,
)
from venturalitica.trackers.haul import Haul
from venturalitica.trackers.layout import SNAPSHOTS
from venturalitica.trackers.links import without_credentials
from venturalitica.trackers.publish import publish, publish_page
from venturalitica.trackers.wandb import active, models
from venturalitica.trackers.wandb import health as account
from venturalitica.trackers.wandb.health import library
from venturalitica.trackers.wandb.run import RunShelf


class WandbTracker(Tracker):
    """Weights & Biases, the runs open in this process."""

    name = "wandb"

    def title(self) -> str:
        return "Weights & Biases"

    def __init__(self) -> None:
        # What this process set at each run: asked while it is busy, W&B answers with nothing.
        self._known: dict[str, dict[str, str]] = {}

    def installed(self) -> bool:
        return "wandb" in sys.modules or importlib.util.find_spec("wandb") is not None

    def active_run(self) -> RunRef | None:
        run = active.active()
        return None if run is None else self._ref(run)

    def _ref(self, run: Any) -> RunRef:
        return RunRef(
            tracker=self.name,
            run_id=run.id,
            uri=without_credentials(run.settings.base_url),
            experiment_name=run.project or "",
            run_name=run.name or "",
            # Asked of an offline run, W&B prints a warning at the user.
            url=None if run.offline else run.url,
            extra={
                "entity": run.entity or "",
                "project": run.project or "",
                "folder": str(active.folder_of(run)),
                "offline": bool(run.offline),
            },
        )

    def given_names(self, run: RunRef) -> tuple[str, str]:
        """See the protocol. W&B calls a project that nobody named, and a run, by itself."""
        project = "" if run.experiment_name == "uncategorized" else run.experiment_name
        made_up = re.fullmatch(r"[a-z]+-[a-z]+-\d+", run.run_name)
        return project, "" if made_up or run.run_name == run.run_id else run.run_name

    def no_run(self) -> NoRun | None:
        return active.no_run()

    def doubt(self) -> str:
        """What is wrong with W&B's variables, as a question; nothing where nobody uses W&B."""
        return account.doubt() if "wandb" in sys.modules else ""

    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        with translated(run), one_at_a_time(f"wandb {run.uri} {run.run_id}"):
            if lies_here(run, parcel.evidence_sha256):
                digests = parcel.evidence_sha256, parcel.policy_sha256
                return Receipt(self.name, run.run_id, *digests, kept=account.kept(run))
            with opened(run) as live, active.writing():
                known = self._known.setdefault(run.run_id, {})
                receipt = publish(RunShelf(live, known), run, parcel)
                # Its client has it, and no server: what that means is said, not "delivered".
                return replace(receipt, kept=account.kept(run)) if live.offline else receipt

    def deliver_page(self, run: RunRef, parcel: Parcel) -> None:
        if lies_here(run, parcel.evidence_sha256):
            # Its files are closed. A page that is not among them, of a process that was killed say,
            # comes once the run is uploaded: `sync` delivers evidence and page there.
            return
        alone = one_at_a_time(f"wandb {run.uri} {run.run_id}")
        with translated(run), alone, opened(run) as live, active.writing():
            publish_page(RunShelf(live, self._known.setdefault(run.run_id, {})), parcel)

    def before_end(self, run: RunRef, call: Callable[[], None]) -> None:
        active.at_end(run.run_id, call)
        models.watch(run.run_id)
        self.watch()

    def watch(self) -> None:
        def logged(run: Any, artifact: Any) -> None:
            if models.is_model(artifact):
                tell_logged(lambda: self._ref(run), files=models.files_of(artifact))
            models.note(run.id, artifact)

        def saved(run: Any, paths: Any) -> None:
            files = [Path(path) for path in paths] if isinstance(paths, list) else []
            tell_logged(lambda: self._ref(run), files=files)

        active.watch(lambda run: tell_opened(lambda: self._ref(run)), logged, saved)

    def written(self, run: RunRef) -> Written | None:
        return active.written(run.run_id)

    def logged_models(self, run: RunRef) -> Sequence[LoggedModel]:
        """Of an offline run, what this process logged; nobody lists the rest before it is there."""
        with translated(run):
            seen = models.logged_in(run.run_id)
            if seen or active.find(run.run_id) is not None:
                return seen
            return [] if waits_here(run) else models.logged_at(at_server(_address(run), run.uri))

    def fetch_model(self, run: RunRef, model: LoggedModel, folder: Path) -> LoggedModel:
        with translated(run):
            if not models.take(run.run_id, model, folder):
                models.fetch(at_server(_address(run), run.uri), model, folder)
            return model

    def files(self, run: RunRef) -> dict[str, bytes]:
        """Our files at the run, and our summary keys as `tags/<key>`.

        From the server, or from the folder of an offline run (as it stands, without its summary).
        Whoever names a run says `entity/project/id`, `project/id`, the id of one that is open, or
        the path of such a folder.
        """
        with translated(run):
            return fetch(path_of(run), run.uri)

    def find_run(self, text: str) -> RunRef | None:
        """By the id of one that is open, `entity/project/id`, or the folder of an offline run."""
        live = active.find(text)
        if live is not None:
            return self._ref(live)
        folder = Path(text)
        if (folder / "files").is_dir() and any(folder.glob("*.wandb")):
            run_id, where = folder.resolve().name.rpartition("-")[2], str(folder.resolve())
            return RunRef(self.name, run_id, extra={"folder": where, "offline": True})
        if not _PATH.fullmatch(text):
            return None
        named = RunRef(self.name, text.rpartition("/")[2])
        with translated(named):
            found = at_server(text, "")
        place = dict(zip(("entity", "project"), found.path[:2], strict=True))
        return replace(
            named,
            uri=without_credentials(account.server()),
            experiment_name=place["project"],
            run_name=str(found.name or ""),
            url=str(found.url),
            extra={**place, "folder": "", "offline": False},
        )

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        return account.health(origins or {})

    def health_at(self, place: str, origins: Mapping[str, str]) -> Mapping[str, Any]:
        return account.health_at(place, origins)

    def remedy(self, runs: Sequence[RunRef], health: Mapping[str, Any]) -> str:
        return account.remedy(runs[0])

    def lead(self, run: RunRef) -> Lead:
        return account.lead(run)


INIT_WITHIN = 20
_PATH = re.compile(r"[^/\s]+/[^/\s]+/[^/\s]+")


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


def waits_here(run: RunRef) -> bool:
    """Whether the run was offline, has ended, and is not uploaded."""
    ended = active.find(run.run_id) is None
    return bool(run.extra.get("offline")) and ended and not account.uploaded(run)


def lies_here(run: RunRef, evidence_sha256: str) -> bool:
    """Whether an offline run that has ended holds the evidence in its folder, not uploaded."""
    if not waits_here(run):
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
    return _address(run)


def _address(run: RunRef) -> str:
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
    run = at_server(run_id, uri)
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


def at_server(path: str, uri: str) -> Any:
    """A run as W&B's public interface gives it."""
    client = library()
    account.require_login(uri)
    return client.Api(overrides={"base_url": uri} if uri else None, timeout=INIT_WITHIN).run(path)


def _ours(key: str) -> bool:
    return key == ROOT or key.startswith(f"{ROOT}.")


def _files(folder: Path) -> dict[str, bytes]:
    haul, found = Haul(), {}
    for root in (ROOT, SNAPSHOTS):
        for file in sorted((folder / root).rglob("*")):
            # A link that somebody laid there would have us read any file of this machine.
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
