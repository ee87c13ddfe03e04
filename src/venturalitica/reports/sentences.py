"""The sentences: one wording for reports, the terminal, trackers and notebooks.

Numbers are never rounded across their threshold: 0.7996 against `>= 0.80` reads 0.7996.
"""

from __future__ import annotations

from collections.abc import Sequence

from venturalitica.core.sample import sample_words
from venturalitica.core.text import format_bound, format_interval, level_words, percent
from venturalitica.core.verdict import LIGHTS, SURELY, Interval, Light, Verdict

OPERATOR_WORDS = {
    ">=": "at least",
    ">": "more than",
    "<=": "at most",
    "<": "less than",
    "==": "exactly",
    "!=": "anything but",
}
OPERATOR_SIGNS = {">=": "≥", ">": ">", "<=": "≤", "<": "<", "==": "=", "!=": "≠"}
LIGHT_WORDS: dict[Light, str] = {
    "green": "Green",
    "amber": "Amber",
    "red": "Red",
    "grey": "Grey",
}
ANSWERS: dict[Light, str] = {
    "green": "Yes, by this policy.",
    "amber": "Not yet certain.",
    "red": "No.",
    "grey": "Unknown.",
}
"""The answer to "can this ship?" that each light gives."""

ON_FAIL_WORDS = {
    "record": "recorded only",
    "warn": "warns",
    "block": "blocks",
}
_COMPARE_WORDS = {
    "difference": "the highest group minus the lowest",
    "ratio": "the lowest group divided by the highest",
    "min": "the lowest group",
    "max": "the highest group",
    "between": "the first named group minus the second",
}
_ACRONYMS = {"roc": "ROC", "auc": "AUC", "f1": "F1", "cohen": "Cohen's", "matthews": "Matthews"}


def metric_words(metric: str) -> str:
    """`roc_auc` -> `ROC AUC`, `demographic_parity_ratio` -> `Demographic parity ratio`."""
    words = [_ACRONYMS.get(word, word) for word in metric.split("_") if word]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def bound_words(verdict: Verdict) -> str:
    """The threshold's number: two decimals at least, all that were written otherwise.

    After it `surely`, where the rule asks for that.
    """
    bound = verdict.threshold
    if bound is None:
        return verdict.must.removeprefix(verdict.operator).strip()
    return format_bound(bound) + (f" {SURELY}" if verdict.surely else "")


def must_signs(verdict: Verdict) -> str:
    """`≥ 0.80`."""
    sign = OPERATOR_SIGNS.get(verdict.operator, verdict.operator)
    return f"{sign} {bound_words(verdict)}".strip() if sign else verdict.must


def rule_sentence(verdict: Verdict) -> str:
    """The rule in words: `Demographic parity ratio across gender must be at least 0.80.`"""
    subject = metric_words(verdict.metric) or "The value"
    if verdict.across:
        subject += " across " + " × ".join(verdict.across)
    if verdict.compare and not verdict.metric.endswith((f"_{verdict.compare}",)):
        subject += f" ({_COMPARE_WORDS.get(verdict.compare, verdict.compare)})"
    operator = OPERATOR_WORDS.get(verdict.operator, verdict.operator)
    said = f"{subject} must be {operator} {bound_words(verdict)}.".replace("  ", " ")
    return said.replace(f" {SURELY}.", ", and its whole interval too.") if verdict.surely else said


def definition(metric: str) -> str:
    """What the metric is, in one sentence; empty for one that this version does not know."""
    from venturalitica.metrics.catalog import CATALOG

    spec = CATALOG.get(metric)
    return spec.definition if spec else ""


def status_words(verdict: Verdict) -> str:
    """`Passed`, `Passed, not conclusive`, `Failed`, `Not evaluated` or `Error`."""
    if verdict.status == "passed" and not verdict.conclusive:
        return "Passed, not conclusive"
    return {
        "passed": "Passed",
        "failed": "Failed",
        "not_evaluated": "Not evaluated",
        "error": "Error",
    }.get(verdict.status, "Error")


def conclusive_sentence(verdict: Verdict) -> str:
    """What the interval says about the verdict; empty where nothing was measured."""
    if verdict.value is None:
        return ""
    if verdict.conclusive:
        return "Conclusive: the whole interval lies on one side of the threshold."
    if verdict.interval is None:
        return "Not conclusive: no interval could be computed."
    if verdict.threshold is not None and _straddles(verdict):
        outcome = "passes" if verdict.status == "passed" else "fails"
        return f"Not conclusive: it {outcome}, but the interval reaches across the threshold."
    return "Not conclusive: see the notes."


def promise_sentence(verdicts: Sequence[Verdict]) -> str:
    """What the level of the intervals promises, and when; empty where there is none."""
    levels = sorted({verdict.level for verdict in verdicts if verdict.interval is not None})
    if not levels:
        return ""
    said = (
        f"An interval holds the truth with {level_words(levels[0])}, and lies wholly above or "
        f"wholly below it with at most {percent((1 - levels[0]) / 2)} each:"
    )
    if len(levels) > 1:
        said = "The levels of the intervals hold"
    return (
        f"{said} for one look, for independent rows, "
        "with rules and model chosen without these data."
    )


def sample_sentence(verdict: Verdict) -> str:
    """`About 1,400 rows in place of 400 would settle it, ...`; empty where its reason says so."""
    said = sample_words(verdict)
    return "" if not said or said in verdict.reason else f"{said[0].upper()}{said[1:]}."


def chance_sentence(verdict: Verdict) -> str:
    """What the grey band of a drawing is; empty where there is none."""
    if verdict.by_chance is None:
        return ""
    band = Interval(verdict.by_chance.low, verdict.by_chance.high)
    return (
        f"Grey: what exactly equal groups of these sizes would show nine times in ten, "
        f"{format_interval(band, beside=verdict.threshold)}."
    )


def _straddles(verdict: Verdict) -> bool:
    assert verdict.interval is not None
    assert verdict.threshold is not None
    return verdict.interval.low <= verdict.threshold <= verdict.interval.high


def counts(verdicts: Sequence[Verdict]) -> dict[str, int]:
    """How many verdicts read which status words; only those that occur, worst first."""
    order = ("Failed", "Error", "Not evaluated", "Passed, not conclusive", "Passed")
    found = [status_words(verdict) for verdict in verdicts]
    return {words: found.count(words) for words in order if words in found}


STILL_WAITS = "This evidence still waits for its tracker."
NOT_CARRIED = (
    "What its tracker confirmed to the job is not carried with the log, so it is amber here."
)


def summary_sentence(verdicts: Sequence[Verdict]) -> str:
    """What was found in one sentence; an audit without verdicts says so."""
    if not verdicts:
        return "No control was judged."
    total = f"{len(verdicts)} control" + ("s" if len(verdicts) != 1 else "")
    found = counts(verdicts)
    if list(found) == ["Passed"]:
        return (
            f"All of {total} passed, each conclusively."
            if len(verdicts) > 1
            else ("The one control passed, conclusively.")
        )
    parts = [f"{number} {words[0].lower()}{words[1:]}" for words, number in found.items()]
    parts = [
        part.replace("passed, not conclusive", "passed without being conclusive") for part in parts
    ]
    return f"Of {total}: {_listed(parts)}."


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def consequence_sentence(verdicts: Sequence[Verdict]) -> str:
    """What the policy does about what did not pass; empty where everything did."""
    unmet = [verdict for verdict in verdicts if verdict.status != "passed"]
    blocking = [verdict.control for verdict in unmet if verdict.on_fail == "block"]
    if blocking:
        return f"The policy blocks the run: {_listed(blocking)}."
    if unmet:
        return "The policy asks for a warning or a record here, not for a stop: the run went on."
    return ""


def run_sentence(lights: Sequence[str], *, failed: bool) -> str:
    """What a monitored run came to: the lights of the audits inside, and whether it ended well."""
    ending = "The run ended with an exception. " if failed else ""
    if not lights:
        return f"{ending}No audit was made inside this run."
    total = f"{len(lights)} audit" + ("s" if len(lights) != 1 else "")
    found = {word: lights.count(word) for word in LIGHTS}
    parts = [f"{number} {word}" for word, number in found.items() if number]
    # "No. 1 audit inside" would be read as a number.
    return f"{ending}Of {total} inside: {_listed(parts) if parts else 'no light recorded'}."
