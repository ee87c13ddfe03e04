"""Columns by which people must not be treated unequally, told by their names and few values.

What EU Charter Article 21, GDPR Article 9 and equal treatment law name, in the words of data sets.
It only orders what `init` offers: nothing is chosen by it, and what it misses is offered later.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

WORDS = frozenset(
    [
        "sex", "gender", "age", "race", "religion", "creed", "belief", "caste", "tribe", "dob",
        "birthday", "birthdate", "birth", "disabled", "veteran", "pregnancy", "pregnant", "married",
        "marital", "minority", "foreign", "foreigner", "migrant", "refugee",
        "geschlecht", "alter", "herkunft", "behinderung", "familienstand",
        "sexe", "handicap", "sexo", "genero", "edad", "raza", "discapacidad",
        "sesso", "genere", "eta", "razza", "disabilita", "geslacht", "leeftijd",
        "idade", "raca", "plec", "wiek", "alder",
    ]
)  # fmt: skip
"""Whole words: `age` stands in `applicant_age` and `AgeYears`, and not in `average` or `usage`."""

STEMS = (
    "ethnic", "nationalit", "citizen", "disabilit", "orientation", "religio", "gender", "immigra",
    "transgend", "staatsang", "nacionalidad", "nazionalit", "etnia", "etnic",
)  # fmt: skip
"""Beginnings of words that mean nothing else."""

SCRIPTS = ("性別", "年齢", "年龄", "性别", "民族", "国籍", "пол", "возраст", "성별", "나이", "국적")

SEXES = (
    {"male", "female"}, {"m", "f"}, {"man", "woman"}, {"men", "women"}, {"m", "w"},
    {"mann", "frau"}, {"homme", "femme"}, {"hombre", "mujer"}, {"boy", "girl"}, {"h", "f"},
)  # fmt: skip


def is_sensitive(name: str, values: Sequence[object] = ()) -> bool:
    """Whether a column probably says something about a person that the law protects."""
    words = _words(name)
    if words & WORDS or any(word.startswith(STEMS) for word in words):
        return True
    held = {str(value).strip().lower() for value in values}
    return name.strip().lower() in SCRIPTS or any(sexes <= held for sexes in SEXES)


def _words(name: str) -> set[str]:
    """`applicantAge_2` -> applicant, age; `GÉNERO` -> genero."""
    parts = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    plain = unicodedata.normalize("NFKD", parts).encode("ascii", "ignore").decode()
    return set(re.findall(r"[a-z]+", plain.lower()))
