"""What is known of a record besides what it says itself, on the day a page about it is drawn."""

from __future__ import annotations

from dataclasses import dataclass

from venturalitica.records import Step, Verification


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Place, proof, retention and delivery of one record. It is looked up, never recorded.

    `verification` is that of the record's own bundle; `kept_until` is the last day on which it
    must be kept, empty where that cannot be read, like `retention`, the name of its class;
    `waiting` names the tracker runs that have not confirmed it, and `kept` is how many of them are
    offline runs in whose folder, on this machine, it lies; `drawn_at` is the drawer's clock;
    `doubt` says why its light is amber at best though it verifies, empty where nothing does.
    """

    entry: int
    size: int
    verification: Verification
    retention: str
    kept_until: str
    waiting: tuple[str, ...]
    drawn_at: str
    doubt: str = ""
    kept: int = 0

    @property
    def fault(self) -> Step | None:
        """What failed; a record of which nothing could be checked has not passed either."""
        if self.verification.ok:
            return None
        return self.verification.fault or Step("record", False, "no step could be made")
