"""Why a control has no value: carried up to the verdict, never swallowed."""

from __future__ import annotations

from venturalitica.records import GroupValue


class Refusal(Exception):
    """A control cannot be evaluated: no error of ours, but a `not_evaluated` verdict.

    `reason` is a sentence for people.
    """

    def __init__(
        self,
        reason: str,
        *,
        n: int = 0,
        groups: tuple[GroupValue, ...] = (),
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.n = n
        self.groups = groups
        self.notes = notes
