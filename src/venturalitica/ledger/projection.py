"""What the index keeps of an entry. A statement of an unknown kind is listed, never an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Entry

_COUNTED = {
    "passed": "passed",
    "failed": "failed",
    "not_evaluated": "not_evaluated",
    "errors": "error",
}


def run_row(entry: Entry) -> dict[str, Any]:
    """The row of `runs`."""
    predicate = _object(entry.statement.get("predicate"))
    run, policy = _object(predicate.get("run")), _object(predicate.get("policy"))
    statuses = [_object(verdict).get("status") for verdict in _list(predicate.get("verdicts"))]
    return {
        "entry": entry.index,
        "kind": str(predicate.get("kind") or entry.statement.get("predicateType", "")),
        "run_id": str(run.get("id", "")),
        "name": str(run.get("name", "")),
        "parent": _text(run.get("parent")),
        "sequence": _number(run.get("sequence")),
        "source": str(run.get("source", "")),
        "started_at": str(run.get("started_at", "")),
        "ended_at": str(run.get("ended_at") or ""),
        "appended_at": str(_object(predicate.get("log")).get("appended_at", "")),
        "policy_name": _text(policy.get("name")),
        "policy_version": _text(policy.get("version")),
        "policy_sha256": _text(policy.get("sha256")),
        "light": str(predicate.get("light", "grey")),
        **{name: statuses.count(status) for name, status in _COUNTED.items()},
        "model_class": _text(_object(predicate.get("model")).get("class")),
        "exception": _text(_object(predicate.get("exception")).get("type")),
        "evidence_sha256": entry.evidence_sha256,
        "trackers": json.dumps(_trackers(predicate)),
    }


def verdict_rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of `verdicts`."""
    predicate = _object(entry.statement.get("predicate"))
    rows = enumerate(map(_object, _list(predicate.get("verdicts"))))
    return [_verdict(entry.index, position, verdict) for position, verdict in rows]


def tracker_rows(entry: Entry) -> list[dict[str, Any]]:
    """The rows of `links`: where the entry should be delivered."""
    return [
        {
            "entry": entry.index,
            "position": position,
            "tracker": str(run.get("tracker", "")),
            "run_id": str(run.get("run_id", "")),
            "run": json.dumps(run),
        }
        for position, run in enumerate(_trackers(_object(entry.statement.get("predicate"))))
    ]


def _verdict(index: int, position: int, verdict: Mapping[str, Any]) -> dict[str, Any]:
    interval = _object(verdict.get("interval"))
    texts = ("control", "metric", "status", "light", "on_fail", "must")
    return {
        "entry": index,
        "position": position,
        **{name: str(verdict.get(name, "")) for name in texts},
        "value": verdict.get("value"),
        "low": interval.get("low"),
        "high": interval.get("high"),
        "n": _number(verdict.get("n")),
        "article": _text(verdict.get("article")),
    }


def _trackers(predicate: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(item) for item in _list(predicate.get("trackers")) if isinstance(item, Mapping)]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0
