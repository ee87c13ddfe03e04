"""Which names are taken for one, and which never are."""

from __future__ import annotations

import pytest

from venturalitica.core.labels import alike, likeness, map_to_write
from venturalitica.core.verdict import Label
from venturalitica.policy.tree import plain
from venturalitica.policy.yaml_reader import read_yaml


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (">50K", ">50K."),
        ("female", "Female"),
        ("female", " female\t"),
        (">50K", "> 50K"),
        ("Jos\u00e9", "Jose\u0301"),
        ("\uff21B", "AB"),
        ("a\u200bb", "ab"),
        ("18\u201325", "18-25"),
        ("'yes'", "yes"),
        ("no!", "No"),
        ("part-time", "part_time"),
        ("Stra\u00dfe", "STRASSE"),
        (1, "1"),
        (1, "1.0"),
        ("1", "1.0"),
        ("7", "007"),
        (True, "True"),
        (True, 1),
        ("false", 0),
        ("", " "),
    ],
)
def test_alike(one: Label, other: Label) -> None:
    assert likeness(one) == likeness(other)
    assert alike(["else", one, other]) == [[one, other]]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("A", "A+"),
        ("A+", "A-"),
        ("C", "C#"),
        ("<50", "50"),
        (">50K", "<=50K"),
        ("1-2", "12"),
        (1, -1),
        (0.5, 5),
        ("5%", "5"),
        ("?", "!"),
        ("room 1 2", "room 12"),
        ("6'", '6"'),
        ("2026-01-31", "20260131"),
        ("male", "female"),
        ("9007199254740993", "9007199254740992"),
        ("1E2", "100"),
        ("e", "\u00e9"),
    ],
)
def test_not_alike(one: Label, other: Label) -> None:
    assert alike([one, other]) == []


def test_the_map_to_write_is_yaml_that_makes_them_one() -> None:
    values: list[Label] = [
        "<=50K",
        ">50K",
        ">50K.",
        "Jos\u00e9",
        "Jose\u0301",
        "Female",
        "female",
        1,
        "1.0",
    ]
    read = plain(read_yaml(map_to_write(values)))
    assert list(read) == [*values[1:], "<=50K"]
    assert read[">50K"] == read[">50K."] == ">50K"
    assert read["Jos\u00e9"] == read["Jose\u0301"] == "Jos\u00e9"
    assert read["Female"] == read["female"] == "female"
    assert read[1] == read["1.0"]


def test_a_long_map_is_cut_off() -> None:
    written = map_to_write(["a", "A", *(f"group {i}" for i in range(400))])
    assert written.startswith("{a: a, A: a, group 0")
    assert written.endswith("\u2026 and 390 more}")
