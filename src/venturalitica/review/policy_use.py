"""What was judged already by a policy's text or version, for warnings; found through the index.

Whoever needs proof reads the records (`policies`), or verifies.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.errors import EvidenceError

if TYPE_CHECKING:
    from venturalitica.core.policy import Policy


def same_version(home: Path, policy: Policy, *, before: int | None = None) -> str:
    """That the policy's version has judged with another text here; empty where it has not, or
    where no log can be read.

    Args:
        before: only what was judged before this entry; all where it is None.
    """
    from venturalitica.ledger import Index, Ledger
    from venturalitica.ledger.index.counts.policy_use import audits_by_another

    if not (home / "log").is_dir():
        return ""
    try:
        ledger = Ledger.open(home)
        with Index.open(ledger) as index:
            _, last = audits_by_another(index, policy, ledger.size if before is None else before)
    except EvidenceError:
        return ""  # 'verify' says what is wrong with it
    if last is None:
        return ""
    return (
        f"version {policy.version} has judged with another text (entry {last}): raise the version"
    )
