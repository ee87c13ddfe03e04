"""Statements as this package records them, written by hand: what reports are made from."""

from __future__ import annotations

import base64
import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest

from venturalitica.core.verdict import GroupValue, Interval, Verdict, worst_light

POLICY = Path(__file__).parents[2] / "src/venturalitica/data/german_credit/model_policy.yaml"
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def loan_verdicts() -> tuple[Verdict, ...]:
    """Seven outcomes of different kinds."""
    return (
        Verdict(
            control="accuracy",
            title="The model is right at least 7 times in 10",
            metric="accuracy",
            must=">= 0.70",
            operator=">=",
            threshold=0.70,
            article="15(1)",
            status="passed",
            value=0.7566666666666667,
            interval=Interval(0.7066666666666667, 0.8033333333333333),
            conclusive=True,
            n=300,
            reason="0.757, must be >= 0.70",
            file="model_policy.yaml",
            line=25,
        ),
        Verdict(
            control="bad-credits-found",
            title="At least half of the bad credits are recognised",
            metric="specificity",
            must=">= 0.50",
            operator=">=",
            threshold=0.50,
            article="9(8)",
            status="failed",
            value=0.43333333333333335,
            interval=Interval(0.3333333333333333, 0.5333333333333333),
            n=300,
            reason="0.433, must be >= 0.50: 39 of 90 bad credits were recognised",
            remedy="Move the decision threshold, or weigh bad credits more.",
        ),
        Verdict(
            control="gender-parity",
            title="Approval rates of men and women differ by no more than the four-fifths rule "
            "allows",
            metric="demographic_parity_ratio",
            compare="ratio",
            across=("gender",),
            must=">= 0.80",
            operator=">=",
            threshold=0.80,
            article="10(2)(f)",
            on_fail="block",
            status="passed",
            value=0.6904761904761905 / 0.8379629629629629,
            interval=Interval(0.6903, 0.9642),
            n=300,
            groups=(
                GroupValue("female", 84, 0.6904761904761905, True, Interval(0.59, 0.78)),
                GroupValue("male", 216, 0.8379629629629629, True, Interval(0.79, 0.88)),
            ),
            reason="0.824, must be >= 0.80; lowest female 0.690 (n=84), highest male 0.838 (n=216)",
        ),
        Verdict(
            control="age-parity",
            title="No age group is approved less than four fifths as often as another",
            metric="demographic_parity_ratio",
            compare="ratio",
            across=("age",),
            must=">= 0.80",
            operator=">=",
            threshold=0.80,
            article="10(2)(f)",
            status="failed",
            value=0.5853658536585366 / 0.8333333333333334,
            interval=Interval(0.48, 0.92),
            n=300,
            groups=(
                GroupValue("under 25", 41, 0.5853658536585366, True, Interval(0.44, 0.73)),
                GroupValue("25 to 59", 250, 0.8299595141700404, True, Interval(0.78, 0.88)),
                GroupValue("60 and over", 9, 0.8333333333333334, False, Interval(0.56, 1.0)),
            ),
            notes=(
                "group '60 and over' has 9 rows, fewer than min_support 10: shown, and the "
                "verdict is inconclusive",
            ),
            reason="0.702, must be >= 0.80; lowest under 25 0.585 (n=41)",
        ),
        Verdict(
            control="calibration",
            title="Scores mean what they say",
            metric="expected_calibration_error",
            must="<= 0.05",
            operator="<=",
            threshold=0.05,
            article="15(1)",
            status="not_evaluated",
            reason="no score was given: bind the role 'score', or judge a model with predict_proba",
        ),
        Verdict(
            control="completeness",
            title="No value is missing in the columns judged",
            metric="completeness",
            must=">= 1.0",
            operator=">=",
            threshold=1.0,
            status="passed",
            value=1.0,
            interval=Interval(1.0, 1.0),
            conclusive=True,
            n=300,
            reason="1.0, must be >= 1.0",
        ),
    )


def statement_of(*verdicts: Verdict, **changes: Any) -> dict[str, Any]:
    """An audit's statement with these verdicts; `changes` replace keys of the predicate."""
    policy = POLICY.read_bytes()
    predicate: dict[str, Any] = {
        "format": 1,
        "kind": "audit",
        "package": "0.1.0",
        "run": {
            "id": "4b1d6e0cf51c4c02b8a4ad0cde0a3d55",
            "name": "training",
            "parent": None,
            "sequence": 0,
            "started_at": "2026-11-23T15:00:00.000000Z",
            "ended_at": "2026-11-23T15:00:01.400000Z",
            "source": "fit",
        },
        "policy": {
            "name": "credit-scoring",
            "version": "1.0",
            "title": "Credit scoring, accuracy and equal treatment",
            "filename": "model_policy.yaml",
            "sha256": hashlib.sha256(policy).hexdigest(),
            "bytes": base64.b64encode(policy).decode(),
        },
        "light": worst_light(verdict.light for verdict in verdicts),
        "verdicts": [verdict.to_json() for verdict in verdicts],
        "tally": {
            "format": "venturalitica/tally/v1",
            "rows": 300,
            "nulls": {"target": 0},
            "axes": [
                {"role": "target", "column": "class", "levels": [1, 2], "nulls": 0,
                 "unmapped": {}, "note": ""},
                {"role": "age", "column": "Attribute13",
                 "levels": ["under 25", "25 to 59", "60 and over"], "nulls": 0, "unmapped": {},
                 "note": "cut at 25, 60"},
            ],
            "tables": [],
            "scores": [],
        },
        "tally_sha256": DIGEST,
        "bindings": {"gender": "Attribute9", "age": "Attribute13", "target": "class"},
        "model": {
            "class": "sklearn.ensemble._forest.RandomForestClassifier",
            "parameters": {"n_estimators": 100, "random_state": 0, "bootstrap": True,
                           "max_depth": None},
            "sha256": DIGEST,
            "serialization": "pickle protocol 5",
            "note": "",
        },
        "data": [
            {"name": "audit_data", "context": "audit", "sha256": DIGEST, "rows": 300,
             "columns": [{"name": "Attribute9", "type": "text", "nulls": 0, "sha256": DIGEST},
                         {"name": "class", "type": "integer", "nulls": 0, "sha256": DIGEST}],
             "method": "columns/v1", "training_rows": False, "engine": "pandas", "size": None}
        ],
        "environment": {
            "python": "3.11.2", "implementation": "CPython", "platform": "Linux-6.1-x86_64",
            "packages": {"numpy": "2.3.0", "scikit-learn": "1.9.0", "mlflow": "3.17.0"},
            "hardware": {"cpus": 2, "memory_bytes": 8_000_000_000},
            "git": {"commit": "42e10dc0a7ccd67d5a1e8ad5e3d8c3ba5a5a7b0d", "branch": "main",
                    "dirty": True, "remote": "https://example.org/credit/scoring.git"},
        },
        "trackers": [
            {"tracker": "mlflow", "run_id": "0c9f1d3b7a5e4d6fb2a1908374655647",
             "uri": "http://127.0.0.1:5000", "experiment_id": "1", "experiment_name": "credit",
             "run_name": "gentle-crane-7",
             "url": "http://127.0.0.1:5000/#/experiments/1/runs/0c9f1d3b7a5e4d6fb2a1908374655647",
             "extra": {}}
        ],
        "exception": None,
        "audits": [],
    }  # fmt: skip
    return {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "policy/model_policy.yaml", "digest": {"sha256": DIGEST}}],
        "predicateType": "urn:venturalitica:audit:v1",
        "predicate": predicate | changes,
    }


def run_statement(**changes: Any) -> dict[str, Any]:
    """A closed monitor's statement."""
    base = statement_of(
        kind="run",
        light="amber",
        tally=None,
        model=None,
        audits=[
            {"index": 3, "evidence_sha256": DIGEST, "light": "amber", "policy": DIGEST},
            {"index": 4, "evidence_sha256": DIGEST, "light": "green", "policy": DIGEST},
        ],
    )
    base["predicateType"] = "urn:venturalitica:run:v1"
    base["predicate"] |= changes
    return base


@pytest.fixture
def verdicts() -> tuple[Verdict, ...]:
    return loan_verdicts()


@pytest.fixture
def statement() -> dict[str, Any]:
    return statement_of(*loan_verdicts())


@pytest.fixture
def make_statement() -> Any:
    return lambda *found, **changes: copy.deepcopy(statement_of(*found, **changes))


@pytest.fixture
def make_run() -> Any:
    return lambda **changes: copy.deepcopy(run_statement(**changes))
