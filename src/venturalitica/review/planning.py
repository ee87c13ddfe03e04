"""What a plan of rows rests on: the counts of a run on record, or rates in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from venturalitica.core.policy import MIN_CELL, Policy
from venturalitica.core.record import Statement
from venturalitica.core.tally import Tally
from venturalitica.errors import EvidenceError, SettingsError, did_you_mean
from venturalitica.judge.plan import Rate
from venturalitica.policy.read import decode
from venturalitica.policy.tree import UnreadableError, plain
from venturalitica.policy.yaml_reader import read_yaml

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger

_KEYS = ("rate", "rows", "of")


def tally_of(ledger: Ledger, entry: Entry) -> Tally:
    """The counts of a record, from the vault of its log.

    Raises:
        EvidenceError: it holds none, or they are not here.
    """
    from venturalitica.ledger.records.consistency import policy_in
    from venturalitica.ledger.rejudge.counts import Counts, Elsewhere, tally_in

    record = Statement.of(entry.statement)
    counts = Counts(ledger.home)
    try:
        judged_by = record.policy and policy_in(record.policy.checked(), record.policy.filename)
        found = counts.of(record, judged_by.min_cell if judged_by else MIN_CELL)
    except Elsewhere:
        raise EvidenceError(f"entry {entry.index}: {counts.where()}; plan with --rates") from None
    if found is None:
        raise EvidenceError(
            f"entry {entry.index} holds no counts: name an audit of rows, or plan with --rates"
        )
    return tally_in(found)


def read_rates(file: Path, policy: Policy) -> dict[str, dict[str, Rate]]:
    """Rates by control and group, from YAML or JSON.

    Raises:
        SettingsError: the file cannot be read, or says something that is no rate.
    """
    try:
        said = plain(read_yaml(decode(file.read_bytes())))
    except OSError as error:
        why = (error.strerror or type(error).__name__).lower()
        raise SettingsError(f"{file}: cannot be read: {why}") from None
    except UnreadableError as error:
        raise SettingsError(f"{file}:{error.line}: {error}") from None
    if not isinstance(said, dict) or not said:
        raise SettingsError(f"{file}: expected a mapping of controls, such as accuracy: 0.82")
    known = [control.id for control in policy.controls]
    found = {}
    for name, value in said.items():
        if name not in known:
            hint = did_you_mean(str(name), known)
            raise SettingsError(f"{file}: the policy has no control {name!r}{hint}")
        found[str(name)] = _rates(f"{file}: {name}", value)
    return found


def _rates(place: str, value: Any) -> dict[str, Rate]:
    # A group may be called "rate", too: then it has a mapping.
    alone = isinstance(value, dict) and not isinstance(value.get("rate", {}), dict)
    if alone or not isinstance(value, dict):
        return {"": _rate(place, value)}
    if len(value) < 2:
        raise SettingsError(f"{place}: one group is nothing to compare; give two or more")
    return {str(group): _rate(f"{place}: {group}", said) for group, said in value.items()}


def _rate(place: str, value: Any) -> Rate:
    said: Mapping[str, Any] = value if isinstance(value, dict) else {"rate": value}
    strange = [key for key in said if key not in _KEYS]
    if strange or "rate" not in said:
        what = f"unknown key {strange[0]!r}" if strange else "no rate"
        raise SettingsError(
            f"{place}: {what}; expected a number, or a mapping such as {{rate: 0.7, rows: 0.3}}"
        )
    rate = _number(f"{place}: rate", said["rate"], least=0.0, most=1.0)
    rows = _number(f"{place}: rows", said.get("rows", 1.0), least=1e-9, most=1e12)
    return Rate(rate, rows, _number(f"{place}: of", said.get("of", 1.0), least=1e-9, most=1.0))


def _number(place: str, value: Any, *, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        low = "0" if least == 0 else "above 0"
        raise SettingsError(f"{place} is {value!r}; expected a number from {low} to {most:g}")
    return float(value)
