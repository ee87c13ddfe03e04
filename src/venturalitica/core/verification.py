"""What a verification found: its steps, and whether all that could be made held."""

from __future__ import annotations

from msgspec import Struct, field

from venturalitica.core.concise import html_of
from venturalitica.core.gate import Standing
from venturalitica.core.verdict import About


class Step(Struct, frozen=True):
    """One step of a verification: what was checked, whether it held, what that means.

    `ok` is None where the step could not be made (no witness reachable, say): never a silent pass.
    """

    name: str
    ok: bool | None
    detail: str
    index: int | None = None


class Verification(Struct, frozen=True):
    """The outcome of verifying a ledger, a bundle or a tracker's run.

    `about` is what the records say; None where none could be read. `aliases` is how the aliases of
    models stand, by the decisions of a gate that a log holds.
    """

    source: str
    steps: tuple[Step, ...] = field(default=())
    about: About | None = None
    aliases: tuple[Standing, ...] = ()

    @property
    def ok(self) -> bool:
        """True where at least one step was made and none failed."""
        made = [step for step in self.steps if step.ok is not None]
        return bool(made) and all(step.ok for step in made)

    @property
    def fault(self) -> Step | None:
        """The first step that failed, or None."""
        return next((step for step in self.steps if step.ok is False), None)

    def __bool__(self) -> bool:
        return self.ok

    def _repr_html_(self) -> str | None:
        return html_of(self)
