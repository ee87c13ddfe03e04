"""Take credentials out of text; the words themselves are in `venturalitica.redact` (floor 0)."""

from __future__ import annotations

from venturalitica.redact import MARK, is_secret_name, redact_text, redact_uri

__all__ = ["MARK", "is_secret_name", "redact_text", "redact_uri"]
