"""The fields of an audit's and a run's predicate: of which type each must be, by format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from venturalitica.core.encoding import is_place, is_reference
from venturalitica.core.json_values import Json, as_object, mapping
from venturalitica.core.prior import is_prior
from venturalitica.core.verdict import LIGHTS, ON_FAIL, STATUSES


def malformed_fields(said: Json, *, audit: bool) -> tuple[str, ...]:
    """The names of those that are missing or malformed."""
    fields = _FIELDS
    if said.get("format") != 1:
        fields = _FIELDS | _FIELDS_SINCE_3
        if audit:
            # One that does not say how it was judged would be held to less.
            fields = fields | {"judging": _is_object}
    return tuple(name for name, right in fields.items() if not right(said.get(name)))


def all_of(right: Callable[[Any], bool], value: object) -> bool:
    """Whether it is a list of which each item is right."""
    return isinstance(value, list | tuple) and all(map(right, value))


def _is_object(value: object) -> bool:
    return as_object(value) is not None


def is_subject(value: object) -> bool:
    """Whether it is a subject of an in-toto statement, with digests."""
    return _is_object(value) and _is_object(mapping(value).get("digest"))


def _is_run(value: object) -> bool:
    said, names = mapping(value), ("id", "name", "started_at", "ended_at")
    return all(isinstance(said.get(name), str) for name in names)


def _is_verdict(value: object) -> bool:
    said = mapping(value)
    return (
        isinstance(said.get("control"), str)
        and isinstance(said.get("reason"), str)
        and said.get("status") in STATUSES
        and said.get("on_fail") in ON_FAIL
        and isinstance(said.get("conclusive"), bool)
    )


def _is_audit(value: object) -> bool:
    said = as_object(value)
    return said is not None and all(
        isinstance(said.get(name) or [], list | tuple) for name in ("judged", "left_out")
    )


_FIELDS: dict[str, Callable[[object], bool]] = {
    "kind": lambda value: value in ("audit", "run"),
    "run": _is_run,
    "light": lambda value: value in LIGHTS,
    "verdicts": lambda value: all_of(_is_verdict, value),
    "policy": lambda value: value is None or bool(mapping(value)),
    "judging": lambda value: value is None or _is_object(value),
    "model": lambda value: value is None or _is_object(value),
    "tally": lambda value: value is None or _is_object(value),
    "data": lambda value: all_of(_is_object, value),
    "trackers": lambda value: all_of(_is_object, value),
    "audits": lambda value: not value or all_of(_is_audit, value),
}

_FIELDS_SINCE_3: dict[str, Callable[[object], bool]] = {
    "tally": lambda value: value is None or is_reference(value),
    "rows": lambda value: value is None or is_place(value),
    "axes": lambda value: all_of(_is_object, value),
    "data_digests": lambda value: value is None or is_reference(value),
    "prior": lambda value: value is None or is_prior(value),
}
