"""The groups behind a verdict: name, rows, value, and a dot plot on one common scale."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from venturalitica.core.text import WRITTEN, format_interval, format_number
from venturalitica.core.verdict import GroupValue, Verdict
from venturalitica.metrics.catalog import CATALOG
from venturalitica.reports.html.interval_chart import Scale, scale_for
from venturalitica.reports.html.markup import join, tag
from venturalitica.reports.html.parts import LONG, name, pieces

MOST_GROUPS = 24
"""More groups than this are shown by their lowest and highest; the rest are counted."""

MANY_GROUPS = 4
"""A card with more groups than this may be divided between pages of paper."""

BREAKS = "breaks the rule"
"""Beside a group for whose value a rule failed."""

_MIDDLE = 9
_ROUNDED = 0.5 * 10.0**-WRITTEN
"""How far a value in a record may lie from the one that was measured."""


def group_plot(verdict: Verdict) -> Markup | None:
    """A table with one row for each group and its dot; None where the verdict has no groups."""
    if not verdict.groups:
        return None
    shown, left_out = _chosen(verdict.groups)
    reference = reference_value(verdict)
    scale = scale_for(_numbers(shown, reference))
    rows = [_row(group, scale, reference, verdict) for group in shown]
    return tag(
        "table",
        _head(verdict, scale),
        tag("tbody", *rows),
        _foot(scale, reference, verdict, left_out),
        cls=f"vl-groups{_size(shown)}",
    )


def group_dots(verdict: Verdict) -> list[tuple[str, str, Markup]]:
    """Name, value in words and dot of each group that the table would show, on one scale."""
    shown, _ = _chosen(verdict.groups)
    reference = reference_value(verdict)
    scale, bound = scale_for(_numbers(shown, reference)), verdict.threshold
    return [
        (
            f"{group.name} (n={group.n:,})",
            _value_words(group, bound),
            _dot(group, scale, reference, bound, breaks=offends(verdict, group)),
        )
        for group in shown
    ]


def _size(groups: Sequence[GroupValue]) -> str:
    """The classes of a table that needs the whole width, or may be divided between pages."""
    wide = any(len(piece) > LONG for group in groups for piece in pieces(group.name))
    return (" vl-wide" if wide else "") + (" vl-many" if len(groups) > MANY_GROUPS else "")


def reference_value(verdict: Verdict) -> float | None:
    """The value below which a group breaks the rule, where the rule has such a line.

    For a ratio `>= 0.80` it is 0.80 of the highest group; for a difference `<= 0.10` the highest
    group less 0.10; for the lowest or highest group the threshold itself. It is given only where
    the groups' values really make up the verdict's value that way, as far as a record, which
    rounds both, can tell.
    """
    values = [group.value for group in verdict.groups if group.value is not None]
    if len(values) < 2 or verdict.value is None or verdict.threshold is None:
        return None
    low, high = min(values), max(values)
    off = max(_ROUNDED, verdict.step / 2)
    way = verdict.compare or verdict.metric.rpartition("_")[2]
    if way == "ratio" and high and abs(verdict.value * high - low) <= off * (1 + high):
        return high * verdict.threshold
    if way == "difference" and _same(verdict.value, high - low, 3 * off):
        return high - verdict.threshold
    if (way == "min" and _same(verdict.value, low, 2 * off)) or (
        way == "max" and _same(verdict.value, high, 2 * off)
    ):
        return verdict.threshold
    return None


def allowed_side(verdict: Verdict) -> tuple[float, bool] | None:
    """The reference value, and whether the rule allows a group what lies above it or below.

    None where no group breaks the rule by itself: a ratio that must be low, say.
    """
    limit, way = reference_value(verdict), verdict.compare or verdict.metric.rpartition("_")[2]
    least, most = verdict.operator in (">=", ">"), verdict.operator in ("<=", "<")
    if limit is None:
        return None
    if (way in ("ratio", "min") and least) or (way == "difference" and most):
        return limit, True
    return (limit, False) if way == "max" and most else None


def offends(verdict: Verdict, group: GroupValue) -> bool:
    """Whether the rule failed, and this group's value is on the side that it does not allow."""
    side = allowed_side(verdict)
    if side is None or group.value is None or verdict.status != "failed":
        return False
    limit, above = side
    beyond = group.value < limit if above else group.value > limit
    return beyond and not _same(group.value, limit)


def _same(one: float, other: float, off: float = 1e-12) -> bool:
    return math.isclose(one, other, rel_tol=1e-9, abs_tol=off)


def _chosen(groups: Sequence[GroupValue]) -> tuple[list[GroupValue], int]:
    if len(groups) <= MOST_GROUPS:
        return list(groups), 0
    ranked = sorted(range(len(groups)), key=lambda at: _rank(groups[at]))
    half = MOST_GROUPS // 2
    kept = sorted(ranked[:half] + ranked[-half:])
    return [groups[at] for at in kept], len(groups) - len(kept)


def _rank(group: GroupValue) -> float:
    return -math.inf if group.value is None else group.value


def _numbers(groups: Sequence[GroupValue], reference: float | None) -> list[float | None]:
    ends = [end for group in groups for end in (group.interval or ())]
    return [*(group.value for group in groups), *ends, reference]


def _head(verdict: Verdict, scale: Scale) -> Markup:
    known = CATALOG.get(verdict.metric)
    group = name(" × ".join(verdict.across) or ("Column" if known and known.drift else "Group"))
    return tag(
        "thead",
        tag(
            "tr",
            tag("th", group, scope="col"),
            tag("th", "n", scope="col", cls="vl-num"),
            tag("th", "Value", scope="col", cls="vl-num"),
            tag(
                "th",
                tag("span", f"{scale.low:,g}"),
                tag("span", f"{scale.high:,g}"),
                cls="vl-ends",
                aria_hidden="true",
            ),
        ),
    )


def _row(group: GroupValue, scale: Scale, reference: float | None, verdict: Verdict) -> Markup:
    bound, breaks = verdict.threshold, offends(verdict, group)
    small = tag("small", "few rows", cls="vl-few") if not group.supported else None
    beyond = tag("small", BREAKS, cls="vl-few vl-is-red") if breaks else None
    return tag(
        "tr",
        tag("th", name(group.name), small, beyond, scope="row"),
        tag("td", f"{group.n:,}", cls="vl-num"),
        tag("td", _value_words(group, bound), cls="vl-num"),
        tag("td", _dot(group, scale, reference, bound, breaks=breaks), cls="vl-plot"),
        cls=None if group.supported else "vl-unsupported",
    )


def _value_words(group: GroupValue, bound: float | None) -> str:
    return "undefined" if group.value is None else format_number(group.value, beside=bound)


def _dot(
    group: GroupValue, scale: Scale, reference: float | None, bound: float | None, *, breaks: bool
) -> Markup:
    line = tag("line", x1="0%", x2="100%", y1=_MIDDLE, y2=_MIDDLE, cls="vl-axis")
    interval = dot = mark = None
    if reference is not None:
        at = scale.percent(reference)
        mark = tag("line", x1=at, x2=at, y1=0, y2=18, cls="vl-reference")
    if group.interval is not None:
        low, high = (scale.percent(end) for end in group.interval)
        interval = tag("line", x1=low, x2=high, y1=_MIDDLE, y2=_MIDDLE, cls="vl-interval")
    if group.value is not None:
        dot = tag(
            "circle",
            cx=scale.percent(group.value),
            cy=_MIDDLE,
            r=4,
            cls=f"vl-dot{' vl-is-red' if breaks else ''}",
        )
    return tag(
        "svg",
        line,
        mark,
        interval,
        dot,
        width="100%",
        height=18,
        cls="vl-dots",
        role="img",
        aria_label=_dot_label(group, bound) + (f", {BREAKS}" if breaks else ""),
    )


def _dot_label(group: GroupValue, bound: float | None) -> str:
    said = f"{group.name}: {_value_words(group, bound)}"
    interval = format_interval(group.interval, beside=bound)
    return said + (f", interval {interval}" if interval else "")


def _foot(scale: Scale, reference: float | None, verdict: Verdict, left_out: int) -> Markup | None:
    said = []
    if reference is not None:
        said.append(
            f"Dashed line: {format_number(reference)}, the least that the rule allows beside "
            "the highest group."
            if verdict.compare not in ("min", "max")
            else f"Dashed line: the threshold, {format_number(reference)}."
        )
    if left_out:
        said.append(f"{left_out:,} groups between the lowest and the highest are not drawn.")
    if not said:
        return None
    cell = tag("td", join([" ".join(said)]), colspan=4)
    return tag("tfoot", tag("tr", cell))
