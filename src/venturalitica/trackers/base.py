"""What a tracker is to us: a place where a run of the user's is open, and a parcel can be left.

A tracker translates and nothing else. It never starts a run, never judges, and never raises
anything but `TrackerError` from `deliver` and `fetch`. Parcels are built from the ledger alone
(`delivery.py`), so one can be delivered long after the training process ended, from another
process, and twice: delivering twice changes nothing.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.encoding import parse_object
from venturalitica.core.text import is_web_address
from venturalitica.core.verdict import Light, Verdict
from venturalitica.errors import EvidenceError, MissingExtra, TrackerError

ROOT = "venturalitica"
"""What all names of ours at a run begin with."""
TALLY = "tally.json"
"""The file beside the evidence where tallies are published: the very pair of the vault."""


class RunRef(Struct, frozen=True):
    """The very run of a tracker, enough to find it again from another process.

    `uri` is where the tracker was reached, credentials removed; `url` a deep link for people or
    None where there is none (file and sqlite stores, W&B offline). `extra` holds what the tracker
    needs to come back (W&B: entity, project, run folder), JSON types only.
    """

    tracker: str
    run_id: str
    uri: str = ""
    experiment_id: str = ""
    experiment_name: str = ""
    run_name: str = ""
    url: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class DataRef(Struct, frozen=True):
    """A data set as trackers show it: its context is `audit`, `input` or `output`."""

    name: str
    context: str
    digest: str
    rows: int
    columns: tuple[str, ...] = ()
    source: str = ""


class LoggedModel(Struct, frozen=True, kw_only=True):
    """A model that was logged in a run: what the tracker calls it, and which version of what.

    `made_at` is when it was saved, by the clock of the process that did; else None.
    """

    name: str
    model_id: str
    version: str = ""
    made_at: datetime | None = None


class Page:
    """The report page of one record: drawn when somebody first asks for it, and once for all."""

    def __init__(self, draw: Callable[[], str]) -> None:
        self._draw = draw
        self._drawn: bytes | None = None
        self._lock = Lock()

    def html(self) -> bytes:
        """The document; whoever asks while it is being drawn waits for it."""
        with self._lock:
            if self._drawn is None:
                self._drawn = self._draw().encode()
            return self._drawn


class Parcel(Struct, frozen=True, kw_only=True):
    """One audit (`kind="audit"`) or one closed monitor (`kind="run"`), ready to be left at a run.

    `evidence` is the bundle (JSON bytes), `evidence_sha256` the digest of the signed envelope in
    it: the identity of the parcel. `policy_*` are None/empty where the run had no policy. `page`
    follows when all else is confirmed (`deliver_page`); it belongs to the rest where `whole`.
    `tally` is there only where the record says that it is published. `superseded` says of runs, by
    tracker and id, that an audit there belongs to another run, and what the tag of that holds.
    """

    evidence: bytes
    evidence_sha256: str
    kind: str
    name: str
    light: Light
    verdicts: tuple[Verdict, ...] = ()
    policy_name: str = ""
    policy_version: str = ""
    policy_sha256: str = ""
    policy_filename: str = ""
    policy_bytes: bytes | None = None
    tally: bytes | None = None
    page: Page | None = None
    whole: bool = False
    description: str = ""
    data: tuple[DataRef, ...] = ()
    checkpoint: str = ""
    superseded: Mapping[tuple[str, str], str] = field(default_factory=dict)


class Receipt(Struct, frozen=True):
    """What a tracker confirmed: the run, the parcel, and the digests read back from it.

    `kept` is for what is on this machine only: it says where, and what uploads it (W&B offline).
    Such a parcel is not delivered until the server has it.
    """

    tracker: str
    run_id: str
    evidence_sha256: str
    policy_sha256: str = ""
    detail: str = ""
    kept: str = ""


class Written(Struct, frozen=True):
    """How often values, and how often anything, was written to a run; whether it is open still."""

    values: int
    everything: int
    open: bool


class NoRun(Struct, frozen=True):
    """Why no run of a tracker takes the evidence, in one sentence; what to do, unless `block` says.

    `elsewhere` where a run of it is open that is not ours to write to: that is said even where
    another tracker takes the evidence. `block` is what to put the training inside of.
    """

    text: str
    elsewhere: bool = False
    block: str = ""


class Lead(Struct, frozen=True, kw_only=True):
    """The way to one run; what is not there is empty.

    `url` is a page that a server shows. Where there is none, `command` starts one, `live` is the
    address at which that one will answer, and `page` the run's page there. `note` says what else
    there is to know.
    """

    url: str = ""
    command: str = ""
    live: str = ""
    page: str = ""
    note: str = ""


def library(name: str, title: str) -> Any:
    """The module of a tracker; MissingExtra with the line that installs it where it is absent."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise MissingExtra(title, name) from None


SYNC = "venturalitica sync"
CHOSEN = frozenset({"environment", ".env", "netrc"})
"""What `configured` says where somebody has set the place; all else is a default."""

IN_LOG = "the log"
"""What `configured` says where nothing is set, and the address is the one that records name."""


class Tracker(ABC):
    """One kind of tracker. What is not abstract has an answer for trackers that do not know it.

    One that another package offers need not be derived from it: it is asked by `ask`.
    """

    name: str

    @abstractmethod
    def active_run(self) -> RunRef | None:
        """The run open in this thread, or None. Never imports a library nobody imported yet."""

    @abstractmethod
    def deliver(self, run: RunRef, parcel: Parcel) -> Receipt:
        """Leave all of the parcel but its page, read digests back; TrackerError if that fails.

        Blocks for as long as the tracker takes: the caller bounds it. Idempotent.
        """

    @abstractmethod
    def files(self, run: RunRef) -> dict[str, bytes]:
        """Evidence kept at a run, path -> bytes; empty where it holds nothing of ours.

        Tags of ours are there too, as `tags/<key>`; checkpoints (witnesses) among them:
        `tags/venturalitica.checkpoint`. TrackerError where the run is gone, or cannot be asked.
        """

    def given_names(self, run: RunRef) -> tuple[str, str]:
        """The names of a run's experiment and of the run itself that somebody gave them.

        Empty where the tracker made one up: audits of one name are one pipeline.
        """
        return run.experiment_name, run.run_name

    def fetch(self, run_id: str, *, uri: str = "") -> dict[str, bytes]:
        """As `files`, of a run that somebody names, for `venturalitica verify --run`.

        Raises:
            TrackerError: the run holds nothing of ours.
        """
        found = self.files(RunRef(self.name, run_id, uri))
        if not found:
            raise TrackerError(
                f"{ask(self, 'title')} run '{run_id}' holds no evidence of ours; "
                "'venturalitica sync' delivers what waits"
            )
        return found

    def checkpoints(self, runs: Sequence[RunRef], *, origin: str) -> Mapping[str, str]:
        """Checkpoints of the log `origin` kept at these runs, and beside them where that is cheap.

        All runs are at one address. Place (for people) -> signed note, unverified.

        Raises:
            TrackerError: none was found, and a run cannot be asked.
        """
        found: dict[str, str] = {}
        trouble: TrackerError | None = None
        for run in runs:
            try:
                files = self.files(run)
            except TrackerError as error:
                trouble = error
                continue
            found |= kept_in(files, f"{ask(self, 'title')} run {run.run_id}", origin=origin)
        if trouble is not None and not found:
            raise trouble
        return found

    def health(self, origins: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        """For `doctor`: always `tracker`, `installed`, `version`, `configured`, `uri`,
        `reachable` (None where it was not tried), `detail` and `fix`, no credentials in any.

        `origins` says of environment variables where they came from (`{"MLFLOW_TRACKING_URI":
        ".env"}`); those it does not name came from the environment itself.
        """
        nothing = dict.fromkeys(("version", "configured", "uri", "detail", "fix"), "")
        known = {"tracker": self.name, "installed": ask(self, "installed"), "reachable": None}
        return known | nothing

    def installed(self) -> bool:
        """Whether the tracker's library can be imported; imports nothing heavy."""
        return True

    def title(self) -> str:
        """Its name for people."""
        return self.name

    def lasts(self) -> bool:
        """Whether its runs outlive the process that opened them."""
        return True

    def no_run(self) -> NoRun | None:
        """Why `active_run` gives none here; None where nobody in this process uses the tracker."""
        return None

    def last_run(self) -> RunRef | None:
        """The run that was open last in this thread, and may have ended."""
        return None

    def doubt(self) -> str:
        """A setting that cannot be meant, as a question."""
        return ""

    def deliver_page(self, run: RunRef, parcel: Parcel) -> None:
        """Leave the page of a parcel that was delivered to the run; whatever fails is raised."""
        self.deliver(run, replace(parcel, whole=True))

    def before_end(self, run: RunRef, call: Callable[[], None]) -> None:  # noqa: B027 - an answer
        """Have `call` called when an open run ends, while it still takes files.

        Called for each delivery, in the thread that the run is open in. Without it the end of the
        monitor, or of the process, waits for the page.
        """

    def watch(self) -> None:  # noqa: B027 - an answer
        """Begin to tell those who listen (`trackers.listen`) of runs of this process."""

    def written(self, run: RunRef) -> Written | None:
        """How often somebody but us wrote to a run of this process; None where nobody counts."""
        return None

    def logged_models(self, run: RunRef) -> Sequence[LoggedModel]:
        """The models that were logged in a run, oldest first; TrackerError as `files`."""
        return ()

    def fetch_model(self, run: RunRef, model: LoggedModel, folder: Path) -> LoggedModel:
        """Leave the model's files in an empty folder; gives the model with all that is known then.

        Works in the calling thread alone: the interpreter waits for a pool of threads.
        """
        raise TrackerError(f"{ask(self, 'title')} hands out no models")

    def lead(self, run: RunRef) -> Lead:
        """How a person comes to the page of a run; nothing in a `run` of a record is believed."""
        if run.url and is_web_address(run.url):
            return Lead(url=run.url)
        return Lead(note=f"{ask(self, 'title') or 'this tracker'} names no page of the run")

    def leads(self, run: RunRef) -> Sequence[Lead]:
        """As `lead`; where its command starts a server, one for each address that it may have."""
        return (ask(self, "lead", run),)

    def shows(self, live: str, run: RunRef) -> bool:
        """Whether the server that a lead's command starts answers now, and knows this very run."""
        return False

    def health_at(self, place: str, origins: Mapping[str, str]) -> Mapping[str, Any]:
        """As `health`, of the store at `place`: one that records name, which may be anybody's.
        `uri` says of which store it is; empty, `place` means what is set up."""
        return ask(self, "health", origins)  # type: ignore[no-any-return]

    def remedy(self, runs: Sequence[RunRef], health: Mapping[str, Any]) -> str:
        """The line to type that delivers what waits for these runs, oldest first."""
        return SYNC

    def run_named(self, text: str) -> RunRef | None:
        """The run that somebody means by `text`; None where that is no name of a run of its."""
        return None

    def find_run(self, text: str) -> RunRef | None:
        """As `run_named`, with all that is known of the run; TrackerError where there is none."""
        return ask(self, "run_named", text)  # type: ignore[no-any-return]


class Absent(Struct, frozen=True):
    """Stands for a tracker that a record names and this machine does not have."""

    name: str


def ask(tracker: object, question: str, *about: Any) -> Any:
    """What a tracker answers; one that does not know the question, as `Tracker` does."""
    own = getattr(tracker, question, None)
    return getattr(Tracker, question)(tracker, *about) if own is None else own(*about)


SUFFIX = ".checkpoint"


def is_checkpoint_key(key: str) -> bool:
    """Whether a tag (or summary key) of this name holds a checkpoint of ours."""
    return key.startswith(f"{ROOT}.") and key.endswith(SUFFIX)


def kept_in(files: Mapping[str, bytes], where: str, *, origin: str) -> dict[str, str]:
    """The checkpoints of the log `origin` among what `Tracker.fetch` gave: place -> signed note.

    Both the tags and the bundles hold some: a run that was never uploaded has only files.
    """
    found: dict[str, str] = {}
    for path, data in files.items():
        note = _of_tag(path, data) or _of_bundle(path, data)
        if note.startswith(f"{origin}\n"):
            found[f"{where} ({path.removeprefix('tags/')})"] = note
    return found


def _of_tag(path: str, data: bytes) -> str:
    is_tag = path.startswith("tags/") and is_checkpoint_key(path.removeprefix("tags/"))
    return data.decode("utf-8", "replace") if is_tag else ""


def _of_bundle(path: str, data: bytes) -> str:
    if not path.endswith(".json"):
        return ""
    try:
        note = parse_object(data, what="the bundle").get("checkpoint")
    except EvidenceError:
        return ""
    return note if isinstance(note, str) else ""
