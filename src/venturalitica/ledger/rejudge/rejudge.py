"""Judge the record again: are its verdicts what its own policy and its own counts give?

A signature shows that nobody changed a record since, not that it was honest when it was signed:
whoever runs the training can patch eight lines in the process that signs. So a verdict is not
believed: policy and tally are judged under the recorded circumstances, and everything compared.
What cannot be judged is named, never passed over.

Records without circumstances were made before these were kept: which of their controls had no data,
or were reported, cannot be known; only what can be derived is held against them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica._version import __version__
from venturalitica.core.circumstances import Circumstances
from venturalitica.core.encoding import canonical_parsed, sha256_hex
from venturalitica.core.policy import ONE_LIST, WEIGHT, Control, Policy
from venturalitica.core.record import JUDGED, RUN, Statement
from venturalitica.core.tally import Tally
from venturalitica.core.verification import Step
from venturalitica.errors import EvidenceError, VenturaliticaError, listed
from venturalitica.judge import unreported
from venturalitica.judge.controls import METHODS, unknown_method
from venturalitica.judge.keep_back import SINCE
from venturalitica.judge.pen import as_recorded
from venturalitica.judge.told import Told
from venturalitica.ledger.formats.merkle import Head
from venturalitica.ledger.records.chronicle import Chronicle, Record
from venturalitica.ledger.records.consistency import policy_in
from venturalitica.ledger.rejudge.beside import check_intervals, check_rows, check_term
from venturalitica.ledger.rejudge.compare import (
    differences,
    is_reported,
    is_rough,
    is_scored,
    light_fault,
    self_fault,
    told_in,
    wording_fault,
    words_fault,
    work_of,
)
from venturalitica.ledger.rejudge.controls import (
    check_controls,
    check_left_out,
    check_phase,
    in_order,
    need,
    refuse,
    selected,
)
from venturalitica.ledger.rejudge.counts import (
    Counts,
    Elsewhere,
    NotJudged,
    UnreadableTally,
    name_rough,
    tally_in,
)
from venturalitica.ledger.rejudge.references import References
from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy.tree import MAX_CONTROLS

MOST_WORK = 40_000
"""Cells that are resampled for one record: about half a minute. A record that asks for more may
have been made to keep its reader busy."""
_KEPT = 256
"""Judgements kept: a nightly audit of the same rows is judged once."""


class _Judged(Struct):
    """What a record's policy and counts give, and verdicts that were found to agree with it."""

    verdicts: tuple[Mapping[str, Any], ...]
    moved: Mapping[str, float]
    rough: bool
    tally: Tally | None = None
    agreed: Any = None
    worded: Any = None


class Verdicts(Chronicle):
    """Judges every record of a log or bundle again."""

    name = "verdicts"
    meaning = "the record does not say what its own policy and counts give"

    def __init__(self, home: Path | None, given: str | None = None) -> None:
        """Where the counts of records are, as for `Counts`."""
        self._counts = Counts(home, given)
        self._references = References(self._counts)
        self.records = 0
        self.reported = 0
        self._worded_elsewhere = 0
        self._unjudged = 0
        self._first: tuple[int, str] | None = None
        self._sound: Any = None
        self._since: int | None = None
        self._known: OrderedDict[object, _Judged] = OrderedDict()

    def read(self, record: Record) -> None:
        """Judge the record; raises `EvidenceError` where it says something else."""
        self._counts.read(record)
        if record.kind not in JUDGED:
            return
        try:
            self._judge(record.statement, record.index, run=record.kind == RUN)
        except NotJudged as reason:
            self._left_out(record.index, str(reason))
        else:
            self.records += 1
        finally:
            self._references.read(record.statement, record.index)

    def pass_over(self, head: Head) -> None:
        """A record that was pruned may have been what another one was compared with."""
        self._references.whole = False

    def step(self) -> Step | None:
        """What was judged; None where no record holds verdicts."""
        if not self.records:
            return self._rest(self.name, "not checked: ")
        told = f"; {self.reported} values were reported, not measured" if self.reported else ""
        other = self._worded_elsewhere
        told += f"; sentences of {other} not compared: another version wrote them" if other else ""
        detail = f"what policy and counts give, judged again ({self.records}){told}"
        return Step(self.name, True, detail)

    def left_over(self) -> Step | None:
        """What could not be judged, where other records could; None where everything was."""
        return self._rest("not judged", "") if self.records else None

    def _rest(self, name: str, prefix: str) -> Step | None:
        if self._first is None:
            return None
        index, why = self._first
        why = why or self._counts.where()
        more = f" (and {self._unjudged - 1} more)" if self._unjudged > 1 else ""
        return Step(name, None, f"{prefix}entry {index}: {why}{more}", index)

    def _left_out(self, index: int, why: str) -> None:
        self._unjudged += 1
        self._first = self._first or (index, why)

    def _judge(self, record: Statement, index: int, *, run: bool) -> None:
        verdicts = record.verdict_items
        need(len(verdicts) <= MAX_CONTROLS, "it holds more verdicts than a policy has controls")
        if verdicts != self._sound:
            for verdict in verdicts:
                refuse(self_fault(verdict), verdict)
            self._sound = verdicts
        judging = record.judging
        if run:
            _check_run(record, since=self._since)
            # One that counts is held to what an audit is.
            run = not record.counted
        if record.policy is None:
            need(not verdicts, "it holds verdicts and no policy")
        elif judging is None:
            # An audit that calls itself older than it is would be held to less.
            newer = run or self._since is None
            need(newer, f"it says not how it judged, as entry {self._since} does")
            self._judge_as_before(record, run=run)
        else:
            asked = circumstances_of(judging)
            check_rows(record, asked)
            self._since = index if self._since is None else self._since
            self._judge_fully(record, asked, index)

    def _judge_fully(self, record: Statement, asked: Circumstances, index: int) -> None:
        policy = _policy(record)
        need(policy is not None, "its policy's bytes are no policy that this version can read")
        assert policy is not None
        controls = selected(policy, asked)
        check_controls(record.verdict_items, controls)
        check_left_out(policy, controls, asked)
        strange = unknown_method(asked)
        if strange:
            # A later version may judge otherwise; which controls there are, the policy says.
            raise NotJudged(strange)
        check_intervals(record, policy, asked)
        check_term(record, policy)
        try:
            judged = self._judged(policy, record, asked)
            if judged.tally is not None:
                self._references.check(record, index, policy, asked, judged.tally)
        except Elsewhere:
            for verdict, control in zip(record.verdict_items, controls, strict=True):
                refuse(words_fault(verdict, control), verdict)
            raise
        unknown = _compare(record, judged, controls)
        if asked.rules >= SINCE and record.format != 1:
            self._check_wording(record, judged)
        self._count_reported(policy, asked)
        name_rough(judged.moved)
        if unknown:
            raise NotJudged(f"this version has no metric {listed(unknown)}")

    def _check_wording(self, record: Statement, judged: _Judged) -> None:
        """Hold the sentences that people read; another version may say the same in other words."""
        if record.package != __version__:
            self._worded_elsewhere += 1
            return
        if judged.worded == record.verdict_items:
            return
        for verdict, found in zip(record.verdict_items, judged.verdicts, strict=True):
            if verdict.get("metric") in CATALOG:
                refuse(wording_fault(verdict, found), verdict)
        judged.worded = record.verdict_items

    def _judged(self, policy: Policy, record: Statement, asked: Circumstances) -> _Judged:
        """What the record's tally gives under its policy; judged once for all that are alike."""
        counts = self._counts.under(policy, record)
        told = told_in(record, counts)
        judging = canonical_parsed(record.judging)
        digest = record.tally_sha256 or sha256_hex(canonical_parsed(counts))
        key = (policy.sha256, policy.filename, digest, judging, repr(told))
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        judged = self._known[key] = _judgement(policy, counts, asked, told)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return judged

    def _count_reported(self, policy: Policy, asked: Circumstances) -> None:
        if asked.reported:
            measured = unreported(policy, policy.controls, asked.reported)
            self.reported += len(policy.controls) - len(measured)

    def _judge_as_before(self, record: Statement, *, run: bool) -> None:
        """A record that keeps no circumstances: only what can be derived is held against it."""
        verdicts = record.verdict_items
        policy = _policy(record)
        if policy is None:
            raise NotJudged("this version cannot read the bytes as a policy")
        controls = in_order(verdicts, policy)
        for verdict, control in zip(verdicts, controls, strict=True):
            refuse(words_fault(verdict, control), verdict)
        if record.tally is None:
            for verdict in verdicts:
                bare = verdict["conclusive"]
                refuse("it is conclusive, and no counts stand behind it" if bare else "", verdict)
        else:
            self._judge_measured(policy, record, controls)
        left = len(policy.controls) - len(verdicts)
        if left and not run:
            check_phase(policy, controls)
            raise NotJudged(f"{left} controls are not in the record (before judging was recorded)")

    def _judge_measured(
        self, policy: Policy, record: Statement, controls: Sequence[Control]
    ) -> None:
        """Its verdicts of passed and failed must be borne out by its counts, unless reported."""
        try:
            judged = self._judged(policy, record, Circumstances.from_json(None))
        except UnreadableTally as error:
            raise NotJudged(f"{error} (before judging was recorded)") from None
        if judged.agreed == record.verdict_items:
            return
        places = {control.id: place for place, control in enumerate(policy.controls)}
        for verdict, control in zip(record.verdict_items, controls, strict=True):
            if verdict["status"] in ("passed", "failed") and not is_reported(verdict):
                found = judged.verdicts[places[control.id]]
                if control.metric == "completeness":
                    # Its replicates depended on the order of the call's arguments, then not kept.
                    found = {**found, "interval": verdict.get("interval")}
                refuse(
                    differences(verdict, found, weaker=judged.rough and is_scored(found)), verdict
                )
        judged.agreed = record.verdict_items
        name_rough(judged.moved)


def _policy(record: Statement) -> Policy | None:
    assert record.policy is not None
    try:
        return policy_in(record.policy.checked(), record.policy.filename)
    except EvidenceError:
        raise NotJudged("its policy is not intact") from None  # which the step `policy` says


def circumstances_of(judging: Mapping[str, Any]) -> Circumstances:
    """How a record says that it judged; raises `EvidenceError` where that cannot be read."""
    try:
        asked = Circumstances.from_json(judging)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise EvidenceError("its circumstances (judging) are malformed") from None
    roles = (asked.unbound, asked.faults, asked.absent)
    texts = [*(text for one in roles for text in one.values()), *asked.left_out]
    right = (
        type(asked.rules) is int
        and isinstance(asked.intervals, str)
        and asked.phase in (None, "data", "model")
        and isinstance(asked.failure, str)
        and isinstance(asked.unlabelled, str)
        and all(isinstance(name, str) for name in asked.references)
        and all(isinstance(text, str) for text in texts)
    )
    need(right, "its circumstances (judging) are malformed")
    return asked


def _check_run(record: Statement, *, since: int | None) -> None:
    """A run's record counts and judges nothing: it tells which controls no audit was about.

    Before circumstances were kept, one might hold counts.
    """
    need(record.judging is None, "a run's record judges nothing, and says how it judged")
    if since is None and record.counted:
        return
    need(not record.counted, "a run's record counts nothing, and holds counts")
    for verdict in record.verdict_items:
        judged = verdict["status"] in ("passed", "failed")
        refuse("a run's record judges nothing, and says that it did" if judged else "", verdict)


def _check_unbound(tally: Tally | None, asked: Circumstances) -> None:
    """A role that was counted was bound: calling it unbound would hide a control that failed."""
    if tally is None:
        return
    need(not asked.failure, "it says that nothing could be counted, and holds counts")
    labels = next((axis.role for axis in tally.axes if axis.role in ONE_LIST), None)
    need(
        labels is None or not asked.unlabelled,
        f"it calls {labels} an amount, and counts its labels",
    )
    counted = [axis.role for axis in tally.axes] + list(tally.nulls)
    counted += [WEIGHT for table in tally.amounts if table.number == WEIGHT]
    hidden = next((role for role in counted if role in asked.unbound), None)
    need(hidden is None, f"it says that role {str(hidden)[:80]!r} was not bound, and counts it")


def _judgement(
    policy: Policy,
    counts: Mapping[str, Any] | None,
    asked: Circumstances,
    told: Mapping[str, Sequence[float | None]],
) -> _Judged:
    tally = None if counts is None else tally_in(counts)
    _check_unbound(tally, asked)
    if tally is not None and work_of(tally, policy) > MOST_WORK:
        raise NotJudged("its counts have too many cells to be judged again here")
    values = Told(told)
    try:
        verdicts = METHODS[asked.intervals](policy, tally, circumstances=asked, told=values)
    except VenturaliticaError as error:
        raise EvidenceError(f"it cannot be judged again: {error}") from None
    except Exception as error:  # noqa: BLE001 - counts may be made to break the arithmetic
        raise EvidenceError(f"it cannot be judged again ({type(error).__name__})") from None
    rough = is_rough(counts)
    if asked.rules >= SINCE:
        verdicts = as_recorded(verdicts, rough=rough)
    return _Judged(
        tuple(verdict.to_json() for verdict in verdicts), dict(values.moved), rough, tally
    )


def _compare(record: Statement, judged: _Judged, controls: Sequence[Control]) -> list[str]:
    """The metrics that this version lacks: of these, words and thresholds alone can be held."""
    verdicts, rough, unknown = record.verdict_items, judged.rough, dict[str, None]()
    anew = {found["control"]: found for found in judged.verdicts}
    for verdict, control in zip(verdicts, controls, strict=True):
        found = anew.get(control.id, {})
        if control.metric not in CATALOG and verdict["status"] != found.get("status"):
            unknown[control.metric], anew[control.id] = None, verdict
            refuse(words_fault(verdict, control), verdict)
        elif judged.agreed != verdicts:
            refuse(differences(verdict, found, weaker=rough and is_scored(found)), verdict)
    judged.agreed = verdicts
    fault = light_fault(record, [anew[verdict["control"]] for verdict in verdicts])
    need(not fault, fault)
    return list(unknown)
