"""Tell people where nobody set up logging: a script or a notebook must not stay silent."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.audit.result import Audit
from venturalitica.core.policy import Policy
from venturalitica.core.verdict import Light, Verdict
from venturalitica.errors import listed, shortened
from venturalitica.system.settings import POLICY_FILENAME, working_folder
from venturalitica.trackers.base import RunRef

if TYPE_CHECKING:
    from venturalitica.audit.delivery import Delivery

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


def tell_missing_runs(runs: Sequence[RunRef], home: Path) -> None:
    """Why no tracker run takes the evidence, or one that is open does not: a warning, once each.

    Where nobody imported a tracker's library no run is missed: it stays an info line.
    """
    from venturalitica.trackers import no_runs

    reasons = no_runs(beside={run.tracker for run in runs})
    texts = [reason.text for reason in reasons if reason.elsewhere or not runs]
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
    rest = [f"{number} {status.replace('_', ' ')}" for status, number in counts.items()]
    text = f"{audit.policy.name} v{audit.policy.version}: {audit.light}: "
    text += ", ".join([passed, *rest]) if len(audit) else "no control was selected"
    text += "".join(f"; {why}" for why in audit.beware)
    if audit.entry is not None:
        text += f"; evidence {audit.entry.index} in {_near(home)}"
        text += ", signed by a new key" if audit.entry.new_key else ""
    elif audit.fault:
        text += "; no evidence: it could not be written"
    return "; ".join([text, *map(_place, audit.deliveries)])


def _place(delivery: Delivery) -> str:
    """`mlflow run http://…`; what the run's server does not have is never told as its address."""
    run = delivery.run
    if delivery.delivered:
        return f"{run.tracker} run {run.url or run.run_id}"
    said = delivery.detail.partition(":")[0] if delivery.kept else "not confirmed yet"
    return f"{run.tracker} run {run.run_id}: {said}"


def _near(home: Path) -> Path:
    here = working_folder()
    return home.relative_to(here) if home.is_relative_to(here) else home
