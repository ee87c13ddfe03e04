"""Which records may be a reference for later ones: the green ones, and the first of their kind."""

from __future__ import annotations

from venturalitica.core.drift import LAST_GREEN
from venturalitica.core.json_values import mapping, text, texts
from venturalitica.core.policy import Policy
from venturalitica.core.record import AUDIT, Statement
from venturalitica.core.verdict import light_in

RUN, FILE, NONE = "run", "file", "none"
"""What a reference is: a record of the log, a baseline's file; or there is none, and `why`."""


def leads(record: Statement, policy: Policy) -> bool:
    """Whether it may be the last green record that another one is compared with.

    All of its verdicts are green. Those that had no reference themselves count as green here: else
    the first run of a policy that asks for one could never be it, nor any after it.

    Args:
        policy: its own, read from its bytes.
    """
    whole = record.predicate_type == AUDIT and record.counted and not record.failed
    if not whole or record.left_out or not record.verdict_items:
        return False
    first = _without_reference(record, policy)
    return all(
        light_in(item) == "green"
        or (text(item.get("control")) in first and item.get("status") == "not_evaluated")
        for item in record.verdict_items
    )


def _without_reference(record: Statement, policy: Policy) -> set[str]:
    said = mapping(mapping((record.judging or {}).get("references")).get(LAST_GREEN))
    asking = [control for control in policy.controls if control.against == LAST_GREEN]
    if said.get("kind") != NONE:
        lacking = set(texts(said.get("lacks")))
        asking = [control for control in asking if lacking & set(control.of)]
    return {control.id for control in asking}
