"""The public functions that only join lower rooms: reading a policy, verifying, the quickstart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venturalitica.records import Verification
    from venturalitica.rules import Policy
    from venturalitica.scenarios import Scenario


def read_policy(path: str | Path) -> Policy:
    """Read and check a policy file.

    Returns:
        The `Policy`: name, version, controls, the exact bytes and their `sha256`.

    Raises:
        PolicyError: missing or wrong; every problem at once, each with file and line.
    """
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy import read_policy as read

    return read(path, vocabulary=CATALOG)


def verify(source: object = None, *, witnesses: bool = False) -> Verification:
    """Verify evidence from files alone: nothing is believed that is not checked.

    Args:
        source: a ledger folder (the project's own when None), a bundle file (`evidence.json`), a
            folder of bundles, or the id of an MLflow run.
        witnesses: compare a ledger with the checkpoints that its trackers have kept, which shows
            whether its end was cut off. Asks the trackers over the network.

    Returns:
        A `Verification`: `ok`, the `steps` made, and the first `fault`.

    Raises:
        EvidenceError: there is nothing to verify at `source`.
    """
    from venturalitica.verification import verify_source

    return verify_source(source, witnesses=witnesses)


def quickstart(name: str = "loan") -> Scenario:
    """Run a scenario that ships in the package; `"loan"` is the German Credit model.

    Trains, audits and records evidence in the project's ledger. Needs no network.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    from venturalitica.scenarios import quickstart as run

    return run(name)
