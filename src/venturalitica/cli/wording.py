"""Says in options what an error says in keyword arguments."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace

from venturalitica.errors import BindingError, PolicyError

_LABEL = "target|prediction|score"
_WORDS: tuple[tuple[str, str], ...] = (
    (rf"pass ({_LABEL})=<column>", r"pass --\1 COLUMN"),
    (r"pass (\w+)=<column>", r"pass --role \1=COLUMN"),
    (r"phase='data'", "--phase data"),
    (r'pass policy="[^"]*"', "pass --policy FILE"),
    (rf"^({_LABEL})='([^']*)': ", r"--\1 \2: "),
    (r"^(\w+)='([^']*)': ", r"--role \1=\2: "),
)


def in_options_words(text: str) -> str:
    """`pass gender=<column>` becomes `pass --role gender=COLUMN`, and so on."""
    for pattern, words in _WORDS:
        text = re.sub(pattern, words, text)
    return text


@contextlib.contextmanager
def in_options() -> Iterator[None]:
    """Reword what is raised inside; the kind of error and its exit status stay."""
    try:
        yield
    except BindingError as error:
        raise BindingError(in_options_words(str(error))) from None
    except PolicyError as error:
        problems = [replace(p, message=in_options_words(p.message)) for p in error.problems]
        raise PolicyError(problems) from None
