"""How aliases stand to the decisions of a gate, on pages: from the log, and from MLflow beside it.

No page waits for MLflow: until it answered, and where it is not set up, the aliases are shown as
the decisions left them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from msgspec import Struct

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.gate import Alias, Standing
from venturalitica.core.record import DECISION, KINDS, MODEL
from venturalitica.core.text import visible
from venturalitica.errors import VenturaliticaError
from venturalitica.ledger.lifecycle.ties import decisions, ties
from venturalitica.review.gate.aliases import Found, standings
from venturalitica.review.gate.standing import decided_in, models_of
from venturalitica.review.health.integrations import health_of
from venturalitica.trackers.base import CHOSEN
from venturalitica.trackers.mlflow.models import aliases_of
from venturalitica.ui.jobs import Jobs
from venturalitica.ui.reader import Reading

MOST_MODELS = 200
"""Models whose aliases are asked for, those of the newest records."""

AS_LEFT = "As the decisions on record left them"
NOW = "As MLflow has them now; whether files were changed since is told by"


class Gate(Struct, frozen=True):
    """The aliases, the worst first, and how that is known; `busy` while MLflow is being asked."""

    standings: tuple[Standing, ...] = ()
    how: str = ""
    command: str = ""
    busy: bool = False

    @property
    def worst(self) -> Standing | None:
        """The first of them; None where there is none."""
        return next(iter(self.standings), None)

    def of_record(self, evidence_sha256: str) -> tuple[Standing, ...]:
        """Those whose decision rests on this judgement."""
        return tuple(one for one in self.standings if one.record == evidence_sha256)


class _Answer(Struct, frozen=True):
    """What MLflow said: the aliases, or why it was not asked or did not say."""

    aliases: tuple[Alias, ...] | None = None
    why: str = ""


def gate_of(reading: Reading | None, jobs: Jobs | None = None, *, wait: float = 0.0) -> Gate:
    """The aliases of the models that the log has records on.

    Args:
        jobs: asks MLflow beside; None where it is not to be asked.
        wait: seconds to wait for its first answer.

    Raises:
        EvidenceError: the log was altered.
    """
    if reading is None:
        return Gate()
    decided = reading.kept("decisions", lambda: _decided(reading), "index.db")
    if not decided:
        return Gate()  # where no gate was ever asked nothing can be gone round
    now = datetime.now(UTC)
    answer = None if jobs is None else _asked(reading, decided, jobs, wait)
    if answer is None or answer.aliases is None:
        why = f": {visible(answer.why)}" if answer is not None and answer.why else ""
        asking = jobs is not None and answer is None
        told = standings(decided, None, now=now)
        return Gate(told, f"{AS_LEFT}{why}.", busy=asking)
    told = standings(decided, answer.aliases, now=now)
    return Gate(told, NOW, "venturalitica verify --aliases")


def _decided(reading: Reading) -> Sequence[Found]:
    rows = reading.index.runs(kind=KINDS[DECISION], newest_first=False)
    return decided_in(decisions(reading.ledger, [row.index for row in rows]))


def _asked(reading: Reading, decided: Sequence[Found], jobs: Jobs, wait: float) -> _Answer | None:
    names = reading.kept("aliased", lambda: _models(reading, decided), "index.db")
    key = sha256_hex("\n".join(names).encode("utf-8", "replace"))[:16]
    return jobs.ask(f"aliases {key}", lambda: _ask(names), wait=wait)


def _models(reading: Reading, decided: Sequence[Found]) -> tuple[str, ...]:
    rows = reading.index.runs(kind=KINDS[MODEL], limit=MOST_MODELS)
    places = [row.index for row in rows]
    return models_of(ties(reading.ledger, places), decided)[:MOST_MODELS]


def _ask(names: Sequence[str]) -> _Answer:
    """On a thread: it may take as long as MLflow does."""
    health = health_of("mlflow")
    if health.get("configured") not in CHOSEN:
        return _Answer(why="MLflow is not set up here, and was not asked")
    if not health.get("reachable"):
        return _Answer(why="MLflow does not answer")
    try:
        return _Answer(aliases_of(names))
    except VenturaliticaError as error:
        return _Answer(why=str(error))
