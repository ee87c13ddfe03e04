"""What is to be verified: a ledger folder, a bundle file, a folder of bundles, a tracker's run."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.verdict import About
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError, SigningKeyError, listed
from venturalitica.system.settings import Settings
from venturalitica.trackers.base import TALLY, RunRef, Tracker

if TYPE_CHECKING:
    from venturalitica.ledger.formats.public_key import Keys
    from venturalitica.ledger.verify.trust import Views

log = logging.getLogger(__name__)

EVIDENCE = "evidence.json"
WITNESSES = "witnesses"
Progress = Callable[[int, int], None]


def verify_source(
    source: object = None,
    *,
    trusted_keys: Keys | None = None,
    tsa_roots: tuple[bytes, ...] | None = None,
    witnesses: bool = False,
    tally: Path | None = None,
    progress: Progress | None = None,
    settings: Settings | None = None,
) -> Verification:
    """Verify whatever `source` names; None is the project's own ledger.

    Args:
        source: a path, or a 32-digit MLflow run id (`runs:/<id>` too).
        trusted_keys: public keys got out of band (`ledger.read_keys`); a record by another fails.
        tsa_roots: root certificates of time-stamping authorities; those of the settings if None.
        witnesses: ask the trackers that the log names for the checkpoints they have kept.
        tally: the file with the counts of a bundle's record (`tally.json`), to judge it again from.
        progress: called with (done, total).
        settings: whose own keys and ledger are meant; those of now if left out.

    Raises:
        EvidenceError: there is nothing at `source`, or nothing that `tally` could be of.
    """
    from venturalitica.ledger.verify.verify import bundle_bytes, verify_bundle

    settings = settings or Settings.current()
    keys = Trusted(trusted_keys, own_keys(settings), own_roots(settings, tsa_roots))
    if tally is not None:
        path = Path(_text(source))
        if not path.is_file():
            raise EvidenceError(
                f"a tally is of one record, and {source or 'the log'!r} is no bundle: name its "
                "evidence.json. A log's own tallies are in its vault, those of a run beside them"
            )
        return verify_bundle(path, tally=bundle_bytes(tally), **keys.arguments())
    if source is None:
        return _verify_log(settings.home, keys, progress, witnesses=witnesses)
    text = _text(source)
    path = Path(text)
    home = _log_in(path) if text else None
    if home is not None:
        return _verify_log(home, keys, progress, witnesses=witnesses)
    if witnesses:
        raise EvidenceError(
            f"witnesses are compared with a whole log, and {source!r} is none: "
            "give a ledger folder (.venturalitica)"
        )
    if text and path.is_file():
        return verify_bundle(path, **keys.arguments())
    if text and path.is_dir():
        return _verify_folder(path, keys, progress)
    run = _run_named(text)
    if run is not None:
        return _verify_at(run, trusted_keys, tsa_roots)
    raise EvidenceError(
        f"nothing to verify at {source!r}: expected a ledger folder (.venturalitica), a bundle "
        "file (evidence.json), a folder of bundles, a 32-digit MLflow run id, or another name of "
        f"a run ({_asked()})"
    )


def _text(source: object) -> str:
    """The path or run id that `source` is, or that the tracker's own run object names."""
    if isinstance(source, str | os.PathLike):
        return os.fspath(source)
    run_id = getattr(getattr(source, "info", None), "run_id", "")
    return run_id if isinstance(run_id, str) else ""


class Trusted(Struct, frozen=True):
    """The keys a reader brings: pinned ones, or None, and his own; roots of time stamps."""

    pinned: Keys | None
    own: Keys
    tsa_roots: tuple[bytes, ...] = ()

    def arguments(self) -> dict[str, Any]:
        """As keyword arguments of the ledger's verifiers."""
        keys = {"trusted_keys": self.pinned, "known_keys": self.own}
        return {**keys, "tsa_roots": self.tsa_roots}


def own_roots(settings: Settings, given: tuple[bytes, ...] | None = None) -> tuple[bytes, ...]:
    """Root certificates of the authorities whose time stamps the reader trusts, as DER.

    Those that `./.env` names are left out, as in `own_keys`.

    Raises:
        EvidenceError: there is no certificate at `VENTURALITICA_TSA_ROOTS`.
    """
    from venturalitica.ledger.formats.timestamp import read_roots
    from venturalitica.system.settings import origin_of

    path = settings.tsa_roots
    if given is not None or path is None or origin_of("VENTURALITICA_TSA_ROOTS") == ".env":
        return given or ()
    return read_roots(path)


def own_keys(settings: Settings) -> Mapping[str, bytes]:
    """The public keys of the user's own signing keys; none is made.

    A key that `./.env` names is nobody's own: who hands over a folder could put one in, and each
    record of his would be the reader's.
    """
    from venturalitica.audit.project import own_external
    from venturalitica.ledger import known_keys
    from venturalitica.system.settings import origin_of

    if settings.signer:
        return own_external(settings)
    if ".env" in map(origin_of, ("VENTURALITICA_SIGNING_KEY", "VENTURALITICA_CONFIG")):
        return {}
    return known_keys(
        settings.signing_key, settings.config, passphrase=settings.signing_key_passphrase
    )


def reader_keys(settings: Settings) -> Mapping[str, bytes]:
    """The public keys whose records a reader knows: own ones, and `VENTURALITICA_TRUSTED_KEYS`.

    Keys that `./.env` names are left out, as in `own_keys`.

    Raises:
        EvidenceError: there is no key at `VENTURALITICA_TRUSTED_KEYS`.
    """
    from venturalitica.ledger import read_keys
    from venturalitica.system.settings import origin_of

    try:
        found = dict(own_keys(settings))
    except SigningKeyError as error:
        log.debug("own key not known: %s", error)
        found = {}
    if settings.trusted_keys is not None and origin_of("VENTURALITICA_TRUSTED_KEYS") != ".env":
        found |= {key.keyid: key.pem.encode("ascii") for key in read_keys(settings.trusted_keys)}
    return found


def _log_in(folder: Path) -> Path | None:
    homes = (folder, folder / ".venturalitica")
    return next((home for home in homes if (home / "log").is_dir()), None)


def _verify_log(
    home: Path, keys: Trusted, progress: Progress | None, *, witnesses: bool
) -> Verification:
    from venturalitica.ledger.carrying.taken import taken_steps
    from venturalitica.ledger.verify.verify import verify_ledger

    if not witnesses:
        found = verify_ledger(home, progress=progress, **keys.arguments())
        steps, about = taken_steps(home)
        return replace(found, steps=(*found.steps, *steps), about=_with_taken(found.about, about))
    from venturalitica.review.witnesses import gather

    gathered = gather(home)
    found = verify_ledger(home, witnesses=gathered.witnesses, progress=progress, **keys.arguments())
    compared = (*_compared(found.steps), *map(_missing, gathered.missing))
    steps, about = taken_steps(home)
    steps = [*compared, *steps, *_delivered(home)]
    return replace(found, steps=tuple(steps), about=_with_taken(found.about, about))


def _with_taken(own: About | None, taken: About | None) -> About | None:
    return own and replace(own, taken=taken)


def _delivered(home: Path) -> list[Step]:
    from venturalitica.review.witnesses import DELIVERED, delivered

    try:
        return delivered(home)
    except EvidenceError as error:
        return [Step(DELIVERED, None, f"not checked: {error}")]


def _compared(steps: tuple[Step, ...]) -> list[Step]:
    """One step for all witnesses that agree; each that does not keeps its own."""
    agreeing = [step for step in steps if step.name == WITNESSES and step.ok]
    rest = [step for step in steps if step.name != WITNESSES or step.ok is False]
    if not agreeing:
        return rest
    # Ordered by size: the last saw the most.
    more = f" (and {len(agreeing) - 1} earlier ones)" if len(agreeing) > 1 else ""
    return [*rest, replace(agreeing[-1], detail=f"{agreeing[-1].detail}{more}")]


def _missing(reason: str) -> Step:
    return Step(WITNESSES, None, f"not checked: {reason}")


def _verify_folder(folder: Path, keys: Trusted, progress: Progress | None) -> Verification:
    from venturalitica.ledger.verify.about import about_all
    from venturalitica.ledger.verify.trust import Views
    from venturalitica.ledger.verify.verify import bundle_bytes

    files = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*.json"))}
    bundles = [name for name in files if not _is_tally(name)]
    if not bundles:
        raise EvidenceError(f"{folder} holds neither a ledger (log/entries.jsonl) nor bundles")
    steps: list[Step] = []
    views, abouts = Views(), list[About | None]()
    for done, name in enumerate(bundles):
        beside = files.get(_tally_of(name))
        try:
            tally = None if beside is None else bundle_bytes(beside)
            steps += _bundle_steps(bundle_bytes(files[name]), name, keys, views, abouts, tally)
        except EvidenceError as error:
            steps.append(Step(f"{name}: bundle", False, str(error)))
        if progress is not None:
            progress(done + 1, len(bundles))
    steps += _strays(files)
    return Verification(str(folder), (*steps, views.step()), about_all(abouts))


def _is_tally(name: str) -> bool:
    return PurePath(name).name == TALLY


def _tally_of(name: str) -> str:
    """Where the tally of a bundle lies where it is published; empty where it can have none."""
    path = PurePath(name)
    return str(path.with_name(TALLY)) if path.name == EVIDENCE else ""


def _strays(names: Iterable[str]) -> list[Step]:
    """Tallies that are beside no evidence."""
    found = set(names)
    strays = filter(_is_tally, found - set(map(_tally_of, found)))
    detail = f"there is no {EVIDENCE} beside it that it could be of: somebody put it here"
    return [Step(f"{name}: tally", False, detail) for name in sorted(strays)]


def _bundle_steps(
    data: bytes,
    name: str,
    keys: Trusted,
    views: Views,
    abouts: list[About | None],
    tally: bytes | None = None,
) -> list[Step]:
    from venturalitica.ledger.verify.verify import verify_bundle

    found = verify_bundle(data, tally=tally, **keys.arguments())
    abouts.append(found.about)
    if found.ok:
        views.read(data, name)
    return [replace(step, name=f"{name}: {step.name}") for step in found.steps]


def _run_named(text: str) -> RunRef | None:
    """The run of a tracker that somebody means, the first that knows such a name."""
    from venturalitica.trackers import answer, trackers

    found = (answer(one.name, "run_named", text) for one in trackers())
    return next((run for run in found if run is not None), None)


def _asked() -> str:
    """The trackers that can tell their runs by name."""
    from venturalitica.trackers import trackers

    told = Tracker.run_named
    asked = [one.name for one in trackers() if getattr(type(one), "run_named", told) is not told]
    return f"asked: {listed(asked)}"


def verify_run(
    run_id: str,
    trusted_keys: Keys | None = None,
    tsa_roots: tuple[bytes, ...] | None = None,
) -> Verification:
    """Verify every bundle kept at a run, and that its tags and policy file agree with them.

    Raises:
        EvidenceError: no tracker knows such a run, or it holds no evidence.
        TrackerError: the run cannot be reached.
    """
    run = _run_named(run_id)
    if run is None:
        raise EvidenceError(f"no tracker knows a run {run_id!r} by its name ({_asked()})")
    return _verify_at(run, trusted_keys, tsa_roots)


def _verify_at(
    run: RunRef, trusted_keys: Keys | None, tsa_roots: tuple[bytes, ...] | None
) -> Verification:
    from venturalitica.ledger.verify.about import about_all
    from venturalitica.ledger.verify.trust import Views
    from venturalitica.review.tracker_run import agreement
    from venturalitica.trackers import answer, tracker

    called = f"{answer(run.tracker, 'title')} run {run.run_id}"
    settings = Settings.current()
    keys = Trusted(trusted_keys, own_keys(settings), own_roots(settings, tsa_roots))
    files = tracker(run.tracker).fetch(run.run_id)
    ours = {name: data for name, data in files.items() if name.endswith(".json")}
    bundles = {name: data for name, data in ours.items() if not _is_tally(name)}
    if not bundles:
        raise EvidenceError(f"{called} holds no evidence (venturalitica/evidence.json)")
    steps: list[Step] = []
    views, abouts = Views(), list[About | None]()
    for name in sorted(bundles):
        tally = files.get(_tally_of(name))
        steps += _bundle_steps(bundles[name], name, keys, views, abouts, tally)
    steps += _strays(ours)
    if len(bundles) > 1:
        steps.append(views.step())
    steps += agreement(files, run)
    return Verification(called, tuple(steps), about_all(abouts))
