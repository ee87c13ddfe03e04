"""`venturalitica watch`: tell when a light changes."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    as_json_text,
    emit_json,
    hint,
    leave,
    new_app,
    say,
)
from venturalitica.cli.runs import moment
from venturalitica.cli.watching.options import LinkBaseOption, ToOption, link_base

if TYPE_CHECKING:
    from venturalitica.ui.notify.destination import Destination
    from venturalitica.ui.notify.message import Message
    from venturalitica.ui.notify.watcher import Watcher

app = new_app()


@app.command()
def watch(
    to: ToOption = None,
    base: LinkBaseOption = "",
    since: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="At the first start, tell what changed since then too: 2026-11-23, UTC.",
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="Look once, tell, and end: for cron and CI.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Tell when the light of a pipeline changes.

    One message for each change, with the sentence that explains it: printed, and sent to each
    address of --to or VENTURALITICA_NOTIFY. What was told is kept beside the evidence, so that
    nothing is told twice and what changed while nobody watched is told at the next start.

    Exit status of --once: 0 if all was told, 1 if somebody could not be reached, 2 if there is no
    evidence log.

    \b
    Examples:
      venturalitica watch
      venturalitica watch --to slack://TOKENS --link-base https://audit.example.com
      venturalitica watch --once --json
    """
    from venturalitica.system.settings import Settings
    from venturalitica.ui.notify.destinations import destinations
    from venturalitica.ui.notify.watcher import LOCKED, Watcher
    from venturalitica.ui.reader import Desk

    base, start = link_base(base), moment("--since", since)
    printed = Printed(as_json=as_json, at_once=not once)
    places: list[Destination] = [printed, *destinations(to or [])]
    settings = Settings.current()
    desk = Desk(settings.home, settings=settings)
    watcher = Watcher(desk, places, base=base, since=start)
    try:
        if once:
            found = watcher.once(patience=LOCKED)
            printed.end()
            leave(FAILED if found.missed else PASSED)
        hint(f"Watching {desk.home}{_named(places[1:])}. Ctrl-C ends it.")
        _run(watcher)
    finally:
        desk.close()
    leave(PASSED)


def _named(places: list[Destination]) -> str:
    return f" for {', '.join(place.label for place in places)}" if places else ""


def _run(watcher: Watcher) -> None:
    """Until Ctrl-C, or a service manager's SIGTERM."""
    import signal

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        watcher.look()
        watcher.run(threading.Event())
    except KeyboardInterrupt:
        return


class Printed:
    """Standard output as a destination: a line for people, JSON for programs."""

    label = address = "standard output"

    def __init__(self, *, as_json: bool, at_once: bool) -> None:
        self._as_json, self._at_once = as_json, at_once
        self._facts: list[dict[str, Any]] = []

    def send(self, message: Message) -> None:
        """Print it now; of one look's JSON a list is made at its end."""
        from venturalitica.ui.notify.message import facts

        if not self._as_json:
            say(message.title, *(f"  {line}" for line in message.text.splitlines()))
        elif self._at_once:
            sys.stdout.write(as_json_text(facts(message.change, message.base), None) + "\n")
            sys.stdout.flush()
        else:
            self._facts.append(facts(message.change, message.base))

    def end(self) -> None:
        """Print the list of one look."""
        if self._as_json and not self._at_once:
            emit_json(self._facts)
