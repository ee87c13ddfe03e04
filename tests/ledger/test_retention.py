"""How long a record is kept."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venturalitica.core.retention import RetentionTerm, last_day, parse_day, retention, term
from venturalitica.errors import EvidenceError


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [
        ("six-months", "2026-11-26", "2027-05-26"),
        ("six-months", "2026-08-31", "2027-02-28"),
        ("six-months", "2027-08-31", "2028-02-29"),
        ("ten-years", "2026-11-26", "2036-11-26"),
        ("ten-years", "2024-02-29", "2034-02-28"),
        ("ten-years", "9995-01-01", "9999-12-31"),
        ("18m", "2026-08-31", "2028-02-29"),
        ("5y", "2024-02-29", "2029-02-28"),
        ("9999y", "2024-02-29", "9999-12-31"),
    ],
)
def test_months_and_years_end_on_the_same_date_or_the_months_last(name, start, end) -> None:
    assert last_day(name, date.fromisoformat(start)) == date.fromisoformat(end)


@given(st.dates(max_value=date(9980, 1, 1)))
def test_a_class_is_never_shorter_than_its_days(start: date) -> None:
    assert last_day("six-months", start) - start >= timedelta(days=181)
    assert last_day("ten-years", start) - start >= timedelta(days=3651)


def test_the_day_is_the_day_in_utc() -> None:
    late = datetime(2026, 1, 1, 1, 0, tzinfo=timezone(timedelta(hours=5)))
    told = {"class": "10m", "until": "2026-10-31", "counts_from": "record"}
    assert retention("10m", late) == told
    assert retention("six-months", datetime(2026, 1, 1, tzinfo=UTC))["until"] == "2026-07-01"


def test_a_record_from_before_there_were_classes_is_kept_ten_years() -> None:
    assert RetentionTerm.of(None).last_day(date(2026, 3, 1)) == date(2036, 3, 1)


def test_its_own_day_never_shortens_what_its_class_promises() -> None:
    early = RetentionTerm.of({"class": "ten-years", "until": "2027-01-01"})
    assert early.last_day(date(2026, 3, 1)) == date(2036, 3, 1)
    late = RetentionTerm.of({"class": "six-months", "until": "2040-01-01"})
    assert late.last_day(date(2026, 3, 1)) == date(2040, 1, 1)


@pytest.mark.parametrize(
    "said",
    [
        "ten-years",
        {},
        {"class": "ten years", "until": "2036-01-01"},
        {"class": "ten-years"},
        {"class": "ten-years", "until": "20360101"},
        {"class": "ten-years", "until": 2036},
        {"class": ["ten-years"], "until": "2036-01-01"},
        {"class": "5m", "until": "2036-01-01"},
        {"class": "0y", "until": "2036-01-01"},
        {"class": "18m", "until": None, "counts_from": "placed"},
        {"class": "ten-years", "until": "2036-01-01", "counts_from": "placed"},
        {"class": "ten-years", "until": None, "counts_from": "record"},
        {"class": "ten-years", "until": None, "counts_from": ["placed"]},
    ],
)
def test_what_cannot_be_read_is_an_error_not_a_date(said) -> None:
    with pytest.raises(EvidenceError):
        RetentionTerm.of(said)


def test_what_counts_from_the_placing_waits_for_it_and_is_kept_six_months_at_least() -> None:
    kept = RetentionTerm.of(retention("ten-years", datetime(2026, 1, 1, tzinfo=UTC)))
    assert kept.last_day(date(2026, 1, 1)) is None
    assert kept.last_day(date(2026, 1, 1), date(2027, 5, 1)) == date(2037, 5, 1)
    assert kept.last_day(date(2037, 3, 1), date(2027, 5, 1)) == date(2037, 9, 1)


@pytest.mark.parametrize(
    ("said", "known"), [("6m", "six-months"), ("10y", "ten-years"), ("120m", "ten-years")]
)
def test_a_term_has_one_spelling(said: str, known: str) -> None:
    assert term(said) == term(known) == known
    assert term("61m") == "61m"


@pytest.mark.parametrize("said", ["", "m", "6", "06m", "6 m", "6M", "1.5y", "-7m", "٧m", "10000y"])
def test_what_is_no_term(said: str) -> None:
    with pytest.raises(ValueError, match="expected six-months, ten-years, or months or years"):
        term(said)


@pytest.mark.parametrize("text", ["2036-1-1", "2036-01-01T00:00", "2036-W01-1", "", None])
def test_a_day_has_one_spelling(text) -> None:
    with pytest.raises(EvidenceError, match="not a date"):
        parse_day(text)
