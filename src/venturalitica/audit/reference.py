"""The references that a policy's controls name: found, read, and said why where there is none."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct, field

from venturalitica.audit.project import own_external
from venturalitica.core.drift import FILE_ENDING, LAST_GREEN, Distribution
from venturalitica.core.policy import Policy
from venturalitica.core.record import Statement
from venturalitica.core.redact import redact_name, redact_text, redacted_traceback
from venturalitica.core.reference import distributions
from venturalitica.errors import EvidenceError, VenturaliticaError, listed
from venturalitica.ledger.records.references import FILE, NONE, RUN, leads
from venturalitica.system.settings import Settings

if TYPE_CHECKING:
    from venturalitica.core.tally import Tally
    from venturalitica.ledger import Ledger
    from venturalitica.ledger.formats.public_key import PublicKey

log = logging.getLogger(__name__)

MOST_NAMED = 5
MOST_LOOKED_AT = 1_000
"""Records of a pipeline, newest first, among which the last green one is looked for."""


class Reference(Struct, frozen=True):
    """What was found: `said` is what the record says of it, `known` its distributions."""

    said: Mapping[str, Any]
    known: Mapping[tuple[bool, str], Distribution] = field(default_factory=dict)

    @property
    def why(self) -> str:
        """Why there is none; "" where there is one."""
        return str(self.said.get("why", ""))


def find_reference(against: str, policy: Policy, name: str, settings: Settings) -> Reference:
    """The reference that a control of `policy` names; never raises for want of it.

    Args:
        against: `last-green`, a run as `runs show` takes it, or a baseline's file beside the
            policy.
        name: of the run or audit that is judged: its pipeline's.
    """
    try:
        if against.endswith(FILE_ENDING):
            return _of_file(against, policy, settings)
        if against == LAST_GREEN:
            return _last_green(policy, name, settings)
        return _of_run(against, settings)
    except VenturaliticaError as error:
        why = redact_text(str(error)).replace(str(settings.home), settings.home.name)
    except Exception as error:  # noqa: BLE001 - see below
        # A boundary: a broken index costs the controls on drift alone, and no training.
        log.error("a reference could not be looked up\n%s", redacted_traceback(error))
        why = f"{type(error).__name__} while it was looked up; see the log"
    return Reference({"kind": NONE, "why": f"the reference {against!r}: {why}"})


def _of_file(against: str, policy: Policy, settings: Settings) -> Reference:
    from venturalitica.ledger.formats.baseline import MOST_BYTES, read_baseline

    place = Path(policy.path).parent / against
    try:
        with place.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise EvidenceError(
            f"cannot be read beside the policy ({(error.strerror or 'no file').lower()}); "
            "'venturalitica baseline' writes one"
        ) from None
    found = read_baseline(data, what="the file", keys=baseline_keys(settings))
    # Of what it left out nothing is compared, whichever columns a control asks for.
    left = listed(map(redact_name, found.left_out), MOST_NAMED)
    left = f"; not in it: {left}" if left else ""
    said = {
        "kind": FILE,
        "file": Path(against).name,
        "sha256": found.sha256,
        "key": found.signers[0],
        "made_at": found.made_at,
        "words": f"the baseline {Path(against).name} ({found.name}, {found.rows:,} rows{left})",
        **({"left_out": len(found.left_out)} if found.left_out else {}),
    }
    return Reference(said, found.by_key)


def baseline_keys(settings: Settings) -> dict[str, PublicKey]:
    """The keys whose baselines are taken: the user's own, and those beside the log."""
    from venturalitica.ledger.formats.public_key import RECORDS, PublicKey, carried_keys
    from venturalitica.ledger.signing.signer import known_keys

    own = known_keys(
        settings.signing_key, settings.config, passphrase=settings.signing_key_passphrase
    )
    if settings.signer:
        own = own | own_external(settings)
    found = {name: PublicKey.from_pem(pem, what="your own key") for name, pem in own.items()}
    every = {**carried_keys(settings.home / "keys"), **found}
    return {name: key for name, key in every.items() if key.algorithm == RECORDS}


def _of_run(against: str, settings: Settings) -> Reference:
    with _index(settings) as (ledger, index):
        rows = [row for row in index.find(against) if row.kind == "audit"]
    if not rows:
        raise EvidenceError("no audit on record fits it; 'venturalitica runs list' shows them")
    if len({row.run_id for row in rows}) > 1:
        raise EvidenceError("it fits several runs; give more of it")
    for row in reversed(rows):
        record = Statement.of(ledger.entry(row.index).statement)
        tally, why = counts_of(ledger, row.index, record)
        if tally is not None:
            return _run(row.index, record, tally)
    raise EvidenceError(why)


def _last_green(policy: Policy, name: str, settings: Settings) -> Reference:
    """The newest whose counts are here; what is said tells of the newest of those that are not."""
    from venturalitica.ledger.log.log_files import LogFiles

    nothing = f"no green record of policy {policy.name!r} and pipeline {name!r} is on record yet"
    if not LogFiles(settings.home).exists():
        raise EvidenceError(nothing)
    lost = ""
    with _index(settings) as (ledger, index):
        rows = index.runs(kind="audit", name=name, policy=policy.name, limit=MOST_LOOKED_AT)
    for row in rows:
        if row.name != name or row.policy_name != policy.name or row.light in ("red", "grey"):
            continue
        record = Statement.of(ledger.entry(row.index).statement)
        own = _policy_of(record)
        if own is None or not leads(record, own):
            continue
        tally, why = counts_of(ledger, row.index, record)
        if tally is not None:
            return _run(row.index, record, tally)
        lost = lost or why
    raise EvidenceError(lost or nothing)


def _policy_of(record: Statement) -> Policy | None:
    from venturalitica.ledger.records.consistency import policy_in

    if record.policy is None:
        return None
    with contextlib.suppress(EvidenceError):
        return policy_in(record.policy.checked(), record.policy.filename)
    return None


def counts_of(ledger: Ledger, index: int, record: Statement) -> tuple[Tally | None, str]:
    """The counts of a record, or why they are not here."""
    from venturalitica.ledger.rejudge.counts import Counts, Elsewhere, tally_in

    own = _policy_of(record)
    if own is None:
        return None, f"entry {index}: its policy cannot be read"
    counts = Counts(ledger.home)
    try:
        found = counts.of(record, own.min_cell)
    except Elsewhere:
        return None, f"entry {index}: its tally is not in the vault here, or was erased"
    if found is None:
        return None, f"entry {index} counted no rows"
    return tally_in(found), ""


def _run(index: int, record: Statement, tally: Tally) -> Reference:
    own = _policy_of(record)
    assert own is not None
    run = record.run
    version = own.version
    said = {
        "kind": RUN,
        "entry": index,
        "run_id": run.id,
        "name": run.name,
        "at": run.ended_at,
        "policy_version": version,
        "tally_vault": record.tally_kept,
        "words": f"entry {index} (run {run.id[:10]} of {run.ended_at[:10]}, policy {version})",
    }
    return Reference(said, distributions(tally, own.min_cell))


@contextlib.contextmanager
def _index(settings: Settings) -> Iterator[tuple[Ledger, Any]]:
    from venturalitica.ledger import Index
    from venturalitica.ledger.ledger import Ledger

    ledger = Ledger.open(settings.home)
    with Index.open(ledger) as index:
        yield ledger, index
