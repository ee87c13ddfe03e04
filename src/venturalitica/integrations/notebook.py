"""What `%load_ext venturalitica` adds to a notebook or an IPython shell: `%%policy` and `%check`.

The only file that imports IPython, which loads it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from IPython.core.magic import Magics, cell_magic, line_magic, magics_class
from IPython.display import display
from msgspec.structs import replace

from venturalitica.api import enforce, read_policy
from venturalitica.audit.result import Audit
from venturalitica.core.policy import Policy
from venturalitica.core.text import visible
from venturalitica.errors import (
    BindingError,
    ControlBlocked,
    PolicyError,
    Problem,
    SettingsError,
    VenturaliticaError,
    did_you_mean,
)
from venturalitica.policy.read import lint
from venturalitica.system.files import write_durably

CELL = "cell"
OPTIONS = ("--policy", "--phase", "--name")
USAGE = (
    "expected '%check FRAME [--policy NAME or FILE] [--phase data or model] [--name NAME] "
    "[role=column …]', such as '%check df target=y prediction=p gender=sex'"
)


def load(shell: Any) -> None:
    """Register the magics."""
    shell.register_magics(Checks)


@magics_class
class Checks(Magics):  # type: ignore[misc]  # IPython's decorators are not typed
    """`%%policy` and `%check`. The session's policy is the last cell's that could be read."""

    policy: Policy | None = None

    @cell_magic("policy")  # type: ignore[untyped-decorator]
    def policy_cell(self, line: str, cell: str) -> Policy:
        """Read this cell as a policy; `%check` judges by it, and it is in the name `policy`.

            %%policy [FILE]

        What is wrong is said with its line in the cell. A file is written only where one is named,
        and only if the cell is a policy: its exact text.
        """
        with _told_briefly():
            names = _split(line)
            if len(names) > 1:
                raise SettingsError(
                    f"found {len(names)} names; expected '%%policy' or '%%policy FILE'"
                )
            path = Path(names[0]).expanduser() if names else None
            found = lint(cell.encode(), filename=path.name if path else CELL)
            if found.policy is None:
                raise PolicyError([_in_cell(problem) for problem in found.errors])
            for problem in (*found.faults, *found.hints):
                _say(str(_in_cell(problem)))
            policy = found.policy
            if path is not None:
                policy = _written(path, cell)
            self.policy = self.shell.user_ns["policy"] = policy
            return policy

    @line_magic("check")  # type: ignore[untyped-decorator]
    def check(self, line: str) -> Audit:
        """Judge a frame by its name, and record the evidence; what `vl.enforce` does.

            %check FRAME [--policy NAME|FILE] [--phase data|model] [--name NAME] [role=column ...]

        Without `--policy` the session's is taken (`%%policy`), else the project's file. The value
        of a role is a column of the frame, else a name of the notebook; so is that of `model`.
        """
        with _told_briefly():
            given = self._read(_split(line))
            try:
                return enforce(**given)
            except ControlBlocked as blocked:
                display(blocked.audit)
                raise

    def _read(self, words: list[str]) -> dict[str, Any]:
        given: dict[str, Any] = {}
        frames: list[str] = []
        rest = iter(words)
        for word in rest:
            name, sign, value = word.partition("=")
            named = sign or word.startswith("-")
            if named and name.removeprefix("--") in given:  # else the last wins, and nobody sees
                raise SettingsError(f"{name} is given twice; {USAGE}")
            if name in OPTIONS:
                option = name.removeprefix("--")
                given[option] = value if sign else next(rest, "")
                if not given[option]:
                    raise SettingsError(f"{name} has no value; {USAGE}")
            elif word.startswith("-"):
                raise SettingsError(f"there is no {name}{did_you_mean(name, OPTIONS)}; {USAGE}")
            elif sign and name.isidentifier():
                if not value:
                    raise SettingsError(f"{name}= has no column; {USAGE}")
                given[name] = value
            else:
                frames.append(word)
        if len(frames) != 1:
            raise SettingsError(f"found {len(frames)} frames; {USAGE}")
        return self._resolved(frames[0], given)

    def _resolved(self, frame: str, given: dict[str, Any]) -> dict[str, Any]:
        space: Mapping[str, Any] = self.shell.user_ns
        data = _named(space, frame)
        columns = _columns(data)
        options = {option.removeprefix("--") for option in OPTIONS}
        roles = {name: value for name, value in given.items() if name not in options}
        found = {
            name: space[value] if value not in columns and value in space else value
            for name, value in roles.items()
        }
        policy = given.get("policy")
        if policy is None:
            rules = self.policy
        else:
            rules = space[policy] if isinstance(space.get(policy), Policy) else read_policy(policy)
        asked = {name: value for name, value in given.items() if name in ("phase", "name")}
        return {"data": data, "policy": rules, **asked, **found}


def _named(space: Mapping[str, Any], name: str) -> Any:
    if name not in space:
        known = [one for one in space if not one.startswith("_")]
        raise BindingError(
            "expected the name of a table; this notebook has no "
            f"{name!r}{did_you_mean(name, known)}"
        )
    return space[name]


def _columns(data: Any) -> frozenset[Any]:
    """The names of its columns, where it says them; a lazy one is not run for them."""
    found = data if isinstance(data, Mapping) else getattr(data, "columns", ())
    return frozenset(one for one in found if isinstance(one, str))


def _written(path: Path, text: str) -> Policy:
    """Its exact text in the file, and the policy that is there then."""
    said = "overwrote" if path.exists() else "wrote"
    try:
        write_durably(path, text.encode())
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written ({error.strerror or error})") from None
    _say(f"{said} {path}")
    return read_policy(path)


def _say(line: str) -> None:
    """A line below the cell; what a name holds acts on no terminal."""
    sys.stdout.write(visible(line).replace("\n", " ") + "\n")


def _in_cell(problem: Problem) -> Problem:
    """With the line that the notebook shows: the magic's own is the first."""
    return replace(problem, file=CELL, line=problem.line + 1 if problem.line else 0)


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise SettingsError(f"{error} in {line!r}; {USAGE}") from None


@contextmanager
def _told_briefly() -> Iterator[None]:
    """What the user can put right is told in its own words, without our traceback."""
    try:
        yield
    except VenturaliticaError as error:
        said = [f"{type(error).__name__}: {visible(str(error))}"]
        error._render_traceback_ = lambda: said  # type: ignore[attr-defined]  # IPython asks for it
        raise
