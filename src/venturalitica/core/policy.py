"""A policy as values: what `policy/` reads and what `judge` judges by.

No file is opened here and no metric is known: `metric` is a name until `judge` looks it up.
"""

from __future__ import annotations

import binascii
import builtins
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any, Literal

from msgspec import Struct, field
from msgspec.structs import force_setattr

from venturalitica.core.concise import Concise, html_of
from venturalitica.core.encoding import encode_base64, sha256_hex
from venturalitica.core.json_values import Json
from venturalitica.core.verdict import SURELY, Interval, Label, OnFail
from venturalitica.errors import EvidenceError

Operator = Literal[">=", ">", "<=", "<", "==", "!="]
Compare = Literal["difference", "ratio", "min", "max", "between"]
Phase = Literal["data", "model"]
Nulls = Literal["refuse", "drop"]
Duplicates = Literal["doubted", "expected"]
Tallies = Literal["keep", "publish"]
Columns = Literal["all"]

OPERATORS: tuple[Operator, ...] = (">=", "<=", "==", "!=", ">", "<")
COMPARES: tuple[Compare, ...] = ("difference", "ratio", "min", "max", "between")
WEIGHT = "weight"
"""The role of what each row counts for; without it every row counts for one."""
LABEL_ROLES = ("target", "prediction", "score", WEIGHT)
"""Roles that every policy has; any other role groups the rows."""

LEVEL = 0.95
"""The level of intervals where the policy says none."""

ONE_LIST = ("target", "prediction")
"""Roles whose labels are one list: index i means the same label of both."""

MIN_CELL = 5
"""A value that fewer rows hold is not named where it was not expected: it may be a person's."""

TOLERANCE = 1e-12
"""A value this near to its threshold is on it: 0.04 / 0.05 must count as 0.80."""


class Threshold(Concise, frozen=True):
    """`operator bound`, e.g. `>= 0.80`. `text` is the bound as the policy writes it, if it does.

    `surely`: the whole interval must meet it, not the value alone.
    """

    unsaid = frozenset({"text"})

    operator: Operator
    bound: float
    text: str = ""
    surely: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Threshold) and self._asks == other._asks

    def __hash__(self) -> int:
        return hash(self._asks)

    @property
    def _asks(self) -> tuple[Operator, float, bool]:
        """What makes two of them the same: not how the bound is spelt."""
        return self.operator, self.bound, self.surely

    def __str__(self) -> str:
        return f"{self.operator} {self.text or shortest(self.bound)}{self.word}"

    @property
    def word(self) -> str:
        """What follows the bound: ` surely`, or nothing."""
        return f" {SURELY}" if self.surely else ""

    def met_by(self, value: float, interval: Interval | None) -> bool | None:
        """Whether `value`, and its whole interval where that is asked, meets the threshold.

        None where the value does and nobody can be sure, for want of an interval.
        """
        if not self.surely or not self.holds(value):
            return self.holds(value)
        return None if interval is None else self.settled_by(interval)

    def holds(self, value: float) -> bool:
        """Whether `value` meets the threshold, within `TOLERANCE` of rounding; NaN never does."""
        if math.isnan(value):
            return False
        near = abs(value - self.bound) <= TOLERANCE * max(1.0, abs(self.bound))
        if near:
            return self.operator in (">=", "<=", "==")
        return self.operator == "!=" or self.operator[0] == (">" if value > self.bound else "<")

    def cannot_fail(self, low: float, high: float, *, whole: bool = False) -> bool:
        """Whether every value from `low` to `high` meets it: a rule that decides nothing.

        `!=` a number between the two counts, for no measured share is ever exactly that number;
        `whole` says that values are counts, which may be, and an interval may always hold it.
        """
        inside = self.surely or (whole and self._is_count(low, high))
        may_be = self.operator == "!=" and inside
        return self.holds(low) and self.holds(high) and not may_be

    def cannot_pass(self, low: float, high: float, *, whole: bool = False) -> bool:
        """Whether no value from `low` to `high` meets it."""
        inside = low < self.bound < high
        may_be = self.operator == "==" and inside and (not whole or self._is_count(low, high))
        return not (self.holds(low) or self.holds(high) or may_be)

    def _is_count(self, low: float, high: float) -> bool:
        return low < self.bound < high and float(self.bound).is_integer()

    def settled_by(self, interval: Interval) -> bool:
        """Whether every value of `interval` gets the same answer; NaN settles nothing."""
        low, high = interval
        if math.isnan(low) or math.isnan(high):
            return False
        if self.operator in ("==", "!="):
            inside = low <= self.bound <= high
            return not inside or low == high
        return self.holds(low) == self.holds(high)


def shortest(number: float) -> str:
    """The fewest digits that read back as the same number: 0.8, 1e-09, 25."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def bin_names(bins: Sequence[float]) -> tuple[str, ...]:
    """`under 25`, `25 to under 60`, `60 and over`: each group holds its lower end."""
    shown = [repr(int(cut)) if float(cut).is_integer() else repr(float(cut)) for cut in bins]
    middle = [f"{low} to under {high}" for low, high in pairwise(shown)]
    return (f"under {shown[0]}", *middle, f"{shown[-1]} and over")


class Role(Struct, frozen=True):
    """How the values of a role are read.

    `favorable` is the label that is good for the person (target only). `map` renames values to
    group names (or labels); `bins` are ascending cut points b1 < b2 …, giving the left-closed
    groups (-inf, b1), [b1, b2), …, [bk, inf). `labels` are all values that the data may hold: any
    other is refused. `column` is the default column. `as_text`: numbers are codes, each its own
    group, and never cut.
    """

    name: str
    favorable: Label | None = None
    map: Mapping[Label, str] | None = None
    bins: tuple[float, ...] | None = None
    column: str | None = None
    line: int = 0
    labels: tuple[Label, ...] | None = None
    as_text: bool = False

    @property
    def groups(self) -> tuple[str, ...]:
        """The groups that the policy itself names; none where the data decides."""
        if self.map:
            return tuple(dict.fromkeys(self.map.values()))
        if self.labels:
            return tuple(str(label) for label in self.labels)
        return bin_names(self.bins) if self.bins else ()

    @property
    def reads(self) -> bool:
        """Whether the policy says which values there are, or which groups they make."""
        return self.map is not None or self.bins is not None or self.labels is not None

    @property
    def favorable_values(self) -> tuple[Label, ...]:
        """The values of the data that mean the favorable label: itself, or those mapped to it."""
        if self.favorable is None or self.map is None:
            return () if self.favorable is None else (self.favorable,)
        return tuple(value for value, label in self.map.items() if label == self.favorable)


class SmallGroups(Struct, frozen=True):
    """What becomes of groups of fewer than `below` rows: judged as one group, or left out."""

    how: Literal["pool", "exclude"]
    below: int

    def __str__(self) -> str:
        done = "judged as one" if self.how == "pool" else "left out"
        return f"groups of fewer than {self.below:,} rows {done}"


class Control(Struct, frozen=True, kw_only=True):
    """One rule: a metric, perhaps compared across groups, against a threshold.

    `across` names grouping roles (several: their intersections). `compare` says how the groups'
    values become one: `difference` (max - min), `ratio` (min / max), `min`, `max`, or `between`
    (first minus second of the two `groups` named). `of` limits `completeness` to these roles, and
    says which are compared with a reference; `columns` that all are. `against` names the reference:
    `last-green`, a run, or a baseline's file.
    `small_groups`: None shows and judges each, however small.
    """

    id: str
    metric: str
    must: Threshold
    title: str = ""
    across: tuple[str, ...] = ()
    compare: Compare | None = None
    groups: tuple[str, ...] = ()
    of: tuple[str, ...] = ()
    columns: Columns | None = None
    against: str = ""
    article: str | None = None
    on_fail: OnFail = "warn"
    min_support: int = 10
    nulls: Nulls = "refuse"
    small_groups: SmallGroups | None = None
    phase: Phase | None = None
    remedy: str = ""
    line: int = 0


class ApprovalRule(Struct, frozen=True):
    """That `count` persons, each by a key of their own, sign off in the function `role`.

    `keys` are the ids of the keys that may; where there are none, every key that is trusted may.
    """

    role: str
    count: int = 1
    keys: frozenset[str] = frozenset()

    @property
    def folded(self) -> str:
        """The role as roles are compared: neither case nor blanks make another."""
        return folded_role(self.role)

    def __str__(self) -> str:
        return self.role if self.count == 1 else f"{self.role}:{self.count}"


def folded_role(role: str) -> str:
    """A function of a person, as it is compared with another."""
    return " ".join(role.casefold().split())


def joined(rules: Iterable[ApprovalRule]) -> tuple[ApprovalRule, ...]:
    """One rule for each role: the most that is asked for, by the keys that all of them take."""
    found: dict[str, ApprovalRule] = {}
    for rule in rules:
        before = found.get(rule.folded, rule)
        both = [keys for keys in (before.keys, rule.keys) if keys]
        # Where no key is left the rule must stay unmet, and not become one for every key.
        keys = (frozenset.intersection(*both) or NOBODY) if both else frozenset[str]()
        found[rule.folded] = ApprovalRule(before.role, max(before.count, rule.count), keys)
    return tuple(found.values())


NOBODY = frozenset({""})
"""The keys of a rule that none may fulfil: no key has an empty id."""


class Policy(Concise, frozen=True, kw_only=True):
    """A policy and the exact bytes it was read from.

    `duplicates` says whether rows that are exact copies of others belong to the data; `retention`
    how long its records are kept, empty where the setting says so. No group or denominator of
    fewer than `min_cell` rows enters what is written; 0 where the data are about nobody. `tallies`
    says whether the counts themselves are delivered to the trackers. `level` is that of its
    intervals; `joint`: that of them all together, their error divided among them. `approvals` are
    the sign-offs without which the gate lets nothing through.
    """

    unsaid = frozenset({"bytes"})

    name: str
    version: str
    controls: tuple[Control, ...]
    bytes: builtins.bytes
    title: str = ""
    duplicates: Duplicates = "doubted"
    retention: str = ""
    min_cell: int = MIN_CELL
    tallies: Tallies = "keep"
    level: float = LEVEL
    joint: bool = False
    approvals: tuple[ApprovalRule, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)
    filename: str = "model_policy.yaml"
    path: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        if not self.sha256:
            force_setattr(self, "sha256", hashlib.sha256(self.bytes).hexdigest())

    @property
    def snapshot(self) -> Snapshot:
        """It as a record keeps it."""
        said = {name: getattr(self, name) for name in _SNAPSHOT}
        return Snapshot(**said, data=self.bytes)

    def _repr_html_(self) -> str | None:
        return html_of(self)

    def role(self, name: str) -> Role:
        """The rule for a role; a role that the policy only uses has an empty one."""
        return self.roles.get(name) or Role(name)

    @property
    def grouping_roles(self) -> tuple[str, ...]:
        """Every grouping role that the policy declares or a control uses, in order of the file."""
        used = [role for control in self.controls for role in (*control.across, *control.of)]
        names = dict.fromkeys([*self.roles, *used])
        return tuple(name for name in names if name not in LABEL_ROLES)


class Snapshot(Concise, frozen=True, kw_only=True):
    """The policy of a record; `data` is its file, None where that is not in the record."""

    unsaid = frozenset({"data"})

    name: str
    version: str
    title: str
    filename: str
    sha256: str
    data: bytes | None

    @property
    def intact(self) -> bool | None:
        """Whether the file fits its digest; None where there is no file."""
        return None if self.data is None else sha256_hex(self.data) == self.sha256

    @property
    def text(self) -> str:
        """The file as text."""
        return (self.data or b"").decode("utf-8", "replace")

    def checked(self) -> bytes:
        """The file, held against its digest.

        Raises:
            EvidenceError: it is missing, or not the one of its SHA-256.
        """
        if self.data is None:
            raise EvidenceError("the policy's bytes are missing or not base64")
        if not self.intact:
            said, found = self.sha256[:64], sha256_hex(self.data)
            raise EvidenceError(f"the record says sha256 {said}, its policy's bytes have {found}")
        return self.data

    @classmethod
    def of(cls, said: Json) -> Snapshot:
        """Read it; what is no text is empty: the number 1 is not the version "1"."""
        texts = {name: value for name in _SNAPSHOT if isinstance(value := said.get(name), str)}
        return cls(**dict.fromkeys(_SNAPSHOT, "") | texts, data=_decoded(said.get("bytes")))

    def to_json(self) -> dict[str, Any]:
        """The form that is signed."""
        texts = {name: getattr(self, name) for name in _SNAPSHOT}
        return texts | {"bytes": encode_base64(self.data or b"")}


_SNAPSHOT = ("name", "version", "title", "filename", "sha256")


def _decoded(value: object) -> bytes | None:
    try:
        return binascii.a2b_base64(value, strict_mode=True) if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None
