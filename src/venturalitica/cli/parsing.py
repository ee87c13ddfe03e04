"""How every command reads its arguments and names them in its help; what a wrong one meant.

An option that takes one value is refused where it is given twice: Click obeys the last and forgets
the others, so that `check --policy strict.yaml --policy lax.yaml` would never read the strict one.
"""

from __future__ import annotations

import difflib
import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from venturalitica.cli.commands import COMMANDS
from venturalitica.errors import nearest


class Once:
    """A command whose single-valued options are given once; mixed into a command or a group."""

    def make_parser(self, ctx: Any) -> Any:
        parser = super().make_parser(ctx)  # type: ignore[misc]
        for option in {*parser._short_opt.values(), *parser._long_opt.values()}:
            if option.action in ("store", "store_const") and not ctx.resilient_parsing:
                option.process = _once(ctx, option)
        return parser

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments by their metavar alone; Typer adds the Python type (`FILE <list[str]>`)."""
        parameters: list[Any] = self.get_params(ctx)  # type: ignore[attr-defined]
        for kind, title in (("argument", "Arguments"), ("option", "Options")):
            found = [p for p in parameters if p.param_type_name == kind]
            rows = [_row(p, ctx) for p in found if not getattr(p, "hidden", False)]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


class Command(Once, TyperCommand):
    """A command that refuses an option given twice, and shows its arguments without types."""


class Group(Once, TyperGroup):
    """A group of ours: commands after options; a wrong command is answered across groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            group = str(self.name or ctx.info_name)
            hint = meant(name, group) or f"; it has {', '.join(known)}"
            ctx.fail(f"there is no command '{group} {name}'{hint}")
        return super().resolve_command(ctx, args)


class Application(typer.Typer):
    """A typer application whose commands are `Command`s."""

    def command(self, name: str | None = None, *, cls: Any = None, **settings: Any) -> Any:
        return super().command(name, cls=cls or Command, **settings)


def _once(ctx: Any, option: Any) -> Any:
    """The option's `process`, which refuses a second value; a flag may be repeated as it is."""
    store, name = option.process, option.obj.opts[0]
    flag = option.action == "store_const"

    def process(value: Any, state: Any) -> None:
        if option.dest in state.opts:
            before, now = state.opts[option.dest], option.const if flag else value
            if not flag:
                ctx.fail(f"{name} is given twice: {_both(option, before, value)}; give it once")
            if before != now:
                ctx.fail(f"{'/'.join(_spellings(option))} are both given; they exclude each other")
        store(value, state)

    return process


def _spellings(option: Any) -> list[str]:
    return [*option.obj.opts, *option.obj.secondary_opts]


def _both(option: Any, before: Any, now: Any) -> str:
    """Both values, unless they may be secret: what CI prints is kept and read by many."""
    from venturalitica.core.secret_names import is_secret_name

    if is_secret_name(option.obj.opts[0].lstrip("-")) and option.obj.metavar != "FILE":
        return "two values, not shown here"
    return f"{before!r} and {now!r}"


def _row(parameter: Any, ctx: Any) -> tuple[str, str]:
    name, text = parameter.get_help_record(ctx)
    if parameter.param_type_name == "argument":
        name = parameter.metavar or parameter.name.upper()
    return name, text


def meant(name: str, group: str = "") -> str:
    """`"; did you mean 'policy lint'?"` for a command that there is not; empty if none is close.

    In a group a command of just that name elsewhere comes first, then one spelt alike in it.
    """
    lines = _lines()
    same = [line for line in lines if line.split()[-1] == name.casefold()]
    own = {line.split()[-1]: line for line in lines if line.startswith(f"{group} ")}
    close = nearest(name, own)
    if group and (same or close):
        return f"; did you mean {_either(same or [own[str(close)]])}?"
    # Nearer than within a group: there are many names, and `gate` is no `rotate`.
    inner = _closest(name, [line.split()[-1] for line in lines if " " in line], cutoff=0.7)
    outer = _closest(name, [command.name for command in COMMANDS], cutoff=0.8 if inner else 0.6)
    found = [line for line in lines if line == outer or (inner and line.endswith(f" {inner}"))]
    return f"; did you mean {_either(found)}?" if found else ""


def _closest(name: str, known: list[str], *, cutoff: float) -> str:
    return next(iter(difflib.get_close_matches(name.casefold(), known, n=1, cutoff=cutoff)), "")


def _lines() -> list[str]:
    """Every command as it is typed. Their modules are imported: only who mistypes waits for it."""
    lines = [command.name for command in COMMANDS]
    for command in COMMANDS:
        app = importlib.import_module(f"venturalitica.cli.{command.module}").app
        if len(app.registered_commands) > 1:
            names = [one.name or one.callback.__name__ for one in app.registered_commands]
            lines += [f"{command.name} {name.replace('_', '-')}" for name in names]
    return lines


def _either(lines: list[str]) -> str:
    quoted = [f"'{line}'" for line in lines]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
