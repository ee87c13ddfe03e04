"""Charts over time: the controls of a pipeline in its last runs, or one of them and its groups."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from markupsafe import Markup
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import GroupValue
from venturalitica.ledger.index.pipelines import Pipeline
from venturalitica.reports.html.history_chart import (
    HistoryPoint,
    history_chart,
    history_label,
    history_scale,
)
from venturalitica.ui.control_history import Found, History, every_pipeline, find, read
from venturalitica.ui.pages.downloads import SVG, chart_name
from venturalitica.ui.templating import addresses_of, render

if TYPE_CHECKING:
    from venturalitica.ui.reader import Desk

MOST_PIPELINES, MOST_CONTROLS, MOST_GROUPS = 300, 40, 12

Url = Callable[..., str]


class Panel(Struct, frozen=True):
    """One drawing: of a control, or of a group."""

    name: str
    title: str
    drawing: Markup | None
    label: str


class Line(Struct, frozen=True):
    """One run in the table: what the marks say."""

    found: Found
    value: str
    interval: str
    must: str
    groups: tuple[str, ...]


class TrendsContext(Struct, frozen=True, kw_only=True):
    """What the page shows: a list of `pipelines` to choose from, or the `history` of one of them
    with a panel for each control, or `control` with a panel for each group.

    `more` is how many panels are not drawn; `groups` name those that are; `gone` says that a
    control was asked for which the last runs did not judge.
    """

    pipelines: tuple[Pipeline, ...] = ()
    history: History | None = None
    control: str = ""
    title: str = ""
    main: Panel | None = None
    panels: tuple[Panel, ...] = ()
    more: int = 0
    gone: bool = False
    groups: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()

    def address(self, of: Pipeline, control: str | None = None) -> dict[str, object]:
        """The parameters of a pipeline's charts, or of one control of it."""
        return address(of, control)


def address(of: Pipeline, control: str | None = None) -> dict[str, object]:
    """The parameters of a pipeline's charts, or of one control of it."""
    return {"policy": of.policy, "name": of.name, "experiment": of.experiment, "control": control}


def page(request: Request) -> Response:
    """Answer `/trends?policy=…&name=…&experiment=…&control=…`; without a policy, what there is."""
    asked = request.query_params
    desk: Desk = request.app.state.desk
    url: Url = addresses_of(request).url
    with desk.reading() as reading:
        if "policy" not in asked:
            found = every_pipeline(reading)
            more = max(0, len(found) - MOST_PIPELINES)
            context = TrendsContext(pipelines=found[:MOST_PIPELINES], more=more)
            return render(request, "trends.html", context)
        policy, name = asked["policy"], asked.get("name", "")
        fitting = find(reading, policy, name, asked.get("experiment"))
        if not fitting:
            raise HTTPException(404, "No run of this policy and this name is on record.")
        if len(fitting) > 1:
            return render(request, "trends.html", TrendsContext(pipelines=fitting))
        history = read(reading, fitting[0])
        control = asked.get("control")
        if control is None or control not in history.controls:
            return render(request, "trends.html", of_pipeline(history, gone=control is not None))
        return render(request, "trends.html", of_control(history, control, url))


def chart(request: Request) -> Response:
    """One of the page's drawings as a file: of a control, or with `group` of one of its groups."""
    from venturalitica.reports.html.chart_file import history_svg

    asked = request.query_params
    control, group = asked.get("control", ""), asked.get("group")
    desk: Desk = request.app.state.desk
    with desk.reading() as reading:
        fitting = find(
            reading, asked.get("policy", ""), asked.get("name", ""), asked.get("experiment")
        )
        history = read(reading, fitting[0]) if len(fitting) == 1 else None
    found = history.of_control(control) if history and control in history.controls else []
    lines = _group_lines(found, lambda one: "") if found and group is not None else {}
    if history is None or not found or (group is not None and group not in lines):
        raise HTTPException(404, "No run on record has such a chart.")
    points = [one.point() for one in found] if group is None else lines[group]
    scale = None if group is None else history_scale([one for of in lines.values() for one in of])
    title = history.title(control) or control
    heading = title if group is None else f"{title}: {group}"
    of = history.of
    ends = f"entries {history.rows[0].index} to {history.rows[-1].index}"
    source = f"{of.policy} × {of.name or 'unnamed'}, {control}, {ends}"
    label = history_label(control if group is None else group, points)
    drawn = history_svg(points, heading, label, source, scale=scale) or ""
    name = chart_name("over-time", control if group is None else f"{control}-{group}")
    headers = {"content-type": SVG, "content-disposition": f'attachment; filename="{name}"'}
    return Response(drawn.encode(), headers=headers)


def of_pipeline(history: History, *, gone: bool = False) -> TrendsContext:
    """A small panel for each control, as the newest policy orders them; `gone` as on the page."""
    shown = history.controls[:MOST_CONTROLS]
    return TrendsContext(
        history=history,
        gone=gone,
        panels=tuple(
            _panel(name, history.title(name), [one.point() for one in history.of_control(name)])
            for name in shown
        ),
        more=len(history.controls) - len(shown),
    )


def of_control(history: History, control: str, url: Url) -> TrendsContext:
    """The control, each of its groups on one scale, and all of it as a table."""
    found = history.of_control(control)
    named, more = _groups(found)
    title = history.title(control)

    def place(one: Found) -> str:
        return url("run", entry=one.row.index)

    points = [one.point(place(one)) for one in found]
    lines = _group_lines(found, place)
    scale = history_scale([point for line in lines.values() for point in line])
    label = history_label(title or control, points)
    return TrendsContext(
        history=history,
        control=control,
        title=title,
        main=Panel(control, title, history_chart(points, label), label),
        panels=tuple(
            Panel(
                name,
                "",
                history_chart(line, history_label(name, line), scale=scale),
                history_label(name, line),
            )
            for name, line in lines.items()
        ),
        more=more,
        groups=named,
        lines=tuple(_line(one, named) for one in reversed(found)),
    )


def _panel(name: str, title: str, points: Sequence[HistoryPoint]) -> Panel:
    label = history_label(title or name, points)
    return Panel(name, title, history_chart(points, label, links=False), label)


def _groups(found: Sequence[Found]) -> tuple[tuple[str, ...], int]:
    """The groups of all these runs, newest first; of many, the lowest and the highest as they were
    last seen. And how many are not drawn."""
    last: dict[str, GroupValue] = {}
    for one in reversed(found):
        if one.proven and one.verdict is not None:
            for group in one.verdict.groups:
                last.setdefault(group.name, group)
    if len(last) <= MOST_GROUPS:
        return tuple(last), 0
    ranked = sorted(last, key=lambda name: _rank(last[name]))
    half = MOST_GROUPS // 2
    kept = {*ranked[:half], *ranked[-half:]}
    return tuple(name for name in last if name in kept), len(last) - len(kept)


def _group_lines(
    found: Sequence[Found], place: Callable[[Found], str]
) -> dict[str, list[HistoryPoint]]:
    """Each group that is drawn, in every run; `place` says where a run's mark leads."""
    return {
        name: [one.group_point(name, place(one)) for one in found] for name in _groups(found)[0]
    }


def _rank(group: GroupValue) -> tuple[bool, float]:
    return group.value is not None, group.value or 0.0


def _line(found: Found, groups: Sequence[str]) -> Line:
    verdict = found.verdict if found.proven else None
    if verdict is None:
        return Line(found, "", "", "", ("",) * len(groups))
    beside = verdict.threshold
    return Line(
        found,
        "" if verdict.value is None else format_number(verdict.value, beside=beside),
        format_interval(verdict.interval, beside=beside),
        verdict.must,
        tuple(_group_words(found.group(name), beside) for name in groups),
    )


def _group_words(group: GroupValue | None, beside: float | None) -> str:
    if group is None:
        return ""
    return "undefined" if group.value is None else format_number(group.value, beside=beside)
