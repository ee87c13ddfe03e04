"""The form of a policy file, as pydantic models, as a JSON Schema (2020-12), and as a `Policy`.

These models say what each key holds. What keys mean together (a comparison needs groups, a bound
lies in the metric's range) is `validate_meaning`; the words of an error are `validate_shape`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema
from pydantic.fields import FieldInfo

from venturalitica.core.policy import Control, Policy, Role, SmallGroups
from venturalitica.metrics.catalog import CATALOG
from venturalitica.metrics.catalog.against import EXPECTED_AGAINST, against_fault
from venturalitica.policy.fields import (
    ABSENT,
    EXPECTED_MUST,
    GROUP_NAME_SCHEMA,
    PATTERN,
    ROLES_SCHEMA,
    ROLES_WORDS,
    ColumnName,
    Expected,
    LabelValue,
    Name,
    Prose,
    RoleName,
    Roles,
    as_threshold,
    ascending,
    different,
    distinct,
    finite,
    without_fault,
)
from venturalitica.policy.head import (
    ApprovalsKey,
    DisclosureForm,
    DisclosureKey,
    Form,
    IntervalsForm,
    IntervalsKey,
    RetentionKey,
    SmallGroupsForm,
    SmallGroupsKey,
)
from venturalitica.policy.tree import MAX_CONTROLS, MAX_GROUPS, MAX_ROLES, MapNode, follow

SCHEMA_ID = "urn:venturalitica:policy:v1"


_Rows = Annotated[int, Field(ge=1, le=10**9), Expected("a whole number of rows, 1 or more")]
_Nulls = Annotated[Literal["refuse", "drop"], Expected("'refuse' or 'drop'")]


def keys_of(form: type[BaseModel]) -> dict[str, FieldInfo]:
    """The keys of a part of a policy, as they are written."""
    return {field.alias or name: field for name, field in form.model_fields.items()}


class RoleForm(Form):
    """How the values of one role are read."""

    model_config = ConfigDict(
        title="Role",
        json_schema_extra={
            "not": {
                "anyOf": [
                    {"required": ["map", "bins"]},
                    {"required": ["map", "labels"]},
                    {"required": ["bins", "labels"]},
                    {"required": ["as", "map"]},
                    {"required": ["as", "labels"]},
                    {"required": ["as", "bins"]},
                ]
            }
        },
    )

    favorable: Annotated[LabelValue, Expected("one label of the data, such as 1 or good")] = Field(
        default=None,
        description="The label that is good for the person; of the role target only. It must be "
        "said when labels are not 0/1 or booleans.",
        examples=[1, "good", True],
    )
    map: Annotated[
        dict[LabelValue, Name],
        Field(min_length=1, max_length=MAX_GROUPS),
        Expected("values and the groups they belong to, such as {A91: male, A92: female}"),
        WithJsonSchema(
            {
                "type": "object",
                "minProperties": 1,
                "maxProperties": MAX_GROUPS,
                "additionalProperties": GROUP_NAME_SCHEMA,
            }
        ),
    ] = Field(
        default_factory=dict,
        description="Group names by value of the data; of target and prediction, label names. A "
        "value without an entry belongs to no group and makes the control not_evaluated, unless "
        "nulls are dropped.",
        examples=[{"A91": "male", "A92": "female"}],
    )
    labels: Annotated[
        list[LabelValue],
        Field(min_length=1, max_length=MAX_GROUPS),
        AfterValidator(different),
        Expected("a list of all values that the data may hold, such as [good, bad]"),
    ] = Field(
        default_factory=list,
        description="All values that the data may hold: any other is refused, and the controls of "
        "the role are errors. Those of target hold for prediction too, unless it has its own.",
        examples=[[1, 2], ["good", "bad"]],
        json_schema_extra={"uniqueItems": True},
    )
    bins: Annotated[
        list[Annotated[float, AfterValidator(finite), Expected("a finite number")]],
        Field(min_length=1, max_length=MAX_GROUPS),
        AfterValidator(ascending),
        Expected("a list of ascending cut points, such as [25, 60]"),
    ] = Field(
        default_factory=list,
        description="Ascending cut points b1 < b2 < ... of a number: the groups are below b1, from "
        "b1 to below b2, ..., bk and above.",
        examples=[[25, 60]],
    )
    as_: Annotated[Literal["text"], Expected("'text'")] = Field(
        default=ABSENT,
        alias="as",
        description="`text`: numbers are codes (zip codes, say), each a group of its own, however "
        "many there are; more than 20 are otherwise cut at their quartiles.",
        examples=["text"],
    )
    column: Annotated[ColumnName, Expected("the name of a column as text")] = Field(
        default="",
        description="The column that the role is bound to unless the call binds another one.",
        examples=["Attribute9"],
    )


class ControlForm(Form):
    """One rule: a metric, perhaps compared across groups, against a threshold."""

    model_config = ConfigDict(
        title="Control",
        json_schema_extra={"dependentRequired": {"compare": ["across"], "groups": ["compare"]}},
    )

    id: Annotated[Name, Expected("the control's id as text, such as gender-parity")] = Field(
        description="Names the control in verdicts, trackers and reports; unique in the policy.",
        examples=["gender-parity"],
    )
    metric: Annotated[Name, Expected("the name of a metric; 'venturalitica metrics' lists all")] = (
        Field(
            description="What is measured; 'venturalitica metrics' lists and explains all.",
            examples=["accuracy", "demographic_parity_ratio"],
        )
    )
    must: Annotated[
        str,
        AfterValidator(as_threshold),
        Expected(EXPECTED_MUST),
        WithJsonSchema({"type": "string", "pattern": PATTERN}),
    ] = Field(
        description="The threshold: an operator and a finite number, in quotes; with `surely` "
        "after it the whole confidence interval must meet it, not the value alone.",
        examples=[">= 0.80", "<= 0.05", ">= 0.80 surely"],
    )
    title: Annotated[Prose, Expected("text")] = Field(
        default="", description="The rule in a sentence that anyone can read."
    )
    across: Annotated[Roles, Expected(ROLES_WORDS), ROLES_SCHEMA] = Field(
        default_factory=list,
        description="The role, or list of roles, whose groups are compared; several roles: their "
        "intersections.",
        examples=["gender", ["gender", "age"]],
    )
    compare: Annotated[
        Literal["difference", "ratio", "min", "max", "between"],
        Expected("difference, ratio, min, max or between"),
    ] = Field(
        default=ABSENT,
        description="How the groups' values become one: difference (largest minus smallest), ratio "
        "(smallest over largest), min, max, or between (the first of 'groups' minus the second).",
    )
    groups: Annotated[
        list[Annotated[Name, Expected("the name of a group as text")]],
        Field(min_length=2, max_length=2),
        AfterValidator(distinct),
        Expected("the names of two groups, such as [female, male]"),
    ] = Field(
        default_factory=list,
        description="With 'compare: between': the two groups.",
        examples=[["female", "male"]],
        json_schema_extra={"uniqueItems": True},
    )
    of: Annotated[Roles, Expected(ROLES_WORDS), ROLES_SCHEMA] = Field(
        default_factory=list,
        description="With the metric completeness: only these roles are looked at. With one of "
        "drift: these roles are compared with the reference, the worst counts.",
    )
    columns: Annotated[Literal["all"], Expected("'all'")] = Field(
        default=ABSENT,
        description="With a metric of drift against a baseline's file: all of its columns are "
        "compared, the worst counts.",
    )
    against: Annotated[
        str, AfterValidator(without_fault(against_fault)), Expected(EXPECTED_AGAINST)
    ] = Field(
        default=ABSENT,
        description="With a metric of drift: the reference. last-green is the newest green record "
        "of this policy and pipeline, else a run's id or entry, or a file that 'venturalitica "
        "baseline' wrote, beside the policy.",
        examples=["last-green", "baseline.json"],
    )
    article: Annotated[Name, Expected('text in quotes, such as article: "15(1)"')] = Field(
        default=ABSENT,
        description="What asks for it: an article of Regulation (EU) 2024/1689 (AI Act), or the "
        "clause of a standard.",
        examples=["15(1)", "9(8), Annex IV 2(g)"],
    )
    on_fail: Annotated[
        Literal["record", "warn", "block"], Expected("'record', 'warn' or 'block'")
    ] = Field(
        default="warn",
        description="What a verdict that is not 'passed' does: record (keep it), warn (say it), "
        "block (raise ControlBlocked once the evidence is safe).",
    )
    min_support: _Rows = Field(
        default=ABSENT,
        description="A group with fewer rows is shown and makes the verdict inconclusive.",
    )
    nulls: _Nulls = Field(
        default=ABSENT,
        description="Rows with a missing value: refuse makes the control not_evaluated, drop "
        "leaves them out and says so.",
    )
    small_groups: SmallGroupsKey = Field(
        default=None,
        description="What becomes of groups of few rows; by default each is shown and judged.",
    )
    phase: Annotated[Literal["data", "model"], Expected("'data' or 'model'")] = Field(
        default=ABSENT,
        description="When it is judged: data (before training) or model. By default as the metric "
        "allows.",
    )
    remedy: Annotated[Prose, Expected("text")] = Field(
        default="", description="What to do when the control fails."
    )


class PolicyForm(Form):
    """Which rules a model or a data set must meet."""

    model_config = ConfigDict(title="Policy of venturalitica")

    policy: Annotated[Name, Expected("the policy's name as text, such as credit-scoring")] = Field(
        description="The policy's name.", examples=["credit-scoring"]
    )
    version: Annotated[Name, Expected('text in quotes, such as version: "1.2"')] = Field(
        description="The policy's version, as text in quotes: unquoted, 1.10 would become 1.1.",
        examples=["1.2", "2026-11"],
    )
    title: Annotated[Prose, Expected("text")] = Field(
        default="", description="What the policy is about, in a sentence."
    )
    min_support: _Rows = Field(default=10, description="The default 'min_support' of the controls.")
    nulls: _Nulls = Field(default="refuse", description="The default 'nulls' of the controls.")
    small_groups: SmallGroupsKey = Field(
        default=None,
        description="The default 'small_groups' of the controls that compare groups.",
    )
    duplicates: Annotated[Literal["doubted", "expected"], Expected("'doubted' or 'expected'")] = (
        Field(
            default="doubted",
            description="Whether rows that are exact copies of others belong to the data: "
            "'expected' looks for none; otherwise more than 5 % make every verdict inconclusive.",
        )
    )
    retention: RetentionKey = Field(
        default=ABSENT,
        description="How long records under this policy are kept; ten-years count from the placing "
        "on the market. Where it says nothing, VENTURALITICA_RETENTION does.",
        examples=["18m", "5y", "ten-years"],
    )
    disclosure: DisclosureKey = Field(
        default=None, description="What may be read from evidence about small groups of people."
    )
    intervals: IntervalsKey = Field(
        default=None, description="How sure the intervals of its verdicts are."
    )
    approvals: ApprovalsKey = Field(
        default=ABSENT, description="Who must sign a model off before the gate lets it through."
    )
    roles: Annotated[
        dict[RoleName, RoleForm | None] | None,
        Field(max_length=MAX_ROLES),
        Expected("a mapping of roles, such as gender: {column: Attribute9}"),
    ] = Field(
        default_factory=dict,
        description="How values are read: target, prediction and score are labels, every other "
        "role groups the rows. A role that needs no rule need not be here.",
    )
    controls: Annotated[
        list[ControlForm],
        Field(min_length=1, max_length=MAX_CONTROLS),
        Expected("a list of controls, each starting with '- id: ...'"),
    ] = Field(description="The rules; at least one.")


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a policy file, every metric in it.

    Editors complete keys, metrics and words from it. It holds the form only: what keys mean
    together is checked when a policy is read.
    """
    schema = PolicyForm.model_json_schema(mode="validation")
    control = schema["$defs"]["ControlForm"]["properties"]
    for properties in _all_properties(schema):
        _tidy(properties)
    control["metric"]["enum"] = list(CATALOG)
    control["metric"]["enumDescriptions"] = [metric.title for metric in CATALOG.values()]
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": SCHEMA_ID}
    return head | schema


def _all_properties(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [schema["properties"], *(form["properties"] for form in schema["$defs"].values())]


def _tidy(properties: dict[str, dict[str, Any]]) -> None:
    """Defaults that only mean "not given" are no values to write."""
    for schema in properties.values():
        schema.pop("title", None)
        if schema.get("default", ...) in (None, "", [], {}):
            schema.pop("default", None)


def build_policy(
    form: PolicyForm, root: MapNode, *, data: bytes, filename: str, path: str
) -> Policy:
    """The policy, with the very bytes it was read from."""
    disclosure = form.disclosure or DisclosureForm()
    intervals = form.intervals or IntervalsForm()
    return Policy(
        name=form.policy,
        version=form.version,
        title=form.title,
        duplicates=form.duplicates,
        retention=form.retention or "",
        min_cell=disclosure.min_cell,
        tallies=disclosure.tallies,
        level=intervals.level,
        joint=intervals.joint,
        approvals=tuple(rule.read() for rule in form.approvals or ()),
        roles={name: _role(name, role, root) for name, role in (form.roles or {}).items()},
        controls=tuple(
            _control(index, control, form, root) for index, control in enumerate(form.controls)
        ),
        bytes=data,
        filename=filename,
        path=path,
    )


def _role(name: str, form: RoleForm | None, root: MapNode) -> Role:
    roles = root.get("roles")
    pair = roles.find(name) if isinstance(roles, MapNode) else None
    given = {k: v if k == "favorable" else _frozen(v) or None for k, v in form or ()}
    as_text = given.pop("as_", None) == "text"
    return Role(name, **given, as_text=as_text, line=pair[0].line if pair else 0)


def _control(index: int, form: ControlForm, policy: PolicyForm, root: MapNode) -> Control:
    given: dict[str, Any] = {key: _frozen(value) for key, value in form}
    for key in ("min_support", "nulls"):
        if given[key] is None:
            given[key] = getattr(policy, key)
    of_all = policy.small_groups if form.across and form.compare != "between" else None
    given["small_groups"] = _small_groups(form.small_groups or of_all)
    given["against"] = given["against"] or ""
    return Control(**given, line=follow(root, ("controls", index))[0].line)


def _small_groups(form: SmallGroupsForm | None) -> SmallGroups | None:
    if form is None:
        return None
    how: Literal["pool", "exclude"] = "pool" if "pool" in form.model_fields_set else "exclude"
    below = form.pool if how == "pool" else form.exclude
    return SmallGroups(how, below) if below else None


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
