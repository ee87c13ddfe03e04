"""An audit: the verdicts of one judgement, in policy order, with what was recorded of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, overload

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.verdict import Light, Verdict, left_out_sentence, light_of_part, worst_light
from venturalitica.errors import ControlBlocked, MissingExtra

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.core.policy import Policy
    from venturalitica.ledger import Entry


@dataclass(frozen=True, eq=False)
class Audit(Sequence[Verdict]):
    """A sequence of `Verdict`, one per selected control.

    `passed` is True only if there is at least one verdict and every one passed; an audit has no
    truth value of its own beyond that, so `bool(audit)` raises. `statement` is the evidence as
    recorded, `entry` its place in the log or None where it could not be written (`fault` says
    why) or is on disk but not in the log yet (`waiting` says why), `deliveries` what became of it
    at each tracker.
    """

    verdicts: tuple[Verdict, ...]
    policy: Policy
    statement: Mapping[str, Any] = field(repr=False)
    entry: Entry | None = field(default=None, repr=False)
    deliveries: tuple[Delivery, ...] = ()
    fault: str = ""
    waiting: str = ""

    @overload
    def __getitem__(self, key: int | str) -> Verdict: ...
    @overload
    def __getitem__(self, key: slice) -> Sequence[Verdict]: ...
    def __getitem__(self, key: int | str | slice) -> Verdict | Sequence[Verdict]:
        """By position, slice, or control id."""
        if isinstance(key, str):
            for verdict in self.verdicts:
                if verdict.control == key:
                    return verdict
            raise KeyError(f"no control {key!r}; there are {[v.control for v in self.verdicts]}")
        return self.verdicts[key]

    def __len__(self) -> int:
        return len(self.verdicts)

    def __iter__(self) -> Iterator[Verdict]:
        return iter(self.verdicts)

    def __contains__(self, item: object) -> bool:
        """Whether a verdict, or the control of an id, is in it."""
        if isinstance(item, str):
            return any(verdict.control == item for verdict in self.verdicts)
        return item in self.verdicts

    def __bool__(self) -> bool:
        raise TypeError("an Audit is neither true nor false; ask `audit.passed` or `audit.light`")

    @property
    def passed(self) -> bool:
        """True if there is at least one verdict and every one passed."""
        return bool(self.verdicts) and all(v.status == "passed" for v in self.verdicts)

    @property
    def light(self) -> Light:
        """The worst light of the verdicts; not green where controls of the policy were left out.

        Nor while evidence is unwritten or waits, nor where a key signed it that is new to a log
        which others have signed.
        """
        if not self.verdicts:
            return "grey"
        left_out = self.circumstances.left_out
        return self.with_delivery(light_of_part((v.light for v in self.verdicts), left_out))

    def with_delivery(self, light: Light) -> Light:
        """The worst of a light and of what became of the evidence."""
        lights: list[Light] = [light]
        if self.fault:
            lights.append("red")
        new_key = self.entry is not None and self.entry.new_key
        if self.waiting or new_key or any(not delivery.delivered for delivery in self.deliveries):
            lights.append("amber")
        return worst_light(lights)

    @property
    def circumstances(self) -> Circumstances:
        """How the question was put, and what the rows were; as recorded."""
        return Circumstances.from_json(self.statement["predicate"].get("judging"))

    @property
    def beware(self) -> tuple[str, ...]:
        """Why the whole is amber at best, one sentence each; empty where nothing is against it."""
        from venturalitica.judge.doubts import reservations

        return reservations(self.policy, self.verdicts, self.circumstances)

    @property
    def run_id(self) -> str:
        """The product's own id of the run that this audit is recorded under."""
        return str(self.statement["predicate"]["run"]["id"])

    @property
    def evidence_sha256(self) -> str | None:
        """SHA-256 of the signed envelope, or None where it could not be written."""
        return self.entry.evidence_sha256 if self.entry else None

    @property
    def links(self) -> tuple[str, ...]:
        """Deep links to the tracker runs that hold this audit."""
        return tuple(delivery.run.url for delivery in self.deliveries if delivery.run.url)

    def raise_if_blocked(self) -> None:
        """Raise `ControlBlocked` if a control with `on_fail: block` did not pass."""
        blocking = [verdict for verdict in self.verdicts if verdict.blocks]
        if blocking:
            raise ControlBlocked(blocking, self)

    def to_frame(self) -> Any:
        """One row per verdict, as pandas, else Polars, else Arrow: whichever is installed."""
        return _frame(_columns(self.verdicts))

    def __repr__(self) -> str:
        head = f"Audit({self.policy.name!r} v{self.policy.version}, light={self.light!r}"
        lines = [f"  {v.control}: {v.status}: {v.reason}" for v in self.verdicts]
        return "\n".join([f"{head}, {len(self)} controls)", *lines])

    def _repr_html_(self) -> str:
        from venturalitica.reports.html.page import render_audit_fragment

        return render_audit_fragment(
            self.verdicts,
            policy_name=self.policy.name,
            policy_version=self.policy.version,
            light=self.light,
            links=self.links,
            training_rows=self._training_rows(),
            first=left_out_sentence(self.circumstances.phase, len(self.circumstances.left_out)),
        )

    def _training_rows(self) -> bool | None:
        """Whether the judged rows were trained on, as recorded."""
        said = [item.get("training_rows") for item in self.statement["predicate"]["data"]]
        return said[0] if said else None


def _columns(verdicts: Sequence[Verdict]) -> dict[str, list[Any]]:
    return {
        "control": [v.control for v in verdicts],
        "status": [v.status for v in verdicts],
        "light": [v.light for v in verdicts],
        "value": [v.value for v in verdicts],
        "ci_low": [v.interval.low if v.interval else None for v in verdicts],
        "ci_high": [v.interval.high if v.interval else None for v in verdicts],
        "must": [v.must for v in verdicts],
        "conclusive": [v.conclusive for v in verdicts],
        "n": [v.n for v in verdicts],
        "metric": [v.metric for v in verdicts],
        "across": [", ".join(v.across) for v in verdicts],
        "article": [v.article for v in verdicts],
        "on_fail": [v.on_fail for v in verdicts],
        "reason": [v.reason for v in verdicts],
    }


def _frame(columns: dict[str, list[Any]]) -> Any:
    try:
        import pandas

        return pandas.DataFrame(columns)
    except ImportError:
        pass
    try:
        import polars

        return polars.DataFrame(columns, strict=False)
    except ImportError:
        pass
    try:
        import pyarrow

        return pyarrow.table(columns)
    except ImportError:
        raise MissingExtra("a dataframe library (pandas, Polars or pyarrow)", "all") from None
