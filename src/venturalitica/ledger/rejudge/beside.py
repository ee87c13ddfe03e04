"""What a record says beside its verdicts, held against how it was judged and what was counted."""

from __future__ import annotations

from venturalitica.core.circumstances import Circumstances, intervals_said
from venturalitica.core.json_values import Json, mapping, mappings
from venturalitica.core.policy import Policy
from venturalitica.core.record import Statement
from venturalitica.ledger.rejudge.controls import need
from venturalitica.metrics.catalog import sharing_error


def check_rows(record: Statement, asked: Circumstances) -> None:
    """What it says of the rows must count in the judgement, and be of those that were counted."""
    need(asked.rules >= 2, "it says how it judged, which nobody did under rules 1")
    clear = asked.training_share.clear if asked.training_share else None
    trained = clear is True
    counted = record.rows
    for item in record.data:
        if item.get("context") != "audit":
            continue
        said = item.get("training_rows") is True
        need(said <= trained, "it says that rows were trained on, and judged as if not")
        need(trained <= said, "it judged rows as trained on, and says elsewhere that they are not")
        same = record.format == 1 or item.get("training_rows") is clear
        need(same, "whether rows were trained on it says otherwise than the share it judged by")
        rows = item.get("rows")
        same = None in (rows, counted) or rows == counted
        need(same, f"its data has {rows} rows, and its counts are of {counted}")
        if record.format != 1:
            _check_columns(record, item)


def _check_columns(record: Statement, item: Json) -> None:
    """Roles, axes and data must name the same columns, and miss as many values of them."""
    columns = {column.get("name"): column for column in mappings(item.get("columns"))}
    for axis in record.axes:
        role, name = axis.get("role"), axis.get("column")
        shown = str(role)[:80]
        bound = record.bindings.get(str(role))
        need(bound == name, f"it binds role {shown!r} to another column than it counted")
        beside = f"{role} (array)"
        column = columns.get(beside if name == role and beside in columns else name)
        need(not columns or column is not None, f"the column of role {shown!r} is not in its data")
        nulls = mapping(column).get("nulls")
        same = None in (nulls, axis.get("nulls")) or nulls == axis["nulls"]
        need(same, f"its data miss other values of role {shown!r} than its counts")


def check_intervals(record: Statement, policy: Policy, asked: Circumstances) -> None:
    """What it says of its intervals must be what their method does, and their policy asks; format 1
    may say nothing."""
    said, made = record.intervals, None
    if record.verdict_items:
        made = intervals_said(asked, level=policy.level, among=sharing_error(policy))
    need(
        said == made or (said is None and record.format == 1),
        "it says of its intervals what their method does not do",
    )


def check_term(record: Statement, policy: Policy) -> None:
    """It must be kept as its policy asks, where that does."""
    said = mapping(record.retention).get("class")
    same = record.format == 1 or policy.retention in ("", said)
    need(same, f"it is kept for {str(said)[:80]!r}, and its policy asks for {policy.retention!r}")
