"""Where things are and how the product was configured: environment, `.env`, project root.

| variable | meaning | default |
|---|---|---|
| `VENTURALITICA_HOME` | folder of the evidence | `<project root>/.venturalitica` |
| `VENTURALITICA_CONFIG` | folder of the signing keys | `~/.config/venturalitica` (XDG) |
| `VENTURALITICA_SIGNING_KEY` | PEM text or path of an ECDSA P-256 key | made on first use |
| `VENTURALITICA_SIGNING_KEY_PASSPHRASE` | passphrase of that key | none |
| `VENTURALITICA_SIGNER` | a signer from outside: `module:factory`, or an entry point | none |
| `VENTURALITICA_TRUSTED_KEYS` | public keys of others that you know: a PEM file or folder | none |
| `VENTURALITICA_TRACKER_WAIT` | seconds that trackers may delay a process in all | `2` |
| `VENTURALITICA_FINGERPRINT` | `0` leaves the data fingerprint out | `1` |
| `VENTURALITICA_LOCKS` | `0` writes the log without file locks, by the inbox | `1` |
| `VENTURALITICA_RETENTION` | how long records are kept: `six-months` or `ten-years` | `ten-years` |
| `VENTURALITICA_DOTENV` | `0` leaves `./.env` unread | `1` |
"""

from __future__ import annotations

import logging
import math
import os
from dataclasses import dataclass
from pathlib import Path

from venturalitica.errors import SettingsError, did_you_mean

log = logging.getLogger(__name__)

POLICY_FILENAME = "model_policy.yaml"
DOTENV_PREFIXES = ("WANDB_", "MLFLOW_", "VENTURALITICA_")
ROOT_MARKERS = (".venturalitica", ".git", "pyproject.toml", POLICY_FILENAME)
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})

RUNS_CODE = "VENTURALITICA_SIGNER"
"""Never taken from a file: looking at a folder that somebody sent must not run what lies in it."""

_from_dotenv: set[str] = set()


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration at one moment; nothing is created or written by reading it."""

    home: Path
    config: Path
    project_root: Path
    signing_key: str | None
    signing_key_passphrase: str | None
    signer: str | None
    tracker_wait: float
    fingerprint: bool
    locks: bool
    retention: str
    trusted_keys: Path | None = None

    def __repr__(self) -> str:
        return f"Settings(home={str(self.home)!r}, config={str(self.config)!r})"

    @classmethod
    def current(cls) -> Settings:
        """Read the environment and the working folder now.

        Raises:
            SettingsError: a variable has a value that cannot be used.
        """
        root = project_root()
        return cls(
            home=_path("VENTURALITICA_HOME") or root / ".venturalitica",
            config=_path("VENTURALITICA_CONFIG") or _user_config(),
            project_root=root,
            signing_key=os.environ.get("VENTURALITICA_SIGNING_KEY") or None,
            signing_key_passphrase=os.environ.get("VENTURALITICA_SIGNING_KEY_PASSPHRASE") or None,
            signer=os.environ.get("VENTURALITICA_SIGNER", "").strip() or None,
            tracker_wait=_seconds("VENTURALITICA_TRACKER_WAIT", 2.0),
            fingerprint=_flag("VENTURALITICA_FINGERPRINT", default=True),
            locks=_flag("VENTURALITICA_LOCKS", default=True),
            retention=_retention("VENTURALITICA_RETENTION"),
            trusted_keys=_path("VENTURALITICA_TRUSTED_KEYS"),
        )


def project_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that looks like a project, else `start` itself.

    A project has one of `ROOT_MARKERS`. The user's home folder and what is above it never count,
    unless `start` is that folder.
    """
    here = (start or Path.cwd()).resolve()
    top = Path.home().resolve()
    for folder in (here, *here.parents):
        if folder != here and folder in (top, *top.parents):
            break
        if any((folder / marker).exists() for marker in ROOT_MARKERS):
            return folder
    return here


def find_policy(start: Path | None = None) -> Path | None:
    """`model_policy.yaml` of the working folder, else of the project root, else None."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, project_root(here)):
        candidate = folder / POLICY_FILENAME
        if candidate.is_file():
            return candidate
    return None


def load_dotenv(folder: Path | None = None) -> tuple[str, ...]:
    """Take tracker and product keys from `./.env` that the environment does not have already.

    Returns the names taken, never the values. A file that cannot be read is said and left.
    """
    if os.environ.get("VENTURALITICA_DOTENV", "1").strip().lower() in NO:
        return ()
    try:
        path = (folder or Path.cwd()) / ".env"
        if not path.is_file():
            return ()
        values = _dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        log.warning(".env could not be read (%s); its settings are not in force", error)
        return ()
    if values.pop(RUNS_CODE, None):
        log.warning(".env: %s names code to run and is not read from a file", RUNS_CODE)
    taken = tuple(
        key
        for key, value in values.items()
        if value and key.startswith(DOTENV_PREFIXES) and key not in os.environ
    )
    for key in taken:
        os.environ[key] = values[key] or ""
    _from_dotenv.update(taken)
    return taken


def origin_of(variable: str) -> str | None:
    """`".env"`, `"environment"`, or None where the variable is not set."""
    if not os.environ.get(variable):
        return None
    return ".env" if variable in _from_dotenv else "environment"


def _dotenv_values(path: Path) -> dict[str, str | None]:
    from dotenv import dotenv_values

    return dotenv_values(path, interpolate=False, encoding="utf-8-sig")


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    return Path(value).expanduser().absolute() if value else None


def _user_config() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME")
    return (Path(base) if base else Path.home() / ".config") / "venturalitica"


def _flag(variable: str, *, default: bool) -> bool:
    value = os.environ.get(variable, "").strip().lower()
    if not value:
        return default
    if value in YES | NO:
        return value in YES
    raise SettingsError(f"{variable}={value!r}: expected 1 or 0")


def _retention(variable: str) -> str:
    from venturalitica.ledger.retention import DEFAULT, MONTHS

    value = os.environ.get(variable, "").strip()
    if not value or value in MONTHS:
        return value or DEFAULT
    raise SettingsError(
        f"{variable}={value!r}: expected {' or '.join(MONTHS)}{did_you_mean(value, MONTHS)}"
    )


def _seconds(variable: str, default: float) -> float:
    value = os.environ.get(variable, "").strip()
    if not value:
        return default
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds < math.inf:
        raise SettingsError(f"{variable}={value!r}: expected a number of seconds, 0 or more")
    return seconds
