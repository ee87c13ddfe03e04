"""Two runs side by side."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Any

import pytest

from tests.ui.client import Client
from venturalitica.core.verdict import Verdict
from venturalitica.ui.pages.compare import read
from venturalitica.ui.pages.compare_many import read_many
from venturalitica.ui.pages.compared_run import scalar_of


def pair_of(reading: Any) -> tuple[int, int]:
    """Two nightly runs under different versions of the policy."""
    with_version = {
        entry.statement["predicate"]["policy"]["version"]: entry.index
        for entry in reading.ledger.entries()
        if entry.statement["predicate"].get("run", {}).get("name") == "nightly-training"
    }
    return with_version["1.0"], with_version["1.2"]


def verdicts(reading: Any, entry: int) -> dict[str, Any]:
    found = reading.ledger.entry(entry).statement["predicate"]["verdicts"]
    return {item["control"]: item for item in found}


def test_controls_are_held_against_each_other(reading: Any) -> None:
    a, b = pair_of(reading)
    context = read(reading, a, b)
    ours, theirs = verdicts(reading, a), verdicts(reading, b)
    assert {pair.control for pair in context.controls} == {*ours, *theirs}
    for pair in context.controls:
        one, other = ours.get(pair.control), theirs.get(pair.control)
        assert (pair.a is None, pair.b is None) == (one is None, other is None)
        if one is None or other is None:
            assert pair.change.startswith("only in the")
            continue
        assert bool(pair.change) == (
            (one["status"], one["conclusive"] or one["status"] != "passed")
            != (other["status"], other["conclusive"] or other["status"] != "passed")
        )
        if pair.difference:
            shown = float(pair.difference.replace("−", "-").replace(",", ""))
            assert shown == pytest.approx(other["value"] - one["value"], abs=6e-4)
        assert ("threshold" in pair.rule) == (one["threshold"] != other["threshold"])
    worse = [pair.moved for pair in context.controls if pair.moved]
    assert worse == sorted(worse)


def test_policy_data_model_and_commit(reading: Any, client: Any, words: Any) -> None:
    a, b = pair_of(reading)
    context = read(reading, a, b)
    assert context.diffable
    one, other = (reading.ledger.entry(e).statement["predicate"] for e in (a, b))
    answer = client.get(f"/compare?a={a}&b={b}")
    assert answer.status_code == 200
    texts = one["policy"]["sha256"], other["policy"]["sha256"]
    link = f"/policies/{one['policy']['name']}/diff?a={texts[0]}&amp;b={texts[1]}"
    assert link in answer.text
    changed = {pair.name for pair in context.parameters}
    ours, theirs = one["model"]["parameters"], other["model"]["parameters"]
    assert changed == {n for n in {**ours, **theirs} if ours.get(n, "-") != theirs.get(n, "-")}
    same = {p.name: p.same for p in context.data}
    digests = [{d["name"]: d["hmac_sha256"] for d in side["data"]} for side in (one, other)]
    for name, digest in digests[0].items():
        (found,) = [value for key, value in same.items() if key.startswith(name)]
        assert found == (digests[1].get(name) == digest)
    assert "git commit" in words(answer)


def test_a_run_against_itself_has_no_difference(reading: Any, client: Any, words: Any) -> None:
    _, b = pair_of(reading)
    context = read(reading, b, b)
    assert context.same_policy
    assert all(not pair.change and not pair.moved and not pair.rule for pair in context.controls)
    assert {pair.difference for pair in context.controls} <= {"0", ""}
    assert "the same text, byte for byte" in words(client.get(f"/compare?a={b}&b={b}"))


def test_another_measure_has_no_difference() -> None:
    from venturalitica.ui.pages.compare import _pair

    one = Verdict(control="c", status="passed", reason="r", metric="accuracy", value=0.9)
    other = Verdict(control="c", status="failed", reason="r", metric="recall", value=0.5)
    pair = _pair("c", one, other)
    assert (pair.difference, pair.rule, pair.moved) == ("", "metric", -1)
    assert pair.change == "Passed, not conclusive → failed"


def test_the_list_leads_to_it(client: Any) -> None:
    answer = client.get("/compare?run=20&run=3", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/compare?a=3&b=20")


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("", 200, "Select two runs or more in the list"),
        ("?run=3", 400, "Select two to 20 runs in the list to compare them; 1 was selected."),
        ("?run=3&run=3", 400, "1 was selected."),
        ("?" + "&".join(f"run={n}" for n in range(21)), 400, "21 were selected."),
        ("?run=3&run=4&run=99999", 404, "There is no entry 99999"),
        ("?a=3", 400, "'b' is missing"),
        ("?a=3&b=x", 400, "'b' is 'x'; expected the entry number"),
        ("?a=3&b=-1", 400, "'b' is '-1'"),
        ("?a=3&b=" + "9" * 40, 400, "expected the entry number"),
        ("?a=3&b=99999", 404, "There is no entry 99999"),
    ],
)
def test_what_cannot_be_compared_is_said(
    client: Any, words: Any, query: str, status: int, said: str
) -> None:
    answer = client.get(f"/compare{query}")
    assert answer.status_code == status
    assert said in words(answer)


def test_a_sign_off_is_no_run(client: Any, words: Any, reading: Any) -> None:
    care = reading.index.runs(kind="approval", limit=1)[0].index
    answer = client.get(f"/compare?a=3&b={care}")
    assert answer.status_code == 400
    assert f"Entry {care} is no audit and no run" in words(answer)


def test_many_are_compared_what_differs_first(client: Any, words: Any) -> None:
    runs = [0, 3, 9, 20]
    answer = client.get("/compare?" + "&".join(f"run={run}" for run in reversed(runs)))
    assert answer.status_code == 200
    said = words(answer)
    assert said.index("Controls that differ") < said.index("What else differs")
    for run in runs:
        others = "&amp;".join(f"run={one}" for one in runs if one != run)
        assert f'href="/compare?{others}">leave out' in answer.text
        assert f'<input type="hidden" name="run" value="{run}">' in answer.text


def test_the_rows_of_many_say_what_is_on_record(reading: Any) -> None:
    runs = [0, 3, 9, 20]
    context = read_many(reading, runs)
    held = [verdicts(reading, run) for run in runs]
    assert {row.control for row in context.controls} == {name for side in held for name in side}
    for row in context.controls:
        found = [side.get(row.control) for side in held]
        assert [one is None for one in row.verdicts] == [one is None for one in found]
        known = [one for one in found if one is not None]
        failed = sum(one["status"] == "failed" for one in known)
        assert (f"failed in {failed} of" in row.change) == (0 < failed < len(known))
        assert bool(row.change) or len({one["value"] for one in known}) == 1
    changed = [bool(row.change) for row in context.controls]
    assert changed == sorted(changed, reverse=True)
    statuses = [{one.status for one in row.verdicts if one is not None} for row in context.controls]
    differ = ["failed" in found for found in statuses[: sum(changed)]]
    assert any(differ)
    assert differ == sorted(differ, reverse=True)
    assert not context.facts[0].same
    same = read_many(reading, [3, 3, 3])
    assert not any(row.change for row in same.controls)
    assert all(fact.same for fact in same.facts)


def test_a_number_and_its_text_are_not_the_same_parameter() -> None:
    assert scalar_of({"depth": 1}, "depth") != scalar_of({"depth": "1"}, "depth")
    assert scalar_of({}, "depth") == ""


@pytest.mark.parametrize("query", ["a=9&b=3", "run=0&run=3&run=9"])
def test_the_link_to_a_comparison_names_the_records_themselves(
    client: Client, reading: Any, query: str
) -> None:
    page = client.get(f"/compare?{query}")
    (link,) = re.findall(r'Link to this view: <a href="([^"]*)"', page.text)
    link = unescape(link)
    entries = re.findall(r"=(\d+)", query)
    digests = [reading.ledger.entry(int(entry)).evidence_sha256 for entry in entries]
    assert re.findall(r"=([0-9a-f]{64})", link) == digests
    again = client.get(link)
    assert again.status_code == 200
    assert [f"/runs/{entry}" in again.text for entry in entries] == [True] * len(entries)
    assert re.findall(r'Link to this view: <a href="([^"]*)"', again.text) == [escape(link)]
    assert client.get(link.replace(digests[0], "0" * 64)).status_code == 404
    assert client.get(link.replace(digests[0], "z" * 64)).status_code == 404
