"""The report on paper and at 360 px, as Chromium prints and draws it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from venturalitica.core.verdict import GroupValue, Interval, Verdict
from venturalitica.ledger import Ledger, load_signer
from venturalitica.reports.html.page import draw_page
from venturalitica.review.record_page import page_context

looking, made = sys.modules["browser_looking"], sys.modules["reports_conftest"]
LONG = (
    "Beamtinnen/Beamte im Ruhestand",
    "Donaudampfschifffahrtsgesellschaftskapitäne",
    "people who have moved here within the last twelve months",
    "unemployed_more_than_twelve_months_registered",
    "students",
)
HEADINGS = (
    *("Controls at a glance", "What was found", "What came before", "Sign-off", "Policy"),
    *("Provenance", "Evidence", "Check it offline", "Check it without us"),
)
SPLIT = """() => {
  const split = [];
  for (const name of document.querySelectorAll('.vl-word:not(.vl-endless *)')) {
    const walk = document.createTreeWalker(name, NodeFilter.SHOW_TEXT);
    while (walk.nextNode()) {
      const text = walk.currentNode, range = document.createRange();
      for (const word of text.data.matchAll(/[^\\s-]+/g)) {
        range.setStart(text, word.index);
        range.setEnd(text, word.index + word[0].length);
        const lines = new Set([...range.getClientRects()].map(one => Math.round(one.top)));
        if (lines.size > 1) split.push(word[0]);
      }
    }
  }
  return split;
}"""
"""The words of names that stand on more than one line."""


def six() -> tuple[Verdict, ...]:
    """Six controls, those of groups over groups with long names."""
    return tuple(
        replace(verdict, across=("occupation",), groups=groups()) if verdict.groups else verdict
        for verdict in made.loan_verdicts()
    )


def groups() -> tuple[GroupValue, ...]:
    share = 0.6
    return tuple(
        GroupValue(name, 60 + at, share + at / 50, True, Interval(0.5, 0.8))
        for at, name in enumerate(LONG)
    )


def forty() -> tuple[Verdict, ...]:
    kinds = six()
    return tuple(
        replace(kinds[at % 6], control=f"{kinds[at % 6].control}-{at}") for at in range(40)
    )


def withheld() -> tuple[Verdict, ...]:
    note = "2 groups are not judged: fewer than 5 rows, or they would tell how few another has"
    return tuple(
        replace(verdict, groups=verdict.groups[:3], notes=(note,)) if verdict.groups else verdict
        for verdict in six()
    )


def in_error() -> tuple[Verdict, ...]:
    why = "column `score` holds text: expected the probability of the favorable label"
    failed = replace(made.loan_verdicts()[4], status="error", reason=why, on_fail="block")
    return (failed, *made.loan_verdicts()[:3])


RECORDS: dict[str, Callable[[], tuple[Verdict, ...]]] = {
    "six": six,
    "forty": forty,
    "withheld": withheld,
    "error": in_error,
}


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """A log with one of each."""
    home = tmp_path_factory.mktemp("paper")
    ledger = Ledger.open(home / ".venturalitica", signer=load_signer(None, home / "keys"))
    for verdicts in RECORDS.values():
        statement = made.statement_of(*verdicts())
        keys = ("method", "kind", "level", "replicates", "for_several_controls", "corrections")
        said = ("exact-1", "exact ends of a share", 0.95, 2000, "none", ["stretched"])
        statement["predicate"]["intervals"] = dict(zip(keys, said, strict=True))
        ledger.append(statement)
    return ledger


@pytest.fixture(scope="module", params=["demo", *RECORDS])
def report(
    request: pytest.FixtureRequest,
    ledger: Ledger,
    demo_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[str, Path, str]:
    """Which record, its report in a file, and the digest of the record."""
    if request.param == "demo":
        found = [entry for entry in Ledger.open(demo_home).entries() if entry.record.judged]
        log, entry = Ledger.open(demo_home), found[-1]
    else:
        log, entry = ledger, ledger.entry(list(RECORDS).index(request.param))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(draw_page(page_context(log, entry)), encoding="utf-8")
    return request.param, file, entry.evidence_sha256


@pytest.fixture(scope="module", params=["A4", "Letter"])
def paper(request: pytest.FixtureRequest, chromium: Any, report: Any) -> Iterator[Any]:
    """The report as Chromium prints it."""
    import pypdfium2

    page = chromium.new_page()
    page.goto(report[1].as_uri())
    pdf = pypdfium2.PdfDocument(page.pdf(format=request.param))
    yield pdf
    pdf.close()
    page.close()


def lines(page: Any) -> list[str]:
    """What stands on a printed page, without its footer."""
    text = page.get_textpage()
    said: list[str] = text.get_text_range().splitlines()
    return [line for line in said if not line.startswith(("Record, SHA-256", "Page "))]


def test_each_page_names_the_record_and_its_number(paper, report) -> None:
    for number, page in enumerate(paper, 1):
        text = page.get_textpage().get_text_range()
        assert f"Record, SHA-256 {report[2]}" in text
        assert f"Page {number} of {len(paper)}" in text


def test_six_controls_take_six_pages_at_most(paper, report) -> None:
    name, _, _ = report
    assert len(paper) <= {"demo": 8, "forty": 24}.get(name, 6)


def test_no_page_but_the_last_is_half_empty(paper) -> None:
    for page in list(paper)[:-1]:
        picture = page.render(scale=0.5).to_pil().convert("L")
        below = int(picture.height * 0.93)  # the footer
        ink = picture.crop((0, 0, picture.width, below)).point(lambda shade: 255 * (shade < 200))
        assert ink.getbbox()[3] > picture.height / 2


def test_a_heading_stays_with_what_follows(paper) -> None:
    for page in list(paper)[:-1]:
        last = lines(page)[-1].strip()
        assert not last.startswith(("Article", *HEADINGS))
        assert "if it does not pass:" not in last


def test_no_name_is_broken_on_paper(paper, report) -> None:
    name, _, _ = report
    if name not in ("six", "forty"):
        return
    text = " ".join(" ".join(line for page in paper for line in lines(page)).split())
    for group in LONG:
        # A long one goes on in the next line, between its words.
        assert text.count(group) >= len([one for one in RECORDS[name]() if one.groups])


def test_it_says_by_whom_under_which_law_and_how_to_check(paper) -> None:
    text = " ".join(" ".join(line for page in paper for line in lines(page)).split())
    assert "Signed by key" in text
    assert text.count("2024/1689") == 1
    assert "intervals were read at once" in text
    assert "How the intervals were made" in text
    assert "openssl dgst -sha256 -verify key.pem -signature signature signed" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_no_name_is_broken_on_a_screen(look, report, axe, width, scheme) -> None:
    page = look(report[1].as_uri(), ours="http://127.0.0.1:9", width=width, scheme=scheme)
    assert looking.too_wide(page) == []
    assert page.evaluate(SPLIT) == []
    assert axe(page) == []
