"""The mappings in the head of a policy: what may be read of it, how sure its intervals are."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, WithJsonSchema

from venturalitica.core.policy import LEVEL, MIN_CELL
from venturalitica.policy.fields import ABSENT, LEAST_LEVEL, MOST_LEVEL, Expected, as_level


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
