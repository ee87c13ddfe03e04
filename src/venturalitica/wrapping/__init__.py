"""Put a model under a policy: `wrap`, and `unwrap` to take it out again.

`governed` makes the object and its plain copies (`registry` remembers it, saves it plain, and lets
it ask scikit-learn for the audit's arguments), `arguments` reads a training call, `rows` chooses
and checks what is judged, `wrap` trains, audits, and keeps random numbers.
"""

from __future__ import annotations

from venturalitica.wrapping.wrap import unwrap, wrap

__all__ = ["unwrap", "wrap"]
