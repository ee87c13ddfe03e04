"""Leave random numbers as they are: asking a model for predictions must not move any generator."""

from __future__ import annotations

import random
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from venturalitica.frameworks.composition import parts


@contextmanager
def untouched_randomness(model: Any) -> Iterator[None]:
    """On leaving, put back the global generators and those that the model and its parts hold.

    Some models draw when they predict (a stratified `DummyClassifier`): without this, the draws
    of the audit would shift those of the user.
    """
    with ExitStack() as stack:
        _keep_global(stack)
        for owner in (model, *parts(model)):
            for value in list(getattr(owner, "__dict__", {}).values()):
                _keep(stack, value)
        yield


def _keep_global(stack: ExitStack) -> None:
    stack.callback(random.setstate, random.getstate())
    if "numpy" in sys.modules:
        import numpy as np

        stack.callback(np.random.set_state, np.random.get_state())


def _keep(stack: ExitStack, value: Any) -> None:
    import numpy as np

    if isinstance(value, np.random.RandomState):
        stack.callback(value.set_state, value.get_state())
    elif isinstance(value, np.random.Generator):
        stack.callback(setattr, value.bit_generator, "state", value.bit_generator.state)
