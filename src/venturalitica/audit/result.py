"""An audit: the verdicts of one judgement, in policy order, with what was recorded of it."""

from __future__ import annotations

import contextlib
import importlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from msgspec.structs import replace

from venturalitica.core.circumstances import Circumstances
from venturalitica.core.policy import Policy
from venturalitica.core.record import Statement
from venturalitica.core.verdict import (
    Groups,
    GroupValue,
    Light,
    Verdict,
    left_out_sentence,
    light_of_part,
    worst_light,
)
from venturalitica.errors import ControlBlocked, MissingExtra, listed, shortened
from venturalitica.system.settings import POLICY_FILENAME, working_folder
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery
    from venturalitica.core.tally import Tally
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
    awaits_run: bool = False
    _tally: Tally | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        """All but the counts: what is kept back leaves no process."""
        return self.__dict__ | {"_tally": None}

    @property
    def kept_back(self) -> Mapping[str, tuple[GroupValue, ...]]:
        """The groups that no verdict shows by themselves, by control id, with sizes and values.

        For whoever has the data anyway: they are in no record, page, log, frame or pickle. Empty
        where nothing is kept back, and of an audit that came from another process.
        """
        if self._tally is None:
            return {}
        from venturalitica.judge import judge

        each = tuple(replace(control, small_groups=None) for control in self.policy.controls)
        everybody = replace(self.policy, min_cell=0, controls=each)
        exact = judge(everybody, self._tally, circumstances=self.circumstances)
        found = {
            whole.control: tuple(g for g in whole.groups if g.name not in shown.groups.names)
            for whole, shown in zip(exact, self.verdicts, strict=True)
            if isinstance(shown.groups, Groups)
        }
        return {control: groups for control, groups in found.items() if groups}

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
        return Circumstances.from_json(Statement.of(self.statement).judging)

    @property
    def beware(self) -> tuple[str, ...]:
        """Why the whole is amber at best, one sentence each; empty where nothing is against it."""
        from venturalitica.judge.conclude import reservations

        return reservations(self.policy, self.verdicts, self.circumstances)

    @property
    def run_id(self) -> str:
        """The product's own id of the run that this audit is recorded under."""
        return Statement.of(self.statement).run.id

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
        from venturalitica.reports.html.notebook import render_audit_fragment

        return render_audit_fragment(
            Statement.of(self.statement).verdicts,
            policy_name=self.policy.name,
            policy_version=self.policy.version,
            light=self.light,
            links=self.links,
            training_rows=self._training_rows(),
            first=left_out_sentence(self.circumstances.phase, len(self.circumstances.left_out)),
            notes=self._notes(),
        )

    def _notes(self) -> list[str]:
        """Why the whole is not green whatever its verdicts are."""
        found = [*self.beware]
        found += [f"There is no evidence: {self.fault}"] if self.fault else []
        found += [f"The evidence waits: {self.waiting}"] if self.waiting else []
        late = [one for one in self.deliveries if not one.delivered]
        return [*found, *(f"{one.run.tracker} has not confirmed it: {one.detail}" for one in late)]

    def _training_rows(self) -> bool | None:
        """Whether the judged rows were trained on, as recorded."""
        said = [item.get("training_rows") for item in Statement.of(self.statement).data]
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
    makers: dict[str, Callable[[Any], Any]] = {
        "pandas": lambda pandas: pandas.DataFrame(columns),
        "polars": lambda polars: polars.DataFrame(columns, strict=False),
        "pyarrow": lambda pyarrow: pyarrow.table(columns),
    }
    for library, make in makers.items():
        with contextlib.suppress(ImportError):
            return make(importlib.import_module(library))
    raise MissingExtra("a dataframe library (pandas, Polars or pyarrow)", "all")


log = logging.getLogger(__name__)

PACKAGE = "venturalitica"

_told: set[str] = set()
"""What this process was told already, and is not told again."""

_LONGEST_REASON = 900


def tell(message: str, *args: object) -> None:
    """Log an info line; where no handler is set up, show it on stderr as Python shows warnings.

    Whoever sets up logging, or a level for `venturalitica`, decides alone what is shown.
    """
    if log.hasHandlers():
        log.info(message, *args)
    elif logging.lastResort is not None and _nobody_decided():
        record = log.makeRecord(log.name, logging.INFO, __file__, 0, message, args, None)
        logging.lastResort.handle(record)


def _nobody_decided() -> bool:
    quiet = log.manager.disable >= logging.INFO
    return not quiet and logging.getLogger(PACKAGE).level == logging.NOTSET


def tell_audit(audit: Audit, home: Path, *, silent: frozenset[str]) -> None:
    """One line for the whole; a warning for each control that asks for one.

    Controls that were not evaluated for one and the same reason share a warning. `silent` are
    controls whose unbound role was told once for all of them, before the training.
    """
    tell("%s", _summary(audit, home))
    asking = [one for one in audit if one.status != "passed" and one.on_fail == "warn"]
    together: dict[tuple[str, ...], list[Verdict]] = {}
    for verdict in asking:
        if verdict.control not in silent:
            alone = () if verdict.status == "not_evaluated" else (verdict.control,)
            together.setdefault((verdict.status, verdict.reason, *alone), []).append(verdict)
    for (status, reason, *_), verdicts in together.items():
        ids = listed(verdict.control for verdict in verdicts)
        said = shortened(reason, _LONGEST_REASON if status == "not_evaluated" else None)
        log.warning("%s: %s: %s", ids, status.replace("_", " "), said)


def tell_missing_runs(runs: Sequence[RunRef], home: Path, source: str) -> None:
    """Why no tracker run takes the evidence, or one that is open does not: a warning, once each.

    Where nobody imported a tracker's library no run is missed: it stays an info line. So it does of
    a `check`, around which nobody can open a run.
    """
    from venturalitica.trackers import no_runs

    reasons = no_runs(beside={run.tracker for run in runs})
    what = "the training" if source == "fit" else "the call"
    texts = [
        f"{reason.text}: put {what} inside '{reason.block}'" if reason.block else reason.text
        for reason in reasons
        if (reason.elsewhere or not runs) and source != "check"
    ]
    if runs and not texts:
        return
    why = "; ".join(texts)
    level = logging.INFO if _told.issuperset(texts) else logging.WARNING
    _told.update(texts)
    if runs:
        log.log(level, "the evidence is not at every run that is open: %s", why)
    else:
        reason = f" ({why})" if why else ""
        log.log(level, "no tracker run is active: the evidence stays in %s%s", home, reason)


def tell_unjudged(name: str, light: Light, policy: Policy, unjudged: Sequence[Verdict]) -> None:
    """One line for all controls that no audit inside a run was about; `light` is the record's."""
    ids = [verdict.control for verdict in unjudged]
    log.warning(
        "%s: %s: %d of %d controls of %s v%s were not judged inside this run (%s): "
        "call vl.enforce or fit a model made by vl.wrap inside it",
        name,
        light,
        len(ids),
        len(policy.controls),
        policy.name,
        policy.version,
        listed(ids),
    )


def tell_no_policy(name: str) -> None:
    """Once in a process: a run was recorded, and there is no policy to hold it against."""
    if POLICY_FILENAME in _told:
        return
    _told.add(POLICY_FILENAME)
    log.warning(
        "%s: recorded without a policy: there is no %s in the working folder nor in the project "
        "root; 'venturalitica init' writes one, or pass policy=\"path/to/policy.yaml\"",
        name,
        POLICY_FILENAME,
    )


def _summary(audit: Audit, home: Path) -> str:
    """`loan v1.0: amber: 2 of 3 controls passed, 1 not evaluated; evidence 7 in .venturalitica`."""
    counts = Counter(verdict.status for verdict in audit)
    passed = f"{counts.pop('passed', 0)} of {len(audit)} controls passed"
    open_ones = sum(verdict.status == "passed" and not verdict.conclusive for verdict in audit)
    if open_ones and not audit.beware:  # else that says why
        passed += f" ({open_ones} not conclusively)"
    rest = [f"{number} {status.replace('_', ' ')}" for status, number in counts.items()]
    text = f"{audit.policy.name} v{audit.policy.version}: {audit.light}: "
    text += ", ".join([passed, *rest]) if len(audit) else "no control was selected"
    text += "".join(f"; {why}" for why in audit.beware)
    if audit.entry is not None:
        text += f"; evidence {audit.entry.index} in {near(home)}"
        text += ", signed by a new key" if audit.entry.new_key else ""
    elif audit.fault:
        text += "; no evidence: it could not be written"
    places = [*map(_place, audit.deliveries)]
    if audit.entry is not None and not places:
        places = [_no_run(audit)]
    return "; ".join([text, *places])


def _no_run(audit: Audit) -> str:
    """Where evidence is that no run of a tracker has."""
    from venturalitica.trackers import no_runs

    if audit.awaits_run:
        return "waits for a run"
    source = Statement.of(audit.statement).run.source
    fit = "fit" if source == "fit" else "it"
    reasons = no_runs(()) if source != "check" else []
    blocks = [f"`{reason.block}`" for reason in reasons if reason.block]
    inside = [f"put {fit} inside {' or '.join(blocks)}"] if blocks else []
    return "; ".join(["no tracker run was open", *inside])


def _place(delivery: Delivery) -> str:
    """`mlflow run http://…`; what the run's server does not have is never told as its address."""
    run = delivery.run
    if delivery.delivered:
        return f"{run.tracker} run {run.url or run.run_id}"
    said = delivery.detail.partition(":")[0] if delivery.kept else "not confirmed yet"
    return f"{run.tracker} run {run.run_id}: {said}"


def near(home: Path) -> Path:
    """A folder as seen from the working folder, where it is in it."""
    here = working_folder()
    return home.relative_to(here) if home.is_relative_to(here) else home
