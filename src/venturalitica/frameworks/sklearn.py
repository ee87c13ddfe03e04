"""scikit-learn itself: only what its protocol alone cannot give."""

from __future__ import annotations

from typing import Any


def clone(plain: Any) -> Any:
    """`sklearn.base.clone` of a plain model: unfitted, same parameters.

    It is scikit-learn that asks a governed model for a clone, so it is installed.
    """
    from sklearn.base import clone as sklearn_clone

    return sklearn_clone(plain)


def routing_is_on() -> bool:
    """Whether metadata routing is switched on here; asked of models of scikit-learn's own kind."""
    from sklearn import get_config

    return bool(get_config().get("enable_metadata_routing", False))
