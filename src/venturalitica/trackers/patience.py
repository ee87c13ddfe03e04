"""How long a server may take for its first answer, before it counts as down.

Short where a training may be waiting; `sync` is patient, so that what a slow server cannot take in
time still reaches it. Clients by themselves ask again for minutes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

ANSWER_WITHIN = 1.5

_answer_within: ContextVar[float] = ContextVar("venturalitica_answer_within", default=ANSWER_WITHIN)


def answer_within() -> float:
    """Seconds that the first answer may take, in this thread."""
    return _answer_within.get()


@contextmanager
def patient(seconds: float) -> Iterator[None]:
    """Within the block, a first answer may take this long."""
    token = _answer_within.set(seconds)
    try:
        yield
    finally:
        _answer_within.reset(token)
