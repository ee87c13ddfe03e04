"""Which files a training that was audited left at its tracker: the record of kind `model`.

Whoever trains logs the model afterwards, in the same run. When that run ends, when the monitor is
left, or at exit, what was logged since the training began is fetched, digested, loaded, and asked
about the first audited rows: the same predictions tie it to the audit. Where that cannot be asked,
the record says only that it was logged afterwards; `sync` and `bind` make it where the process that
trained could not.

All of it happens on a thread, which the training waits for no longer than trackers may delay it
(`audit/allowance.py`). A failure of it is said, and changes nothing.
"""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from venturalitica.audit.delivery import Awaited, Place, before_settling
from venturalitica.audit.parcel import run_ref
from venturalitica.audit.recording import Outcome, keep
from venturalitica.audit.statement import Unsigned, run_json
from venturalitica.audit.training_rows import first_rows
from venturalitica.core.causes import said
from venturalitica.core.concise import Concise
from venturalitica.core.encoding import canonical_json, sha256_hex
from venturalitica.core.json_values import text
from venturalitica.core.record import Statement
from venturalitica.core.redact import redact_name, redacted_traceback
from venturalitica.frameworks import predictions
from venturalitica.frameworks.alignment import row_count
from venturalitica.frameworks.asking import muted
from venturalitica.frameworks.generators import kept_generators
from venturalitica.ledger.lifecycle.ties import attached_by_record, runs_of, ties
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.records.kinds.model_tie import Likeness, ModelTie
from venturalitica.provenance.model_files import read_manifest
from venturalitica.system.settings import Settings
from venturalitica.trackers import tracker
from venturalitica.trackers.base import LoggedModel, RunRef, ask
from venturalitica.trackers.links import address

if TYPE_CHECKING:
    from venturalitica.audit.result import Audit
    from venturalitica.ledger import Entry, Ledger

log = logging.getLogger(__name__)

ROWS = 10_000
"""The first audited rows, that a model is asked about again; a copy of them is kept until then."""

TRAININGS = 20
"""Of one process, the last ones whose models are waited for."""

LOAD_WITHIN = 60.0
"""Seconds that loading and asking a model may take."""

LATEST = 50
"""Audits of trainings, the latest, whose runs `sync` looks into."""

_SLACK = timedelta(seconds=1)
"""Between two readings of one machine's clock by two libraries."""


class Training(Concise, frozen=True):
    """A training that was audited. `features` and `answers` are of its first rows, n each; None
    where they are not at hand, and `without` says why."""

    unsaid = frozenset({"features", "answers"})

    entry: int
    evidence_sha256: str
    run_id: str
    began: datetime
    runs: tuple[RunRef, ...]
    features: Any = None
    answers: Any = None
    without: str = "made elsewhere, without the audited rows"


_trainings: list[Training] = []
_tied: set[tuple[str, str, str]] = set()
_lock = threading.Lock()


def _forget_in_child() -> None:
    """What the parent trained is the parent's to tie, and its threads are not here."""
    global _lock
    _lock = threading.Lock()
    _trainings.clear()


os.register_at_fork(after_in_child=_forget_in_child)


def expect(audit: Audit, *, began: datetime, features: Any, answers: Any) -> None:
    """Look, from now on, for a model that the training of this audit leaves in its run.

    Args:
        features: what was predicted, n rows; the first are copied.
        answers: the predictions, shape (n,), or None.
    """
    runs = Statement.of(audit.statement).deliverable
    if audit.entry is None or not (runs or audit.awaits_run):
        return
    some, without = None, "the audited model gave no predictions"
    if answers is not None:
        some, without = first_rows(features, ROWS)
    training = Training(
        audit.entry.index,
        audit.entry.evidence_sha256,
        audit.run_id,
        began,
        tuple(map(run_ref, runs)),
        some,
        None if some is None else answers[:ROWS].copy(),
        without,
    )
    _trainings[:] = [*_trainings, training][-TRAININGS:]
    before_settling(_begin)


def attached_to(evidence_sha256: str, run: RunRef) -> None:
    """The audit of a training goes to a run that was not open then: look for its model there."""
    _trainings[:] = [
        replace(one, runs=(*one.runs, run)) if one.evidence_sha256 == evidence_sha256 else one
        for one in _trainings
    ]


def _begin(ended: Place | None) -> Awaited | None:
    """Begin to tie, on a thread, what the run that ends has, or all runs where none does."""
    mine = [one for one in _trainings if ended is None or ended in map(_place, one.runs)]
    if not mine:
        return None
    if ended is not None:  # nothing more is logged there
        left = [(one, tuple(r for r in one.runs if _place(r) != ended)) for one in _trainings]
        _trainings[:] = [replace(one, runs=runs) for one, runs in left if runs or not one.runs]
    try:
        limit = Settings.for_recording().tracker_wait
        done = _on_a_thread(lambda: tie(mine, only=ended))
    except Exception as error:  # noqa: BLE001 - at exit no thread may be had; `sync` ties it then
        log.debug("no model is looked for now\n%s", redacted_traceback(error))
        return None

    def wait(seconds: float) -> bool:
        with kept_generators():  # a model may draw when it predicts
            return done(seconds)

    return wait, limit


def _on_a_thread(work: Callable[[], object]) -> Callable[[float], bool]:
    """Begin it; what waits for it, and says whether it is done."""
    done = threading.Event()

    def go() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - a tracker may fail in any way
            log.debug("no model could be tied\n%s", redacted_traceback(error))
        finally:
            done.set()

    threading.Thread(target=go, name="venturalitica-models", daemon=True).start()
    return lambda seconds: done.wait(max(0.0, seconds))


def tie(trainings: Sequence[Training], *, only: Place | None = None) -> list[Outcome]:
    """Put on record each model that these trainings left in their runs and that is not tied yet."""
    runs = {_place(run): run for training in trainings for run in training.runs}
    found: list[Outcome] = []
    with _lock:
        for place, run in runs.items():
            if only in (None, place):
                mine = [one for one in trainings if place in map(_place, one.runs)]
                found += _tie_in(run, mine)
    return found


def _tie_in(run: RunRef, trainings: Sequence[Training]) -> Iterator[Outcome]:
    place = tracker(run.tracker)
    for model in ask(place, "logged_models", run):
        key = (*_place(run), model.model_id)
        if key in _tied:
            continue
        with tempfile.TemporaryDirectory(
            prefix="venturalitica-model-", ignore_cleanup_errors=True
        ) as folder:
            whole = ask(place, "fetch_model", run, model, Path(folder))
            begun = _begun_before(whole, trainings)
            _tied.add(key)
            if begun:
                yield _record(*_likeness(begun, Path(folder)), run, whole, Path(folder))


def _begun_before(model: LoggedModel, trainings: Sequence[Training]) -> list[Training]:
    """The trainings that had begun when the model was made, the latest first."""
    made = model.made_at or datetime.max.replace(tzinfo=UTC)
    begun = [one for one in trainings if one.began - _SLACK <= made]
    return sorted(begun, key=lambda one: one.began, reverse=True)


def _record(
    training: Training, likeness: Likeness, run: RunRef, model: LoggedModel, folder: Path
) -> Outcome:
    manifest = read_manifest(folder)
    logged = {
        "tracker": run.tracker,
        "uri": address(run.uri) if run.uri else "",
        "run_id": run.run_id,
        "model_id": model.model_id,
        "version": model.version,
        "made_at": model.made_at.isoformat() if model.made_at else "",
    }
    made = ModelTie(
        entry=training.entry,
        evidence_sha256=training.evidence_sha256,
        run_id=training.run_id,
        manifest=manifest,
        name=redact_name(model.name),
        logged={name: value for name, value in logged.items() if value},
        likeness=likeness,
    )
    kept = keep(
        Unsigned(made.statement([run_json(run)], datetime.now(UTC))),
        (run,),
        Settings.for_recording(),
    )
    if kept.entry is not None:
        log.info(
            "model '%s' of the run %s is on record in entry %d: %s",
            *(made.name, run.run_id, kept.entry.index, made.likeness.tie),
        )
    return kept


def _likeness(begun: Sequence[Training], folder: Path) -> tuple[Training, Likeness]:
    """The latest training whose model answers as the files do, which are loaded and asked no longer
    than `LOAD_WITHIN`; else the latest of all."""
    if all(one.features is None for one in begun):
        why = begun[0].without
    elif not (folder / "MLmodel").is_file():
        why = "its files do not say how they are loaded (a file MLmodel does)"
    else:
        answered: list[tuple[Training, Likeness]] = []
        done = _on_a_thread(lambda: answered.append(_asked(begun, folder)))
        why = "it could not be asked; the log says why"
        if not done(LOAD_WITHIN):
            why = f"it was not loaded and asked within {LOAD_WITHIN:.0f} s"
        if answered:
            return answered[0]
    return begun[0], Likeness(reason=why)


def _asked(begun: Sequence[Training], folder: Path) -> tuple[Training, Likeness]:
    from venturalitica.trackers.mlflow.models import load

    try:
        with muted():
            model = load(folder)
    except Exception as error:  # noqa: BLE001 - the user's own model: its failure is a fact
        return begun[0], _raised(error)
    found = []
    for training in begun:
        found.append(_compared(model, training))
        if found[-1].tie == "same predictions":
            return training, found[-1]
    if found[0].rows:
        log.warning(
            "the model that was logged gives other predictions than the one that was audited in "
            "entry %d: it is recorded as logged afterwards",
            begun[0].entry,
        )
    return begun[0], found[0]


def _compared(model: Any, training: Training) -> Likeness:
    if training.features is None:
        return Likeness(reason=training.without)
    try:
        with muted():
            given = predictions(model, training.features)
    except Exception as error:  # noqa: BLE001 - as above
        return _raised(error)
    rows = row_count(training.features)
    if _digest(given) == _digest(training.answers):
        return Likeness(tie="same predictions", rows=rows)
    reason = f"asked about {rows} of the audited rows, it gave other predictions"
    return Likeness(rows=rows, reason=reason)


def _raised(error: Exception) -> Likeness:
    log.info("the logged model could not be asked: %s", said(error))
    return Likeness(reason=f"loaded and asked, it raised {type(error).__name__}")


def _digest(labels: Any) -> str:
    """Of labels in order; True is 1, and 1.0 too, as models give them back."""
    return sha256_hex(canonical_json([_plain(label) for label in labels.tolist()]))


def _plain(label: Any) -> Any:
    if isinstance(label, bool | int | float) and label == label:
        return int(label) if float(label).is_integer() else float(label)
    return str(label)


def _place(run: RunRef) -> Place:
    return run.tracker, run.run_id


def untied(ledger: Ledger, *, run_id: str = "", signed_by: str = "") -> list[Training]:
    """The trainings on record in runs of trackers, oldest first.

    Args:
        run_id: those in this run; without it the latest of which no record of a model speaks.
        signed_by: id of the key that signed them; any where it is empty.

    Raises:
        EvidenceError: the log was altered.
    """
    tied = set() if run_id else {one.evidence_sha256 for _, one in ties(ledger)}
    found: list[Training] = []
    attached = attached_by_record(ledger)
    for entry in _trained(ledger):
        if not run_id and len(found) >= LATEST:
            break
        training = _recorded(entry, attached.get((entry.index, entry.evidence_sha256), ()))
        there = {run.run_id for run in training.runs}
        mine = bool(there) if not run_id else run_id in there
        if mine and entry.evidence_sha256 not in tied and signed_by in ("", entry.signer):
            found.append(training)
    return found[::-1]


def _trained(ledger: Ledger) -> Iterator[Entry]:
    """The audits of trainings, the latest first."""
    from venturalitica.ledger.index.index import Index

    with Index.open(ledger) as index:
        rows = index.runs(kind="audit")
    for row in rows:
        if row.source == "fit":
            entry = ledger.entry(row.index)
            if entry.record.understood and entry.record.judged:
                yield entry


def _recorded(entry: Entry, attached: Sequence[Attachment]) -> Training:
    record = entry.record
    said = text(record.model.get("fit_began_at")) or record.run.started_at
    try:
        began = datetime.fromisoformat(said)
    except ValueError:
        began = datetime.min
    began = began if began.tzinfo else began.replace(tzinfo=UTC)
    runs = tuple(map(run_ref, runs_of(record.deliverable, attached)))
    return Training(entry.index, entry.evidence_sha256, record.run.id, began, runs)


def bind(
    ledger: Ledger, trainings: Sequence[Training], *, run_id: str = ""
) -> tuple[list[Outcome], list[str]]:
    """Tie what the runs of trainings hold and no record speaks of; and what could not be asked.

    Args:
        run_id: look into this run alone.

    Raises:
        EvidenceError: the log was altered.
    """
    names = ("tracker", "run_id", "model_id")
    with _lock:
        for _, one in ties(ledger):
            tracker_name, run, model = (one.logged.get(name, "") for name in names)
            _tied.add((tracker_name, run, model))
    found: list[Outcome] = []
    failed: list[str] = []
    for place in dict.fromkeys(_place(run) for one in trainings for run in one.runs):
        if run_id in ("", place[1]):
            try:
                found += tie(trainings, only=place)
            except Exception as error:  # noqa: BLE001 - a tracker may fail in any way
                log.debug("no model could be tied\n%s", redacted_traceback(error))
                failed.append(f"{place[0]} run {place[1]}: {said(error)}")
    return found, failed
