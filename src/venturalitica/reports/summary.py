"""What is said of a record, in what order, and what to beware of."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence

from venturalitica.core.json_values import Json, number, text
from venturalitica.core.text import level_words, percent, visible
from venturalitica.core.verdict import Verdict
from venturalitica.reports.context import ReportContext
from venturalitica.reports.sentences import (
    LIGHT_WORDS,
    NOT_CARRIED,
    STILL_WAITS,
    run_sentence,
    summary_sentence,
)

_SEVERITY = {"failed": 0, "error": 1, "not_evaluated": 2, "passed": 4}
ABSENT = "not shown here"
"""A name, comment or note that the page's maker was not given, and of which no erasure is known."""

APPROVED, REJECTED = "Approved", "Rejected"
NOT_VERIFIED, NOT_READABLE = "Not verified", "Not readable"
KINDS = {"audit": "audit", "run": "record of a run"}
VERIFY = "venturalitica verify evidence.json"

SIGNED = """\
jq -j .payload line | base64 -d > payload
jq -j '.signatures[0].sig' line | base64 -d > signature
{ printf 'DSSEv1 28 application/vnd.in-toto+json %d ' "$(wc -c < payload)"
cat payload; } > signed"""
"""From `line`, an envelope, to its signature and to what was signed (DSSE's PAE)."""

SIGNATURE = f"""\
jq -j .envelope FILE > line
{SIGNED}
keyid=$(jq -j '.signatures[0].keyid' line)
jq -j --arg k "$keyid" '.keys[$k]' FILE > key.pem
openssl dgst -sha256 -verify key.pem -signature signature signed"""
"""Whether the first key of a bundle, `FILE`, signed its record."""

_KEY_ID = "openssl pkey -pubin -in key.pem -outform DER | sha256sum"
"""The id of that key, computed anew: what is compared with an id got another way."""

_RECORD = "sha256sum line"
"""The digest of the signed envelope, which is what a report calls the record's."""


def found(context: ReportContext) -> str:
    """What was found, in a sentence or two."""
    if context.kind == "audit" or context.verdicts:
        return f"{context.left_out} {summary_sentence(context.verdicts)}".strip()
    return _run_words(context)


def _run_words(context: ReportContext) -> str:
    lights = [text(audit.get("light")) or "grey" for audit in context.audits]
    return run_sentence(lights, failed=context.exception is not None)


def worst_first(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Failed, in error, not evaluated, inconclusive, passed; policy order within each."""
    return sorted(verdicts, key=_severity)


def by_article(ordered: Sequence[Verdict]) -> list[tuple[str, list[tuple[int, Verdict]]]]:
    """Verdicts under the headings of their articles, each with its place in the order given.

    Articles follow the worst verdict they hold, so that the first card is the worst of all, then
    their number; controls without an article come last among equals.
    """
    groups: dict[str, list[tuple[int, Verdict]]] = {}
    for place, verdict in enumerate(ordered, 1):
        groups.setdefault((verdict.article or "").strip(), []).append((place, verdict))
    names = sorted(groups, key=lambda name: (_severity(groups[name][0][1]), _article_order(name)))
    return [(article_words(name), groups[name]) for name in names]


def article_words(article: str) -> str:
    """`10(2)(f)` reads `Article 10(2)(f)`; anything that names its law already stays as it is."""
    if not article:
        return "No article named"
    return f"Article {article}" if article[0].isdigit() else article


def law(verdicts: Sequence[Verdict]) -> str:
    """Which law the articles are of, for a report to say once; empty where none is named."""
    if not any(verdict.article for verdict in verdicts):
        return ""
    return (
        "Articles and annexes are those of Regulation (EU) 2024/1689 (AI Act), unless another "
        "law is named."
    )


def several(context: ReportContext) -> str:
    """That several intervals were read at once, and what of it; empty where it was one at most."""
    levels = [verdict.level for verdict in context.verdicts if verdict.interval is not None]
    count = len(levels)
    if count < 2:
        return ""
    together = number(context.intervals.get("level"))
    if together is not None and "divided" in text(context.intervals.get("for_several_controls")):
        return (
            f"{count:,} intervals were read at once, and the error was divided among them "
            f"(Bonferroni): together they hold at {level_words(together)}."
        )
    missed = sum(1 - level for level in levels)
    said = f"{count:,} intervals were read at once, each at its own level:"
    if missed < 1:
        return f"{said} that at least one misses its value has a chance of up to {percent(missed)}."
    return f"{said} on average up to {missed:.1f} of them miss their value."


def _severity(verdict: Verdict) -> int:
    if verdict.status == "passed" and not verdict.conclusive:
        return 3
    return _SEVERITY.get(verdict.status, 1)


def _article_order(name: str) -> tuple[bool, list[tuple[int, str]]]:
    parts = re.findall(r"\d+|\D+", name[:100])
    return (not name, [(int(part), "") if part.isdecimal() else (0, part) for part in parts])


def decision(approval: Json) -> str:
    """`Approved` or `Rejected`; what does not verify, or is neither, is no decision."""
    if approval.get("verified") is False:
        return NOT_VERIFIED
    known = {"approved": APPROVED, "rejected": REJECTED}
    return known.get(text(approval.get("decision")), NOT_READABLE)


MOST_SIGN_OFFS = 3


def sign_off_sentences(context: ReportContext) -> list[str]:
    """`Approved by Ada, auditor, on 2026-11-01, because “…”`: the last ones, the newest first.

    Of one that does not verify it is only told that: nothing else in it is proven.
    """
    return [_sign_off(one) for one in reversed(context.approvals[-MOST_SIGN_OFFS:])]


def _sign_off(approval: Json) -> str:
    told = decision(approval)
    if told not in (APPROVED, REJECTED):
        return f"{told}."
    day = text(approval.get("decided_at"))[:10]
    who = ", ".join(filter(None, (person(approval), text(approval.get("role")))))
    why = f", because “{comment(approval)}”" if text(approval.get("comment")) else "."
    return f"{told} by {who}, on {day}{why}"


def person(approval: Json) -> str:
    """The name, or why there is none."""
    return text(approval.get("person")) or _absent(approval)


def comment(approval: Json) -> str:
    """The comment, or why there is none; a dash where none was made."""
    found = text(approval.get("comment"))
    return found or (_absent(approval) if approval.get("commented") else "–")


def noted(note: Json) -> str:
    """What a note says, or why that is not here; of one that does not verify nothing is proven."""
    if note.get("verified") is False:
        return f"{NOT_VERIFIED}."
    return text(note.get("text")) or _absent(note)


def _absent(approval: Json) -> str:
    day = text(approval.get("erased_on"))
    return f"(erased on {day})" if day else ABSENT


def controls_words(context: ReportContext) -> str:
    """`3 of 6 controls failed, 1 was not evaluated`."""
    if context.kind == "run" and not context.verdicts:
        return _run_words(context)
    return _counted(context.verdicts)


def _counted(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "none was judged"
    statuses = [verdict.status for verdict in verdicts]
    failed, total = statuses.count("failed"), len(statuses)
    of = f"{total} control{'' if total == 1 else 's'}"
    said = [f"{failed or 'none'} of {of} failed"]
    more = (
        ("not evaluated", statuses.count("not_evaluated")),
        ("could not be computed", statuses.count("error")),
        ("passed, not conclusively", sum(_is_open(verdict) for verdict in verdicts)),
    )
    return ", ".join(said + [f"{number} {words}" for words, number in more if number])


def _is_open(verdict: Verdict) -> bool:
    return verdict.status == "passed" and verdict.light == "amber"


def warnings(context: ReportContext) -> list[str]:
    """What to beware of, the worst first."""
    return [sentence for sentence in _warnings(context) if sentence]


def _warnings(context: ReportContext) -> Iterator[str]:
    yield rejection_sentence(context)
    yield doubt_sentence(context)
    if context.training_rows:
        yield (
            "The rows judged include rows that the model was trained on. A model looks better on "
            "those than it is: audit held-out rows before relying on these numbers."
        )
    if context.prior and context.prior.attempts:
        yield context.prior.attempts.warning
    if context.doubtful:
        yield (
            f"The record claims the light {context.recorded_light!r}, which its verdicts do not "
            f"bear out; {LIGHT_WORDS[context.light].lower()} is shown."
        )
    if context.policy is not None and context.policy.intact is False:
        yield "The policy's bytes in this record do not match the digest recorded with them."
    yield waiting_sentence(context)


def fault_sentence(context: ReportContext) -> str:
    """That the record does not verify; the page's first sentence where that is so."""
    found = "This record does not verify, so nothing in it is proven."
    return found if fault_words(context) else ""


def fault_words(context: ReportContext) -> str:
    """Which step of its verification failed, and how."""
    fault = context.standing.fault if context.standing else None
    return "" if fault is None else f"{fault.name}: {fault.detail}"


def doubt_sentence(context: ReportContext) -> str:
    """Why the light is amber at best though the record verifies."""
    return context.standing.doubt if context.standing else ""


def rejection_sentence(context: ReportContext) -> str:
    """That the last person who signed off rejected it; whose name may be erased is not in it."""
    last = context.approvals[-1] if context.approvals else {}
    if decision(last) != REJECTED:
        return ""
    when = text(last.get("decided_at"))[:10]
    return f"The last sign-off rejected this record ({text(last.get('role'))}, {when})."


def waiting_sentence(context: ReportContext) -> str:
    """That a tracker has not confirmed it."""
    if context.delivered is not False:
        return ""
    standing = context.standing
    if standing and standing.carried:
        return NOT_CARRIED
    if standing and standing.kept and standing.kept == len(standing.waiting):
        return "This evidence is kept with a run that was offline: it is not uploaded."
    if fault_words(context):
        return STILL_WAITS
    return f"{STILL_WAITS} It is safe in the local log; `venturalitica sync` delivers it."


def commands(context: ReportContext) -> str:
    """The lines that check the record without this page."""
    policy = context.policy
    if policy is None or not policy.sha256:
        return VERIFY
    name = visible(policy.filename) or "model_policy.yaml"
    file = shlex.quote(f"policy_snapshot/{name}")
    return f"{VERIFY}\nsha256sum {file}\n# must print {policy.sha256}"


def without_us(file: str = "evidence.json") -> str:
    """The lines that check a bundle with openssl and jq alone."""
    return "\n".join((SIGNATURE.replace("FILE", file), _KEY_ID, _RECORD))
