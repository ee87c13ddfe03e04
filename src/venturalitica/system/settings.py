"""Where things are and how the product was configured: environment, `.env`, project root.

| variable | meaning | default |
|---|---|---|
| `VENTURALITICA_HOME` | folder of the evidence | `<project root>/.venturalitica` |
| `VENTURALITICA_CONFIG` | folder of the signing keys | `~/.config/venturalitica` (XDG) |
| `VENTURALITICA_SIGNING_KEY` | PEM text or path of an ECDSA P-256 key | made on first use |
| `VENTURALITICA_SIGNING_KEY_PASSPHRASE` | passphrase of that key | none |
| `VENTURALITICA_SIGNER` | a signer from outside: `module:factory`, or an entry point | none |
| `VENTURALITICA_TRUSTED_KEYS` | public keys of others that you know: a PEM file or folder | none |
| `VENTURALITICA_TIMESTAMP` | time-stamping authority that `policy commit` asks (https) | none |
| `VENTURALITICA_TSA_ROOTS` | PEM file of root certificates of authorities that you trust | none |
| `VENTURALITICA_TRACKER_WAIT` | seconds that trackers may delay a process in all | `2` |
| `VENTURALITICA_ATTACH` | the run for what was audited without one: `model`, `next-run` | `model` |
| `VENTURALITICA_FINGERPRINT` | `0` leaves the data fingerprint out | `1` |
| `VENTURALITICA_OTHER_COLUMNS` | `0` leaves out which columns no rule looks at | `1` |
| `VENTURALITICA_LOCKS` | `0` writes the log without file locks, by the inbox | `1` |
| `VENTURALITICA_RETENTION` | how long records are kept, such as `18m`, `5y` | `ten-years` |
| `VENTURALITICA_NOTIFY` | addresses that `watch` and `ui --notify` tell of changed lights | none |
| `VENTURALITICA_NOTIFY_SECRET` | what signs the messages to a webhook | none |
| `VENTURALITICA_DOTENV` | `0` leaves `.env` unread (see `dotenv_file`) | `1` |

Where there is no home folder (no `HOME`, no entry in the password file) and no variable names a
place for keys, `config` is None: evidence can be read, and nothing can be signed. A working folder
that was deleted is that of before, as far as this process has seen it.
"""

from __future__ import annotations

import logging
import math
import os
from io import StringIO
from pathlib import Path

from msgspec import Struct

from venturalitica.errors import Problem, SettingsError, did_you_mean

log = logging.getLogger(__name__)

POLICY_FILENAME = "model_policy.yaml"
DOTENV = ".env"
DOTENV_PREFIXES = ("WANDB_", "MLFLOW_", "VENTURALITICA_")
ROOT_MARKERS = (".venturalitica", ".git", "pyproject.toml", POLICY_FILENAME)
ATTACH = ("model", "next-run")
YES = frozenset({"1", "true", "yes", "on"})
NO = frozenset({"0", "false", "no", "off"})

RUNS_CODE = "VENTURALITICA_SIGNER"
"""Never taken from a file: looking at a folder that somebody sent must not run what lies in it."""

NO_HOME = (
    "there is no place for a signing key: this user has no home folder (no HOME, no entry in the "
    "password file). Set VENTURALITICA_CONFIG to a folder that can be written and lasts, or "
    "VENTURALITICA_SIGNING_KEY to a key"
)

VARIABLES = tuple(
    f"VENTURALITICA_{name}"
    for name in (
        "HOME", "CONFIG", "SIGNING_KEY", "SIGNING_KEY_PASSPHRASE", "SIGNER", "TRACKER_WAIT",
        "FINGERPRINT", "LOCKS", "RETENTION", "DOTENV", "UI_TOKEN", "DEBUG", "TRUSTED_KEYS",
        "TIMESTAMP", "TSA_ROOTS", "OTHER_COLUMNS", "ATTACH", "GATE",
        "GATE_AUTH", "NOTIFY", "NOTIFY_SECRET",
    )
)  # fmt: skip
"""All that are read anywhere; another name that begins like them is misspelt."""

_from_dotenv: set[str] = set()
_last_folder: Path | None = None


class Settings(Struct, frozen=True):
    """The configuration at one moment; nothing is created or written by reading it."""

    home: Path
    config: Path | None
    project_root: Path
    signing_key: str | None
    signing_key_passphrase: str | None
    signer: str | None
    tracker_wait: float
    fingerprint: bool
    other_columns: bool
    locks: bool
    retention: str
    attach: str = "model"
    trusted_keys: Path | None = None
    timestamp: str | None = None
    tsa_roots: Path | None = None

    def __repr__(self) -> str:
        config = None if self.config is None else str(self.config)
        return f"Settings(home={str(self.home)!r}, config={config!r})"

    @classmethod
    def current(cls) -> Settings:
        """Read the environment and the working folder now.

        Raises:
            SettingsError: a variable has a value that cannot be used, or there is no folder.
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
            fingerprint=_flag("VENTURALITICA_FINGERPRINT"),
            other_columns=_flag("VENTURALITICA_OTHER_COLUMNS"),
            locks=_flag("VENTURALITICA_LOCKS"),
            retention=_retention("VENTURALITICA_RETENTION"),
            attach=_one_of("VENTURALITICA_ATTACH", ATTACH),
            trusted_keys=_path("VENTURALITICA_TRUSTED_KEYS"),
            timestamp=os.environ.get("VENTURALITICA_TIMESTAMP", "").strip() or None,
            tsa_roots=_path("VENTURALITICA_TSA_ROOTS"),
        )

    @classmethod
    def for_recording(cls) -> Settings:
        """The same, for who will sign: called before anything runs that takes long.

        Raises:
            SettingsError: as `current`, or there is neither a key nor a place to keep one.
        """
        found = cls.current()
        if found.config is None and not (found.signing_key or found.signer):
            raise SettingsError(NO_HOME)
        return found


def working_folder() -> Path:
    """The working folder; where it was deleted, what it was when this process last looked.

    Raises:
        SettingsError: it was deleted before, and nobody knows where it was.
    """
    global _last_folder
    try:
        _last_folder = Path.cwd()
    except OSError as error:
        if _last_folder is None:
            raise SettingsError(
                f"the working folder cannot be found ({error.strerror or error}; deleted?): "
                "change into a folder that exists"
            ) from None
        log.debug("the working folder was deleted; %s is taken, as before", _last_folder)
    return _last_folder


def user_home() -> Path | None:
    """The user's home folder; None where neither `HOME` nor the password file names one."""
    try:
        return working_folder() / Path.home()
    except RuntimeError:
        return None


def project_root(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` that looks like a project, else `start` itself.

    A project has one of `ROOT_MARKERS`. The user's home folder and what is above it never count,
    unless `start` is that folder.
    """
    here = _resolved(start or working_folder())
    home = user_home()
    top = None if home is None else _resolved(home)
    for folder in (here, *here.parents):
        if top is not None and folder != here and folder in (top, *top.parents):
            break
        # os.path says False, and does not raise, of what may not be looked into.
        if any(os.path.exists(f"{folder}/{marker}") for marker in ROOT_MARKERS):  # noqa: PTH110
            return folder
    return here


def ask_trackers_briefly() -> None:
    """Where somebody waits: MLflow's own client asks a dying server again for minutes."""
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")


def find_policy(start: Path | None = None) -> Path | None:
    """`model_policy.yaml` of the working folder, else of the project root, else None."""
    return _nearest_file(POLICY_FILENAME, start or working_folder())


def dotenv_file() -> Path | None:
    """`.env` of the working folder, else of the project root, else None."""
    try:
        return _nearest_file(DOTENV, working_folder())
    except SettingsError:  # there is no folder to look in, and whoever needs one will say so
        return None


def _nearest_file(name: str, start: Path) -> Path | None:
    here = _resolved(start)
    candidates = (here / name, project_root(here) / name)
    return next((path for path in candidates if _is_file(path)), None)


def _resolved(path: Path) -> Path:
    return Path(os.path.realpath(path))  # not `resolve`, which raises where links lead in a circle


def exists(path: Path) -> bool:
    """Whether it exists; what we may not look into, and what can be no file's name, does not."""
    try:
        return path.exists()
    except OSError:
        return False


def _is_file(path: Path) -> bool:
    return exists(path) and path.is_file()


def load_dotenv(folder: Path | None = None) -> tuple[str, ...]:
    """Take tracker and product keys from `.env` that the environment does not have already.

    Args:
        folder: where the file is looked for; by default as `dotenv_file` says.

    Returns the names taken, never the values. A file or line that cannot be read is said and left.
    """
    if not reads_dotenv():
        return ()
    path = dotenv_file() if folder is None else folder / DOTENV
    if path is None or not _is_file(path):
        return ()
    values, problems = read_dotenv(path)
    for problem in problems:
        log.warning("%s", problem)
    if values.pop(RUNS_CODE, None):
        log.warning("%s: %s names code to run and is not read from a file", path, RUNS_CODE)
    new = {key: value for key, value in values.items() if value and key not in os.environ}
    taken = tuple(key for key, value in new.items() if _set(path, key, value))
    _from_dotenv.update(taken)
    return taken


def _set(path: Path, key: str, value: str) -> bool:
    try:
        os.environ[key] = value
    except ValueError:  # the locale has no such letters
        log.warning(
            "%s: %s has letters that this locale cannot write; it is passed over", path, key
        )
        return False
    return True


def misspelt() -> tuple[str, ...]:
    """Variables that are named like ours and that nobody reads, each with the nearest that is."""
    names = sorted(name for name in os.environ if name.startswith("VENTURALITICA_"))
    unknown = (name for name in names if name not in VARIABLES)
    return tuple(f"{name} is no setting{did_you_mean(name, VARIABLES)}" for name in unknown)


def reads_dotenv() -> bool:
    """Whether `.env` is read at all."""
    return os.environ.get("VENTURALITICA_DOTENV", "1").strip().lower() not in NO


def read_dotenv(path: Path) -> tuple[dict[str, str], tuple[Problem, ...]]:
    """What a `.env` says for trackers and this product, and the lines of it that say nothing.

    No problem quotes a line: it may hold a secret.
    """
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    problems: list[Problem] = []
    try:
        _refuse_others_file(path)
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = f"cannot be read ({error}); its settings are not in force"
        return values, (
            Problem(str(path), 0, f"{reason}. Save it as UTF-8 text that you may read"),
        )
    for binding in parse_stream(StringIO(text)):
        said = binding.original.string
        line = binding.original.line + said[: len(said) - len(said.lstrip())].count("\n")
        key, value = binding.key or "", binding.value
        ours = key.startswith(DOTENV_PREFIXES)
        wrong = NO_SETTING if binding.error else _wrong(key, value) if ours else ""
        if wrong:
            problems.append(Problem(str(path), line, wrong))
        elif ours:
            values[key] = value or ""
    return values, tuple(problems)


NO_SETTING = (
    "this line is no setting and is passed over: expected NAME=value, a value with blanks in quotes"
)


def _wrong(key: str, value: str | None) -> str:
    if value is None:
        return f"{key} has no value and is passed over: expected {key}=value"
    if "\0" in value or ("\n" in value.strip() and "-----BEGIN" not in value):
        return (
            f"the value of {key} goes over several lines and is passed over: "
            "is a quotation mark not closed?"
        )
    return ""


def _refuse_others_file(path: Path) -> None:
    """A folder above may be anybody's (/tmp/.git): git had CVE-2022-24765 for trusting it."""
    owner, root = path.stat().st_uid, 0
    trusted = {root, getattr(os, "geteuid", lambda: root)(), working_folder().stat().st_uid}
    if owner not in trusted:
        raise PermissionError(f"it belongs to another user, with the id {owner}")


def origin_of(variable: str) -> str | None:
    """`".env"`, `"environment"`, or None where the variable is not set."""
    if not os.environ.get(variable):
        return None
    return ".env" if variable in _from_dotenv else "environment"


def _path(variable: str) -> Path | None:
    value = os.environ.get(variable)
    if not value:
        return None
    try:
        return working_folder() / Path(value).expanduser()
    except RuntimeError:
        raise SettingsError(
            f"{variable}={value!r}: there is no such home folder; write the path in full"
        ) from None


def _user_config() -> Path | None:
    """By the XDG base directory specification, in which a relative path is invalid and ignored."""
    base = Path(os.environ.get("XDG_CONFIG_HOME") or ".")
    home = user_home()
    if base.is_absolute():
        return base / "venturalitica"
    return None if home is None else working_folder() / home / ".config" / "venturalitica"


def _flag(variable: str) -> bool:
    """A switch that is on unless it is turned off."""
    value = os.environ.get(variable, "").strip().lower()
    if not value or value in YES | NO:
        return value not in NO
    raise SettingsError(f"{variable}={value!r}: expected 1 or 0")


def _one_of(variable: str, words: tuple[str, ...]) -> str:
    """One of some words; the first where nothing is set."""
    value = os.environ.get(variable, "").strip().lower()
    if value and value not in words:
        raise SettingsError(
            f"{variable}={value!r}: expected {' or '.join(words)}{did_you_mean(value, words)}"
        )
    return value or words[0]


def _retention(variable: str) -> str:
    from venturalitica.core.retention import DEFAULT, term

    value = os.environ.get(variable, "").strip()
    try:
        return term(value) if value else DEFAULT
    except ValueError as error:
        raise SettingsError(f"{variable}={value!r}: {error}") from None


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
