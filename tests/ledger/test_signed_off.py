"""The sign-offs of a record, read from the log: none is missed, none is another record's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.record import APPROVAL
from venturalitica.errors import EvidenceError
from venturalitica.ledger import Entry, Ledger
from venturalitica.ledger.lifecycle.approve import APPROVALS, approvals, approve, signed_off
from venturalitica.ledger.lifecycle.ties import ATTACHMENTS, ReadOnce, attachments_of

AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)


def sign(ledger: Ledger, entry: Entry, role: str) -> Entry:
    return approve(
        ledger,
        entry,
        person="Ada",
        role=role,
        decision="approved",
        light="green",
        keyid=ledger.signer_id,
        at=AT,
    )


@pytest.fixture
def records(ledger: Ledger, statement: Any) -> list[Entry]:
    """Two audits; one has the words of an approval in its text."""
    return [ledger.append(statement(0)), ledger.append(statement(1, package=APPROVAL))]


def test_each_is_found_wherever_its_type_begins(ledger: Ledger, records: list[Entry]) -> None:
    # Each longer role moves the type by one byte, so base64 begins at all of its three places.
    roles = ["r" * length for length in range(1, 8)]
    for role in roles:
        sign(ledger, records[0], role)
    assert [one.role for one in signed_off(ledger, records[0])] == roles
    assert signed_off(ledger, records[1]) == []
    assert tuple(signed_off(ledger, records[0])) == approvals(ledger)[0]


def test_what_other_records_say_is_left_out(
    ledger: Ledger, records: list[Entry], statement: Any
) -> None:
    ledger.append(statement(2, package=APPROVAL))
    made = sign(ledger, records[1], "auditor")
    broken = dict(made.statement, predicate={**made.statement["predicate"], "decision": "perhaps"})
    del broken["predicate"]["log"]
    ledger.append(broken)
    elsewhere = {**broken["predicate"], "decision": "approved"}
    elsewhere["of"] = elsewhere["of"] | {"evidence_sha256": records[0].evidence_sha256}
    ledger.append(broken | {"predicate": elsewhere})
    assert [one.index for one in signed_off(ledger, records[1])] == [made.index]
    assert signed_off(ledger, records[0]) == []


def test_an_altered_log_is_not_read(ledger: Ledger, records: list[Entry], home: Path) -> None:
    sign(ledger, records[0], "auditor")
    entries = home / "log" / "entries.jsonl"
    lines = entries.read_bytes().splitlines(keepends=True)
    entries.write_bytes(b"".join([*lines[:-1], lines[-1].replace(b"A", b"B", 1)]))
    with pytest.raises(EvidenceError):
        signed_off(ledger, records[0])


def test_what_is_kept_grows_with_the_log(ledger: Ledger, records: list[Entry]) -> None:
    known = ReadOnce(APPROVALS, ATTACHMENTS)
    assert signed_off(ledger, records[0], known) == []
    for role in ("reviewer", "auditor"):
        sign(ledger, records[0], role)
        sign(ledger, records[1], "somebody else")
        assert signed_off(ledger, records[0], known) == signed_off(ledger, records[0])
    assert [one.role for one in signed_off(ledger, records[0], known)] == ["reviewer", "auditor"]


def test_what_is_kept_is_read_once(
    ledger: Ledger, records: list[Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[int] = []
    lines = Ledger.lines

    def counted(self: Ledger, at: int) -> Any:
        starts.append(at)
        return lines(self, at)

    monkeypatch.setattr(Ledger, "lines", counted)
    known = ReadOnce(APPROVALS, ATTACHMENTS)
    signed_off(ledger, records[0], known)
    signed_off(ledger, records[1], known)
    attachments_of(ledger, records[1], known)
    sign(ledger, records[0], "auditor")
    assert len(signed_off(ledger, records[0], known)) == 1
    assert starts == [0, 2]


def test_of_another_log_nothing_is_kept(
    ledger: Ledger, records: list[Entry], statement: Any, signer: Any, tmp_path: Path
) -> None:
    known = ReadOnce(APPROVALS, ATTACHMENTS)
    sign(ledger, records[0], "auditor")
    assert signed_off(ledger, records[0], known)
    other = Ledger.open(tmp_path / "other", signer=signer)
    first = other.append(statement(0))
    assert signed_off(other, first, known) == []
    assert len(signed_off(ledger, records[0], known)) == 1


def test_all_of_a_log_are_those_of_each_record(ledger: Ledger, records: list[Entry]) -> None:
    known = ReadOnce(APPROVALS, ATTACHMENTS)
    assert approvals(ledger, known) == {}
    for role in ("one", "two"):
        sign(ledger, records[0], role)
    sign(ledger, records[1], "three")
    found = approvals(ledger, known)
    assert found == {one.index: tuple(signed_off(ledger, one)) for one in records}
    assert found == approvals(ledger)
