"""The gate: may this version pass? It reads and decides; whoever asks acts on it."""

from __future__ import annotations

from venturalitica.review.gate.decide import decide

__all__ = ["decide"]
