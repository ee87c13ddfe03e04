"""Generators of random numbers that a process shares, by library: taken note of, and put back.

Only of libraries that are loaded: nothing is imported to be put back.
"""

from __future__ import annotations

import logging
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from venturalitica.core.redact import redacted_traceback

log = logging.getLogger(__name__)

Restore = Callable[[], object]


@contextmanager
def kept_generators() -> Iterator[None]:
    """On leaving, put back the global generators of `random`, numpy and what else is loaded.

    Some models draw when they predict (a stratified `DummyClassifier`, dropout that is left on):
    without this, the draws of the audit would shift those of the user. JAX has no global one.
    """
    with ExitStack() as stack:
        stack.callback(random.setstate, random.getstate())
        stack.callback(np.random.set_state, np.random.get_state())
        for library, keep in KEEPERS.items():
            module = sys.modules.get(library)
            if module is not None:
                try:
                    for restore in keep(module):
                        stack.callback(_restored, library, restore)
                except Exception as error:  # noqa: BLE001 - another library, half imported or changed
                    _say(library, error)
        yield


def _restored(library: str, restore: Restore) -> None:
    try:
        restore()
    except Exception as error:  # noqa: BLE001 - as above
        _say(library, error)


def _say(library: str, error: Exception) -> None:
    why = redacted_traceback(error)
    log.warning("the random numbers of %s could not be kept, and may have moved\n%s", library, why)


def _torch(torch: Any) -> Iterator[Restore]:
    state = torch.get_rng_state()
    yield lambda: torch.set_rng_state(state)
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        states = torch.cuda.get_rng_state_all()
        yield lambda: torch.cuda.set_rng_state_all(states)


def _tensorflow(tensorflow: Any) -> Iterator[Restore]:
    """The one generator that is global, and the seeds that operations take one after another."""
    stateful = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
    generator = getattr(stateful, "global_generator", None)
    if generator is not None:
        state = generator.state.numpy()
        yield lambda: generator.state.assign(state)
    eager = sys.modules.get("tensorflow.python.eager.context")
    seeds = getattr(eager.context(), "_rng", None) if eager is not None else None
    if seeds is not None:
        before = seeds.getstate()
        yield lambda: seeds.setstate(before)


def _keras(keras: Any) -> Iterator[Restore]:
    """Keras 3 keeps a seed of its own, whatever computes (JAX has no global generator)."""
    shared = sys.modules.get("keras.src.backend.common.global_state")
    generator = shared.get_global_attribute("global_seed_generator") if shared else None
    if generator is not None:
        state = keras.ops.copy(generator.state.value)
        yield lambda: generator.state.assign(state)


def _cupy(cupy: Any) -> Iterator[Restore]:
    """cuRAND's state cannot be read: the audit draws from another generator meanwhile."""
    own = cupy.random.get_random_state()
    cupy.random.set_random_state(cupy.random.RandomState(0))
    yield lambda: cupy.random.set_random_state(own)


KEEPERS: dict[str, Callable[[Any], Iterator[Restore]]] = {
    "torch": _torch,
    "tensorflow": _tensorflow,
    "keras": _keras,
    "cupy": _cupy,
}
