from __future__ import annotations

import base64
import itertools
import re
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from venturalitica.core.verdict import Verdict
from venturalitica.errors import EvidenceError
from venturalitica.reports.html.notebook import render_audit_fragment
from venturalitica.reports.html.page import render_report
from venturalitica.reports.html.theme import page_policy

DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def parse(page: str) -> ElementTree.Element:
    """The page as XML: every element closed, every attribute quoted."""
    return ElementTree.fromstring(page.removeprefix("<!DOCTYPE html>\n"))


def text_of(page: str) -> str:
    root = parse(page)
    for style in list(root.iter("style")):
        style.text = ""
    return " ".join(" ".join(root.itertext()).split())


def test_one_file_that_loads_and_runs_nothing(statement) -> None:
    page = render_report(statement)
    root = parse(page)
    metas = {
        meta.attrib.get("http-equiv") or meta.attrib.get("name"): meta.attrib.get("content")
        for meta in root.iter("meta")
    }
    assert metas["Content-Security-Policy"] == page_policy()
    assert metas["viewport"] == "width=device-width, initial-scale=1"
    loading = {"script", "link", "img", "iframe", "object", "embed", "form", "base", "video"}
    assert loading.isdisjoint(element.tag for element in root.iter())
    assert all("src" not in e.attrib and "style" not in e.attrib for e in root.iter())
    assert root.attrib["lang"] == "en"
    assert len(page.encode()) < 100_000


def test_the_same_statement_gives_the_same_page(statement) -> None:
    assert render_report(statement) == render_report(statement)


def test_the_answer_comes_first(statement) -> None:
    page = render_report(statement)
    said = text_of(page)
    assert "Can this ship? The light is red." in said
    assert "No. Of 6 controls: 2 failed" in said
    assert said.index("Can this ship?") < said.index("Controls at a glance")
    headings = [e.tag for e in parse(page).iter() if re.fullmatch("h[1-6]", e.tag)]
    assert headings.count("h1") == 1
    assert all(int(b[1]) - int(a[1]) <= 1 for a, b in itertools.pairwise(headings))


def test_controls_stand_under_their_articles_failures_first(statement) -> None:
    root = parse(render_report(statement))
    codes = ["".join(card.find("header/p/code").itertext()) for card in root.iter("article")]
    assert codes == [
        "bad-credits-found",
        "age-parity",
        "gender-parity",
        "calibration",
        "accuracy",
        "completeness",
    ]
    articles = [h.text for h in root.iter("h3") if (h.text or "").startswith(("Article", "No art"))]
    assert articles == ["Article 9(8)", "Article 10(2)(f)", "Article 15(1)", "No article named"]


def test_every_link_within_the_page_leads_to_its_card(statement) -> None:
    root = parse(render_report(statement))
    cards = {card.attrib["id"]: card for card in root.iter("article")}
    links = [a for a in root.iter("a") if a.attrib["href"].startswith("#")]
    assert len(links) == len(cards) == 6
    for anchor in links:
        card = cards[anchor.attrib["href"][1:]]
        assert "".join(anchor.itertext()) == "".join(card.find("header/h4").itertext())


def test_a_card_tells_rule_value_interval_reason_notes_and_remedy(statement) -> None:
    said = text_of(render_report(statement))
    for words in (
        "Demographic parity ratio across age must be at least 0.80.",
        "95 % interval 0.480 – 0.920",
        "Not conclusive: it fails, but the interval reaches across the threshold.",
        "0.702, must be >= 0.80; lowest under 25 0.585 (n=41)",
        "group '60 and over' has 9 rows",
        "What to do: Move the decision threshold",
        "if it does not pass: blocks",
        "Nothing was measured.",
        "no score was given",
    ):
        assert words in said


def test_doubt_is_said_once(make_statement, verdicts) -> None:
    said_by_judge = replace(verdicts[2], reason="0.82; not conclusive: the interval holds both")
    said = text_of(render_report(make_statement(said_by_judge)))
    assert said.casefold().count("not conclusive:") == 1


def test_the_remedy_is_not_given_where_nothing_ails(make_statement, verdicts) -> None:
    healthy = replace(verdicts[0], remedy="drink water")
    assert "drink water" not in render_report(make_statement(healthy))


def test_provenance_policy_and_evidence_are_told(statement) -> None:
    said = text_of(render_report(statement, evidence_sha256=DIGEST))
    policy = statement["predicate"]["policy"]
    for words in (
        policy["sha256"],
        "# The policy of the loan scenario",
        "RandomForestClassifier",
        "n_estimators 100",
        "max_depth null",
        "bootstrap true",
        "42e10dc0a7ccd67d5a1e8ad5e3d8c3ba5a5a7b0d",
        "had changes that are not committed",
        "no, another set of rows",
        "columns/v1 on pandas",
        "scikit-learn 1.9.0",
        "CPython 3.11.2",
        "gentle-crane-7",
        "2026-11-23 15:00:01 UTC",
        "1.4 s",
        "venturalitica verify evidence.json",
        "sha256sum policy_snapshot/model_policy.yaml",
        DIGEST,
    ):
        assert words in said


def test_hardware_reads_as_people_write_it(make_statement, verdicts) -> None:
    statement = make_statement(*verdicts)
    statement["predicate"]["environment"]["hardware"] = {
        "cpu": "EPYC",
        "cpus": 2,
        "memory_bytes": 8 * 2**30,
        "memory_limit_bytes": None,
        "gpus": [{"name": "A100", "memory_mib": 40960}],
    }
    said = text_of(render_report(statement))
    for words in ("CPU EPYC", "CPUs 2", "Memory 8.0 GiB", "GPUs A100 40,960"):
        assert words in said
    assert "Memory limit" not in said


def test_training_rows_are_warned_of(make_statement, verdicts) -> None:
    statement = make_statement(*verdicts)
    assert "rows that the model was trained on" not in text_of(render_report(statement))
    statement["predicate"]["data"][0]["training_rows"] = True
    assert "rows that the model was trained on" in text_of(render_report(statement))


def test_undelivered_evidence_is_never_green(make_statement, verdicts) -> None:
    statement = make_statement(verdicts[0], verdicts[5])
    assert "The light is green." in text_of(render_report(statement))
    waiting = text_of(render_report(statement, delivered=False))
    assert "The light is amber." in waiting
    assert "venturalitica sync" in waiting


def test_a_light_that_the_verdicts_do_not_bear_out_is_not_believed(
    make_statement, verdicts
) -> None:
    said = text_of(render_report(make_statement(verdicts[1], light="green")))
    assert "The light is red." in said
    assert "claims the light 'green'" in said


def test_a_recorded_light_worse_than_the_verdicts_stands(make_statement, verdicts) -> None:
    said = text_of(render_report(make_statement(verdicts[0], light="red")))
    assert "The light is red." in said
    assert "claims the light" not in said


@pytest.mark.parametrize("light", ["green", "red", "purple", None])
def test_no_verdicts_is_grey(make_statement, light) -> None:
    said = text_of(render_report(make_statement(light=light)))
    assert "The light is grey." in said
    assert "No control was judged." in said


def test_a_pass_without_a_value_is_an_error(make_statement, verdicts) -> None:
    statement = make_statement(verdicts[0])
    statement["predicate"]["verdicts"][0] |= {"value": None, "interval": None}
    said = text_of(render_report(statement))
    assert "The light is red." in said
    assert "recorded as passed, but without a value" in said


def test_policy_bytes_that_do_not_match_are_told(make_statement, verdicts) -> None:
    statement = make_statement(*verdicts)
    policy = statement["predicate"]["policy"]
    policy["bytes"] = base64.b64encode(b"policy: other\n").decode()
    assert "do not match the digest" in text_of(render_report(statement))
    policy["bytes"] = "!!! not base64"
    render_report(statement)


def test_a_long_policy_is_cut_and_the_page_says_so(make_statement, verdicts) -> None:
    statement = make_statement(*verdicts)
    statement["predicate"]["policy"]["bytes"] = base64.b64encode(b"# x\n" * 50_000).decode()
    page = render_report(statement)
    assert "160,000 more characters are in the snapshot file." in text_of(page)
    assert len(page) < 100_000


def test_a_run_shows_the_audits_inside(make_run) -> None:
    said = text_of(render_report(make_run()))
    assert "Record of a run" in said
    assert "Not yet certain. Of 2 audits inside: 1 amber and 1 green." in said
    assert "No model was given" not in said


def test_a_run_that_ended_with_an_exception_is_red(make_run) -> None:
    exception = {"type": "ValueError", "message_sha256": DIGEST}
    said = text_of(render_report(make_run(exception=exception)))
    assert "The light is red." in said
    assert "The run ended with an exception." in said
    assert "ValueError" in said


def test_a_run_without_audits_is_grey(make_run) -> None:
    said = text_of(render_report(make_run(audits=[], light="green")))
    assert "The light is grey." in said
    assert "No audit was made inside this run." in said


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"predicateType": "https://in-toto.io/attestation/test-result/v0.1"}, "expected one of"),
        ({"predicate": None}, "expected one of"),
        ({"predicate": {"format": 2}}, "a newer version of this package"),
        ({"predicate": {"kind": "audit"}}, "format None"),
        ({"predicate": {"format": True}}, "format True"),
    ],
)
def test_another_statement_or_a_newer_format_is_refused(statement, changes, message) -> None:
    with pytest.raises(EvidenceError, match=message):
        render_report(statement | changes)


def test_what_is_missing_reads_not_recorded() -> None:
    bare = {"predicateType": "urn:venturalitica:audit:v1", "predicate": {"format": 1}}
    said = text_of(render_report(bare))
    assert "The light is grey." in said
    assert "not recorded" in said
    assert "No policy was in force." in said


JUNK = [None, 0, -1, 1.5, True, "text", [], ["x"], [None], {}, {"a": [1]}, float("nan"), 10**400]


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
def test_junk_in_any_field_gives_a_page_and_never_green(make_statement, verdicts, junk) -> None:
    for key in make_statement()["predicate"]:
        if key == "format":
            continue
        statement = make_statement(*verdicts, **{key: junk})
        assert "The light is green." not in text_of(render_report(statement))
    for key in verdicts[0].to_json():
        statement = make_statement(verdicts[0])
        statement["predicate"]["verdicts"][0][key] = junk
        parse(render_report(statement))


@pytest.mark.parametrize("key", ["status", "value"])
@pytest.mark.parametrize("junk", JUNK[4:], ids=range(len(JUNK[4:])))
def test_junk_where_the_verdict_is_decided_is_red(make_statement, verdicts, key, junk) -> None:
    statement = make_statement(verdicts[0])
    statement["predicate"]["verdicts"][0][key] = junk
    assert "The light is red." in text_of(render_report(statement))


def fragment_text(fragment: str) -> str:
    root = ElementTree.fromstring(fragment)
    for style in list(root.iter("style")):
        style.text = ""
    return " ".join(" ".join(root.itertext()).split())


def test_the_fragment_shows_light_policy_sentence_and_reasons(verdicts) -> None:
    fragment = render_audit_fragment(
        verdicts,
        policy_name="credit-scoring",
        policy_version="1.0",
        links=("http://127.0.0.1:5000/#/experiments/1/runs/0c9f", "javascript:alert(1)"),
        training_rows=True,
    )
    said = fragment_text(fragment)
    assert said.startswith("Red credit-scoring 1.0 Of 6 controls: 2 failed")
    assert "0.433, must be >= 0.50" in said
    assert "trained on" in said
    root = ElementTree.fromstring(fragment)
    assert [a.attrib["href"] for a in root.iter("a")] == [
        "http://127.0.0.1:5000/#/experiments/1/runs/0c9f"
    ]
    assert "script" not in {element.tag for element in root.iter()}


def test_the_fragment_takes_the_worse_light(verdicts) -> None:
    green: tuple[Verdict, ...] = (verdicts[0],)
    assert fragment_text(render_audit_fragment(green)).startswith("Green")
    assert fragment_text(render_audit_fragment(green, light="amber")).startswith("Amber")
    assert fragment_text(render_audit_fragment(verdicts, light="green")).startswith("Red")
    assert fragment_text(render_audit_fragment((), light="green")).startswith("Grey")
