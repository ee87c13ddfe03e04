"""project_policy."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.audit.measure import (
    known_roles,
)
from venturalitica.audit.recording import foretell
from venturalitica.core.policy import Policy
from venturalitica.errors import (
    PolicyError,
    Problem,
)
from venturalitica.system.settings import POLICY_FILENAME, Settings, find_policy, working_folder

if TYPE_CHECKING:
    pass


def resolve_policy(policy: str | Path | Policy | None = None) -> Policy:
    """A policy from a path, an already read one, or the one that the project has.

    Raises:
        PolicyError: there is none, or it is wrong; all problems at once.
        TypeError: it is neither a path nor a policy.
    """
    if isinstance(policy, Policy):
        return policy
    if not isinstance(policy, str | os.PathLike | None):
        raise TypeError(
            f"policy= is a {type(policy).__name__}: expected the path of a policy file, "
            "or a policy that vl.read_policy gave"
        )
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy import read_policy

    if policy is None or (str(policy) == POLICY_FILENAME and not Path(policy).exists()):
        found = find_policy()
        if found is None:
            raise PolicyError([Problem(POLICY_FILENAME, 0, _no_policy())])
        policy = found
    return read_policy(policy, vocabulary=CATALOG)


def _no_policy() -> str:
    return (
        f"no policy found in {working_folder()} nor in the project root; "
        "'venturalitica init' writes one to start from, or pass policy=\"path/to/policy.yaml\""
    )


def check(policy: Policy, *, columns: Sequence[str] | None, bindings: Mapping[str, object]) -> None:
    """Before training: settings readable, every bound role known, every bound column there.

    Raises:
        BindingError: a misspelt role or a missing column, with the nearest name.
        SettingsError: an environment variable has a value that cannot be used.
    """
    from venturalitica.tally.binding import bind

    foretell(Settings.for_recording())
    bind(known_roles(policy), bindings, columns, wanted=())
