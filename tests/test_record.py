"""The one typed reading of a signed statement: whatever is in it, each part has its type."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.link import Link
from venturalitica.core.policy import Snapshot
from venturalitica.core.record import (
    AUDIT,
    FORMAT,
    KINDS,
    RUN,
    Run,
    Statement,
    statement_json,
)
from venturalitica.core.verdict import Verdict
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.dsse import statement_of

DATA = Path(__file__).parent / "data"
POLICY = {
    "name": "loans",
    "version": "1",
    "title": "Loans",
    "filename": "model_policy.yaml",
    "sha256": "a17c36226a7bfe5cad64a1b29fbf71f81f1a1d6b3b8b1f3d6e2a3b8a7d9c0e1f",
    "bytes": "cG9saWN5",
}
PASSED = Verdict(
    control="c",
    status="passed",
    reason="r",
    value=0.9,
    threshold=0.8,
    operator=">",
    conclusive=True,
)
GOOD: dict[str, Any] = statement_json(
    AUDIT,
    [("policy/model_policy.yaml", "aa")],
    {
        "format": FORMAT,
        "kind": "audit",
        "run": {"id": "1", "name": "n", "started_at": "s", "ended_at": "e", "sequence": 3},
        "policy": POLICY,
        "light": "green",
        "verdicts": [PASSED.to_json()],
        "judging": {"rules": 3},
        "tally": {"vault": "b" * 64},
        "rows": 5,
        "axes": [{"role": "target", "levels": [0, 1]}],
        "model": {"class": "m"},
        "data": [{"sha256": "cc"}],
        "environment": {"git": {"commit": "dd"}},
        "trackers": [{"tracker": "mlflow", "run_id": "7"}, {"tracker": 1, "run_id": "8"}],
        "exception": None,
        "audits": [],
    },
)
ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    "",
    "x",
    [],
    [1],
    [None],
    [[]],
    {},
    {"a": 1},
    [{}],
    [{"a": []}],
]


def each_odd(test: Any) -> Any:
    """Run for every odd value: one case of pytest's for each would take minutes."""

    def test_each(name: str) -> None:
        for odd in ODD:
            test(name, odd)

    test_each.__name__ = test.__name__
    return test_each


def changed(path: tuple[str, ...], value: Any) -> Statement:
    found = copy.deepcopy(GOOD)
    place = found
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return Statement.of(found)


def test_a_good_one_is_read_as_it_was_written() -> None:
    found = Statement.read(json.dumps(GOOD).encode())
    assert (found.kind, found.judged, found.understood, found.fault) == ("audit", True, True, "")
    assert found.run == Run(id="1", name="n", started_at="s", ended_at="e", sequence=3)
    assert found.verdicts == (PASSED,)
    assert (found.light, found.borne_out, found.failed) == ("green", "green", False)
    assert found.policy is not None
    assert found.policy.to_json() == POLICY
    assert found.policy.text == "policy"
    assert found.deliverable == ({"tracker": "mlflow", "run_id": "7"},)
    assert list(found.subjects) == [("policy/model_policy.yaml", "aa")]
    assert found.json == GOOD


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b'{"a":1,"a":2}', b'{"a":NaN}'])
def test_what_is_no_object_is_refused(data: bytes) -> None:
    with pytest.raises(EvidenceError, match="the statement"):
        Statement.read(data)


def test_an_unknown_kind_or_a_newer_format_says_so() -> None:
    other = changed(("predicateType",), "urn:example:other")
    assert (other.kind, other.judged, other.understood) == ("urn:example:other", False, False)
    newer = changed(("predicate", "format"), FORMAT + 1)
    assert (newer.kind, newer.judged, newer.understood) == ("audit", True, False)
    assert other.fault == newer.fault == ""
    for kind, name in KINDS.items():
        assert changed(("predicateType",), kind).kind == name


WORDS = {
    ("_type",): "its _type is not https://in-toto.io/Statement/v1",
    ("predicateType",): "it has no predicate, or no predicateType",
    ("predicate",): "it has no predicate, or no predicateType",
    ("subject",): "it has no subject with a digest",
}


@pytest.mark.parametrize("name", ["_type", "subject", "predicateType", "predicate"])
@each_odd
def test_a_wrong_type_in_the_frame_is_a_fault(name: str, odd: Any) -> None:
    found = changed((name,), odd)
    texts = isinstance(odd, str) and name == "predicateType"
    objects = isinstance(odd, dict) and name == "predicate"
    assert found.fault == ("" if texts or objects else WORDS[name,])
    touch(found)


@pytest.mark.parametrize("name", GOOD["predicate"])
@each_odd
def test_a_wrong_type_at_any_field_is_no_exception(name: str, odd: Any) -> None:
    found = changed(("predicate", name), odd)
    touch(found)
    sound = {
        "format",
        "environment",
        "exception",
    }  # what nothing rests on, or others check
    absent = odd is None and name in {"policy", "model", "tally", "rows"}
    absent |= name == "rows" and odd == 0 and odd is not False
    if name in sound or absent or (name == "audits" and not odd):
        assert found.fault == ""
    elif (odd == {} and name == "policy") or not isinstance(odd, dict | list):
        assert found.fault == f"predicate.{name} is missing or malformed"


@pytest.mark.parametrize("name", POLICY)
@each_odd
def test_a_wrong_type_in_the_policy_is_no_exception(name: str, odd: Any) -> None:
    found = changed(("predicate", "policy", name), odd)
    touch(found)
    assert found.policy is not None
    if name != "bytes" and not isinstance(odd, str):
        assert getattr(found.policy, name) == ""


@pytest.mark.parametrize("name", PASSED.to_json())
@each_odd
def test_a_wrong_type_in_a_verdict_makes_it_no_better(name: str, odd: Any) -> None:
    item = PASSED.to_json() | {name: odd}
    found = changed(("predicate", "verdicts"), [item])
    (verdict,) = found.verdicts
    touch(found)
    if name in ("status", "conclusive", "value") and odd != 1.5 and odd not in (True, 0, -1):
        assert verdict.light != "green"
        assert found.borne_out == verdict.light


@pytest.mark.parametrize("name", ["light", "light_of_judged", "judged", "left_out", "policy"])
@each_odd
def test_a_wrong_type_in_a_summary_of_an_audit_is_no_exception(name: str, odd: Any) -> None:
    said = {"light": "amber", "left_out": ["c"], "judged": [], "light_of_judged": "green"}
    found = changed(("predicate", "audits"), [said | {name: odd}])
    touch(found)
    assert found.borne_out != "green"


def test_in_format_1_the_counts_stood_in_the_record() -> None:
    old = copy.deepcopy(GOOD)
    del old["predicate"]["rows"], old["predicate"]["axes"]
    old["predicate"] |= {"format": 1, "judging": None, "tally": {"rows": 7}, "tally_sha256": "bb"}
    found = Statement.of(old)
    assert (found.understood, found.fault, found.counted) == (True, "", True)
    assert (found.rows, found.tally, found.tally_kept) == (7, {"rows": 7}, "")


def test_since_format_3_they_are_in_the_vault_alone() -> None:
    found = Statement.of(GOOD)
    assert (found.rows, found.tally, found.tally_kept) == (5, None, "b" * 64)
    assert found.axes == ({"role": "target", "levels": [0, 1]},)
    inline = changed(("predicate", "tally"), {"rows": 5, "tables": []})
    assert inline.fault == "predicate.tally is missing or malformed"


def test_its_kind_is_the_one_of_its_predicate_type() -> None:
    assert changed(("predicateType",), RUN).fault == "its kind is not the one of its predicateType"


def test_a_policy_is_held_against_its_digest() -> None:
    right = Snapshot.of(POLICY | {"sha256": "", "bytes": "!"})
    assert (right.data, right.intact, right.text) == (None, None, "")
    with pytest.raises(EvidenceError, match="missing or not base64"):
        right.checked()
    with pytest.raises(EvidenceError, match=r"its policy's bytes have [0-9a-f]{64}"):
        Snapshot.of(POLICY).checked()


LINK = {
    "origin": "o",
    "index": 0,
    "previous": None,
    "appended_at": "2026-01-01T00:00:00Z",
    "checkpoint_key": "a" * 64,
}


def test_a_place_is_read_whole_or_not_at_all() -> None:
    assert Link.of(LINK).to_json() == LINK
    assert changed(("predicate", "log"), LINK).link == Link.of(LINK)
    assert changed(("predicate", "log"), LINK).appended_at == LINK["appended_at"]
    with pytest.raises(EvidenceError, match="where in which log"):
        _ = Statement.of(GOOD).link


@pytest.mark.parametrize("name", LINK)
@each_odd
def test_a_wrong_type_in_a_place_is_refused(name: str, odd: Any) -> None:
    texts = isinstance(odd, str) and name in ("origin", "appended_at")
    if texts or (name == "previous" and odd is None) or (name == "index" and odd in (0, 10**400)):
        return
    with pytest.raises(EvidenceError, match=r"place in the log is malformed|where in which log"):
        Link.of(LINK | {name: odd})


@pytest.mark.parametrize("log", ["ledger_v1", "ledger_v2"])
def test_records_of_earlier_versions_are_read(log: str) -> None:
    lines = (DATA / log / "log" / "entries.jsonl").read_bytes().splitlines()
    found = [statement_of(line) for line in lines if b'"payload"' in line]
    assert len(found) >= 3
    for one in found:
        assert (one.understood, one.fault) == (True, "")
        assert one.link.appended_at == one.appended_at
        if one.judged:
            assert one.light == one.borne_out
            assert [v.to_json() for v in one.verdicts] == [
                Verdict.from_json(item).to_json() for item in one.verdict_items
            ]


def touch(found: Statement) -> None:
    """All that a page may ask of it."""
    names = [name for name, value in vars(Statement).items() if isinstance(value, property)]
    for name in names:
        if name != "link":
            getattr(found, name)
    assert isinstance(found.kind, str)
    assert found.light in ("red", "amber", "grey", "green")
    list(found.subjects)
    if found.policy is not None:
        assert isinstance(found.policy.text, str)
