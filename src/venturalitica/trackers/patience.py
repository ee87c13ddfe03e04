"""How long a tracker may take for its first answer, in this thread."""

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
