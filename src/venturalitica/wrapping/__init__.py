"""Put a model under a policy: `wrap`, and `unwrap` to take it out again.

`governed` makes the object (`registry` remembers it, `reduction` saves it plain, `routing` lets it
ask scikit-learn for the audit's arguments), `arguments` reads a training call, `rows` and `order`
choose and check what is judged, `training` runs it, `untouched` keeps random numbers as they are,
`plain` undoes it all.
"""

from __future__ import annotations

from venturalitica.wrapping.wrap import unwrap, wrap

__all__ = ["unwrap", "wrap"]
