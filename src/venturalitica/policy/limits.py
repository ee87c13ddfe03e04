"""How large a policy may be.

A policy is written by people; whatever is larger is an accident or an attack.
"""

from __future__ import annotations

MAX_BYTES = 1024 * 1024
"""Bytes of the file."""

MAX_LINES = 20_000

MAX_DEPTH = 20
"""Levels of lists and mappings inside each other; a policy itself needs five."""

MAX_NODES = 20_000
"""Keys, values, lists and mappings in all, aliases counted as often as they are used."""

MAX_ALIASES = 100
"""Uses of an anchor (`*name`)."""

MAX_CONTROLS = 1_000
MAX_ROLES = 200
MAX_GROUPS = 1_000
"""Entries of one role's `map`, and cut points of one role's `bins`."""

MAX_ROLES_CROSSED = 10
"""Roles in one `across` or `of`."""

MAX_NAMES_COMPARED = 200
"""Different names that are compared with the known ones to find slips."""

MAX_NAME = 100
"""Characters of an id, a role, a group, a version."""

MAX_TEXT = 4_000
"""Characters of a title or a remedy."""

MAX_PROBLEMS = 200
"""Problems that one message lists; the rest are counted."""

LARGEST_WHOLE = 2**53
"""Whole numbers beyond this are not exact in JSON, so no label may be one."""
