"""The page of a run: the answer, the controls, downloads, and that it tells times for people."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from venturalitica.ledger import Entry, Ledger

BROKEN = """() => {
  document.querySelectorAll('details').forEach(one => { one.open = true; });
  const broken = [];
  for (const code of document.querySelectorAll('.vl-command')) {
    for (let up = code; up.localName !== 'main'; up = up.parentElement)
      if (up.scrollWidth > up.clientWidth + 1 && getComputedStyle(up).display !== 'inline')
        broken.push('cut: ' + up.outerHTML.slice(0, 200));
    const room = code.parentElement.clientWidth;
    const walk = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode, range = document.createRange();
      for (const word of text.data.matchAll(/[^ \\n]+/g)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = [...range.getClientRects()];
        if (new Set(lines.map(one => Math.round(one.top))).size < 2) continue;
        const wide = lines.reduce((sum, one) => sum + one.width, 0);
        if (wide < room * 0.8) broken.push(word[0]);
      }
    }
  }
  return broken;
}"""
"""What of the lines to type is cut, or broken within a word that a line has room for."""


POLICY = """\
policy: loan
version: "1"
roles:
  gender: {}
  age: {bins: [40]}
controls:
  - {id: accuracy, title: Right four times in five, metric: accuracy, must: ">= 0.8"}
  - {id: parity, metric: demographic_parity_ratio, across: gender, must: ">= 0.8"}
"""


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of a training that was tried three times after its policy was committed to.

    Entries: 0 the commitment; 1, 2 a run that raised; 3 to 6 one with an audit of its test data and
    one of its training data, red; 7 to 10 another.
    """
    folder = tmp_path_factory.mktemp("tried")
    (folder / "train.py").write_text(TRAINING)
    (folder / "model_policy.yaml").write_text(POLICY)
    home = folder / ".venturalitica"
    own = {"VENTURALITICA_CONFIG": str(folder / "keys"), "VENTURALITICA_HOME": str(home)}
    environment = sys.modules["browser_serving"].plain_environment() | own
    subprocess.run([sys.executable, "train.py"], cwd=folder, env=environment, check=True)
    return home


TRAINING = """\
import numpy, pandas
import venturalitica as vl
from venturalitica.audit.committing import commit_to

def table(rows, seed):
    drawn = numpy.random.default_rng(seed)
    approved = drawn.integers(0, 2, rows)
    wrong = drawn.random(rows) < 0.3
    return pandas.DataFrame({
        "approved": approved, "answer": numpy.where(wrong, 1 - approved, approved),
        "sex": drawn.choice(["female", "male"], rows), "years": drawn.integers(18, 80, rows),
        "postcode": drawn.integers(1000, 9999, rows), "notes": 1,
    })

commit_to(vl.read_policy("model_policy.yaml"), None, rows=300, authority=None)
try:
    with vl.monitor("training", policy="model_policy.yaml"):
        raise ValueError("no data today")
except ValueError:
    pass
for _ in range(2):
    with vl.monitor("training", policy="model_policy.yaml", inputs=["train.py"]):
        for name, rows in (("test", 300), ("train", 700)):
            vl.enforce(table(rows, rows), target="approved", prediction="answer",
                       gender="sex", age="years")
"""


@pytest.fixture(scope="module")
def failed(demo_home: Path) -> Entry:
    """The last audit in which a control failed."""
    entries = list(Ledger.open(demo_home).entries())
    return next(
        entry
        for entry in reversed(entries)
        if any(v["status"] == "failed" for v in entry.statement["predicate"].get("verdicts", ()))
    )


def test_failures_come_first_and_say_why(look, ui, failed) -> None:
    verdicts = failed.statement["predicate"]["verdicts"]
    page = look(f"{ui.url}/runs/{failed.index}")
    text = page.locator("main").inner_text()
    titles = [(v["status"] != "failed", text.index(v["title"])) for v in verdicts]
    assert all(verdict["title"] in text for verdict in verdicts)
    assert min(place for passed, place in titles if not passed) == min(p for _, p in titles)
    assert page.locator("main svg").count() > len(verdicts)


def test_downloads_are_what_is_on_record(look, ui, demo_home: Path, failed) -> None:
    policy = failed.statement["predicate"]["policy"]
    page = look(f"{ui.url}/runs/{failed.index}")
    found = {}
    for link in page.locator("a[download][href*='/download/']").all():
        with page.expect_download() as told:
            link.click()
        found[link.get_attribute("href").rpartition("/")[2]] = told.value.path().read_bytes()
    assert found["bundle"] == Ledger.open(demo_home).bundle(failed.index)
    assert hashlib.sha256(found["policy"]).hexdigest() == policy["sha256"]
    assert found["report"].startswith(b"<!DOCTYPE html>")


def test_the_report_is_sound_by_itself(look, ui, axe, tmp_path, failed) -> None:
    page = look(f"{ui.url}/runs/{failed.index}")
    with page.expect_download() as told:
        page.locator("a[download][href$=report]").click()
    file = tmp_path / "report.html"
    told.value.save_as(file)
    assert axe(look(file.as_uri(), ours=ui.url)) == []


def test_times_are_the_viewers_with_utc_beside(look, ui, failed) -> None:
    page = look(f"{ui.url}/runs/{failed.index}", timezone_id="Asia/Tokyo")
    plain = look(f"{ui.url}/runs/{failed.index}", javascript=False)
    time = page.locator("main time").first
    said = plain.locator("main time").first.inner_text()
    assert said.endswith("UTC")
    assert time.inner_text() != said
    assert time.get_attribute("title").endswith("UTC")
    assert time.get_attribute("title")[:16] == said[:16]


def test_a_record_about_a_record(look, ui, axe, demo_home: Path) -> None:
    entries = list(Ledger.open(demo_home).entries())
    approval = next(e for e in entries if e.statement["predicate"]["kind"] == "approval")
    page = look(f"{ui.url}/runs/{approval.index}")
    about = approval.statement["predicate"]["of"]["entry"]
    page.get_by_role("link", name=f"Entry {about}", exact=True).first.click()
    page.wait_for_url(f"**/runs/{about}")
    assert axe(page) == []


def test_an_entry_that_is_not_there(look, ui) -> None:
    page = look(f"{ui.url}/runs/99999", expect=404)
    assert "99999" in page.locator("main").inner_text()


@pytest.mark.parametrize("medium", ["screen", "print"])
@pytest.mark.parametrize("width", [360, 1280])
def test_lines_to_type_are_whole_and_break_between_words(look, ui, failed, width, medium) -> None:
    page = look(f"{ui.url}/runs/{failed.index}", width=width)
    page.emulate_media(media=medium)
    assert page.locator(".vl-command").count() >= 2
    assert page.evaluate(BROKEN) == []


def test_a_line_that_wraps_is_copied_as_one(look, ui, axe, failed) -> None:
    page = look(
        f"{ui.url}/runs/{failed.index}",
        width=360,
        permissions=["clipboard-read", "clipboard-write"],
    )
    line = page.locator(".ui-line", has_text="openssl dgst")
    line.get_by_role("button", name="Copy").click()
    line.get_by_role("button", name="Copied").wait_for()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert "openssl dgst -sha256 -verify key.pem -signature signature signed" in copied.splitlines()
    line.locator("code").select_text()
    assert page.evaluate("getSelection().toString()").strip() == copied.strip()
    assert axe(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_what_came_before_is_told_and_opens(look, serve, axe, tried, width, scheme) -> None:
    address = f"{serve(tried).url}/runs/10"
    page = look(address, width=width, scheme=scheme, javascript=False)
    said = page.locator(".run-came").inner_text()
    assert "Attempt 3 since the commitment in entry 0: of the 2 before it" in said
    page.locator(".run-came a").click()
    folded = page.get_by_text("Earlier attempts: 2")
    assert folded.is_visible()
    folded.click()
    page.get_by_text("The commitment in entry 0", exact=True).click()
    assert page.get_by_text("ended with builtins.ValueError").is_visible()
    assert sys.modules["browser_looking"].too_wide(page) == []
    page.get_by_role("link", name="2", exact=True).click()
    assert page.url.endswith("/runs/2")
    assert axe(look(address, width=width, scheme=scheme)) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (360, "light")])
def test_two_data_sets_of_a_run_stand_apart(look, serve, axe, tried, width, scheme) -> None:
    page = look(f"{serve(tried).url}/runs/10", width=width, scheme=scheme)
    sets = page.locator(".run-set")
    heads = [one.locator("h2").inner_text() for one in sets.all()]
    assert [head.startswith(f"Data set {number}: ") for number, head in enumerate(heads, 1)] == [
        True,
        True,
    ]
    for one, entry, rows in zip(sets.all(), (8, 9), (300, 700), strict=True):
        assert f"{rows} rows" in one.inner_text()
        assert one.get_by_role("link", name=f"Entry {entry}", exact=True).count() == 1
        assert one.locator("svg.vl-bar").count() >= 2
        control = one.get_by_role("link", name="Right four times in five")
        control.click()
        card = page.locator(f"[id='{control.get_attribute('href')[1:]}']")
        card.wait_for(state="visible")
        assert f"n = {rows}" in card.inner_text()
        unread = one.get_by_text("What no rule looked at: ")
        assert "2 columns" in unread.inner_text()
        unread.click()
        assert one.get_by_text("postcode").is_visible()
    assert sys.modules["browser_looking"].too_wide(page) == []
    assert axe(page) == []


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_files_judged_have_whole_digests_to_copy(look, serve, axe, tried, width, scheme) -> None:
    page = look(
        f"{serve(tried).url}/runs/10",
        width=width,
        scheme=scheme,
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.get_by_text("Bound to this record by digest").click()
    rows = page.get_by_role("region", name="Files and data judged").locator("tbody tr")
    names = [row.locator("td").nth(1).inner_text() for row in rows.all()]
    assert {"model_policy.yaml", "train.py"} <= set(names)
    row = rows.nth(names.index("train.py"))
    assert "bytes" in row.inner_text()
    digest = row.locator("code").get_attribute("title")
    assert len(digest) == 64
    row.get_by_role("button", name="Copy the whole digest of train.py").click()
    row.get_by_role("button", name="Copied the whole digest of train.py").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == digest
    assert sys.modules["browser_looking"].too_wide(page) == []
    assert axe(page) == []


def test_on_paper_the_page_of_a_run_is_whole(look, serve, tried) -> None:
    import pypdfium2

    page = look(f"{serve(tried).url}/runs/10")
    paper = pypdfium2.PdfDocument(page.pdf(format="A4"))
    said = " ".join(" ".join(one.get_textpage().get_text_range().split()) for one in paper)
    for words in (
        "Attempt 3 since the commitment in entry 0",
        "ended with builtins.ValueError",
        "as many were judged",
        "Data set 2: ",
        "Each control in full, with its groups",
        "Bound to this record by digest",
        "postcode",
        "venturalitica verify evidence.json",
        "openssl dgst -sha256 -verify key.pem -signature signature signed",
    ):
        assert words in said, words
    paper.close()
