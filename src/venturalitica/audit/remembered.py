"""Policies that were read before: the same bytes are not checked again in the next process.

What checks a policy, and says what is wrong with it, takes longer to import than a model of a
thousand rows takes to train. What it gave is kept below `cache/policies`, under a digest of all
that it came from. Nothing in it is trusted: `verify` reads the policy from its own bytes, and
judges again.
"""

from __future__ import annotations

import logging
import os
import stat
from functools import cache, lru_cache
from hashlib import sha256
from pathlib import Path

from msgspec import MsgspecError, msgpack
from msgspec.structs import replace

from venturalitica._version import __version__
from venturalitica.core import policy as policies
from venturalitica.core.policy import Policy
from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy import parse_policy, policy_bytes, read
from venturalitica.system.files import reading, write_durably

log = logging.getLogger(__name__)


def read_again(path: str | os.PathLike[str], home: Path) -> Policy:
    """`policy.read_policy`, or what it gave for the same bytes.

    Raises:
        PolicyError: the file is missing or unreadable, or holds errors.
    """
    file = Path(path)
    return _read(policy_bytes(file), file.name, os.fspath(file), home)


@lru_cache(maxsize=32)
def _read(data: bytes, filename: str, path: str, home: Path) -> Policy:
    known = _known(_place(home, data, filename))
    if known is None or known.sha256 != sha256(data).hexdigest():
        _fresh[home, path] = policy = parse_policy(data, filename=filename, path=path)
        return policy
    return replace(known, bytes=data, path=path)


_fresh: dict[tuple[Path, str], Policy] = {}
"""What was read in this process and is kept nowhere yet. Never a policy that a caller made."""


def remember_policies(home: Path) -> None:
    """Keep what was read for the next process; what cannot be kept is read anew there."""
    # Another thread may read or keep one meanwhile: each is kept by whoever takes it out.
    for key in [key for key in list(_fresh) if key[0] == home]:
        policy = _fresh.pop(key, None)
        if policy is None:
            continue
        place = _place(home, policy.bytes, policy.filename)
        try:
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_durably(place, msgpack.encode(replace(policy, bytes=b"", path="")), mode=0o600)
        except (OSError, OverflowError) as error:
            log.debug("the policy is not remembered: %s", error)


def _known(place: Path) -> Policy | None:
    try:
        with reading(place) as stream:
            found = os.fstat(stream.fileno())
            # Whoever else may write there could put rules in it that nobody wrote.
            if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
                return None
            return msgpack.decode(stream.read(), type=Policy)
    except FileNotFoundError:
        return None
    except (OSError, MsgspecError, ValueError) as error:
        log.debug("a remembered policy is read anew: %s", error)
        return None


def _place(home: Path, data: bytes, filename: str) -> Path:
    """Named by all that decides what the bytes mean: the package, as it is, and its metrics."""
    known = "\0".join((__version__, _changed(), *CATALOG, filename, ""))
    return home / "cache" / "policies" / sha256(known.encode() + data).hexdigest()


@cache
def _changed() -> str:
    """When what reads policies was last changed: between two versions it may mean more, or less."""
    sources = [*Path(read.__file__).parent.glob("*.py"), Path(policies.__file__)]
    found = ((file.name, file.stat()) for file in sorted(sources))
    return str([(name, one.st_size, one.st_mtime_ns) for name, one in found])
