"""Reading a policy: `read_policy` a file, `parse_policy` bytes, `lint` either and hear everything.

The one place below the ledger that opens a file, and only the one it was given.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.errors import PolicyError, Problem, did_you_mean
from venturalitica.policy.tree import MAX_BYTES, MAX_LINES, MapNode, Node, UnreadableError

if TYPE_CHECKING:
    from venturalitica.core.policy import Policy


DEFAULT_FILENAME = "model_policy.yaml"


class Lint(Struct, frozen=True):
    """What there is to say about a file: errors refuse it, faults and hints do not.

    `policy` is None where there are errors. A fault is a rule that decides nothing: a policy with
    one is read, and `policy lint` fails.
    """

    file: str
    errors: tuple[Problem, ...] = ()
    hints: tuple[Problem, ...] = ()
    policy: Policy | None = None
    faults: tuple[Problem, ...] = ()

    @property
    def ok(self) -> bool:
        """True where the file is a policy."""
        return self.policy is not None


def read_policy(path: str | os.PathLike[str]) -> Policy:
    """Read and check a policy file (YAML 1.2, or JSON).

    Args:
        path: the file; relative to the working folder.

    Returns:
        The policy, which holds the file's exact bytes and their SHA-256.

    Raises:
        PolicyError: the file is missing or unreadable, or holds errors: all of them, in the order
            of the file, each with its line.
    """
    file = Path(path)
    return parse_policy(policy_bytes(file), filename=file.name, path=os.fspath(file))


def parse_policy(
    data: bytes,
    *,
    filename: str = DEFAULT_FILENAME,
    path: str = "",
    check_metrics: bool = True,
) -> Policy:
    """Check the bytes of a policy file, as `read_policy` does.

    Args:
        filename: `.json` is read as JSON, anything else as YAML.
        path: what messages name, instead of `filename`.
        check_metrics: whether an unknown metric, or one that can never be computed as written, is
            an error. Not for a policy on record: a metric may have had another name then.
    """
    if not isinstance(data, bytes):
        raise TypeError(f"expected the bytes of a policy, found {type(data).__name__}")
    from venturalitica.metrics.catalog import CATALOG

    return _parsed(data, filename, path, check_metrics, frozenset(CATALOG))


@lru_cache(maxsize=32)
def _parsed(
    data: bytes, filename: str, path: str, check_metrics: bool, known: frozenset[str]
) -> Policy:
    """The same bytes give the same policy, as long as the same metrics are `known`: a script that
    wraps a hundred models reads its file a hundred times."""
    checked = _lint(data, filename, path, check_metrics=check_metrics, advise=False)
    if checked.policy is None:
        raise PolicyError(checked.errors)
    return checked.policy


def lint(source: bytes | str | os.PathLike[str], *, filename: str = DEFAULT_FILENAME) -> Lint:
    """All errors, faults and hints of a file (given its path) or of bytes; raises for neither."""
    if isinstance(source, bytes):
        return _lint(source, filename, "")
    file = Path(source)
    try:
        data = policy_bytes(file)
    except PolicyError as error:
        return Lint(str(file), error.problems)
    return _lint(data, file.name, os.fspath(file))


def _lint(
    data: bytes, filename: str, path: str, *, check_metrics: bool = True, advise: bool = True
) -> Lint:
    # The parser and pydantic are imported when a policy is read, not when the package is.
    from venturalitica.policy.lint_hints import collect_faults, collect_hints
    from venturalitica.policy.schema import build_policy
    from venturalitica.policy.validate_meaning import check_meaning
    from venturalitica.policy.validate_shape import Collector, check_shape

    shown = path or filename
    try:
        root = _tree(data, filename)
    except UnreadableError as fault:
        return Lint(shown, (Problem(shown, fault.line, str(fault)),))
    errors = Collector(shown, root)
    form = check_shape(root, errors)
    check_meaning(root, errors, check_metrics=check_metrics)
    if errors or form is None or not isinstance(root, MapNode):
        return Lint(shown, errors.problems())
    policy = build_policy(form, root, data=data, filename=filename, path=path)
    hints, faults = Collector(shown, root), Collector(shown, root)
    if advise:
        collect_hints(policy, root, hints)
        collect_faults(policy, faults)
    return Lint(shown, (), hints.problems(), policy, faults.problems())


def _tree(data: bytes, filename: str) -> Node:
    from venturalitica.policy.json_reader import read_json
    from venturalitica.policy.yaml_reader import read_yaml

    text = decode(data)
    if filename.lower().endswith(".json"):
        return read_json(text)
    if text.lstrip()[:1] == "{":
        try:
            return read_json(text)
        except UnreadableError:
            return read_yaml(text)
    return read_yaml(text)


def policy_bytes(path: Path) -> bytes:
    """The bytes of a regular file, one more than allowed at most; `PolicyError` for all else."""
    try:
        # Asked of what was opened, not before: a pipe put there in between would never answer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            kind = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(kind):
                raise PolicyError([Problem(str(path), 0, _not_a_file(path, kind))])
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except (FileNotFoundError, NotADirectoryError):
        raise PolicyError([Problem(str(path), 0, _missing(path))]) from None
    except ValueError:
        raise PolicyError([Problem(ascii(str(path)), 0, "this is not a path")]) from None
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise PolicyError([Problem(str(path)[:200], 0, f"cannot be read: {reason}")]) from None


def _not_a_file(path: Path, mode: int) -> str:
    if not stat.S_ISDIR(mode):
        return "is not a regular file; expected a policy file"
    inside = _policies_in(path)
    if inside:
        return f"is a folder; name the file in it, for example '{path / inside[0]}'"
    return "is a folder; expected a policy file"


def _missing(path: Path) -> str:
    """Where we looked, what is there instead, what to do."""
    name = path.name
    present = _policies_in(path.parent)
    where = "" if path.is_absolute() else f" (looked from {_here()})"
    near = did_you_mean(name, present)
    listed = f"; there is {', '.join(present[:5])}" if present and not near else ""
    said = f"there is no such policy file{where}{near or listed}"
    return f"{said}{' ' if near else '; '}'venturalitica init' writes one to start from"


def _here() -> str:
    try:
        return str(Path.cwd())
    except OSError:
        return "a folder that was deleted"


def _policies_in(folder: Path) -> Sequence[str]:
    """Names of files that may be policies, those called policy first."""
    try:
        names = [
            item.name
            for item in folder.iterdir()
            if item.suffix.lower() in (".yaml", ".yml", ".json") and item.is_file()
        ]
    except OSError:
        return ()
    return sorted(names, key=lambda name: ("policy" not in name.lower(), name))


_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters (tab, line feed are fine)
    "\u2028\u2029"  # line breaks for YAML 1.1, not for an editor
    "\u202a-\u202e\u2066-\u2069"  # reorder what is shown
    "\ufeff\ufffe\uffff]"  # byte order marks and what is no character
    "|\r(?!\n)"  # a line break for YAML, not for most editors
)


def decode(data: bytes) -> str:
    """The text of the file without byte order mark; `UnreadableError` where it is not UTF-8."""
    if len(data) > MAX_BYTES:
        raise UnreadableError(
            0, f"the file has more than {MAX_BYTES:,} bytes (1 MiB); a policy is far smaller"
        )
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UnreadableError(0, "the file is UTF-16, not UTF-8; save it again as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(
            line,
            f"byte 0x{data[error.start]:02x} is not UTF-8; save the file again as UTF-8",
        ) from None
    _refuse_hidden(text)
    if text.count("\n") > MAX_LINES:
        raise UnreadableError(0, f"the file has more than {MAX_LINES:,} lines; a policy has few")
    return text


def _refuse_hidden(text: str) -> None:
    hidden = _HIDDEN.search(text)
    if hidden is None:
        return
    code = ord(hidden.group()[0])
    name = "a carriage return without a line feed" if code == 0x0D else _name(code)
    raise UnreadableError(
        text.count("\n", 0, hidden.start()) + 1,
        f"the file holds {name}, which a reader cannot see; remove it",
    )


def _name(code: int) -> str:
    name = unicodedata.name(chr(code), "control character").lower()
    return f"U+{code:04X} ({name})"
