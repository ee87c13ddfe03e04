"""What surrounded a run: Python and packages, hardware, git, the CI, and digests of data.

Each probe is quick, bounded, and says nothing that is secret: no environment variables, no
arguments, no user or host names, no diffs, no credentials in addresses.
"""

from __future__ import annotations

from venturalitica.provenance.environment import ci, environment, hardware
from venturalitica.provenance.git import git

__all__ = ["ci", "environment", "git", "hardware"]
