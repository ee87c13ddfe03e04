"""Everything that `doctor` looks at, in its order; nothing is changed by looking."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica._version import __version__
from venturalitica.core.causes import said
from venturalitica.core.origin import install_line
from venturalitica.errors import PolicyError, SettingsError, VenturaliticaError
from venturalitica.review.health.evidence import Finding, State, evidence, new_key

if TYPE_CHECKING:
    from venturalitica.system.settings import Settings


def examine() -> list[Finding]:
    """Everything, in the order it is shown."""
    from venturalitica.system.settings import Settings

    findings = [*_packages()]
    try:
        settings = Settings.current()
    except SettingsError as error:
        found = Finding(
            "Settings", "environment", "broken", str(error), "set or unset that variable"
        )
        return [*findings, found, *trackers()]
    for look in (_settings, evidence, _key, policy):
        findings += _guarded(look, settings)
    return [*findings, *trackers()]


def _guarded(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    """What one look finds; one that fails is itself a finding and never hides the others."""
    try:
        return list(look(settings))
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever is broken
        name = look.__name__.strip("_").capitalize()
        return [Finding(name, "examination", "broken", f"{type(error).__name__}: {said(error)}")]


# --- Python and packages ------------------------------------------------------------------------

FRAMES = ("polars", "pandas", "pyarrow")
OPTIONAL = {"scikit-learn": "sklearn", "duckdb": "files"}


def _packages() -> Iterator[Finding]:
    area = "Python"
    yield Finding(area, "python", "ok", f"{platform.python_version()} ({sys.executable})")
    yield Finding(area, "venturalitica", "ok", __version__)
    frames = {name: version for name in FRAMES if (version := _version(name))}
    listed = ", ".join(f"{name} {version}" for name, version in frames.items())
    yield Finding(
        area,
        "data frames",
        "ok" if frames else "note",
        listed or "none of polars, pandas, pyarrow: 'to_frame' needs one",
        "" if frames else install_line("all"),
    )
    for name, extra in OPTIONAL.items():
        version = _version(name)
        fix = "" if version else install_line(extra)
        yield Finding(area, name, "ok" if version else "note", version or "not installed", fix)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


# --- Settings and key --------------------------------------------------------------------


def _settings(settings: Settings) -> Iterator[Finding]:
    from venturalitica.system.settings import NO_HOME, dotenv_file, misspelt

    area = "Settings"
    yield Finding(area, "project root", "ok", str(settings.project_root))
    yield Finding(area, "home", "ok", _with_origin(str(settings.home), "VENTURALITICA_HOME"))
    if settings.config is None:
        fix = "export VENTURALITICA_CONFIG=/a/folder/that/lasts"
        yield Finding(area, "config", "broken", NO_HOME, fix)
    else:
        text = _with_origin(str(settings.config), "VENTURALITICA_CONFIG")
        yield Finding(area, "config", "ok", text)
    for text in misspelt():
        yield Finding(area, "variable", "note", text, "rename or unset it")
    dotenv = dotenv_file()
    if dotenv is not None:
        yield from _dotenv(dotenv)


def _dotenv(path: Path) -> Iterator[Finding]:
    """Whether `.env` was read, the names (never the values) that it gave, and its broken lines."""
    from venturalitica.system.settings import (
        DOTENV_PREFIXES,
        read_dotenv,
        reads_dotenv,
        working_folder,
    )

    area, subject = "Settings", ".env"
    if not reads_dotenv():
        yield Finding(area, subject, "ok", "not read (VENTURALITICA_DOTENV is off)")
        return
    _, problems = read_dotenv(path)
    for problem in problems:
        yield Finding(area, subject, "broken", str(problem), f"edit {path}, or remove it")
    if any(not problem.line for problem in problems):
        return
    names = sorted(origins())
    ours = ", ".join(f"{prefix}*" for prefix in DOTENV_PREFIXES)
    nothing = f"gave nothing: it sets no name of {ours} that the environment has not"
    where = "" if path.parent == working_folder() else f"{path} "
    yield Finding(area, subject, "ok", where + (f"gave {', '.join(names)}" if names else nothing))


def _with_origin(text: str, variable: str) -> str:
    from venturalitica.system.settings import origin_of

    origin = origin_of(variable)
    return f"{text} ({variable} from {origin})" if origin else text


def _key(settings: Settings) -> Iterator[Finding]:
    from venturalitica.audit.project import signer_of
    from venturalitica.ledger.signing.signer import derived, inside_repository
    from venturalitica.system.settings import origin_of

    area = "Signing key"
    path = None if settings.config is None else settings.config / "signing_key.pem"
    place = ""
    if settings.signer:
        place = f"{settings.signer} (VENTURALITICA_SIGNER from {origin_of('VENTURALITICA_SIGNER')})"
    elif settings.signing_key:
        place = f"VENTURALITICA_SIGNING_KEY from {origin_of('VENTURALITICA_SIGNING_KEY')}"
    elif path is None:
        return
    elif path.exists():
        place = f"{path}, mode {stat.S_IMODE(path.stat().st_mode):04o}"
    else:
        yield Finding(area, "key", "note", f"not made yet; the first audit makes {path}")
        yield from new_key(settings.home, None)
        return
    try:
        signer = signer_of(settings)
        checkpoint_signer = derived(signer)
    except VenturaliticaError as error:
        yield Finding(area, "key", "broken", str(error), "as the message says")
        return
    yield Finding(area, "key", "ok", place)
    yield Finding(area, "signs records", "ok", f"public key id {signer.keyid}")
    yield Finding(area, "seals the log", "ok", f"public key id {checkpoint_signer.keyid}")
    yield from new_key(settings.home, signer)
    source = Path(getattr(signer, "source", ""))
    repository = inside_repository(source) if source.is_file() else None
    if repository is not None:
        text = f"{source} lies in the git work tree {repository}: what is committed is everybody's"
        yield Finding(area, "place", "note", text, "move it out, and rotate it if it was committed")


def policy_file(settings: Settings) -> Path | None:
    """The policy file of the project that is meant: in the working folder, if that is in it."""
    from venturalitica.system.settings import find_policy, working_folder

    root, here = settings.project_root, working_folder()
    return find_policy(here if here.is_relative_to(root) else root)


def policy(settings: Settings) -> Iterator[Finding]:
    """One finding where the file is absent or right, one for each problem where it is wrong."""
    from venturalitica.policy import lint, read_policy
    from venturalitica.system.settings import working_folder

    area, path = "Policy", policy_file(settings)
    if path is None:
        root, here = settings.project_root, working_folder()
        inside = here != root and here.is_relative_to(root)
        text = f"no model_policy.yaml in {f'{here} nor in {root}' if inside else root}"
        yield Finding(area, "policy", "note", text, "venturalitica init")
        return
    try:
        found = read_policy(path)
    except PolicyError as error:
        for problem in error.problems:
            yield Finding(area, "policy", "broken", str(problem), f"edit {path}")
        return
    count = len(found.controls)
    controls = "1 control" if count == 1 else f"{count} controls"
    for problem in lint(path).faults:
        yield Finding(area, "policy", "note", str(problem), f"edit {path}")
    yield Finding(area, "policy", "ok", f"{found.name} {found.version}, {controls}: {path}")


def trackers() -> Iterator[Finding]:
    """One finding for each tracker but those that live in a process."""
    from venturalitica.trackers import trackers as known
    from venturalitica.trackers.base import ask

    for tracker in known():
        if not ask(tracker, "lasts"):
            continue
        try:
            yield _tracker(tracker.name, ask(tracker, "health", origins()))
        except Exception as error:  # noqa: BLE001 - another package's tracker may fail in any way
            text = f"its health could not be asked: {said(error)}"
            yield Finding("Trackers", tracker.name, "broken", text)


def origins() -> dict[str, str]:
    """Variable -> `.env`, for those that came from there."""
    from venturalitica.system.settings import origin_of

    return {name: ".env" for name in os.environ if origin_of(name) == ".env"}


def _tracker(name: str, health: Mapping[str, Any]) -> Finding:
    """Absent or not asked is a note; asked, and not there, is broken."""
    fix = str(health.get("fix") or "")
    if not health.get("installed"):
        return Finding("Trackers", name, "note", "not installed", fix)
    parts = [str(health.get("version") or "")]
    uri, configured = health.get("uri"), health.get("configured")
    if uri:
        parts.append(f"{uri} ({configured})" if configured else str(uri))
    if health.get("detail"):
        parts.append(str(health["detail"]))
    reachable = health.get("reachable")
    state: State = "broken" if reachable is False else "note" if reachable is None else "ok"
    if state == "ok" and fix:
        state = "note"
    return Finding("Trackers", name, state, "; ".join(part for part in parts if part), fix)
