"""Which CI the project has, and which records were made in one.

A file in the project says what a CI would do, a record what one did. Whether the CI itself is well
cannot be known from here, and is never said.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.encoding import marks_in_base64
from venturalitica.core.json_values import mapping, text
from venturalitica.core.record import Statement
from venturalitica.core.text import is_web_address
from venturalitica.ledger.index.rows import Outline
from venturalitica.review.health.integrations import Lamp, Link

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger

WORKFLOW = ".github/workflows/venturalitica.yml"
"""The workflow that `venturalitica init` writes."""

FILES = (
    ("GitHub Actions", ".github/workflows/*.y*ml"),
    ("GitLab CI", ".gitlab-ci.y*ml"),
    ("Jenkins", "Jenkinsfile"),
    ("Azure Pipelines", "azure-pipelines.y*ml"),
    ("CircleCI", ".circleci/config.y*ml"),
    ("Buildkite", ".buildkite/pipeline.y*ml"),
    ("Bitbucket Pipelines", "bitbucket-pipelines.y*ml"),
    ("Travis CI", ".travis.y*ml"),
)
MOST_FILES = 50
MOST_BYTES = 256 * 1024
LOOKED_AT = 100
"""The records looked at for one that was made in a CI, the latest ones."""

_MARKS = marks_in_base64(b'"ci"')

_COMMAND = re.compile(
    r"(?<![\w./-])(?:venturalitica|vl)\s+(check|verify|policy\s+\w+|gate|report|sync)\b"
)
_COMMENT = re.compile(r"\s*(?:#|//)")


class Pipeline(Struct, frozen=True):
    """A CI's file in the project, and which of our commands it runs, in their order."""

    system: str
    path: str
    commands: tuple[str, ...]

    @property
    def judges(self) -> bool:
        """Whether it does more than to read the policy."""
        return any(not command.startswith("policy") for command in self.commands)


class Made(Struct, frozen=True):
    """A record that was made in a CI: its place, when, in which, and the page of the job."""

    entry: int
    at: str
    system: str
    url: str = ""


def pipelines(root: Path) -> tuple[Pipeline, ...]:
    """The CI files of a project that run a command of ours."""
    found = [
        Pipeline(system, path.relative_to(root).as_posix(), commands)
        for system, pattern in FILES
        for path in sorted(root.glob(pattern))[:MOST_FILES]
        if (commands := _commands(path))
    ]
    return tuple(found)


class LastMade:
    """The latest record that says it was made in a CI, read on where it was left as the log grows;
    the last `LOOKED_AT` are looked at. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: Made | None = None
        self._read, self._leaf = 0, ""

    def of(self, ledger: Ledger) -> Made | None:
        """As the log is now.

        Raises:
            EvidenceError: the log was altered.
        """
        with self._lock:
            size = ledger.size
            # Each record names the leaf of the one before it: the last stands for them all.
            if self._read > size or (self._read and ledger.leaf(self._read - 1) != self._leaf):
                self._found, self._read = None, 0
            self._found = last_made(ledger, since=self._read) or self._found
            self._read, self._leaf = size, ledger.leaf(size - 1) if size else ""
            found = self._found
        if found is None or found.entry < size - LOOKED_AT:
            return None
        return found if any(ledger.chosen((found.entry,))) else None  # it was pruned since


def last_made(ledger: Ledger, *, since: int = 0) -> Made | None:
    """The latest record that says it was made in a CI; the last `LOOKED_AT` are looked at.

    Args:
        since: the first entry that is looked at.

    Raises:
        EvidenceError: the log was altered.
    """
    size = ledger.size
    last = range(size - 1, max(since - 1, size - 1 - LOOKED_AT), -1)
    for index, line in ledger.chosen(last):
        if not any(mark in line for mark in _MARKS):
            continue
        found = made_in(index, Outline.of(index, line).record)
        if found is not None:
            return found
    return None


def made_in(index: int, record: Statement) -> Made | None:
    """What a record says of the CI it was made in; None where it says nothing of one."""
    said = mapping(record.environment.get("ci"))
    if not isinstance(said.get("name"), str) or not said["name"]:
        return None
    url = text(said.get("url"))
    shown = url if is_web_address(url) else ""
    return Made(index, record.appended_at, said["name"][:80], shown)


def ci_link(found: Iterable[Pipeline], made: Made | None) -> Link:
    """The five lamps of the CI, in the words of those of a tracker."""
    files = tuple(found)
    return Link(
        name="ci",
        title="CI",
        lamps=(
            _installed(files),
            _configured(files, made),
            Lamp("reachable", "grey", "Not asked", "a CI cannot be asked from here"),
            _delivered(made),
        ),
        place=", ".join(pipeline.path for pipeline in files),
        fix=_fix(files, made),
        used=made is not None,
        beyond="reachable",
    )


def _installed(files: tuple[Pipeline, ...]) -> Lamp:
    if not files:
        return Lamp("installed", "grey", "No file", "no CI file of the project runs venturalitica")
    names = ", ".join(dict.fromkeys(pipeline.system for pipeline in files))
    paths = ", ".join(pipeline.path for pipeline in files)
    return Lamp("installed", "green", "In a file", f"{names}: {paths}")


def _configured(files: tuple[Pipeline, ...], made: Made | None) -> Lamp:
    if not files:
        return Lamp("configured", "grey", "Unknown", "")
    text = ", ".join(dict.fromkeys(f"'{one}'" for item in files for one in item.commands))
    if made is not None and any(item.system == made.system for item in files):
        return Lamp("configured", "green", "Configured", f"runs {text}")
    if not any(pipeline.judges for pipeline in files):
        return Lamp("configured", "amber", "Reads only", f"runs {text}, and judges nothing")
    return Lamp("configured", "amber", "Set, not proven", f"runs {text}; no record came of it yet")


def _delivered(made: Made | None) -> Lamp:
    if made is None:
        text = f"none of the last {LOOKED_AT} records says that it was made in a CI"
        return Lamp("delivered", "grey", "Nothing yet", text)
    return Lamp("delivered", "green", "Recorded", f"{made.system}: entry {made.entry}", made.at)


def _fix(files: tuple[Pipeline, ...], made: Made | None) -> str:
    if not files:
        return "venturalitica init"
    if made is None and not any(pipeline.judges for pipeline in files):
        return f"take the comment signs off the lines of 'venturalitica check' in {files[0].path}"
    return "" if made else "git push, and keep the job's .venturalitica folder as an artifact"


def _commands(path: Path) -> tuple[str, ...]:
    try:
        with path.open("rb") as stream:
            text = stream.read(MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ()
    lines = (line for line in text.splitlines() if not _COMMENT.match(line))
    found = (match for line in lines for match in _COMMAND.finditer(line))
    return tuple(f"{' '.join(match[1].split())}" for match in found)
