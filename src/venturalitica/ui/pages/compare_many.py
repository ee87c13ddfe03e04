"""Any number of runs beside each other, control by control: what differs between them first.

Read from the log itself and verified, as two runs are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.circumstances import data_digest
from venturalitica.core.json_values import mapping, text
from venturalitica.core.text import format_number
from venturalitica.core.verdict import Verdict
from venturalitica.ledger.index.queries import RANKS
from venturalitica.ui.pages.compared_run import Record, Side, data_name, scalar_of
from venturalitica.ui.pages.run_query import MOST_CHOSEN

if TYPE_CHECKING:
    from venturalitica.reports.context import ReportContext
    from venturalitica.ui.reader import Reading

MOST = MOST_CHOSEN
"""Runs beside each other."""


class ControlRow(Struct, frozen=True, kw_only=True):
    """One control in every run, None where a run does not have it.

    `change` says in words what differs; empty where nothing does. `worst` is the rank of the worst
    light, the worst first.
    """

    control: str
    title: str
    verdicts: tuple[Verdict | None, ...]
    change: str
    worst: int


class FactRow(Struct, frozen=True):
    """A fact of every run, as text; empty where a run does not have it."""

    name: str
    values: tuple[str, ...]
    digest: bool = False

    @property
    def same(self) -> bool:
        """Whether all runs have the same."""
        return len(set(self.values)) == 1


class ManyContext(Struct, frozen=True):
    """What the page shows: the runs in the order of the log, what differs first."""

    sides: tuple[Side, ...]
    controls: tuple[ControlRow, ...]
    facts: tuple[FactRow, ...]

    @property
    def permanent(self) -> dict[str, object]:
        """What names these very records, wherever their entries are."""
        return {"run": [side.evidence_sha256 for side in self.sides]}

    @property
    def entries(self) -> tuple[int, ...]:
        """The runs by their entries."""
        return tuple(side.entry for side in self.sides)

    def without(self, entry: int) -> list[int]:
        """The other runs."""
        return [one for one in self.entries if one != entry]


def read_many(reading: Reading, entries: Sequence[int]) -> ManyContext:
    """The runs, compared.

    Raises:
        HTTPException: there is no such entry, or it is no audit and no run.
        EvidenceError: the log was altered.
    """
    records = [Record.read(reading, entry) for entry in entries]
    contexts = [record.context for record in records]
    rows = sorted(_controls(contexts), key=lambda row: (not row.change, row.worst))
    facts = sorted(_facts(contexts), key=lambda fact: fact.same)
    return ManyContext(tuple(record.side() for record in records), tuple(rows), tuple(facts))


def _controls(contexts: Sequence[ReportContext]) -> Iterator[ControlRow]:
    found = [{verdict.control: verdict for verdict in one.verdicts} for one in contexts]
    for control in {name: None for side in found for name in side}:
        verdicts = tuple(side.get(control) for side in found)
        known = [verdict for verdict in verdicts if verdict is not None]
        yield ControlRow(
            control=control,
            title=known[-1].title,
            verdicts=verdicts,
            change="; ".join(_changes(verdicts, known)),
            worst=min(RANKS[verdict.light] for verdict in known),
        )


def _changes(verdicts: Sequence[Verdict | None], known: Sequence[Verdict]) -> Iterator[str]:
    if len(known) < len(verdicts):
        yield f"in {len(known)} of {len(verdicts)}"
    failed = sum(verdict.status == "failed" for verdict in known)
    if 0 < failed < len(known):
        yield f"failed in {failed} of {len(known)}"
    elif len({(verdict.status, verdict.light) for verdict in known}) > 1:
        yield "another result"
    if len({(one.metric, one.across, one.compare) for one in known}) > 1:
        yield "another measure"
        return
    if len({(one.operator, one.threshold) for one in known}) > 1:
        yield "another threshold"
    values = [one.value for one in known if one.value is not None]
    if len(set(values)) > 1:
        bound = known[-1].threshold
        low, high = (format_number(value, beside=bound) for value in (min(values), max(values)))
        yield f"{low} to {high}"


def _facts(contexts: Sequence[ReportContext]) -> Iterator[FactRow]:
    policies = [f"{one.policy.name} {one.policy.version}" if one.policy else "" for one in contexts]
    yield FactRow("policy", tuple(policies))
    yield _digests("policy's text", [one.policy.sha256 if one.policy else "" for one in contexts])
    models = [one.model or {} for one in contexts]
    yield FactRow("model", tuple(text(model.get("class")) for model in models))
    yield _digests("model's SHA-256", [text(model.get("sha256")) for model in models])
    git = [mapping(one.environment.get("git")) for one in contexts]
    yield _digests("commit", [text(one.get("commit")) for one in git])
    yield FactRow("Python", tuple(text(one.environment.get("python")) for one in contexts))
    data = [{data_name(item): data_digest(item) for item in one.data} for one in contexts]
    yield from (_digests(f"data: {name}", column) for name, column in _columns(data))
    parameters = [mapping(model.get("parameters")) for model in models]
    told = [{name: scalar_of(one, name) for name in one} for one in parameters]
    yield from (FactRow(f"parameter {n}", tuple(column)) for n, column in _columns(told))


def _columns(found: Sequence[Mapping[str, str]]) -> Iterator[tuple[str, list[str]]]:
    for name in {name: None for one in found for name in one}:
        yield name, [one.get(name, "") for one in found]


def _digests(name: str, values: Sequence[str]) -> FactRow:
    return FactRow(name, tuple(values), digest=True)
