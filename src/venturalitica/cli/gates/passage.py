"""One passage of the gate: decide, put it on record, set the alias, deliver the record.

The record comes before the alias: where it cannot be written, nothing is changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.audit.delivery import Delivery
from venturalitica.audit.recording import keep
from venturalitica.audit.statement import Unsigned, run_json
from venturalitica.core.gate import Decision, Requirement
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.ledger.records.decision import Decided, Mode, Overridden
from venturalitica.review.gate import decide
from venturalitica.review.gate.candidates import candidate_of
from venturalitica.review.gate.overrides import overridden
from venturalitica.system.settings import Settings
from venturalitica.trackers import tracker
from venturalitica.trackers.base import RunRef
from venturalitica.trackers.mlflow.models import Named, set_alias

if TYPE_CHECKING:
    from venturalitica.ledger.formats.public_key import PublicKey
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry
    from venturalitica.provenance.model_files import Progress


class Passage(Struct, frozen=True, kw_only=True):
    """What came of it. `entry` is the record, None where the log could not be written and nothing
    was to be changed, for the reason `fault`; `alias` the one that was set; `override` what lets
    it have that although it was refused."""

    decision: Decision
    override: Overridden | None = None
    entry: Entry | None = None
    fault: str = ""
    alias: str = ""
    deliveries: tuple[Delivery, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether it may have the alias."""
        return self.decision.allowed or self.override is not None

    @property
    def sentence(self) -> str:
        """Why, for people."""
        if self.override is None:
            return self.decision.sentence
        return f"{self.override.sentence}; refused else: {self.decision.sentence}"


def pass_gate(
    target: str,
    requirement: Requirement,
    *,
    keys: Mapping[str, Any],
    alias: str = "",
    overrides: Sequence[PublicKey] = (),
    ledger: Ledger | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Passage:
    """Decide whether a version may pass, and where it may, give it the alias.

    Args:
        target: as of `candidate_of`.
        keys: as of `decide`.
        alias: the alias to set; empty where it is only asked whether the version may pass.
        overrides: keys that may override a refusal.
        ledger: the team's own, for tallies in its vault and its sign-offs; None where there is
            none.

    Raises:
        SettingsError: an alias is to be set on what is no registered version.
        EvidenceError: the decision cannot be put on record, so the alias was not set.
        TrackerError: MLflow failed, or the version was changed meanwhile.
        DataError, MissingExtra: as `candidate_of`.
    """
    settings = settings or Settings.current()
    candidate, named = candidate_of(target, ledger=ledger, progress=progress)
    if alias and not (named and candidate.version):
        raise SettingsError(
            f"--set-alias {alias}: {target} is no version of a registered model; give "
            "models:/NAME/VERSION"
        )
    now = datetime.now(UTC)
    decision, override = decide(candidate, requirement, keys=keys, now=now), None
    if alias:
        decision, override = overridden(decision, candidate, alias, keys=overrides, now=now)
    run = run_of(named)
    runs = () if run is None else (run,)
    mode: Mode = "enforce" if override is None else "override"
    decided = Decided(decision=decision, alias=alias, mode=mode, override=override)
    kept = keep(
        Unsigned(decided.statement([run_json(one) for one in runs], datetime.now(UTC))),
        runs,
        settings,
    )
    if kept.entry is None and alias and decided.passed:
        raise EvidenceError(
            f"'{alias}' was not set: the decision is not on record ({kept.fault or kept.waiting})"
        )
    done = Passage(
        decision=decision,
        override=override,
        entry=kept.entry,
        fault=kept.fault or kept.waiting,
        deliveries=kept.deliveries,
    )
    if not (alias and decided.passed and named):
        return done
    set_alias(named, alias)
    return replace(done, alias=alias)


def run_of(named: Named | None) -> RunRef | None:
    """The run that a model names; None where it names none."""
    run_id = named.facts.get("run_id", "") if named else ""
    return tracker("mlflow").find_run(run_id) if run_id else None
