"""W&B's own module, imported when it is needed."""

from __future__ import annotations

from typing import Any

from venturalitica.errors import MissingExtra


def library() -> Any:
    try:
        import wandb
    except ModuleNotFoundError as error:
        if error.name != "wandb":
            raise
        raise MissingExtra("W&B", "wandb") from None
    return wandb
