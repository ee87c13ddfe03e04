"""The policy of the loan scenario in three versions: as it ships, tightened, and as it grew up.

1.1 asks more of two controls. 1.2 lets one control block, loosens and rewords another, drops one
and adds two: every kind of change that a comparison of versions tells apart.
"""

from __future__ import annotations

from pathlib import Path

from venturalitica.policy import read_policy
from venturalitica.rules import Policy
from venturalitica.scenarios import german_credit as german

VERSIONS = ("1.0", "1.1", "1.2")

Change = tuple[str, str]

_TO_1_1: tuple[Change, ...] = (
    ('version: "1.0"', 'version: "1.1"'),
    (
        'metric: specificity           # share of truly bad credits that the model calls bad\n'
        '    must: ">= 0.50"',
        'metric: specificity           # share of truly bad credits that the model calls bad\n'
        '    must: ">= 0.55"',
    ),
    ("At least half of the bad credits are recognised", "Most of the bad credits are recognised"),
    ('must: "<= 0.15"', 'must: "<= 0.12"'),
)  # fmt: skip

_TO_1_2: tuple[Change, ...] = (
    ('version: "1.1"', 'version: "1.2"'),
    (
        "The model is right at least 7 times in 10",
        "The model is right at least 7 times in 10, on rows it has not seen",
    ),
    (
        "  - id: ranking\n"
        "    title: Good credits are ranked above bad ones\n"
        "    metric: roc_auc\n"
        '    must: ">= 0.70"\n',
        "  - id: probabilities\n"
        "    title: The probability that is told is close to what happens\n"
        "    metric: brier_score\n"
        '    must: "<= 0.25"\n',
    ),
    (
        "    metric: demographic_parity_ratio\n"
        "    across: gender\n"
        '    must: ">= 0.80"\n',
        "    metric: demographic_parity_ratio\n"
        "    across: gender\n"
        '    must: ">= 0.80"\n'
        "    on_fail: block                # no release before this holds\n",
    ),
    (
        "    title: No age group is approved less than four fifths as often as another\n"
        "    metric: demographic_parity_ratio\n"
        "    across: age\n"
        '    must: ">= 0.80"',
        "    title: No age group is approved less than three fifths as often as another\n"
        "    metric: demographic_parity_ratio\n"
        "    across: age\n"
        '    must: ">= 0.60"           # until the small groups have more rows',
    ),
    (
        "  - id: completeness\n",
        "  - id: age-representation\n"
        "    title: Each age group is at least three in a hundred of the rows\n"
        "    metric: group_representation\n"
        "    across: age\n"
        '    must: ">= 0.03"\n'
        '    article: "10(3)"\n'
        "\n"
        "  - id: completeness\n",
    ),
)  # fmt: skip


def texts() -> dict[str, str]:
    """Version -> the policy's text."""
    first = german.POLICY.read_text("utf-8")
    second = _changed(first, _TO_1_1)
    return dict(zip(VERSIONS, (first, second, _changed(second, _TO_1_2)), strict=True))


def write_policies(folder: Path) -> dict[str, Policy]:
    """Write `policies/1.0/model_policy.yaml` and so on, and read them; the newest is also the
    folder's own `model_policy.yaml`."""
    from venturalitica.metrics.catalog import CATALOG

    found = {}
    for version, text in texts().items():
        path = folder / "policies" / version / "model_policy.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        (folder / "model_policy.yaml").write_text(text, "utf-8")
        found[version] = read_policy(path, vocabulary=CATALOG)
    return found


def _changed(text: str, changes: tuple[Change, ...]) -> str:
    for old, new in changes:
        if text.count(old) != 1:
            raise AssertionError(f"the policy that ships has {text.count(old)} times {old!r}")
        text = text.replace(old, new)
    return text
