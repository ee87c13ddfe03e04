"""SQLite and PostgreSQL give the same answers of the same records, whatever is written in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.indexes import Database
from venturalitica.core.record import BEGIN, KINDS
from venturalitica.ledger import Index, Ledger, RunRow
from venturalitica.ledger.formats.dsse import sign_envelope
from venturalitica.ledger.index.begun import unended
from venturalitica.ledger.index.catch_up import _Batch
from venturalitica.ledger.index.counts.answers import choices, gaps, lights_of
from venturalitica.ledger.index.counts.attempts import data_of_run, records_of, tried_before
from venturalitica.ledger.index.counts.groups import find_groups
from venturalitica.ledger.index.counts.linked import Linked
from venturalitica.ledger.index.counts.policies import policy_counts
from venturalitica.ledger.index.pipelines import pipelines, run_lights, trends
from venturalitica.ledger.index.queries import (
    EVERY,
    KEYS,
    RANKS,
    SORTS,
    Filters,
    Known,
    find_entries,
    find_page,
    find_rows,
    verdicts_of,
)
from venturalitica.ledger.index.rows import Outline, as_key, folded, spelt
from venturalitica.ledger.index.tables import engine_of, make_again, prepare

HARD = (  # what two databases may take for two things
    "", "a", "A", "b", "Ä", "ä", "a\u0308", "zebra", "Zebra", "straße", "STRASSE", "İstanbul",
    "istanbul", "ISTANBUL", "ıstanbul", "Σίσυφος", "ΣΊΣΥΦΟΣ", "ﬁt", "fit", "é", "e\u0301", "E",
    "👩‍🔬", "👩", "\U0010ffff", "a\U0010ffffb", "\ue000", "\uffff", "100%", "100_", "a\\b", "a/b",
    "%", "_", "\\", "'", '"', "--", "10", "9", "010", "1e3", "-0", "NaN", "null", "NULL", "true",
    "x\x00y", "\x00", "\ud800", "\udfffz", "a\ud83d", "tab\there", "new\nline", " lead", "trail ",
    "\u202eright", "日本語", "ＡＢＣ", "abc", "ABC", "á" * 300, "a" * 5000, "日" * 5000,
    "".join(chr(0x4E00 + n * 7 % 20000) for n in range(3000)), "deadBEEF" * 4, "DEADbeef00",
)  # fmt: skip
TEXT = st.sampled_from(HARD) | st.text(
    st.characters(codec=None) | st.sampled_from("aAäÄßẞsSiIıİ%_\\/0'"), max_size=6
)
WORDED = sorted(set(Filters.__struct_fields__) - {"light", "search", "without", "before"})
"""What a page can be asked for in any words."""
NUMBERS = (
    0, -0.0, 0.5, 1, -1, 5e-324, 1.7976931348623157e308, -8e307, 2**31, 2**53, 2**63, 2**64,
    10**400, 0.1 + 0.2, None, True, "0.5",
)  # fmt: skip
"""JSON has no NaN and no infinity; a record that spells them is unreadable."""
TIMES = (
    "2026-01-02T03:04:05.000000Z", "2026-01-02T03:04:05.000001Z", "2026-01-02T04:04:05+01:00",
    "2026-01-02", "9999-12-31T23:59:59.999999Z", "never",
)  # fmt: skip
LINKS = st.fixed_dictionaries(
    {"tracker": st.sampled_from(["mlflow", "wandb"]), "run_id": TEXT},
    optional={
        "uri": TEXT, "experiment_id": TEXT, "experiment_name": TEXT, "run_name": TEXT,
    },
)  # fmt: skip
VERDICTS = st.fixed_dictionaries(
    {
        "control": TEXT, "metric": TEXT, "must": TEXT, "article": st.none() | TEXT,
        "status": st.sampled_from(["passed", "failed", "not_evaluated", "error", "other"]),
        "light": st.sampled_from(["green", "amber", "red", "grey"]),
        "operator": st.sampled_from([">=", "<", "==", "?"]), "conclusive": st.booleans(),
        "value": st.sampled_from(NUMBERS), "threshold": st.sampled_from(NUMBERS),
        "n": st.sampled_from(NUMBERS),
        "interval": st.fixed_dictionaries(
            {"low": st.sampled_from(NUMBERS), "high": st.sampled_from(NUMBERS)}
        ),
    }
)  # fmt: skip
RECORDS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["audit"] * 4 + ["run", KINDS[BEGIN], "urn:other"]),
        "light": st.sampled_from(["green", "amber", "red", "grey", "purple"]),
        "run": st.fixed_dictionaries({"id": st.sampled_from(HARD[:9]) | TEXT, "name": TEXT}),
        "sequence": st.sampled_from(NUMBERS),
        "policy": st.none()
        | st.fixed_dictionaries({"name": TEXT, "version": TEXT, "sha256": TEXT}),
        "model": st.fixed_dictionaries({"class": st.none() | TEXT}),
        "commit": st.none() | TEXT,
        "verdicts": st.lists(VERDICTS, max_size=2),
        "trackers": st.lists(LINKS, max_size=2),
        "appended_at": st.sampled_from(TIMES),
    }
)  # fmt: skip


def outline(statement: Any, index: int, drawn: dict[str, Any]) -> Outline:
    made = statement(index)
    kind = drawn["kind"]
    made["predicateType"] = next((uri for uri, name in KINDS.items() if name == kind), kind)
    predicate = made["predicate"] | {"kind": kind, "light": drawn["light"]}
    predicate["run"] = predicate["run"] | drawn["run"] | {"sequence": drawn["sequence"]}
    predicate["policy"] = drawn["policy"] and predicate["policy"] | drawn["policy"]
    predicate["model"] = drawn["model"]
    predicate["environment"] = {"git": {"commit": drawn["commit"]}}
    predicate |= {"verdicts": drawn["verdicts"], "trackers": drawn["trackers"]}
    predicate["ledger"] = {
        "origin": "o", "index": index, "previous": None, "appended_at": drawn["appended_at"],
        "checkpoint_key": "k",
    }  # fmt: skip
    payload = json.dumps(made | {"predicate": predicate}).encode()
    return Outline.of(index, sign_envelope(payload, keyid="k", sign=lambda _: b"s").to_json())


class Both:
    """The same records in both."""

    def __init__(self, ledger: Ledger, url: str) -> None:
        self.indexes = [
            Index(ledger, engine_of(ledger.home / "index.db", at)) for at in (None, url)
        ]

    def put(self, outlines: list[Outline]) -> None:
        for index in self.indexes:
            index.memory.forget()
            batch = _Batch(outlines[-1])
            for one in outlines:
                batch.add(one)
            with index._engine.begin() as connection:
                prepare(connection)
                make_again(connection)
                batch.insert(connection)

    def same(self, ask: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """What both answer: `ask(index, …)`."""
        ours, theirs = (ask(index, *arguments, **options) for index in self.indexes)
        assert repr(ours) == repr(theirs)
        return ours


@pytest.fixture
def both(home: Any, tmp_path: Any, signer: Any, postgresql: str) -> Iterator[Both]:
    both = Both(Ledger.open(home, signer=signer), postgresql)
    yield both
    for index in both.indexes:
        index.close()
    Database(postgresql).empty()


def every(said: str) -> dict[str, Any]:
    """A record that says one thing wherever it can."""
    return {
        "kind": "audit", "light": "green", "run": {"id": said, "name": said}, "sequence": 2**31,
        "policy": {"name": said, "version": said, "sha256": said}, "model": {"class": said},
        "commit": said, "appended_at": TIMES[0],
        "verdicts": [{"control": said, "metric": said, "value": 2**63, "n": 2**40, "must": said}],
        "trackers": [{"tracker": "mlflow", "run_id": said, "experiment_name": said, "uri": said,
                      "run_name": said}],
    }  # fmt: skip


@settings(
    max_examples=5,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    drawn=st.lists(RECORDS, min_size=1, max_size=12),
    words=st.lists(TEXT, min_size=1, max_size=3),
    known=st.builds(
        Known,
        waiting=st.lists(st.integers(0, 13), max_size=2),
        faults=st.dictionaries(st.integers(0, 13), st.just("altered"), max_size=1),
        signers=st.sampled_from([None, (), ("k",)]),
        refuted=st.sampled_from(["", "", "", "cut off"]),
    ),
)
@example(drawn=[every(said) for said in HARD], words=list(HARD), known=Known())
def test_both_answer_alike(
    both: Both, statement: Any, drawn: list[dict[str, Any]], words: list[str], known: Known
) -> None:
    both.put([outline(statement, index, one) for index, one in enumerate(drawn)])
    rows = both.same(Index.runs)
    assert len(rows) == len(drawn)
    begun = both.same(unended)
    known = replace(known, begun=dict.fromkeys(list(begun)[::2], "stopped"))

    for ask in (choices, gaps, Index.links):
        both.same(ask)
    both.same(lambda index: Linked().of(index, latest=2))
    for by_light in (lights_of, policy_counts):
        both.same(by_light, known)
    shown = both.same(pipelines, known)
    both.same(trends, shown, known)
    for one in shown:
        both.same(run_lights, one, known)
    both.same(verdicts_of, range(len(rows)))
    both.same(records_of, [row.run_id for row in rows])
    for row in rows[:3]:
        data = both.same(data_of_run, row.run_id)
        both.same(tried_before, row, data=data, before=row.index, unended=begun)
    for sort, descending in product(SORTS, (True, False)):
        order: dict[str, Any] = {"waiting": known, "sort": sort, "descending": descending}
        page = both.same(find_page, Filters(kind=EVERY), **order)
        entries = both.same(find_entries, Filters(kind=EVERY), **order)
        assert [row.index for row in page.rows] == list(entries[:50])
        both.same(find_page, Filters(), offset=3, limit=2, **order)
        both.same(find_rows, Filters(), after=0, limit=3, **order)
    for asked in (
        *(Filters(light=light) for light in RANKS),
        *(Filters(kind=EVERY, without=by) for by in KEYS),
        Filters(before=2),
    ):
        both.same(find_page, asked, waiting=known)
        for by, sort in product(KEYS, ("time", "light", "name")):
            both.same(find_groups, by, asked, waiting=known, sort=sort, limit=4)
    for said in dict.fromkeys((*words, *TIMES[:3])):
        for name in WORDED:
            filters: dict[str, Any] = {"kind": EVERY, name: said}
            both.same(find_page, Filters(**filters), waiting=known)
        both.same(Index.find, said)
        for name in ("name", "policy", "since", "until"):
            both.same(Index.runs, **{name: said})
        searched(both, rows, said)


def searched(both: Both, rows: tuple[RunRow, ...], said: str) -> None:
    """And they find what one finds who reads each row."""
    found = both.same(found_by, said)
    assert found == [row.index for row in rows if speaks(row, said.split()[:8])]


def found_by(index: Index, said: str) -> list[int]:
    page = find_page(index, Filters(kind=EVERY, search=said), limit=100)
    assert page.total == len(page.rows)
    return [row.index for row in page.rows]


def speaks(row: RunRow, words: list[str]) -> bool:
    names = [row.name, row.policy_name, row.model_class, row.experiment]
    ids = [row.run_id, row.evidence_sha256]
    for run in row.trackers:
        names += [spelt(run.get("experiment_name") or ""), spelt(run.get("run_name") or "")]
        ids.append(as_key(run["run_id"]))
    return row.kind != KINDS[BEGIN] and all(
        any(folded(spelt(word)) in folded(name) for name in names if name)
        or any(one.startswith((spelt(word), spelt(word.lower()))) for one in ids)
        or (is_digits(word) and (row.revision or "").startswith((word, word.lower())))
        for word in words
    )


def is_digits(word: str) -> bool:
    return word.isascii() and all(one in "0123456789abcdefABCDEF" for one in word)
