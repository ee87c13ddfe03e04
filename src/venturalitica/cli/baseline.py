"""`venturalitica baseline`: write the distributions of a training set, for controls on drift."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from venturalitica.cli.output import (
    JsonOption,
    SeparatorOption,
    emit_json,
    hint,
    in_options,
    new_app,
    progress,
    say,
    table,
)
from venturalitica.errors import BindingError, SettingsError

app = new_app()


@app.command()
def baseline(
    files: Annotated[
        list[str],
        typer.Argument(metavar="FILE", help="Data files or globs: CSV, Parquet, Arrow."),
    ],
    output: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="The baseline to write.")
    ] = Path("baseline.json"),
    policy: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="How roles are read; by default the project's own."),
    ] = None,
    role: Annotated[
        list[str] | None,
        typer.Option(metavar="ROLE=COLUMN", help="Column of a role, target too; repeatable."),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Only this column; repeatable. All by default."),
    ] = None,
    separator: SeparatorOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write the distributions of a training set: no rows, and no count of fewer than min_cell.

    Numbers are cut at their deciles, and the cut points stand in the file: whatever is compared
    with it later is counted on the same grid. The file is signed with the project's key.

    \b
    Examples:
      venturalitica baseline train.csv
      venturalitica baseline 'data/2026-*.parquet' --role gender=sex --out model/baseline.json
    """
    from venturalitica.audit.baseline import make_baseline
    from venturalitica.audit.project import resolve_policy
    from venturalitica.cli.reading.csv_types import compared
    from venturalitica.cli.reading.data_files import find_files, judged_table, read_table
    from venturalitica.cli.reading.engine import errors_as_ours
    from venturalitica.cli.reading.places import data_name
    from venturalitica.core.drift import FILE_ENDING
    from venturalitica.system.settings import find_policy

    if output.suffix != FILE_ENDING:
        raise SettingsError(f"--out {output}: expected a name that ends with {FILE_ENDING}")
    if output.exists() and not force:
        raise SettingsError(f"{output} exists and is kept; --force overwrites it")
    bindings = _bindings(role or [])
    with in_options():
        rules = resolve_policy(policy) if policy is not None or find_policy() else None
        found = find_files(files)
    with progress("counting"):
        together = compared(rules, bindings) if rules else ()
        columns = read_table(found, separator=separator, together=together)
        given = judged_table(columns, found, together, column or list(columns))
        with errors_as_ours():
            made, data = make_baseline(
                given, name=data_name(found), policy=rules, bindings=bindings, columns=column or ()
            )
    output.write_bytes(data)
    if as_json:
        emit_json(
            {
                "file": str(output),
                "name": made.name,
                "rows": made.rows,
                "key": made.signers[0],
                "distributions": [
                    {"name": one.name, "role": one.role, "cells": len(one.counts)}
                    for one in made.distributions
                ],
                "left_out": dict(made.left_out),
            }
        )
        return
    rows = [
        [one.name, "role" if one.role else "column", "grid" if one.cuts else "levels",
         str(len(one.counts) - (not one.cuts and not one.counts[-1]))]
        for one in made.distributions
    ]  # fmt: skip
    table(("name", "of a", "by", "cells"), rows, right=("cells",))
    for name, why in made.left_out.items():
        hint(f"left out: {name}: {why}")
    say(f"wrote {output}: {made.rows:,} rows, signed by key {made.signers[0][:16]}")


def _bindings(roles: list[str]) -> dict[str, str]:
    bound: dict[str, str] = {}
    for text in roles:
        name, equals, column = (part.strip() for part in text.partition("="))
        if not equals or not name or not column:
            raise BindingError(f"--role {text!r}: expected ROLE=COLUMN, as in --role gender=sex")
        bound[name] = column
    return bound
