"""What can be known about W&B without importing it: mode, login, server, uploads, runs' pages."""

from __future__ import annotations

import configparser
import netrc
import os
import shlex
import socket
import sys
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from venturalitica.core.causes import said
from venturalitica.core.origin import install_line
from venturalitica.core.text import is_web_address
from venturalitica.errors import TrackerError, did_you_mean
from venturalitica.trackers import base
from venturalitica.trackers.base import CHOSEN, IN_LOG, SYNC, Lead, RunRef
from venturalitica.trackers.links import can_be_typed, is_loopback, origin, without_credentials

ANSWER_WITHIN = 2.0
OWN_SERVER = "https://api.wandb.ai"
"""W&B's own, which holds where nothing else is set."""


def uploaded(run: RunRef) -> bool:
    """Whether an offline run may be at the server: it was uploaded, or its folder is gone."""
    folder = Path(str(run.extra.get("folder", "")))
    return not folder.is_dir() or any(folder.glob("*.wandb.synced"))


def require_uploaded(run: RunRef) -> None:
    """An offline run that has ended takes nothing more until the user has uploaded it."""
    if not uploaded(run):
        raise TrackerError(
            f"the W&B run '{run.run_id}' was offline and has ended: W&B adds nothing to it on this "
            f"machine. Upload it with '{_upload(run)}', then 'venturalitica sync' adds the "
            "evidence; until then it is safe in the ledger"
        )


def kept(run: RunRef) -> str:
    """Where the evidence of an offline run is, which no server has, and what uploads it."""
    folder = Path(str(run.extra.get("folder", "")))
    return (
        f"kept in {_near(folder.parent)}, not uploaded: '{_upload(run)}' uploads it, then "
        "'venturalitica sync' confirms it"
    )


def _upload(run: RunRef) -> str:
    return f"wandb sync {shlex.quote(str(run.extra.get('folder', '')))}"


def _near(folder: Path) -> str:
    try:
        here = Path.cwd()
    except FileNotFoundError:  # deleted meanwhile
        return str(folder)
    return f"./{folder.relative_to(here)}" if folder.is_relative_to(here) else str(folder)


def require_login(uri: str) -> None:
    """A W&B key must be set for the server of the run; W&B itself would stop and ask for one."""
    if _mode() in ("offline", "disabled", "dryrun"):
        raise TrackerError(
            f"W&B is {_mode()} here (WANDB_MODE) and this run has ended: unset WANDB_MODE, "
            "then 'venturalitica sync'"
        )
    server = _server()
    if uri and server and origin(server) != origin(uri):
        raise TrackerError(
            f"the run is at {without_credentials(uri)} and this process is set up for "
            f"{without_credentials(server)}: set WANDB_BASE_URL={without_credentials(uri)}"
        )
    if not _key_from(uri or server):
        raise TrackerError("W&B wants to know who we are: 'wandb login', or set WANDB_API_KEY")


def health(origins: Mapping[str, str]) -> dict[str, Any]:
    """Version, where the key comes from, whether the server answers, and the exact fix."""
    try:
        version: str | None = metadata.version("wandb")
    except metadata.PackageNotFoundError:
        version = None
    server = _server()
    source = _key_from(server)
    configured = origins.get("WANDB_API_KEY", source) if source == "environment" else source
    reachable, detail, fix = _reach(server, source)
    if version is None:
        reachable, detail, fix = None, "not installed", install_line("wandb")
    return {
        "tracker": "wandb",
        "installed": version is not None,
        "version": version,
        "configured": configured or _mode() or "not configured",
        "uri": without_credentials(server) if server else "",
        "reachable": reachable,
        "detail": detail,
        "fix": fix,
    }


MODES = ("online", "offline", "shared", "disabled", "dryrun", "run")


def doubt() -> str:
    """What is wrong with WANDB_MODE or WANDB_BASE_URL, as a question; else empty."""
    mode, server = os.environ.get("WANDB_MODE", ""), os.environ.get("WANDB_BASE_URL", "")
    if mode and mode not in MODES:
        return f"WANDB_MODE={mode[:40]!r}: expected {_listed(MODES)}{did_you_mean(mode, MODES)}"
    if server and "://" not in server:
        host = server.rpartition("@")[2]
        return f"WANDB_BASE_URL is no address of a server: did you mean https://{host}?"
    return ""


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


def _reach(server: str, key: str) -> tuple[bool | None, str, str]:
    question = doubt()
    if question:
        return False, question, "set that variable to what is meant, or unset it"
    mode = _mode()
    if mode in ("offline", "dryrun"):
        return None, "offline: runs stay in ./wandb", "'wandb sync <folder>' uploads a run"
    if mode == "disabled":
        return None, "disabled (WANDB_MODE): nothing is kept", "unset WANDB_MODE"
    if not key:
        return None, "no key", "'wandb login', or set WANDB_API_KEY, or WANDB_MODE=offline"
    if not server:
        return None, "W&B's own server; it is not asked here", ""
    return answers(server)


def answers(server: str) -> tuple[bool, str, str]:
    """Whether the server takes a connection now, what came of it, and what to do if it does not."""
    _, host, port = origin(server)
    try:
        socket.create_connection((host, port or 443), timeout=ANSWER_WITHIN).close()
    except OSError as error:
        fix = "check the network, or set WANDB_MODE=offline"
        return False, f"does not answer: {said(error)}", fix
    return True, "answers; the key is not tried here", ""


def online() -> bool:
    """Whether runs of this process would go to a server."""
    return _mode() in ("", "online", "shared")


def _mode() -> str:
    return os.environ.get("WANDB_MODE") or _settings().get("mode", "")


def _server() -> str:
    """The server of this process; empty where W&B's own default holds and nobody imported it."""
    named = os.environ.get("WANDB_BASE_URL") or _settings().get("base_url", "")
    if named:
        return named
    run = getattr(sys.modules.get("wandb"), "run", None)
    return str(run.settings.base_url) if run is not None else ""


def server() -> str:
    """The server that this process would ask."""
    return _server() or OWN_SERVER


def _settings() -> dict[str, str]:
    folder = os.environ.get("WANDB_CONFIG_DIR") or _at_home(".config", "wandb")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read([Path(folder) / "settings", Path("wandb") / "settings"])
    except configparser.Error:
        return {}
    return dict(parser["default"]) if parser.has_section("default") else {}


def _at_home(*names: str) -> Path:
    """A place in the user's home folder; where there is none, one where nothing is."""
    try:
        return Path.home().joinpath(*names)
    except RuntimeError:
        return Path(os.devnull).joinpath(*names)


def _key_from(server: str) -> str:
    """Where a key is set ("environment", "netrc"), never the key; empty where none is."""
    if os.environ.get("WANDB_API_KEY"):
        return "environment"
    path = Path(os.environ.get("NETRC") or _at_home(".netrc"))
    try:
        hosts = netrc.netrc(str(path)).hosts
    except (OSError, netrc.NetrcParseError):
        return ""
    wanted = (urlsplit(server).hostname or "") if server else ""
    found = wanted in hosts if wanted else any("wandb" in host for host in hosts)
    return "netrc" if found else ""


def library() -> Any:
    """The module; MissingExtra where it is absent."""
    return base.library("wandb", "W&B")


def health_at(place: str, origins: Mapping[str, str]) -> dict[str, Any]:
    """As `health`, of the server at `place`, which a record names.

    W&B's own is asked where a key is set, one on this machine always, another one not.
    """
    found = health(origins)
    if not place or not found["installed"]:
        return found
    if origin(place) != origin(found["uri"] or OWN_SERVER):
        reachable, detail, fix = _reach_named(place)
        found |= {"configured": IN_LOG}
    elif found["configured"] in CHOSEN and not found["uri"] and online():
        reachable, detail, fix = answers(OWN_SERVER)
    else:
        return found | {"uri": place}
    return found | {"uri": place, "reachable": reachable, "detail": detail, "fix": fix}


def _reach_named(place: str) -> tuple[bool | None, str, str]:
    if is_loopback(place):
        return answers(place)
    fix = f"set WANDB_BASE_URL={without_credentials(place)}"
    return None, "not asked: the address is in the log only", fix


def lead(run: RunRef) -> Lead:
    """The run's page, or the line that uploads an offline run."""
    if run.url and is_web_address(run.url):
        return Lead(url=run.url)
    folder = run.extra.get("folder")
    if run.extra.get("offline") and isinstance(folder, str) and folder and can_be_typed(folder):
        note = "the run was offline: this uploads it, and 'venturalitica sync' adds the rest"
        return Lead(command=_upload(run), note=note)
    return Lead(note="W&B named no page of the run")


def remedy(run: RunRef) -> str:
    """The line that uploads an offline run; where it was uploaded, or was online, `sync`."""
    command = lead(run).command
    uploaded = command and any(Path(str(run.extra["folder"])).glob("*.wandb.synced"))
    return SYNC if uploaded or not command else command
