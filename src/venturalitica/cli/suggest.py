"""What was meant by a command that there is not: the nearest one, in whatever group it is."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from typer.core import TyperGroup

from venturalitica.cli.commands import COMMANDS
from venturalitica.errors import nearest


class Group(TyperGroup):
    """A command with commands of its own, e.g. `policy`; a wrong one is answered across groups."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        known = self.list_commands(ctx)
        if name not in known and not name.startswith("-") and not ctx.resilient_parsing:
            group = str(self.name or ctx.info_name)
            hint = meant(name, group) or f"; it has {', '.join(known)}"
            ctx.fail(f"there is no command '{group} {name}'{hint}")
        return super().resolve_command(ctx, args)


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
