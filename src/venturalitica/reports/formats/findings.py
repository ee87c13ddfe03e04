"""What a CI is told: one finding for each control, or for each step of a verification.

They are made of what is on record: what a record withholds or rounds is withheld and rounded here
too. Every text is on one line and without credentials.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.core.encoding import sha256_hex
from venturalitica.core.redact import redact_text
from venturalitica.core.text import format_interval, format_number, level_words, visible
from venturalitica.core.verdict import Light, Verdict, light_of
from venturalitica.core.verification import Step
from venturalitica.errors import PolicyError, VenturaliticaError
from venturalitica.reports.sentences import rule_sentence, status_words

Outcome = Literal["passed", "failed", "error", "not_evaluated", "skipped"]
"""`skipped` is what nobody asked for, or what could not be checked and was not asked to be."""

UNMET: tuple[Outcome, ...] = ("failed", "error", "not_evaluated")
"""What no tool may take for a pass."""


class Finding(Struct, frozen=True, kw_only=True):
    """One line of a report. `file` is relative to the repository, empty where there is none.

    `identity` tells findings of one name and file apart; it is the name where left out. No line
    number is in it, so that a control that moves in its file stays the same finding.
    """

    name: str
    outcome: Outcome
    light: Light
    message: str
    words: str = ""
    title: str = ""
    rule: str = ""
    details: tuple[str, ...] = ()
    file: str = ""
    line: int = 0
    blocks: bool = False
    identity: str = ""

    @property
    def unmet(self) -> bool:
        """Whether it is anything but a pass, or was left out."""
        return self.outcome in UNMET


class Findings(Struct, frozen=True, kw_only=True):
    """All findings of one command. `subject` names the policy or the evidence, `group` what later
    findings replace these: no version is in it. `complete` is False where an error ended it."""

    command: str
    subject: str
    light: Light
    sentence: str
    items: tuple[Finding, ...]
    properties: tuple[tuple[str, str], ...] = ()
    group: str = ""
    complete: bool = True

    @property
    def worst_first(self) -> list[Finding]:
        """What is unmet before what was left out before what passed; else in their order."""
        order = {**dict.fromkeys(UNMET, 0), "skipped": 1, "passed": 2}
        return sorted(self.items, key=lambda one: (order[one.outcome], one.light != "red"))

    def fingerprints(self) -> list[str]:
        """64 hexadecimal digits for each finding: the same in every run, whatever its line."""
        seen: Counter[str] = Counter()
        found = []
        for one in self.items:
            key = "\0".join((self.command, one.file, one.identity or one.name))
            seen[key] += 1
            found.append(sha256_hex(f"{key}\0{seen[key]}".encode()))
        return found


def plain(text: object) -> str:
    """A text on one line, nothing in it deceptive, no credentials."""
    return " ".join(redact_text(visible(str(text))).split())


def made(finding: Finding) -> Finding:
    """The finding with all its texts plain."""
    texts = {name: plain(getattr(finding, name)) for name in _TEXTS}
    return replace(finding, details=tuple(map(plain, finding.details)), **texts)


_TEXTS = ("name", "message", "words", "title", "rule", "file", "identity")


def of_verdict(verdict: Verdict, *, file: str) -> Finding:
    """A control's finding, at its line of the policy; `verdict` as it is on record."""
    value = format_number(verdict.value, beside=verdict.threshold)
    interval = format_interval(verdict.interval, beside=verdict.threshold)
    measured = [] if verdict.value is None else [f"value {value}, rows {verdict.n:,}"]
    if interval:
        measured.append(f"{level_words(verdict.level)} interval {interval}")
    remedy = [f"remedy: {verdict.remedy}"] if verdict.remedy and verdict.light != "green" else []
    blocks = ["this control blocks"] if verdict.blocks else []
    notes = [f"note: {note}" for note in verdict.notes]
    return made(
        Finding(
            name=verdict.control,
            outcome=verdict.status,
            light=verdict.light,
            message=verdict.reason,
            words=status_words(verdict),
            title=verdict.title,
            rule=rule_sentence(verdict),
            details=(*measured, *blocks, *remedy, *notes),
            file=file,
            line=verdict.line,
            blocks=verdict.blocks,
        )
    )


def left_out(control: str, *, why: str, file: str, line: int) -> Finding:
    """A control that was not asked for."""
    return made(
        Finding(
            name=control,
            outcome="skipped",
            light="grey",
            message=why,
            words="Left out",
            file=file,
            line=line,
        )
    )


def nothing_judged(why: str) -> Finding:
    """Stands where there is no other finding: an empty report would pass everywhere."""
    light = light_of("not_evaluated", "warn", False)
    return Finding(
        name="controls", outcome="not_evaluated", light=light, message=why, words="Not evaluated"
    )


def of_steps(steps: Iterable[Step], *, file: str, asked: str = "") -> list[Finding]:
    """The steps of a verification; the one named `asked` was asked for: unmade it is unmet."""
    found = []
    for step in steps:
        outcome, light, words = _STEPS[step.ok]
        if step.ok is None and step.name == asked:
            outcome, light = "not_evaluated", "amber"
        place = () if step.index is None else (f"entry {step.index}",)
        one = Finding(
            name=step.name,
            outcome=outcome,
            light=light,
            message=step.detail,
            words=words,
            details=place,
            file=file,
        )
        found.append(made(one))
    return found or [nothing_judged("No step could be made.")]


_STEPS: dict[bool | None, tuple[Outcome, Light, str]] = {
    True: ("passed", "green", "Held"),
    False: ("failed", "red", "Failed"),
    None: ("skipped", "amber", "Not checked"),
}


def of_error(error: BaseException, *, name: str, file: str = "") -> list[Finding]:
    """What kept the command from its end: each problem of a policy by its line, else one finding.

    `file` is the policy's own place in the repository, for problems of a file of that name. Of an
    error that is none of ours only the type is told: its text may hold anything.
    """
    if isinstance(error, PolicyError):
        return [
            _problem("policy", problem.message, _place(problem.file, file), problem.line)
            for problem in error.problems
        ]
    ours = isinstance(error, VenturaliticaError)
    return [_problem(name, str(error) if ours else f"{type(error).__name__} was raised", "", 0)]


def _place(named: str, file: str) -> str:
    name = named.replace("\\", "/").rpartition("/")[2]
    return file if file.rpartition("/")[2] == name else name


def _problem(name: str, message: str, file: str, line: int) -> Finding:
    return made(
        Finding(
            name=name,
            outcome="error",
            light="red",
            message=message,
            words="Error",
            file=file,
            line=line,
            identity=message,
        )
    )
