"""How the command line prints, and the conventions that every command follows.

**Conventions for the module of a command** (`cli/<name>.py`):

1. `app = new_app()` and one function decorated with `@app.command()`; several functions make a
   group (`runs list`). A single command that must stay a group also gets an `@app.callback()`.
   Its name and one line of help are in `commands.COMMANDS`.
2. Nothing heavy is imported at the top: typer, `output` and floor 0; the rest inside functions.
3. The docstring says in a sentence what it does, then shows an example after a line `\\b`:

       \"\"\"Lint policy files.

       \\b
       Example:
         venturalitica policy lint model_policy.yaml
       \"\"\"

   Every option has a help text; `docs/cli.md` names every command and option (a test holds it).
4. Facts for people go to stdout: `console()`, `say()`, `styled()`, `table()`; facts for machines
   through `emit_json()` when `--json` (declared as `JsonOption`) is given, and then nothing else
   goes to stdout. Hints, warnings and progress go to stderr: `hint()`, `complain()`, `progress()`.
5. Text that is not ours (titles, names, paths, reasons) passes `inert()`; `table()` and `say()` do
   that themselves. Markup is off everywhere: `[red]` prints as it is.
6. Leave with `leave(status)`: `PASSED` 0, `FAILED` 1, `WRONG` 2, `NOT_EVALUATED` 3.
   Raise a `VenturaliticaError` for what the user can put right: `app.LazyGroup` prints its message
   to stderr and leaves with its `exit_status`. Never print a traceback, never call `sys.exit`.

Colour and boxes are used on a terminal only; `NO_COLOR`, `TERM=dumb`, a pipe or a file give plain
text of the same content. On a pipe the width is 100 columns, or `COLUMNS`.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from msgspec.structs import replace

from venturalitica.cli.parsing import Application, Group
from venturalitica.cli.terminal import console, inert, is_plain
from venturalitica.core.verdict import STATUSES, Verdict
from venturalitica.errors import BindingError, PolicyError, SettingsError

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from venturalitica.audit.delivery import Delivery

PASSED = 0
FAILED = 1
WRONG = 2
NOT_EVALUATED = 3
INTERRUPTED = 130
BROKEN_PIPE = 141

PATIENCE = 1.0
"""Seconds of silence before progress is shown."""

JsonOption = Annotated[
    bool, typer.Option("--json", help="Print the facts as JSON, and nothing else, to stdout.")
]


RUN = (
    "Entry number, or the beginning of a run id, a tracker's run id, or a digest; "
    "'last' for the newest."
)
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help=RUN)]
SeparatorOption = Annotated[
    str | None, typer.Option(metavar="CHAR", help="What separates the fields of a CSV file.")
]


def new_app(**settings: Any) -> typer.Typer:
    """A typer application with the house's settings; one per command module."""
    defaults: dict[str, Any] = {
        "rich_markup_mode": None,
        "cls": Group,
        "pretty_exceptions_enable": False,
        "add_completion": False,
        "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
    }
    return Application(**(defaults | settings))


def leave(status: int) -> NoReturn:
    """End the command with that exit status."""
    raise typer.Exit(status)


def say(*lines: str, style: str = "") -> None:
    """Print lines to stdout as they are, an empty one without any; never wrapped, so that paths can
    be copied. A line break in one of them is a blank: a name that holds one cannot forge a line."""
    from rich.text import Text

    console().print(Text(_inert_lines(lines), style=style), soft_wrap=True)


def styled(*parts: tuple[str, str]) -> None:
    """Print one line made of `(text, style)` parts; the text is made inert."""
    from rich.text import Text

    line = Text.assemble(*((inert(text), style) for text, style in parts))
    line.rstrip()
    console().print(line, soft_wrap=True)


def hint(*lines: str) -> None:
    """Print what helps, but is no fact, to stderr; breaks as in `say`."""
    _to_stderr(_inert_lines(lines))


def complain(*lines: str) -> None:
    """Print what is wrong to stderr; breaks as in `say`."""
    _to_stderr(f"venturalitica: {_inert_lines(lines)}")


def _inert_lines(lines: Sequence[str]) -> str:
    return "\n".join(map(inert, lines))


def _to_stderr(text: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        console(stderr=True).print(text, soft_wrap=True)


def emit_json(facts: Any) -> None:
    """Print facts as JSON to stdout: ASCII only, so that nothing in it can act on a terminal."""
    sys.stdout.write(as_json_text(facts) + "\n")


def as_json_text(facts: Any, indent: int | None = 2) -> str:
    """As JSON, ASCII only. A text of it with `##[` would be a command to GitHub's runner."""
    text = json.dumps(facts, indent=indent, ensure_ascii=True, allow_nan=False)
    return text.replace("##[", "##\\u005b")


def emit_json_items(items: Iterable[Any]) -> None:
    """A list of facts as `emit_json` prints it, each item once it is there. What keeps the first
    from being there is raised before anything is printed."""
    begun = False
    for item in items:
        shown = as_json_text([item])
        sys.stdout.write((",\n" if begun else "[\n") + shown[2:-2])
        begun = True
    sys.stdout.write("\n]\n" if begun else "[]\n")


def picked(value: object, names: str) -> dict[str, Any]:
    """These attributes of a value as JSON, in this order; a text that is empty stays one."""
    return {name: getattr(value, name) for name in names.split()}


def or_null(facts: dict[str, Any], *names: str) -> dict[str, Any]:
    """The facts with null for each of these that is empty."""
    return facts | {name: facts[name] or None for name in names}


def delivery_facts(delivery: Delivery) -> dict[str, Any]:
    """What became of one delivery, as JSON."""
    return picked(delivery.run, "tracker run_id url") | picked(delivery, "delivered detail")


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[str | Text]],
    *,
    right: Sequence[str] = (),
    whole: Sequence[str] = (),
) -> None:
    """Print a table to stdout.

    `right` names the headings of columns that are aligned right, `whole` those that are never
    folded (identifiers that people copy).
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    plain = is_plain()
    drawn = Table(
        box=None if plain else box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2 if plain else 1, 0, 0),
        header_style="" if plain else "bold",
    )
    for heading in headings:
        drawn.add_column(
            heading.upper() if plain else heading,
            justify="right" if heading in right else "left",
            no_wrap=heading in whole,
            overflow="fold",
        )
    for row in rows:
        drawn.add_row(*(cell if isinstance(cell, Text) else Text(inert(cell)) for cell in row))
    print_lines(lines_of(drawn))


def print_lines(lines: Iterable[Text]) -> None:
    """Print lines that are drawn already to stdout."""
    screen = console()
    for line in lines:
        screen.print(line, soft_wrap=True)


def lines_of(drawn: RenderableType, width: int | None = None) -> list[Text]:
    """The lines of what rich draws, without the blanks that pad them to the full width."""
    from rich.text import Text

    lines = []
    for parts in console(width=width).render_lines(drawn, pad=False):
        line = Text.assemble(*((part.text, part.style or "") for part in parts if not part.control))
        line.rstrip()
        lines.append(line)
    return lines


@contextlib.contextmanager
def progress(label: str) -> Iterator[None]:
    """Show on a terminal's stderr that work goes on, once it has taken `PATIENCE` seconds.

    Nothing is printed on a pipe, and nothing stays on the screen.
    """
    if is_plain(sys.stderr):
        yield
        return
    status = console(stderr=True).status(_label(label))
    timer = threading.Timer(PATIENCE, status.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()


@contextlib.contextmanager
def counter(label: str) -> Iterator[Callable[[int, int], None]]:
    """As `progress`, for work that counts: yields a function to call with (done, total)."""
    if is_plain(sys.stderr):
        yield lambda done, total: None
        return
    status = console(stderr=True).status(_label(label))
    started = time.monotonic()
    shown = False

    def count(done: int, total: int) -> None:
        nonlocal shown
        if not shown and time.monotonic() - started >= PATIENCE:
            status.start()
            shown = True
        if shown:
            status.update(_label(f"{label}: {done:,} of {total:,}"))

    try:
        yield count
    finally:
        if shown:
            status.stop()


def _label(text: str) -> Text:
    """A spinner reads markup in a string whatever its console says; not in a `Text`."""
    from rich.text import Text

    return Text(inert(text))


def close_broken_pipe() -> int:
    """Let the rest of stdout go nowhere: its reader has left. The exit status a shell expects."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    return BROKEN_PIPE


YesOption = Annotated[
    bool, typer.Option("--yes", help="Do not ask; needed where nobody can answer.")
]


def agree(question: str, *, yes: bool) -> bool:
    """Whether the person at the terminal agrees to `question`; True without asking for `yes`.

    Raises:
        SettingsError: nobody can be asked, and `yes` is not given.
    """
    if yes:
        return True
    if not sys.stdin.isatty():
        raise SettingsError(f"{question} There is no terminal to answer at: give --yes to agree")
    if typer.confirm(inert(question), err=True):
        return True
    hint("Nothing was done.")
    return False


STYLES: Mapping[str, str] = {
    "green": "green",
    "amber": "yellow",
    "red": "bold red",
    "grey": "dim",
}
WORDS: Mapping[str, str] = {status: status.replace("_", " ") for status in STATUSES}


def exit_status(verdicts: Sequence[Verdict]) -> int:
    """1 where a control failed or erred; else 3 where one was not evaluated or there is none."""
    statuses = {verdict.status for verdict in verdicts}
    if statuses & {"failed", "error"}:
        return FAILED
    return PASSED if statuses == {"passed"} else NOT_EVALUATED


_LABEL = "target|prediction|score"
_WORDS: tuple[tuple[str, str], ...] = (
    (rf"pass ({_LABEL})=<column>", r"pass --\1 COLUMN"),
    (r"pass (\w+)=<column>", r"pass --role \1=COLUMN"),
    (r"phase='data'", "--phase data"),
    (rf"({_LABEL})= gives", r"--\1 gives"),
    (r"^model='([^']*)' ", r"--model \1 "),
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
