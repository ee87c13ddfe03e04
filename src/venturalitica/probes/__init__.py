"""What surrounded a run: Python and packages, hardware, git, the CI, and digests of data.

Each probe is quick, bounded, and says nothing that is secret: no environment variables, no
arguments, no user or host names, no diffs, no credentials in addresses.
"""

from __future__ import annotations

from venturalitica.probes.ci import ci
from venturalitica.probes.environment import environment
from venturalitica.probes.git import git
from venturalitica.probes.hardware import hardware

__all__ = ["ci", "environment", "git", "hardware"]
