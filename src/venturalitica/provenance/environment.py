"""What surrounded a run: Python and the packages beside it, hardware, and the CI.

A record names the distributions that the process had loaded, and holds one digest of all that are
installed. Names and versions are read off the names of the metadata folders, and what each brings
off the beginning of its list of files: that takes milliseconds for hundreds of packages, where
`importlib.metadata` takes seconds.
"""

from __future__ import annotations

import logging
import os
import platform
import re
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.redact import redact_text, redact_uri, redacted_traceback
from venturalitica.core.text import visible
from venturalitica.provenance.git import git
from venturalitica.system.settings import Settings

log = logging.getLogger(__name__)

_METADATA = re.compile(r"(?P<name>[^-]+)-(?P<version>[^-]+)(?:-py[\d.]+)?\.(?:dist|egg)-info")
_BROUGHT = re.compile(rb"^([A-Za-z_][A-Za-z0-9_]*)[/.]", re.MULTILINE)
_BEGINNING = 4096
"""Bytes of a list of files: the package's own come within them, its data may go on for ever."""


class _Distribution(Struct, frozen=True):
    """One that is installed. `brings`: names that can be imported; empty where that is unknown."""

    version: str
    brings: frozenset[str]


_known: dict[tuple[str, int], dict[str, _Distribution]] = {}


def environment() -> dict[str, Any]:
    """`python`, `implementation`, `platform`, `packages`, `installed`.

    `packages` are those of which something is loaded, or whose files do not say what they bring:
    normalised name -> version, sorted. `installed` is the `count` of all, and the `sha256` of one
    line `name==version` for each, sorted by name.
    """
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        **_packages(_installed(), frozenset(sys.modules)),
    }


def _packages(every: Mapping[str, _Distribution], modules: frozenset[str]) -> dict[str, Any]:
    """`packages` and `installed`; those of the last time where nothing else is there now."""
    global _told
    if _told is None or _told[0] != every or _told[1] != modules:
        loaded = {name.partition(".")[0] for name in modules}
        lines = "".join(f"{name}=={one.version}\n" for name, one in every.items())
        packages = {
            name: one.version
            for name, one in every.items()
            if not one.brings or not loaded.isdisjoint(one.brings)
        }
        installed = {"count": len(every), "sha256": sha256_hex(lines.encode())}
        _told = every, modules, {"packages": packages, "installed": installed}
    return _told[2]


_told: tuple[Mapping[str, _Distribution], frozenset[str], dict[str, Any]] | None = None


def _installed() -> dict[str, _Distribution]:
    """The distributions on `sys.path`, the first of a name counting, as for imports."""
    found: dict[str, _Distribution] = {}
    for folder in dict.fromkeys(sys.path):
        for name, one in _distributions_in(folder or ".").items():
            found.setdefault(name, one)
    return dict(sorted(found.items()))


def _distributions_in(folder: str) -> dict[str, _Distribution]:
    try:
        key = (folder, os.stat(folder).st_mtime_ns)  # noqa: PTH116 - called for every entry
        # No lock: a child forked while another thread held it would wait for ever. A dictionary's
        # own operations are atomic, and looking twice does no harm.
        known = _known.get(key)
        if known is not None:
            return known
        names = os.listdir(folder)  # noqa: PTH208 - called for every entry
    except OSError:
        return {}
    found: dict[str, _Distribution] = {}
    for name in sorted(names):
        match = _METADATA.fullmatch(name)
        if match is not None:
            own = _normalised(match["name"])
            found[own] = _Distribution(match["version"], _brings(Path(folder, name), own))
    _known[key] = found
    return found


def _brings(metadata: Path, name: str) -> frozenset[str]:
    """The first parts of the names of its files, and its own, which one that is installed as a
    link to its sources (`pip install -e`) does not list."""
    try:
        with (metadata / "RECORD").open("rb") as stream:
            beginning = stream.read(_BEGINNING)
    except OSError:
        return frozenset()
    found = {part.decode() for part in _BROUGHT.findall(beginning[: beginning.rfind(b"\n") + 1])}
    return frozenset(found | {name.replace("-", "_")})


def _normalised(name: str) -> str:
    """As the Python packaging specification writes names: lower case, single hyphens."""
    return re.sub(r"[-_.]+", "-", name).lower()


class System(Struct, frozen=True, kw_only=True):
    """A CI: `sign` is the variable that says that it is there, `url` how the address of a job, or
    of its run, is put together; the others are variables, empty where it tells no such thing.

    Nothing else of the environment is read, no variable of a person, no token. What these hold is
    somebody's text all the same, and passes through the same sieve as any.
    """

    name: str
    sign: str
    url: str = ""
    pipeline: str = ""
    job: str = ""
    commit: str = ""


SYSTEMS = (
    System(
        name="GitHub Actions",
        sign="GITHUB_ACTIONS",
        url="{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
        pipeline="GITHUB_WORKFLOW",
        job="GITHUB_JOB",
        commit="GITHUB_SHA",
    ),
    System(
        name="GitLab CI",
        sign="GITLAB_CI",
        url="{CI_JOB_URL}",
        pipeline="CI_PIPELINE_ID",
        job="CI_JOB_NAME",
        commit="CI_COMMIT_SHA",
    ),
    System(
        name="Jenkins",
        sign="JENKINS_URL",
        url="{BUILD_URL}",
        pipeline="JOB_NAME",
        job="BUILD_NUMBER",
        commit="GIT_COMMIT",
    ),
    System(
        name="Azure Pipelines",
        sign="TF_BUILD",
        url="{SYSTEM_COLLECTIONURI}{SYSTEM_TEAMPROJECT}/_build/results?buildId={BUILD_BUILDID}",
        pipeline="BUILD_DEFINITIONNAME",
        job="SYSTEM_JOBDISPLAYNAME",
        commit="BUILD_SOURCEVERSION",
    ),
    System(
        name="CircleCI",
        sign="CIRCLECI",
        url="{CIRCLE_BUILD_URL}",
        pipeline="CIRCLE_WORKFLOW_ID",
        job="CIRCLE_JOB",
        commit="CIRCLE_SHA1",
    ),
    System(
        name="Buildkite",
        sign="BUILDKITE",
        url="{BUILDKITE_BUILD_URL}",
        pipeline="BUILDKITE_PIPELINE_SLUG",
        job="BUILDKITE_LABEL",
        commit="BUILDKITE_COMMIT",
    ),
    System(
        name="Bitbucket Pipelines",
        sign="BITBUCKET_BUILD_NUMBER",
        url="{BITBUCKET_GIT_HTTP_ORIGIN}/pipelines/results/{BITBUCKET_BUILD_NUMBER}",
        pipeline="BITBUCKET_PIPELINE_UUID",
        job="BITBUCKET_STEP_UUID",
        commit="BITBUCKET_COMMIT",
    ),
    System(
        name="Travis CI",
        sign="TRAVIS",
        url="{TRAVIS_BUILD_WEB_URL}",
        pipeline="TRAVIS_REPO_SLUG",
        job="TRAVIS_JOB_NUMBER",
        commit="TRAVIS_COMMIT",
    ),
    # Last: all of these set it too, and others that are not named here.
    System(name="CI", sign="CI"),
)

_OFF = ("", "0", "false", "no")
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.IGNORECASE)
"""Buildkite says `HEAD` of a build that somebody started without one."""
LONGEST = 200
"""Characters of a name that are kept: a branch or a matrix may make one of any length."""


def ci(environment: Mapping[str, str] | None = None) -> dict[str, str] | None:
    """The CI this process runs in; None where there is none.

    Args:
        environment: the variables; those of this process if left out.

    Returns:
        `name` of the CI (`CI` where only that is said) and `url` of the job or run, empty where
        none is told; `pipeline`, `job` and `commit` where it tells them.
    """
    known = os.environ if environment is None else environment
    for system in SYSTEMS:
        if known.get(system.sign, "").strip().lower() not in _OFF:
            return _told_by(system, known)
    return None


def _told_by(system: System, known: Mapping[str, str]) -> dict[str, str]:
    commit = known.get(system.commit, "").strip()
    said = {
        "pipeline": _plain_name(known.get(system.pipeline, "")),
        "job": _plain_name(known.get(system.job, "")),
        "commit": commit.lower() if _COMMIT.fullmatch(commit) else "",
    }
    told = {name: value for name, value in said.items() if value}
    return {"name": system.name, "url": _address(system.url, known), **told}


def _plain_name(text: str) -> str:
    return " ".join(redact_text(visible(text)).split())[:LONGEST]


def _address(form: str, known: Mapping[str, str]) -> str:
    try:
        url = form.format_map(known).replace(" ", "%20")
    except KeyError:
        return ""
    return redact_uri(url) if url.startswith(("https://", "http://")) else ""


_CPU_INFO = Path("/proc/cpuinfo")
_NVIDIA = Path("/proc/driver/nvidia/gpus")
_MEMORY_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


@cache
def hardware() -> dict[str, Any]:
    """What the run could use.

    `machine` (such as `x86_64`), `cpu` (model name or empty), `cpus` (logical processors of the
    machine), `cpus_usable` (those this process may use), `memory_bytes` and `memory_limit_bytes`
    (None where unknown or unlimited), `gpus` (model names; NVIDIA on Linux only, from the driver).
    """
    return {
        "machine": platform.machine(),
        "cpu": _cpu_model(),
        "cpus": os.cpu_count(),
        "cpus_usable": _usable_cpus(),
        "memory_bytes": _memory(),
        "memory_limit_bytes": _memory_limit(),
        "gpus": _gpus(),
    }


def _cpu_model() -> str:
    for line in _text(_CPU_INFO).splitlines():
        name, _, value = line.partition(":")
        if name.strip() in ("model name", "Model", "Hardware"):
            return value.strip()
    return platform.processor()


def _usable_cpus() -> int | None:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return None


def _memory_limit() -> int | None:
    for path in _MEMORY_LIMITS:
        text = _text(path).strip()
        # cgroup v1 writes "no limit" as a number near 2**63.
        if text.isdecimal() and int(text) < 1 << 60:
            return int(text)
    return None


def _gpus() -> list[str]:
    return [
        line.partition(":")[2].strip()
        for path in sorted(_NVIDIA.glob("*/information"))
        for line in _text(path).splitlines()
        if line.startswith("Model:")
    ]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


class Surroundings:
    """Environment, hardware, git and CI, looked up on a thread while the rows are counted."""

    def __init__(self, settings: Settings) -> None:
        self._facts: dict[str, Any] = {}
        self._root = settings.project_root
        self._thread = threading.Thread(target=self._look, name="venturalitica-probes", daemon=True)
        self._thread.start()

    def _look(self) -> None:
        _ = self._found("environment", _installed)  # what takes long of it, remembered
        self._facts = {
            "hardware": self._found("hardware", hardware),
            "git": self._found("git", lambda: git(self._root)),
            "ci": self._found("ci", ci),
        }

    @staticmethod
    def _found(name: str, probe: Callable[[], Any]) -> Any:
        try:
            return probe()
        except Exception as error:  # noqa: BLE001 - a fact that is missing is said
            log.warning("%s could not be recorded\n%s", name, redacted_traceback(error))
            return {"error": type(error).__name__}

    def facts(self) -> dict[str, Any]:
        """What was found; waits for the look-up, which bounds itself.

        What is loaded is read now: while the rows are counted libraries are imported, and a record
        would depend on which thread came first.
        """
        self._thread.join()
        return {
            **self._found("environment", environment),
            "hardware": self._facts["hardware"],
            "git": self._facts["git"],
            # Left out where there is none, as in records from before it was looked for.
            **({"ci": self._facts["ci"]} if self._facts["ci"] else {}),
        }
