"""Everything that `doctor` looks at, in its order; nothing is changed by looking."""

from __future__ import annotations

import importlib.metadata
import platform
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica._origin import install_line
from venturalitica._version import __version__
from venturalitica.causes import said
from venturalitica.errors import SettingsError, VenturaliticaError
from venturalitica.examination.evidence import evidence
from venturalitica.examination.finding import Finding
from venturalitica.examination.keys import new_key
from venturalitica.examination.policy import policy
from venturalitica.examination.trackers import origins, trackers

if TYPE_CHECKING:
    from venturalitica.settings import Settings


def examine() -> list[Finding]:
    """Everything, in the order it is shown."""
    from venturalitica.settings import Settings

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
    from venturalitica.settings import NO_HOME, dotenv_file, misspelt

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
    from venturalitica.settings import DOTENV_PREFIXES, read_dotenv, reads_dotenv, working_folder

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
    from venturalitica.settings import origin_of

    origin = origin_of(variable)
    return f"{text} ({variable} from {origin})" if origin else text


def _key(settings: Settings) -> Iterator[Finding]:
    from venturalitica.ledger.signing import derived, inside_repository
    from venturalitica.settings import origin_of
    from venturalitica.signers import signer_of

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
