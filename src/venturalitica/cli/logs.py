"""What the package logs, on a terminal: warnings on stderr, in plain words, without tracebacks."""

from __future__ import annotations

import logging

from venturalitica.cli.output import complain

LOGGER = "venturalitica"
CONDUCTOR = "venturalitica.session"


class Complaints(logging.Handler):
    """Sends warnings to stderr; what a command prints anyway is left out.

    The conductor logs each verdict that did not pass and each fault that it puts in the `Audit`,
    for scripts that print nothing. `check` prints both itself.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == CONDUCTOR:
            return
        try:
            first, *rest = record.getMessage().splitlines() or [""]
            # Set in: what an exception says may hold a line that looks like one of ours.
            complain(first, *(f"  {line}" for line in rest))
        except (OSError, ValueError, TypeError):
            self.handleError(record)


def listen() -> None:
    """Send the package's warnings to stderr, once."""
    logger = logging.getLogger(LOGGER)
    if not any(isinstance(handler, Complaints) for handler in logger.handlers):
        logger.addHandler(Complaints(level=logging.WARNING))
