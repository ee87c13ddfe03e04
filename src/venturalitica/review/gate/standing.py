"""What a verification says of aliases: by the decisions of the log, and by MLflow where asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from venturalitica.core.gate import Standing
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError, VenturaliticaError
from venturalitica.ledger.ledger import Ledger
from venturalitica.ledger.lifecycle.ties import decisions, ties
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.review.gate.aliases import Found, standings
from venturalitica.review.gate.candidates import candidate_of
from venturalitica.review.gate.proofs import sort
from venturalitica.review.gate.refusal import line
from venturalitica.trackers.mlflow.models import aliases_of

STEP = "aliases"
MOST = 50
"""Aliases whose files are fetched and digested; each costs what its files weigh."""


def with_aliases(found: Verification, *, asked: bool, keys: Mapping[str, Any]) -> Verification:
    """A verification of a log, with how the aliases of its models stand.

    Args:
        asked: ask MLflow for the aliases, the files under them and the decisions at their runs;
            then each that does not stand by a decision is a step that failed.
        keys: whose decisions at a run count, as the arguments of `verify_bundle`.
    """
    home = Path(found.source)
    if not (home / "log").is_dir():
        if asked:
            why = "not checked: the aliases are held against a whole log, and this is none"
            return replace(found, steps=(*found.steps, Step(STEP, None, why)))
        return found
    now = datetime.now(UTC)
    try:
        ledger = Ledger.open(home, create=False, settle=False)
        decided = decided_in(decisions(ledger))
        if not asked:
            return replace(found, aliases=standings(decided, None, now=now))
        names = models_of(ties(ledger), decided)
    except EvidenceError as error:
        if not asked:
            return found  # a step has said what is wrong with the log
        return replace(found, steps=(*found.steps, Step(STEP, None, f"not checked: {error}")))
    told, faults = _at_mlflow(names, decided, keys, now)
    steps = (*found.steps, *_steps(told, faults))
    return replace(found, aliases=told, steps=steps)


def decided_in(found: Iterable[tuple[int, Any]]) -> list[Found]:
    """The decisions of a log, each with the place that people find it by."""
    return [(f"entry {index}", one) for index, one in found]


def models_of(tied: Iterable[tuple[int, ModelTie]], decided: Iterable[Found]) -> tuple[str, ...]:
    """The registered models that decisions, and records of the files of models, name."""
    named = dict.fromkeys(one.decision.name for _, one in decided if one.decision.version)
    for _, tie in tied:
        named |= dict.fromkeys(_registered(tie.logged.get("version", "")))
    return tuple(named)


def _registered(versions: str) -> Iterator[str]:
    """The names in `credit/3, loans/1`."""
    for one in versions.split(", "):
        name, slash, _ = one.rpartition("/")
        if slash and name:
            yield name


def _at_mlflow(
    names: Iterable[str], decided: list[Found], keys: Mapping[str, Any], now: datetime
) -> tuple[tuple[Standing, ...], list[str]]:
    """The standings as MLflow has the aliases now, and what could not be compared."""
    try:
        aliases = aliases_of(names)
    except VenturaliticaError as error:
        return (), [str(error)]
    roots: dict[tuple[str, str], str] = {}
    at_runs: list[Found] = []
    faults: list[str] = []
    versions = dict.fromkeys((one.name, one.version) for one in aliases)
    for name, version in list(versions)[:MOST]:
        try:
            candidate, _ = candidate_of(f"models:/{name}/{version}")
        except VenturaliticaError as error:
            faults.append(f"the files of {name} {version} were not compared: {error}")
            continue
        if candidate.files is not None:
            roots[name, version] = candidate.files.root
        at_runs += [("at its run", one) for one in sort(candidate, keys).decisions]
    if len(versions) > MOST:
        faults.append(f"the files of {len(versions) - MOST} more versions were not compared")
    return standings(_joined(decided, at_runs), aliases, now=now, roots=roots), faults


def _joined(decided: list[Found], at_runs: list[Found]) -> list[Found]:
    """Both, oldest first; one that is in the log too, once."""
    known = {(one.decision, one.alias, one.at) for _, one in decided}
    more = [item for item in at_runs if (item[1].decision, item[1].alias, item[1].at) not in known]
    return sorted([*decided, *more], key=lambda item: item[1].at)


def _steps(told: tuple[Standing, ...], faults: list[str]) -> Iterator[Step]:
    for one in told:
        if one.light in ("red", "amber"):
            todo = f"; {one.todo}" if one.todo else ""
            said = line(f"{one.called} {one.sentence}{todo}")
            yield Step(STEP, False if one.light == "red" else None, said)
    for fault in faults:
        yield Step(STEP, None, f"not checked: {line(fault)}")
    green = sum(one.light == "green" for one in told)
    if green:
        yield Step(STEP, True, f"by a decision of a gate on the files under them: {green}")
    if not told and not faults:
        yield Step(STEP, None, "not checked: no model that the log has records on has an alias")
