"""What bears on verdicts beside the counts: how the question was put, and what the rows were.

A tally and a policy do not say which controls were asked for, which roles nobody bound, or whether
the model was trained on the very rows. A record keeps these circumstances, so that whoever has the
record can judge again and must come to the same verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from venturalitica.core.json_values import Json, as_object, mapping, number, text, texts
from venturalitica.core.policy import LEVEL, Phase

RULES = 3
"""The rules of judgement in force. Records that name none were judged by rules 1; small groups are
kept back since rules 3."""
INTERVALS = "exact-1"
"""The method of intervals in force; `judge.controls.METHODS` knows each that ever was."""
UNNAMED = "replicates-1"
"""The method of records that name none. It never changes, whatever is in force."""

MADE_BY: Mapping[str, Mapping[str, Any]] = {
    "exact-1": {
        "kind": "exact ends of a share (Clopper-Pearson), and what follows from them",
        "replicates": 2000,
        "corrections": [
            "a comparison of groups holds where each group does (intersection-union test)",
            "that one of them breaks it is looked for at the error divided among all",
            "scores, amounts and weights: the method that docs/statistics.md names for each",
            "figures over more than two labels: percentile intervals of replicates of the counts",
        ],
    },
    "replicates-1": {
        "kind": "percentile interval of multinomial replicates of the counts",
        "replicates": 2000,
        "corrections": [
            "where chance alone raises the statistic, held together with the basic interval",
            "stretched to hold the value itself",
        ],
    },
}
"""What each method of intervals is, in the words of a record; `metrics.intervals` does it."""


CLEARLY = (0.01, 0.1)
"""By how much rows must be found more often than chance explains: as much as chance itself, and
within these bounds. One in a hundred is no accident where rows never repeat."""
SURELY = 3.0
"""And by how many standard errors of a share that chance explains."""
DOUBTFUL = 0.5
"""Where so many are found and chance explains as many, nobody can say."""


class Share(Struct, frozen=True):
    """A share of the judged rows, beside the share that chance alone explains.

    `rows` is how many rows were looked at: all, or of very many a fraction chosen by their hash.
    `few`: how many rows it is is not told, and the share is the most that it may be; `most`: they
    are nearly all, and it is the least.
    """

    share: float
    by_chance: float = 0.0
    rows: int = 0
    few: bool = False
    most: bool = False

    @property
    def excess(self) -> float:
        """What chance does not explain."""
        return max(0.0, self.share - self.by_chance)

    @property
    def clear(self) -> bool | None:
        """Whether rows are there that should not be; None where nobody can say."""
        low, high = CLEARLY
        if self.few:
            return None if self.share > high else False
        if self.most and self.by_chance <= DOUBTFUL:
            return True
        rows = max(self.rows, 1)
        # One more than was seen: of 50 rows one is alike by chance where no other was (iris).
        chance = min(1.0, self.by_chance + 1 / rows)
        spread = math.sqrt(chance * (1 - chance) / rows)
        if self.excess > max(min(high, max(low, self.by_chance)), SURELY * spread):
            return True
        return None if self.share > DOUBTFUL else False

    def told(self, least: int) -> Share:
        """It as it may be told: no number of rows from 1 to `least` - 1, nor what lacks so many.

        Of few rows chance could explain all; of nearly all at least so many are told. So is what
        chance explains: of a handful of rows it tells as much.
        """
        rows = self.rows
        found, chance = round(self.share * rows), round(self.by_chance * rows)
        few = min(1.0, round((least - 1) / max(rows, 1), 6))
        if 0 < found < least:
            return Share(few, few, rows, few=True)
        # Half at most, where that is few: chance does not explain nearly all.
        told = replace(self, by_chance=min(few, DOUBTFUL)) if 0 < chance < least else self
        # Of one row more than `least` all are told so, too: nearly all would be all but one.
        if 0 < rows - found < least or found == rows == least + 1:
            return replace(told, share=round(max(least, rows - least + 1) / rows, 6), most=True)
        return told

    def to_json(self) -> dict[str, Any]:
        """The form kept in a record."""
        return {
            "share": self.share,
            "by_chance": self.by_chance,
            "rows": self.rows,
            "few": self.few,
            "most": self.most,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Share | None:
        """Read back what `to_json` wrote; None where nobody looked."""
        if data is None:
            return None
        few, most = (data.get(name) is True for name in ("few", "most"))
        return cls(data["share"], data["by_chance"], data["rows"], few, most)


class Circumstances(Struct, frozen=True, kw_only=True):
    """Facts of one judgement that are not in its tally.

    `phase` is the phase that was asked for, `left_out` the ids of the controls that were therefore
    not judged. `unbound` maps a role nobody bound to why, `faults` a role that could not be counted
    to why, and `failure` says why nothing could be. `reported` maps a control id or metric to a
    value measured elsewhere. `training_share` is how many of the judged rows the model was trained
    on, `doubled_share` how many are exact copies of another row; None where nobody knows.
    `copies_of_target` are the label roles whose values equal the target in every row. `unlabelled`
    says why target and prediction are amounts and no labels; empty where they may be labels.
    `references` says of each reference that a control names which one was found, or (`why`) why
    there is none. `absent` maps a role to the column that the policy reads it from and the data
    lack, where a control counts over all roles.
    """

    rules: int = RULES
    intervals: str = INTERVALS
    phase: Phase | None = None
    left_out: tuple[str, ...] = ()
    unbound: Mapping[str, str] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    failure: str = ""
    reported: Mapping[str, Any] = field(default_factory=dict)
    training_share: Share | None = None
    doubled_share: Share | None = None
    copies_of_target: tuple[str, ...] = ()
    unlabelled: str = ""
    references: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The form kept in a record: JSON types only."""
        return {
            "rules": self.rules,
            "intervals": self.intervals,
            "phase": self.phase,
            "left_out": list(self.left_out),
            "unbound": dict(self.unbound),
            "faults": dict(self.faults),
            "failure": self.failure,
            "reported": {name: _finite(value) for name, value in self.reported.items()},
            "training_share": self.training_share and self.training_share.to_json(),
            "doubled_share": self.doubled_share and self.doubled_share.to_json(),
            "copies_of_target": list(self.copies_of_target),
            # Left out where empty: most models are classifiers.
            **({"unlabelled": self.unlabelled} if self.unlabelled else {}),
            **({"references": _plain(self.references)} if self.references else {}),
            **({"absent": dict(self.absent)} if self.absent else {}),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any] | None) -> Circumstances:
        """Read back what `to_json` wrote; None is a record from before circumstances were kept."""
        if data is None:
            return cls(rules=1, intervals=UNNAMED)
        return cls(
            rules=data["rules"],
            intervals=data["intervals"],
            phase=data["phase"],
            left_out=tuple(data["left_out"]),
            unbound=dict(data["unbound"]),
            faults=dict(data["faults"]),
            failure=data["failure"],
            reported=dict(data["reported"]),
            training_share=Share.from_json(data.get("training_share")),
            doubled_share=Share.from_json(data.get("doubled_share")),
            copies_of_target=tuple(data.get("copies_of_target", ())),
            unlabelled=data.get("unlabelled", ""),
            references={name: dict(one) for name, one in data.get("references", {}).items()},
            absent=dict(data.get("absent", {})),
        )


def intervals_said(
    circumstances: Circumstances | None, *, level: float = LEVEL, among: int = 1
) -> dict[str, Any] | None:
    """How the intervals of a judgement were made, in the words of a record; None where unknown.

    Args:
        level: what the policy asks for, of its intervals together where they share the error.
        among: how many controls share the error.
    """
    made_by = MADE_BY.get(circumstances.intervals) if circumstances else None
    if circumstances is None or made_by is None:
        return None
    several = f"the error divided among {among} (Bonferroni)" if among > 1 else "none"
    return {
        "method": circumstances.intervals,
        **made_by,
        "level": level,
        "for_several_controls": several,
    }


def intervals_words(said: Mapping[str, Any]) -> str:
    """How intervals were made, from what a record says of them; empty where it says nothing."""
    method, level, replicates = said.get("method"), said.get("level"), said.get("replicates")
    if not method:
        return ""
    several = said.get("for_several_controls")
    return (
        f"{method}: {said.get('kind')}, level {level}, {replicates} replicates; "
        f"{'; '.join(texts(said.get('corrections')))}; for several controls {several}"
    )


def share_words(said: object) -> str:
    """A share of the judged rows, as a record keeps it; empty where it keeps none."""
    kept = as_object(said) or {}
    share, rows, by_chance = (number(kept.get(name)) for name in ("share", "rows", "by_chance"))
    if share is None:
        return ""
    few, most = kept.get("few") is True, kept.get("most") is True
    part = f"{'up to ' if few else 'at least ' if most else ''}{share:.1%}"
    looked = f" of {rows:,.0f} rows looked at" if rows else ""
    return part + looked + (f", {by_chance:.1%} by chance" if by_chance else "")


def _plain(references: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: dict(one) for name, one in references.items()}


def _finite(value: Any) -> float | None:
    """A number that JSON can hold; None for what is none, which no verdict passes on."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None


WRITTEN = "written"
"""The context of a file that nobody named, and that no tracker hears of as of a data set."""


def data_digest(item: Json) -> str:
    """What a record says in the place of a data set: since format 3 its digest under a key."""
    return text(item.get("hmac_sha256") or item.get("sha256"))


BY_TALLY = "tally/v1"
"""The method where rows have no order on their engine: the digest of what was counted of them."""
_STATES = {
    "delta/v1": "Delta table {table}, version {id}",
    "iceberg/v1": "Iceberg table {table}, snapshot {id}",
    "input-files/v1": "the addresses of its files, HMAC-SHA-256 {hmac_sha256}",
    "sql/v1": "the text of its query, HMAC-SHA-256 {hmac_sha256}",
}


def snapshot_words(item: Json) -> str:
    """Which state of itself a table named, and by which method; "" where it named none, and that
    only where nothing else but the tally stands for the rows."""
    said = mapping(item.get("snapshot"))
    method = text(said.get("method"))
    if not method:
        only = f"none: {text(item.get('engine')) or 'its engine'} does not say which data it read"
        return only if item.get("method") == BY_TALLY else ""
    known = {name: text(said.get(name)) for name in ("table", "id", "hmac_sha256")}
    return f"{_STATES.get(method, 'unknown').format(**known)} ({method})"
