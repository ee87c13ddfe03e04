"""What no rule looked at: as far as a record says so, and what it does not say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct

from venturalitica.core.json_values import Json, integer, mapping, text, texts
from venturalitica.core.policy import WEIGHT, Policy
from venturalitica.core.verdict import Verdict
from venturalitica.errors import PolicyError
from venturalitica.metrics.catalog import needs
from venturalitica.policy import parse_policy
from venturalitica.reports.context import ReportContext

MOST = 100
"""Names that are told of one kind."""


class Unread(Struct, frozen=True):
    """Things of one kind that no rule looked at: `2 roles`, their names, how many more, and why."""

    what: str
    names: tuple[str, ...]
    besides: int = 0
    why: str = ""

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.names) + self.besides


class UnreadShown(Struct, frozen=True):
    """All of it, and in sentences what the record does not say."""

    found: tuple[Unread, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """`18 columns, 1 role`."""
        said = [f"{one.count:,} {one.what}{'' if one.count == 1 else 's'}" for one in self.found]
        return ", ".join(said) or "nothing that the record names"


def unread(report: ReportContext) -> UnreadShown:
    """What of an audit's or a run's record no rule looked at."""
    policy, why = _policy_of(report)
    found = [*_columns(report), *_of_policy(report, policy), *_values(report), *_files(report)]
    return UnreadShown(tuple(one for one in found if one.count), tuple(_unknown(report, why)))


def _policy_of(report: ReportContext) -> tuple[Policy | None, str]:
    """The policy of a record's own bytes, or why it cannot be read."""
    if report.policy is None or report.policy.data is None or report.kind != "audit":
        return None, ""
    try:
        return parse_policy(report.policy.data, check_metrics=False), ""
    except PolicyError:
        return None, "Which roles the rules read is not known: this policy cannot be read here."


def _audited(report: ReportContext) -> Iterator[Json]:
    return (item for item in report.data if item.get("context") == "audit")


def _columns(report: ReportContext) -> Iterator[Unread]:
    for item in _audited(report):
        names = texts(item.get("other_columns"))
        besides = max(0, integer(item.get("other_columns_besides")) or 0)
        yield _names("column", names, besides, "in the data, and read by no rule")


def _of_policy(report: ReportContext, policy: Policy | None) -> Iterator[Unread]:
    """Roles that are bound and that no control that was judged reads; groups in no verdict."""
    left_out = texts(report.judging.get("left_out"))
    yield _names("control", left_out, 0, "in the policy, and not asked for")
    if policy is None:
        return
    judged = {verdict.control for verdict in report.verdicts}
    controls = [control for control in policy.controls if control.id in judged]
    read = {role for need in needs(controls) for role in need.roles} | {WEIGHT}
    bound = dict.fromkeys([*map(text, report.bindings), *_axes(report)])
    why = "bound to a column, and read by no rule that was judged"
    yield _names("role", [role for role in bound if role not in read], 0, why)


def _axes(report: ReportContext) -> list[str]:
    return [text(axis.get("role")) for axis in report.axes]


def _values(report: ReportContext) -> Iterator[Unread]:
    for axis in report.axes:
        role = text(axis.get("role"))
        unmapped = [text(value) for value in mapping(axis.get("unmapped"))]
        yield _names("value", unmapped, 0, f"of {role}, in no group of the policy's map")
        groups = _judged_groups(report.verdicts, role)
        if groups:
            levels = [str(level) for level in axis.get("levels") or () if _is_level(level)]
            left = [level for level in levels if level not in groups]
            yield _names("group", left, 0, f"of {role}, in no verdict")


def _is_level(level: object) -> bool:
    return isinstance(level, str | int | float)


def _judged_groups(verdicts: Sequence[Verdict], role: str) -> set[str]:
    """The groups of a role that verdicts across it alone tell of; none where there are none."""
    return {group.name for one in verdicts if one.across == (role,) for group in one.groups}


def _files(report: ReportContext) -> Iterator[Unread]:
    for context in ("input", "output"):
        names = [text(item.get("name")) for item in report.data if item.get("context") == context]
        yield _names(context, names, 0, "recorded by digest, and read by no rule")


def _names(what: str, names: Sequence[str], besides: int, why: str) -> Unread:
    return Unread(what, tuple(names[:MOST]), besides + len(names[MOST:]), why)


def _unknown(report: ReportContext, why: str) -> Iterator[str]:
    if why:
        yield why
    if any("other_columns" not in item for item in _audited(report)):
        yield "Which other columns the data have is not known: the record names none."
    if report.trackers:
        yield "Which metrics a tracker has besides, and nobody judged, is not in the record."
