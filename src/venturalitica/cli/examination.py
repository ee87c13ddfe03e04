"""What `doctor` looks at: each function examines one thing and changes nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from venturalitica._version import __version__
from venturalitica.errors import PolicyError, SettingsError, VenturaliticaError

if TYPE_CHECKING:
    from venturalitica.settings import Settings

State = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `note` is no fault: something absent that nobody asked for yet."""

    area: str
    subject: str
    state: State
    text: str
    fix: str = ""


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
        return [*findings, found, *_trackers()]
    for look in (_settings, _evidence, _key, _policy):
        findings += _guarded(look, settings)
    return [*findings, *_trackers()]


def _guarded(look: Callable[[Settings], Iterator[Finding]], settings: Settings) -> list[Finding]:
    """What one look finds; one that fails is itself a finding and never hides the others."""
    try:
        return list(look(settings))
    except Exception as error:  # noqa: BLE001 - a doctor reports whatever is broken
        name = look.__name__.strip("_").capitalize()
        return [Finding(name, "examination", "broken", f"{type(error).__name__}: {error}")]


# --- Python and packages ------------------------------------------------------------------------

FRAMES = ("polars", "pandas", "pyarrow")
OPTIONAL = {"scikit-learn": "sklearn"}


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
        listed or "none of polars, pandas, pyarrow: 'check' cannot read files",
        "" if frames else 'pip install "venturalitica[all]"',
    )
    for name, extra in OPTIONAL.items():
        version = _version(name)
        fix = "" if version else f'pip install "venturalitica[{extra}]"'
        yield Finding(area, name, "ok" if version else "note", version or "not installed", fix)


def _version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


# --- Settings, evidence, key --------------------------------------------------------------------


def _settings(settings: Settings) -> Iterator[Finding]:
    area = "Settings"
    yield Finding(area, "project root", "ok", str(settings.project_root))
    yield Finding(area, "home", "ok", _with_origin(str(settings.home), "VENTURALITICA_HOME"))
    yield Finding(area, "config", "ok", _with_origin(str(settings.config), "VENTURALITICA_CONFIG"))
    dotenv = Path.cwd() / ".env"
    if dotenv.is_file():
        yield _dotenv(dotenv)


def _dotenv(path: Path) -> Finding:
    """Whether `.env` was read, and the names (never the values) that it gave."""
    from venturalitica.settings import DOTENV_PREFIXES, NO

    area, subject = "Settings", ".env"
    if os.environ.get("VENTURALITICA_DOTENV", "1").strip().lower() in NO:
        return Finding(area, subject, "ok", "not read (VENTURALITICA_DOTENV is off)")
    try:
        path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        text = f"{path} cannot be read ({error}); its settings are not in force"
        fix = f"save it as UTF-8 text that you may read, or remove it: ls -l '{path}'"
        return Finding(area, subject, "broken", text, fix)
    names = sorted(_origins())
    ours = ", ".join(f"{prefix}*" for prefix in DOTENV_PREFIXES)
    nothing = f"gave nothing: it sets no name of {ours} that the environment has not"
    return Finding(area, subject, "ok", f"gave {', '.join(names)}" if names else nothing)


def _with_origin(text: str, variable: str) -> str:
    from venturalitica.settings import origin_of

    origin = origin_of(variable)
    return f"{text} ({variable} from {origin})" if origin else text


def _evidence(settings: Settings) -> Iterator[Finding]:
    from venturalitica.ledger import Ledger

    area, home = "Evidence", settings.home
    if not home.exists():
        yield _absent_home(area, home)
        return
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        fix = f"ls -ld '{home}', or set VENTURALITICA_HOME to a folder that can be written"
        yield Finding(area, "ledger", "broken", f"{home} is no folder that can be written", fix)
        return
    if not (home / "log").exists():
        yield Finding(area, "ledger", "note", f"{home} holds no log yet; the first audit begins it")
        return
    try:
        ledger = Ledger.open(home)
        size, waiting = ledger.size, len(list(ledger.outbox.pending()))
    except VenturaliticaError as error:
        yield Finding(area, "ledger", "broken", str(error), "venturalitica verify")
        return
    entries = "1 entry" if size == 1 else f"{size:,} entries"
    yield Finding(area, "ledger", "ok", f"{entries}; 'venturalitica verify' checks them all")
    yield Finding(
        area,
        "outbox",
        "note" if waiting else "ok",
        f"{waiting} waiting for a tracker" if waiting else "nothing waits",
        "venturalitica sync" if waiting else "",
    )


def _absent_home(area: str, home: Path) -> Finding:
    parent = next((folder for folder in home.parents if folder.exists()), home.parent)
    if os.access(parent, os.W_OK | os.X_OK):
        return Finding(area, "ledger", "note", "not there yet; the first audit makes it")
    fix = "set VENTURALITICA_HOME to a folder that can be written"
    return Finding(area, "ledger", "broken", f"{home} cannot be made: {parent} is read-only", fix)


def _key(settings: Settings) -> Iterator[Finding]:
    from venturalitica.ledger import load_signer
    from venturalitica.settings import origin_of

    area = "Signing key"
    path = settings.config / "signing_key.pem"
    place = str(path)
    if settings.signing_key:
        place = f"VENTURALITICA_SIGNING_KEY from {origin_of('VENTURALITICA_SIGNING_KEY')}"
    elif path.exists():
        place = f"{path}, mode {stat.S_IMODE(path.stat().st_mode):04o}"
    else:
        yield Finding(area, "key", "note", f"not made yet; the first audit makes {path}")
        return
    try:
        signer = load_signer(
            settings.signing_key, settings.config, passphrase=settings.signing_key_passphrase
        )
    except VenturaliticaError as error:
        yield Finding(area, "key", "broken", str(error), "as the message says")
        return
    yield Finding(area, "key", "ok", place)
    yield Finding(area, "signs records", "ok", f"public key id {signer.keyid}")
    yield Finding(area, "seals the log", "ok", f"public key id {signer.checkpoint_signer().keyid}")


# --- Policy -------------------------------------------------------------------------------------


def _policy(settings: Settings) -> Iterator[Finding]:
    from venturalitica.api import read_policy
    from venturalitica.settings import find_policy

    area, path = "Policy", find_policy()
    if path is None:
        root = "" if Path.cwd() == settings.project_root else f" nor in {settings.project_root}"
        text = f"no model_policy.yaml in {Path.cwd()}{root}"
        yield Finding(area, "policy", "note", text, "venturalitica init")
        return
    try:
        policy = read_policy(path)
    except PolicyError as error:
        for problem in error.problems:
            yield Finding(area, "policy", "broken", str(problem), f"edit {path}")
        return
    count = len(policy.controls)
    controls = "1 control" if count == 1 else f"{count} controls"
    yield Finding(area, "policy", "ok", f"{policy.name} {policy.version}, {controls}: {path}")


# --- Trackers -----------------------------------------------------------------------------------


def _trackers() -> Iterator[Finding]:
    from venturalitica.trackers import trackers

    for tracker in trackers():
        if tracker.name == "memory":
            continue
        try:
            yield _tracker(tracker.name, tracker.health(_origins()))
        except Exception as error:  # noqa: BLE001 - another package's tracker may fail in any way
            text = f"its health could not be asked: {type(error).__name__}: {error}"
            yield Finding("Trackers", tracker.name, "broken", text)


def _origins() -> dict[str, str]:
    """Variable -> `.env`, for those that came from there."""
    from venturalitica.settings import origin_of

    return {name: ".env" for name in os.environ if origin_of(name) == ".env"}


def _tracker(name: str, health: Any) -> Finding:
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
