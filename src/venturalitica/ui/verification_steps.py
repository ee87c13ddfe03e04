"""The steps of a verification as a page shows them: light, word, what it shows, how to make it."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.text import format_interval, format_number
from venturalitica.core.verdict import Interval, Light
from venturalitica.core.verification import Step, Verification
from venturalitica.ledger.index.queries import RANKS, Known, light_of
from venturalitica.ledger.lifecycle.begun import STOPPED, UNDER_WAY
from venturalitica.reports import summary
from venturalitica.reports.html.interval_chart import Mark
from venturalitica.reports.verified import soundness

if TYPE_CHECKING:
    from venturalitica.ledger import RunRow, VerdictRow


LIGHTS: dict[bool | None, Light] = {True: "green", False: "red", None: "grey"}
WORDS = {True: "Held", False: "Failed", None: "Not checked"}


class StepShown(Struct, frozen=True):
    """A step of `verify` as a line of the page; `command` shows the same without us."""

    name: str
    light: Light
    word: str
    detail: str
    meaning: str
    command: str
    entry: int | None


class Outcome(Struct, frozen=True):
    """A whole verification: what it came to, in a sentence, and its steps, failed ones first."""

    light: Light
    word: str
    sentence: str
    steps: tuple[StepShown, ...]
    unchecked: int


def outcome(found: Verification, command: Callable[[Step], str]) -> Outcome:
    """What a verification came to; it is green only where a step was made and none failed."""
    steps = sorted(found.steps, key=lambda step: step.ok is not False)
    shown = tuple(
        StepShown(
            step.name,
            LIGHTS[step.ok],
            WORDS[step.ok],
            step.detail,
            MEANINGS.get(step.name, ""),
            command(step),
            step.index,
        )
        for step in steps
    )
    unchecked = sum(step.ok is None for step in found.steps)
    sound = soundness(found)
    return Outcome(sound.light, sound.words, sound.detail, shown, unchecked)


NOTHING = Known()
KINDS: Mapping[str, str] = {
    "audit": "audit",
    "run": "monitored run",
    "approval": "sign-off",
    "note": "note",
    "erasure": "erasure",
    "prune": "pruning",
    "placement": "placing on the market",
    "decision": "decision of a gate",
    "override": "override of a gate",
    "carried": "log taken in",
    "key-rotation": "change of keys",
    "model": "model files",
    "commitment": "commitment",
    "begin": "begun run",
    "attachment": "attachment to a run",
}
"""What each kind of record is called on a page."""


def explanation(
    row: RunRow,
    verdicts: Sequence[VerdictRow],
    waiting: Sequence[str] = (),
    known: Known = NOTHING,
) -> str:
    """The sentence of the worst that was found: `gender-parity failed: 0.740, must be >= 0.80;
    blocking`.

    `waiting` are the trackers that have not confirmed the record; of a record that does not verify,
    `known` says why, and nothing that it says is believed.
    """
    if known.fault(row):
        return known.fault(row)
    said = begun_sentence(known.begun.get(row.index, "")) or _explanation(row, verdicts, waiting)
    recorded = light_of(row, Known(begun=known.begun))
    return said if light_of(row, known) == recorded else f"{said} {known.doubt(row)}"


def begun_sentence(state: str) -> str:
    """What is said of a run that has no end on record; empty for any other record."""
    if state in ("", UNDER_WAY):
        return state and "The run is under way: its process is there."
    if state == STOPPED:
        return "The run did not end: its process is gone, and left no record of an end."
    return "The run has no end on record: whether it is under way or was killed is not known here."


def _explanation(row: RunRow, verdicts: Sequence[VerdictRow], waiting: Sequence[str]) -> str:
    worst = sorted(verdicts, key=lambda verdict: _badness(verdict, row))
    unmet = [verdict for verdict in worst if known_light(verdict.light) != "green"]
    if row.exception:
        return f"The run ended with {row.exception}{_besides(unmet)}."
    if unmet:
        return f"{_fault(unmet[0])}{_more(unmet)}."
    if not verdicts:
        return _nothing_judged(row)
    passed = _all_passed(len(verdicts))
    if waiting:
        return f"{passed}, but {' and '.join(waiting)} has not confirmed the record yet."
    if known_light(row.light) != "green":
        if row.kind == "audit" and known_light(row.light) == "amber":
            return f"{passed} of those selected; other controls of the policy were left out."
        return f"{passed}; the record as a whole is {row.light}."
    return f"{passed}, {'each conclusively' if len(verdicts) > 1 else 'conclusively'}."


def known_light(light: str) -> Light:
    """A recorded light; one that is none of the four says nothing."""
    return next((known for known in RANKS if known == light), "grey")


def marks(verdicts: Sequence[VerdictRow]) -> tuple[Mark, ...]:
    """The strip of a run's controls, in the order of its policy."""
    return tuple(Mark(known_light(item.light), short(item)) for item in verdicts)


@lru_cache(maxsize=10_000)  # the overview says hundreds again at each look
def short(verdict: VerdictRow) -> str:
    """`gender-parity failed: 0.740, must be >= 0.80`."""
    status = {"passed": "passed", "failed": "failed", "not_evaluated": "not evaluated"}
    words = status.get(verdict.status, "error")
    if verdict.status == "passed" and known_light(verdict.light) == "amber":
        words = "passed, not conclusive"
    value = _value(verdict)
    return f"{verdict.control} {words}" + (f": {value}, must be {verdict.must}" if value else "")


def threshold(must: str) -> float | None:
    """The number in `>= 0.80`, or in `>= 0.80 surely`; None where there is none."""
    try:
        return float(must.split(" ")[1])
    except (ValueError, IndexError):
        return None


def _fault(verdict: VerdictRow) -> str:
    blocking = "; blocking" if verdict.on_fail == "block" and verdict.status != "passed" else ""
    if verdict.status == "failed":
        return f"{verdict.control} failed: {_value(verdict)}, must be {verdict.must}{blocking}"
    if verdict.status == "not_evaluated":
        return f"{verdict.control} was not evaluated{blocking}"
    if verdict.status != "passed":
        return f"{verdict.control} could not be computed{blocking}"
    if verdict.low is None or verdict.high is None:
        return f"{verdict.control} passed with {_value(verdict)}, but no interval says how surely"
    interval = format_interval(_interval(verdict), beside=threshold(verdict.must))
    return (
        f"{verdict.control} passed with {_value(verdict)}, but not conclusively: interval "
        f"{interval}, must be {verdict.must}"
    )


def _interval(verdict: VerdictRow) -> Interval:
    assert verdict.low is not None
    assert verdict.high is not None
    return Interval(verdict.low, verdict.high)


def _value(verdict: VerdictRow) -> str:
    if verdict.value is None:
        return ""
    return format_number(verdict.value, beside=threshold(verdict.must))


def _badness(verdict: VerdictRow, row: RunRow) -> tuple[int, bool, int, bool]:
    order = ("failed", "error", "not_evaluated")
    place = order.index(verdict.status) if verdict.status in order else len(order)
    nearest = verdict.control == row.margin_control
    return RANKS[known_light(verdict.light)], verdict.on_fail != "block", place, not nearest


def _more(unmet: Sequence[VerdictRow]) -> str:
    """` (and 1 more failed, 2 passed without being conclusive)`: what became of the others."""
    first, *others = [_OTHERS.get(verdict.status, "in error") for verdict in unmet]
    parts = [
        f"{number}{' more' if words == first else ''} {words}"
        for words, number in Counter(others).items()
    ]
    return f" (and {', '.join(parts)})" if parts else ""


_OTHERS = {
    "failed": "failed",
    "not_evaluated": "not evaluated",
    "passed": "passed without being conclusive",
}
"""What is said of controls that are not green, beside the worst."""


def _besides(unmet: Sequence[VerdictRow]) -> str:
    return f"; besides, {_fault(unmet[0])}{_more(unmet)}" if unmet else ""


def _all_passed(count: int) -> str:
    return "The one control passed" if count == 1 else f"All {count} controls passed"


def _nothing_judged(row: RunRow) -> str:
    if row.kind == "run" and known_light(row.light) != "grey":
        return f"An audit inside this run is {row.light}."
    return "No control was judged."


MEANINGS = {
    "log": "there is a log, and it is whole",
    "bundle": "the file is a bundle, and whole",
    "keys": "each key is the one its name says",
    "signatures": "every record is as it was signed",
    "chain": "every record is in the place that it was signed for",
    "statements": "every record is a statement that can be read",
    "policy": "the policy's bytes are those of its SHA-256",
    "policy names": "name and version are those that the policy's bytes say",
    "subjects": "subjects and contents name the same policy, model and data",
    "tally": "the counts that came with a bundle are those that its record names",
    "tallies": "the counts are those of their digest",
    "lights": "no record claims more than its verdicts bear out",
    "verdicts": "each record says what its own policy and counts give, judged again",
    "not judged": "records that could not be judged again, with the first reason",
    "run ends": "each run that began has its end on record, or is said to have none",
    "run audits": "the audits that a run names are in the log, as it says they are",
    "attempts": "each audit names what the log holds from before it, counted again",
    "data": "digests under the log's key are those of the data's bare ones in the vault",
    "time stamps": "each is of the commitment it stands in, signed by an authority",
    "rotation": "keys were handed over by records that both signed",
    "approvals": "each sign-off speaks of an earlier record, and of that very one",
    "notes": "each note speaks of an earlier record, and of that very one",
    "contents": "records of a kind that this version does not know",
    "vault": "personal values are as they were signed, or erased as a record says",
    "retention": "what was taken out was named by a prune record, after its time",
    "tree": "the records give the root that the checkpoint signs",
    "checkpoint": "signed by the key that the last record names",
    "carried": "each log that was taken in is here as it was taken, by keys admitted then",
    "clock": "whether clocks agree with the order; never a failure",
    "trust": "whose keys these are",
    "inbox": "what waits where writers had no locks",
    "witnesses": "the log grew out of every checkpoint that somebody outside kept",
    "delivered": "what receipts call delivered is still at the runs that confirmed it",
}

_SEAL = """\
head -n 3 note > text
tail -n 1 note | cut -d' ' -f3 | base64 -d | tail -c 64 > signature
for key in {keys}; do if openssl pkeyutl -verify -pubin -inkey "$key" -rawin -in text \
-sigfile signature > told 2>&1; then echo "Verified OK: $key"; fi; done"""

_FOLDER = 'cd "$(mktemp -d)"'


def bundle_command(step: str, file: str = "evidence.json") -> str:
    """The line for one step of a bundle's verification."""
    made = _BUNDLE.get(step)
    name = shlex.quote(file)
    if made is None:
        return f"venturalitica verify {name}"
    return made.replace("FILE", name)


_RECORD = "jq -j .envelope FILE | jq -j .payload | base64 -d"
_BUNDLE = {
    "bundle": "jq '{format, index, size}' FILE",
    "keys": "for id in $(jq -r '.keys | keys[]' FILE); do jq -j --arg k \"$id\" '.keys[$k]' FILE "
    '| openssl pkey -pubin -outform DER | sha256sum; echo "$id"; done',
    "signatures": summary.SIGNATURE,
    "chain": f"{_RECORD} | jq .predicate.log",
    "statements": f"{_RECORD} | jq '{{_type, predicateType}}'",
    "policy": f"{_RECORD} | jq -r '.predicate.policy.bytes' | base64 -d | sha256sum\n"
    f"{_RECORD} | jq -r '.predicate.policy.sha256'",
    "subjects": f"{_RECORD} | jq .subject",
    "lights": f"{_RECORD} | jq '.predicate | {{light, verdicts: [.verdicts[].light]}}'",
    "tree": "python3 -I verify_bundle.py FILE   # the page of Python in docs/verify-without-us.md",
    "checkpoint": "jq -j .checkpoint FILE > note\n"
    "for id in $(jq -r '.keys | keys[]' FILE); do jq -j --arg k \"$id\" '.keys[$k]' FILE "
    '> "$id.pem"; done\n' + _SEAL.format(keys="*.pem"),
    "time stamps": f"{_RECORD} > payload\njq -cjS .predicate.commitment payload > commitment\n"
    "jq -j .predicate.timestamp.response payload | base64 -d > stamp.tsr\n"
    "openssl ts -verify -in stamp.tsr -data commitment -CAfile roots.pem",
    "trust": "venturalitica verify FILE --keys signer.pem",
    "witnesses": "jq -j .checkpoint FILE   # compare: tag venturalitica.checkpoint at the tracker",
}


def log_command(step: str, home: str, *, entry: int, pruned: bool = False) -> str:
    """The line for one step of a log's verification; `entry` is the one that it looks at."""
    whole = f"venturalitica verify {shlex.quote(home)}"
    made = _LOG.get(step)
    if made is None or (pruned and "LINE" in made) or entry < 0:
        return whole
    before = str(entry) if entry else "1"
    lines = made.replace("BEFORE", before).replace("LINE", str(entry + 1))
    return lines.replace("HOME", shlex.quote(home))


_LOG = {
    "log": "wc -l HOME/log/entries.jsonl\nsed -n 2p HOME/log/checkpoint",
    "keys": 'for key in HOME/keys/*.pem; do openssl pkey -pubin -in "$key" -outform DER '
    '| sha256sum; echo "$key"; done',
    "signatures": "\n".join(
        (
            _FOLDER,
            "sed -n LINEp HOME/log/entries.jsonl > line",
            summary.SIGNED,
            "openssl dgst -sha256 -verify HOME/keys/\"$(jq -j '.signatures[0].keyid' line)\".pem "
            "-signature signature signed",
        )
    ),
    "chain": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d "
    "| jq .predicate.log\n"
    "{ printf '\\0'; sed -n BEFOREp HOME/log/entries.jsonl | tr -d '\\n'; } | sha256sum",
    "policy": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d "
    "| jq -r '.predicate.policy.bytes' | base64 -d | sha256sum",
    "subjects": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d | jq .subject",
    "statements": "sed -n LINEp HOME/log/entries.jsonl | jq -j .payload | base64 -d "
    "| jq '{_type, predicateType}'",
    "checkpoint": f"{_FOLDER}\ncp HOME/log/checkpoint note\n"
    + _SEAL.format(keys="HOME/keys/*.pem"),
    "trust": "venturalitica verify HOME --keys signer.pem",
    "witnesses": "venturalitica verify HOME --witnesses",
}
