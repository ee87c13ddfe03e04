"""The mappings in the head of a policy: what may be read of it, how sure its intervals are."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)

from venturalitica.core.policy import LEVEL, MIN_CELL, ApprovalRule, folded_role
from venturalitica.core.retention import TERM
from venturalitica.policy.fields import (
    ABSENT,
    LEAST_LEVEL,
    MOST_LEVEL,
    Expected,
    Name,
    as_level,
    as_term,
    distinct,
    said_of,
)
from venturalitica.policy.tree import MAX_NAME, show


class Form(BaseModel):
    """A mapping of a policy file: only keys that are known, and nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class DisclosureForm(Form):
    """What may be read from evidence about small groups of people."""

    min_cell: Annotated[
        int, Field(ge=0, le=1_000), Expected("a whole number of rows from 0 to 1,000, such as 5")
    ] = Field(
        default=MIN_CELL,
        description="No group or denominator of fewer rows enters a value, an interval or a light, "
        "or is written anywhere. 0 only for data about nobody.",
    )
    tallies: Annotated[Literal["keep", "publish"], Expected("'keep' or 'publish'")] = Field(
        default="keep",
        description="Where the counts themselves lie: keep in the vault alone; publish leaves them "
        "beside the evidence at the tracker too, where no cell is below 'min_cell'.",
    )


_Below = Annotated[
    int, Field(ge=0, le=10**9), Expected("a whole number of rows, such as 30; 0 for no group")
]


class SmallGroupsForm(Form):
    """What becomes of the groups under a size; one of the two keys."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    pool: _Below = Field(
        default=ABSENT,
        description="Groups of fewer rows are judged as one group, 'other (n groups, m rows)'.",
        examples=[30],
    )
    exclude: _Below = Field(
        default=ABSENT,
        description="Groups of fewer rows are left out; where that is more than 1 % of the rows, "
        "the verdict is not conclusive.",
        examples=[30],
    )


SmallGroupsKey = Annotated[
    SmallGroupsForm | None,
    Expected("a mapping with one of 'pool' and 'exclude', such as small_groups: {pool: 30}"),
]


class IntervalsForm(Form):
    """How sure the intervals of a policy's verdicts are."""

    level: Annotated[
        float,
        AfterValidator(as_level),
        Expected(f"a number from {LEAST_LEVEL} to {MOST_LEVEL}, such as 0.95"),
        WithJsonSchema({"type": "number", "minimum": LEAST_LEVEL, "maximum": MOST_LEVEL}),
    ] = Field(
        default=LEVEL,
        description="The level of every interval, and so of what is conclusive: 0.99 misses the "
        "truth once in a hundred.",
        examples=[0.99],
    )
    joint: Annotated[bool, Expected("true or false")] = Field(
        default=False,
        description="true: the level is that of all intervals of the policy together; their error "
        "is divided among the controls that have one (Bonferroni).",
    )


DisclosureKey = Annotated[
    DisclosureForm | None, Expected("a mapping, such as disclosure: {min_cell: 5}")
]
IntervalsKey = Annotated[
    IntervalsForm | None, Expected("a mapping, such as intervals: {level: 0.99, joint: true}")
]
RetentionKey = Annotated[
    str,
    AfterValidator(as_term),
    Expected("six-months, ten-years, or months or years such as 18m or 5y"),
    WithJsonSchema({"type": "string", "pattern": f"^({TERM})$"}),
]

MAX_APPROVALS = 20
"""Roles that sign off, and persons of one role: a gate is passed by people, not by crowds."""

_KeyId = Annotated[
    str,
    Field(pattern="^[0-9a-f]{64}$"),
    Expected("the id of a key, 64 digits and letters a to f ('venturalitica keys show')"),
]


class ApprovalForm(Form):
    """Who must sign a model off before the gate lets it through."""

    role: Annotated[Name, Expected("a function as text, such as Head of credit risk")] = Field(
        description="The function in which they sign off ('venturalitica approve --role').",
        examples=["Head of credit risk"],
    )
    count: Annotated[
        int,
        Field(ge=1, le=MAX_APPROVALS),
        Expected(f"a whole number of persons from 1 to {MAX_APPROVALS}, such as 2"),
    ] = Field(
        default=1,
        description="How many persons, each by a key of their own; nobody counts twice, in another "
        "role neither.",
    )
    keys: Annotated[
        list[_KeyId],
        Field(min_length=1, max_length=MAX_NAME),
        AfterValidator(distinct),
        Expected("a list of ids of keys"),
    ] = Field(
        default=ABSENT,
        description="The keys that may sign off in this role; by default each that is trusted.",
    )

    def read(self) -> ApprovalRule:
        """The rule that it is."""
        return ApprovalRule(self.role, self.count, frozenset(self.keys or ()))

    @model_validator(mode="after")
    def _enough_keys(self) -> Self:
        if self.keys and len(self.keys) < self.count:
            raise said_of(
                f"{self.count} persons must sign off as {show(self.role)}, and 'keys' names "
                f"{len(self.keys)}: it would never be met; name as many keys, or lower 'count'"
            )
        return self


def _roles_once(rules: list[ApprovalForm]) -> list[ApprovalForm]:
    seen: dict[str, str] = {}
    for rule in rules:
        role = folded_role(rule.role)
        if role in seen:
            raise said_of(
                f"'approvals' asks twice for the role {show(rule.role)}; give it once, with 'count'"
            )
        seen[role] = rule.role
    return rules


ApprovalsKey = Annotated[
    list[ApprovalForm],
    Field(min_length=1, max_length=MAX_APPROVALS),
    AfterValidator(_roles_once),
    Expected("a list of functions, each starting with '- role: ...'"),
]
