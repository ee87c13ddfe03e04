"""`venturalitica ui`: the status dashboard in a browser."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from msgspec.structs import replace

from venturalitica.cli.output import PASSED, counter, hint, leave, new_app, say
from venturalitica.cli.watching.options import LinkBaseOption, ToOption, link_base
from venturalitica.errors import EvidenceError, SettingsError, SigningKeyError

if TYPE_CHECKING:
    from venturalitica.system.settings import Settings
    from venturalitica.ui.notify.destination import Destination
    from venturalitica.ui.reader import Desk
    from venturalitica.ui.server import Listening
    from venturalitica.ui.signing import Signing

app = new_app()


@app.command()
def ui(
    host: Annotated[
        str, typer.Option(metavar="HOST", help="Where to listen; all but loopback needs a token.")
    ] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(metavar="PORT", min=0, max=65535, help="A busy port picks the next; 0 any."),
    ] = 8610,
    browser: Annotated[
        bool | None,
        typer.Option("--open/--no-open", help="Open a browser, or do not. Default: on a desktop."),
    ] = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="FOLDER|URL",
            help="The evidence to look at; or a database that holds the index of it.",
        ),
    ] = None,
    token: Annotated[
        str,
        typer.Option(
            metavar="TOKEN",
            help="What a browser must show. If left out: VENTURALITICA_UI_TOKEN, else a new one "
            "where one is needed.",
        ),
    ] = "",
    demo: Annotated[
        bool, typer.Option("--demo", help="Look at a loan model with a history of 40 runs.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Keep the demo's evidence there."),
    ] = None,
    write: Annotated[
        bool,
        typer.Option("--write", help="Let people sign records off, and write notes, by this key."),
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="With --write: the person's own private key (PEM); it signs too."
        ),
    ] = None,
    notify: Annotated[
        bool,
        typer.Option("--notify", help="Send a message when a light changes, as 'watch' does."),
    ] = False,
    to: ToOption = None,
    base: LinkBaseOption = "",
) -> None:
    """Look at runs, policies, evidence and trackers in a browser.

    Serves pages from this machine to this machine until Ctrl-C. It reads evidence and writes none,
    but for what --write lets people sign. Another --host is for machines you trust:
    the address that is printed then holds a token, and nothing is shown without it.

    \b
    Examples:
      venturalitica ui
      venturalitica ui --demo
      venturalitica ui --notify --to mailtos://USER:PASSWORD@example.com
      venturalitica ui --write
      venturalitica ui --port 9000 --no-open --ledger audit-copy/.venturalitica
    """
    if out is not None and not demo:
        raise SettingsError("--out is where the demo's evidence is kept: give it with --demo")
    if demo and ledger is not None:
        raise SettingsError("--demo looks at evidence of its own: leave --ledger out")
    if write and ledger is not None and "://" not in ledger:
        raise SettingsError("--write signs in the project's own log: leave --ledger out")
    if key is not None and not write:
        raise SettingsError("--key signs what --write lets people sign: give it with --write")
    if (to or base) and not notify:
        raise SettingsError("--to and --link-base are about messages: give them with --notify")
    from venturalitica.ui import require

    require()
    base, places = link_base(base), _places(to) if notify else []
    from venturalitica.ui.server import TOKEN_VARIABLE, has_screen, listen, open_browser, serve

    given = token or os.environ.get(TOKEN_VARIABLE, "").strip()
    _end_as_ctrl_c_does()
    with _desk(ledger, out, demo=demo) as desk:
        signing = _signing(desk, key) if write else None
        listening = listen(host, port, token=given)
        _announce(listening, desk)
        if signing is not None:
            _announce_signing(listening, signing)
        if has_screen() if browser is None else browser:
            open_browser(listening.address)
        with _notifying(desk, places, base or listening.without_token):
            serve(desk, listening, signing)
    leave(PASSED)


def _signing(desk: Desk, key: Path | None) -> Signing:
    from venturalitica.cli.signing.approve import own_key
    from venturalitica.ui.signing import Signing

    own = own_key(key, desk.settings) if key is not None else None
    return Signing(desk.settings, desk.home, own)


def _announce_signing(listening: Listening, signing: Signing) -> None:
    try:
        hint(
            f"--write: sign-offs and notes from these pages are signed by key {signing.key()[:16]}."
        )
    except SigningKeyError as error:
        hint(f"--write: nothing can be signed yet. {error}")
    if not listening.is_own:
        hint("Who has the address with the token can sign with that key, in any name.")


def _places(to: list[str] | None) -> list[Destination]:
    from venturalitica.ui.notify.destinations import VARIABLE, destinations

    places = destinations(to or [])
    if not places:
        raise SettingsError(
            f"--notify: nobody is named to be told; give --to URL or set {VARIABLE}"
        )
    return places


@contextlib.contextmanager
def _notifying(desk: Desk, places: list[Destination], base: str) -> Iterator[None]:
    """Watch on a thread meanwhile; no page and no run waits for it."""
    import threading

    from venturalitica.ui.notify.watcher import Watcher

    stop = threading.Event()
    if places:
        hint(f"Telling {', '.join(place.label for place in places)} when a light changes.")
        watcher = Watcher(desk, places, base=base)
        # A daemon: closing the server waits for no receiver.
        threading.Thread(
            target=watcher.run, args=(stop,), name="venturalitica-watch", daemon=True
        ).start()
    try:
        yield
    finally:
        stop.set()


def _end_as_ctrl_c_does() -> None:
    """A service manager's end, or the terminal's, cleans up as Ctrl-C does: the demo's folder."""
    import signal
    import threading

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        # The server takes SIGINT and SIGTERM itself and ends at its next turn; SIGHUP joins them.
        # An exception thrown wherever the main thread is could land in a destructor and be lost.
        signal.signal(signal.SIGHUP, lambda *_: signal.raise_signal(signal.SIGINT))


@contextlib.contextmanager
def _desk(ledger: str | None, out: Path | None, *, demo: bool) -> Iterator[Desk]:
    from venturalitica.system.settings import Settings
    from venturalitica.ui.reader import Desk

    settings = Settings.current()
    if demo:
        with _demo_settings(settings, out) as settings:
            yield Desk(settings.home, settings=settings)
    elif ledger is None:
        yield Desk(settings.home, settings=settings)
    elif "://" in ledger:
        yield _by_url(settings, ledger)
    else:
        yield Desk(_folder(ledger), settings=settings)


def _folder(ledger: str) -> Path:
    """A ledger's own folder, or the project that has one."""
    folder = Path(os.path.expanduser(ledger))  # noqa: PTH111 - without a home it stays as it is
    if not folder.is_dir():
        raise SettingsError(
            f"--ledger {ledger}: no such folder; expected a ledger folder (.venturalitica), or the "
            "address of a database such as postgresql://host/name"
        )
    inner = folder / ".venturalitica"
    return inner if not (folder / "log").is_dir() and inner.is_dir() else folder


def _by_url(settings: Settings, url: str) -> Desk:
    """The project's ledger with its index in a database; a wrong address is said now."""
    from venturalitica.core.redact import redact_text
    from venturalitica.ui.reader import Desk, NoEvidenceYetError

    desk = Desk(settings.home, settings=settings, index_url=url)
    try:
        with contextlib.suppress(NoEvidenceYetError), desk.reading():
            pass
    except EvidenceError as error:
        raise EvidenceError(redact_text(str(error))) from None
    return desk


@contextlib.contextmanager
def _demo_settings(settings: Settings, out: Path | None) -> Iterator[Settings]:
    """Evidence and keys of the demo, in a folder that goes with it unless it was asked for."""
    import tempfile

    from venturalitica.demo.history import write_history

    with contextlib.ExitStack() as stack:
        if out is None:
            temporary = tempfile.TemporaryDirectory(prefix="venturalitica-demo-")
            folder = Path(stack.enter_context(temporary))
        else:
            folder = out.absolute()
        hint(f"Making a history of 40 runs in {folder} ...")
        with counter("training and auditing") as count:
            history = write_history(folder, progress=count)
        yield replace(
            settings, home=history.home, config=history.config, project_root=history.folder
        )


def _announce(listening: Listening, desk: Desk) -> None:
    if listening.busy is not None:
        hint(f"Port {listening.busy} is in use; taking {listening.port}.")
    say(listening.address)
    place = f"{desk.home} by {desk.index_shown}" if desk.index_url else str(desk.home)
    hint(f"Looking at {place}. Ctrl-C ends it.")
    if not listening.is_own:
        hint(f"From another machine: {listening.from_elsewhere}")
        hint("Who has that address sees everything here: the token in it is the key.")
