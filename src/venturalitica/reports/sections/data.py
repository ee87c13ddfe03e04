"""The data behind the verdicts: digests of what was read, and what each role was bound to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from venturalitica.reports.context import Json, ReportContext, mappings, text
from venturalitica.reports.markup import Markup, join, tag
from venturalitica.reports.parts.facts import count, digest, facts, folded, table


def data(context: ReportContext) -> list[Markup | None]:
    """What was read, and the roles; what was not recorded is said."""
    if not context.data and not context.axes:
        return [tag("p", "No data were recorded.")]
    return [*(_data_set(item) for item in context.data), _roles(context)]


def _data_set(item: Json) -> Markup:
    rows, size = item.get("rows"), item.get("size")
    columns = mappings(item.get("columns"))
    return join(
        (
            facts(
                [
                    ("Name", text(item.get("name"))),
                    ("Used as", text(item.get("context"))),
                    ("Rows", count(rows) if rows is not None else None),
                    ("Bytes", count(size) if size is not None else None),
                    (
                        "Trained on",
                        _trained_words(item) if item.get("context") == "audit" else None,
                    ),
                    ("Digest made by", _method_words(item)),
                    ("SHA-256", digest(item.get("sha256"))),
                ]
            ),
            folded(f"{len(columns)} columns", _columns(columns)) if columns else None,
        )
    )


def _trained_words(item: Json) -> str:
    words = {True: "yes, rows of the training are among these", False: "no, another set of rows"}
    found = item.get("training_rows")
    return words[found] if isinstance(found, bool) else "not known"


def _method_words(item: Json) -> str:
    method, engine = text(item.get("method")), text(item.get("engine"))
    return f"{method} on {engine}" if method and engine else method


def _columns(columns: tuple[Mapping[str, Any], ...]) -> Markup:
    rows = [
        (
            tag("bdi", text(column.get("name"))),
            text(column.get("type")),
            count(column.get("nulls")),
            digest(column.get("sha256")),
        )
        for column in columns
    ]
    return table(("Column", "Type", "Nulls", "SHA-256"), rows)


def _roles(context: ReportContext) -> Markup | None:
    """What each role was bound to, and what was seen in it."""
    axes = {text(axis.get("role")): axis for axis in context.axes}
    names = list(dict.fromkeys([*axes, *map(text, context.bindings)]))
    if not names:
        return None
    rows = [_role(name, axes.get(name, {}), context.bindings) for name in names]
    return join((tag("h3", "Roles"), table(("Role", "Column", "Values", "Nulls", "Note"), rows)))


def _role(name: str, axis: Json, bindings: Json) -> tuple[object, ...]:
    levels = axis.get("levels")
    known = [text(level) for level in levels] if isinstance(levels, list | tuple) else []
    shown = ", ".join(known[:8]) + (f" and {len(known) - 8:,} more" if len(known) > 8 else "")
    column = text(axis.get("column")) or text(bindings.get(name))
    return (
        tag("bdi", name),
        tag("bdi", column),
        tag("bdi", shown or "–"),
        count(axis.get("nulls")) or "–",
        tag("span", text(axis.get("note")), dir="auto"),
    )
