"""The policy form: a draft is checked, held against a text, edited by control, taken away."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.ui.client import Client, client_for, words
from tests.ui.inert import inert
from tests.ui.naughty import NAUGHTY
from tests.ui.shelf import FIRST, SECOND, Shelf
from venturalitica.policy import parse_policy
from venturalitica.policy.edit import put_control, take_out

FRAME = "<title>live</title><main><h1>live</h1>{}</main>"
LOOSE = FIRST.replace(">= 0.80", ">= 0.50").replace('"1.0"', '"1.9"')


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    shelf = Shelf(tmp_path)
    shelf.audit(FIRST)
    shelf.audit(SECOND)
    return shelf


@pytest.fixture
def client(shelf: Shelf) -> Client:
    return client_for(shelf.home)


def draft(answer: Any) -> str:
    """What the page's text area holds."""
    found = re.search(r'(?s)<textarea id="pf-text"[^>]*>\n(.*?)</textarea>', answer.text)
    assert found is not None
    return unescape(found[1])


def sha256(text: str) -> str:
    return parse_policy(text.encode()).sha256


def test_a_draft_begins_with_a_text_on_record_byte_for_byte(client: Client) -> None:
    for text in (FIRST, SECOND):
        answer = client.get(f"/policy-form?of={sha256(text)}")
        assert draft(answer) == text
        assert "the same text" in words(answer).lower()
    assert draft(client.get("/policy-form?of=")) != FIRST


def test_where_nothing_is_on_record_a_template_is_offered(tmp_path: Path) -> None:
    answer = client_for(tmp_path / "none").get("/policy-form")
    assert answer.status_code == 200
    parse_policy(draft(answer).encode())
    assert "nothing to hold it against" in words(answer)


def test_what_would_be_loosened_is_said(client: Client) -> None:
    answer = client.post("/live/policy-form", {"text": LOOSE, "of": sha256(FIRST)})
    said = words(answer)
    assert "1 control loosened" in said
    assert "gender-parity" in said
    assert "<html" not in answer.text


def test_one_version_for_two_texts_is_said_before_it_is_used(client: Client) -> None:
    text = FIRST.replace(">= 0.80", ">= 0.50")
    said = words(client.post("/live/policy-form", {"text": text, "of": sha256(FIRST)}))
    assert "one version, two texts" in said


def test_errors_are_said_with_their_lines_and_nothing_is_compared(client: Client) -> None:
    text = FIRST.replace("metric: accuracy", "metric: acuracy")
    said = words(client.post("/live/policy-form", {"text": text, "of": sha256(FIRST)}))
    assert "This is no policy yet: 1 error" in said
    assert "Error , line 9" in said
    assert "did you mean 'accuracy'" in said
    assert "Said once the text is a policy" in said


def test_a_control_is_put_in_changed_and_taken_out(client: Client) -> None:
    fields = {"c.id": "new", "c.metric": "recall", "c.must": ">= 0.4", "c.across": "gender, age"}
    fields |= {"c.compare": "min", "c.min_support": "30", "c.title": "Nobody\r\nis missed"}
    form = {"text": FIRST.replace("\n", "\r\n"), "of": sha256(FIRST), "place": "new", "do": "put"}
    answer = client.post("/policy-form", form | fields)
    text = draft(answer)
    assert text.startswith(FIRST)
    made = parse_policy(text.encode()).controls[-1]
    assert (made.id, made.across, made.min_support) == ("new", ("gender", "age"), 30)
    assert made.title == "Nobody is missed"
    assert "1 control added" in words(answer)
    form = {"text": text, "of": sha256(FIRST), "do": "edit:3"}
    answer = client.post("/policy-form", form)
    assert 'name="c.across" value="gender, age"' in answer.text
    answer = client.post("/policy-form", form | {"do": "take:3"})
    assert draft(answer) == FIRST


def test_fields_go_to_the_control_that_they_were_opened_for(client: Client) -> None:
    first, second = [one.id for one in parse_policy(FIRST.encode()).controls[:2]]
    form = {"text": FIRST, "of": ""}
    opened = client.post("/policy-form", form | {"do": f"edit:1:{second}"})
    assert f'name="was" value="{second}"' in opened.text
    fields = {"place": "1", "was": second, "c.id": second, "c.title": "Other words"}
    text = take_out(FIRST, 0)  # by hand, while the fields were open
    text = put_control(text, None, {"id": first, "metric": "accuracy", "must": ">= 0.7"})
    put = draft(client.post("/policy-form", form | fields | {"text": text, "do": "put"}))
    read = {one.id: one for one in parse_policy(put.encode()).controls}
    assert read[second].title == "Other words"
    assert read.keys() == {one.id for one in parse_policy(text.encode()).controls}
    gone = text.replace(f"id: {second}", "id: another")
    for do in ("put", f"take:1:{second}", f"edit:1:{second}"):
        answer = client.post("/policy-form", form | fields | {"text": gone, "do": do})
        assert draft(answer) == gone
        assert "is not where it was" in words(answer)


def test_what_nobody_touched_in_the_fields_stays_as_it_is(client: Client) -> None:
    text = (
        'policy: p\nversion: "1"\nroles: {target: {favorable: 1}}\ncontrols:\n'
        "  - id: a\n    metric: recall\n    across: place\n    compare: between\n"
        '    groups: ["Ulm, east", "Ulm,  west"]\n    must: ">= -0.1"\n'
        "    remedy: |\n      One.\n\n      # Two.\n"
    )
    opened = client.post("/policy-form", {"text": text, "of": "", "do": "edit:0:a"})
    fields = dict(
        re.findall(r'<input type="text"[^>]* name="(c\.[^"]+)" value="([^"]*)"', opened.text)
    )
    area = re.search(r'(?s)name="c.remedy"[^>]*>\n(.*?)</textarea>', opened.text)
    assert area is not None
    fields = {key: unescape(value) for key, value in fields.items()} | {"c.remedy": area[1]}
    fields |= {"c.metric": "recall", "c.compare": "between", "c.must": ">= -0.2"}
    form = {"text": text, "of": "", "place": "0", "was": "a", "do": "put"}
    assert draft(client.post("/policy-form", form | fields)) == text.replace("-0.1", "-0.2")


def test_it_is_not_said_that_nothing_is_looser_where_that_is_not_known(client: Client) -> None:
    for old, new, said in (
        ("metric: accuracy", "metric: f1", "text alone does not tell"),
        ("A92: female", "A92: female, A93: female", "text alone does not tell"),
    ):
        assert old in FIRST
        form = {"text": FIRST.replace(old, new), "of": sha256(FIRST)}
        answer = words(client.post("/live/policy-form", form))
        assert said in answer
        assert "neither looser" not in answer


def test_the_fields_are_tried_before_they_are_in_the_text(client: Client) -> None:
    form = {"text": FIRST, "of": "", "place": "new", "c.id": "x", "c.metric": "recall"}
    said = words(client.post("/live/policy-form", form | {"c.must": ">= 7"}))
    assert "recall" in said
    assert "recall is always between 0 and 1" in said
    said = words(client.post("/live/policy-form", form | {"c.must": ">= 0.7"}))
    assert ">= 0.7" in said


def test_the_draft_is_downloaded_as_it_stands_and_nothing_is_written(
    client: Client, shelf: Shelf
) -> None:
    before = {path: path.read_bytes() for path in shelf.home.rglob("*") if path.is_file()}
    answer = client.post("/policy-form", {"text": LOOSE, "do": "download"})
    assert answer.content == LOOSE.encode()
    assert answer.headers["content-disposition"] == 'attachment; filename="model_policy.yaml"'
    assert list(shelf.home.parent.rglob("model_policy.yaml")) == []
    after = {path: path.read_bytes() for path in shelf.home.rglob("*") if path.is_file()}
    assert {p: b for p, b in after.items() if "index" not in p.name} == {
        p: b for p, b in before.items() if "index" not in p.name
    }


@pytest.mark.parametrize("address", ["/policy-form", "/live/policy-form"])
def test_it_takes_forms_of_our_own_pages_only(client: Client, address: str) -> None:
    assert client.post(address, {"csrf": "no", "text": FIRST}).status_code == 403
    strange = {"origin": "http://evil.example", "sec-fetch-site": "cross-site"}
    assert client.post(address, {"text": FIRST}, headers=strange).status_code == 403


@pytest.mark.parametrize("address", ["/policy-form", "/live/policy-form"])
def test_whatever_is_sent_is_only_shown(client: Client, address: str) -> None:
    for nasty in (*NAUGHTY[:3], " ".join(NAUGHTY)):
        nasty = nasty.encode("utf-8", "replace").decode()
        fields = {"c.id": nasty, "c.title": nasty, "c.metric": nasty, "c.must": nasty}
        for text in (nasty, FIRST.replace("Credit scoring", nasty)):
            form = {"text": text, "of": nasty, "place": "new", "do": nasty} | fields
            for do in (nasty, "put", "take:9", "edit:" + nasty, "take:0"):
                answer = client.post(address, form | {"do": do})
                assert answer.status_code == 200
                inert(answer.text if "<main" in answer.text else FRAME.format(answer.text))


def test_a_text_beyond_all_limits_is_refused(client: Client) -> None:
    answer = client.post("/policy-form", {"text": "x" * (5 * 1024 * 1024)})
    assert answer.status_code == 413
    answer = client.post("/live/policy-form", {"text": "x" * (1024 * 1024 + 1)})
    assert "1 MiB" in words(answer)
