"""Rules that decide nothing: every possible value meets them, or none does."""

from __future__ import annotations

from venturalitica.policy.nodes import show
from venturalitica.policy.problems import Collector
from venturalitica.policy.vocabulary import Vocabulary, possible_range
from venturalitica.rules import Control, Policy


def collect_faults(policy: Policy, faults: Collector, vocabulary: Vocabulary) -> None:
    """Faults of a policy that has no error: it can be read, and its lights would say nothing."""
    for index, control in enumerate(policy.controls):
        said = _fault(control, vocabulary)
        if said:
            faults.add(("controls", index, "must"), f"{show(str(control.must))}: {said}")


def _fault(control: Control, vocabulary: Vocabulary) -> str:
    metric = vocabulary.get(control.metric)
    if metric is None:
        return ""
    low, high = possible_range(metric, control.compare)
    whole = metric.whole and control.compare != "ratio"
    if control.must.cannot_fail(low, high, whole=whole):
        return (
            "this rule cannot fail, every possible value meets it, so its light is amber at best; "
            "set a threshold that a bad result would miss, or remove the control"
        )
    if control.must.cannot_pass(low, high, whole=whole):
        return (
            "this rule cannot pass, no possible value meets it; set a threshold that a good result "
            "would meet, or remove the control"
        )
    return ""
