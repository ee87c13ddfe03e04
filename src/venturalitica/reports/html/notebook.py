"""What a notebook shows of an audit, a policy, a run, a verification: the cards of the report page.

Each is self-contained and runs nothing; its styles reach nothing around it. None is longer than
`LIMIT` bytes: what does not fit is counted and said, what is worst is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import singledispatch
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from venturalitica.core.gate import Decision
from venturalitica.core.policy import Policy
from venturalitica.core.verdict import LIGHTS, Light, Verdict, worst_light
from venturalitica.core.verification import Verification
from venturalitica.errors import shortened
from venturalitica.policy.describe import describe, describe_intervals, describe_role
from venturalitica.reports.html.markup import tag
from venturalitica.reports.html.parts import digest, light_icon, moment
from venturalitica.reports.html.templating import environment
from venturalitica.reports.html.theme import fragment_style
from venturalitica.reports.sentences import LIGHT_WORDS, run_sentence, summary_sentence
from venturalitica.reports.summary import worst_first

LIMIT = 39_000
"""Bytes of one fragment: a notebook keeps each output, and is kept in git."""

_LONGEST = 400
"""Characters of a name or note in its first lines."""


_MOST = 128
"""Rows that are tried to be shown: more never fit."""


@singledispatch
def fragment(value: object) -> str:
    """HTML of a policy, a verification, or a gate's decision."""
    raise TypeError(f"nothing is drawn of a {type(value).__name__}")


def render_audit_fragment(
    verdicts: Sequence[Verdict],
    *,
    policy_name: str = "",
    policy_version: str = "",
    light: Light | None = None,
    links: Sequence[str] = (),
    training_rows: bool | None = None,
    first: str = "",
    notes: Sequence[str] = (),
) -> str:
    """Verdicts: a table of all, worst first where not all fit, and a card for each.

    `light` is the audit's own (which knows about delivery); without it, the worst of the verdicts.
    It is never shown better than the verdicts bear out. `first` is said before the summary, `notes`
    after it.
    """
    lights: list[Light] = [verdict.light for verdict in verdicts]
    trained = (
        "These are rows that the model was trained on: audit held-out rows before relying on it."
    )
    given = {
        "light": worst_light([*lights, *([light] if light else [])]) if verdicts else "grey",
        "name": f"{policy_name} {policy_version}".strip() or "Audit",
        "sentence": f"{first} {summary_sentence(verdicts)}".strip(),
        "notes": [*([trained] if training_rows else []), *notes],
        "links": links,
    }
    return _fitting("audit", verdicts, worst_first(verdicts), given, opened=worst_first(verdicts))


class Judged(Struct, frozen=True):
    """An audit inside a run."""

    name: str
    light: Light
    verdicts: Sequence[Verdict]

    @property
    def sentence(self) -> str:
        """What was found."""
        return summary_sentence(self.verdicts)


def render_run_fragment(
    name: str,
    audits: Sequence[Judged],
    *,
    light: Light,
    under_way: bool,
    facts: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    links: Sequence[str] = (),
) -> str:
    """A run and the audits inside; of one that is under way so far."""
    said = run_sentence([one.light for one in audits], failed=False)
    given = {
        "light": light,
        "name": name,
        "sentence": f"Under way. {said}" if under_way else said,
        "notes": notes,
        "links": links,
        "facts": facts,
    }
    worst = sorted(audits, key=lambda one: LIGHTS.index(one.light))
    return _fitting("run", audits, worst, given, opened=worst)


@fragment.register
def _policy(policy: Policy) -> str:
    count = len(policy.controls)
    facts = [(f"Role {name}", describe_role(role)) for name, role in policy.roles.items()]
    given = {
        "light": "grey",
        "word": "Policy",
        "name": f"{policy.name} {policy.version}",
        "sentence": f"{policy.title} · " * bool(policy.title)
        + f"{count} control{'' if count == 1 else 's'}",
        "facts": [
            *facts[:12],
            ("Intervals", describe_intervals(policy) or None),
            ("SHA-256", digest(policy.sha256)),
        ],
    }
    rows = list(zip(policy.controls, describe(policy), strict=True))
    return _fitting("policy", rows, rows, given)


@fragment.register
def _verification(found: Verification) -> str:
    fault, unchecked = found.fault, sum(step.ok is None for step in found.steps)
    made = len(found.steps) - unchecked
    light: Light = "green" if found.ok else "red" if fault else "grey"
    rest = f" {unchecked} could not be checked; each says why." if unchecked else ""
    sentence = (
        f"Every step that could be made held.{rest}" if found.ok else "No step could be made."
    )
    if fault is not None:
        sentence = f"Failed: {fault.name}: {fault.detail}"
    given = {
        "light": light,
        "word": "Verified" if found.ok else "Not verified",
        "name": found.source,
        "sentence": sentence,
        "notes": ["Verified means that this is what was recorded, not that it is good."] * found.ok,
        "facts": _about(found),
    }
    ordered = sorted(found.steps, key=lambda step: step.ok is not False)
    return _fitting("verification", ordered if made else found.steps, ordered, given)


def _about(found: Verification) -> list[tuple[str, object]]:
    about = found.about
    if about is None:
        return []
    lights = ", ".join(f"{n} {light}" for light, n in about.lights.items() if n) or "none"
    return [
        ("Records", f"{about.records:,}"),
        ("Lights as recorded", lights),
        ("From", moment(about.first) or None),
        ("To", moment(about.last) or None),
        *(("Signed by key", digest(key)) for key in about.signers[:4]),
    ]


@fragment.register
def _decision(found: Decision) -> str:
    facts = [("Policy", found.policy), ("Rule", found.rule), ("Control", found.control or None)]
    digests = (("Record", found.record), ("Root of the files", found.files_root))
    given = {
        "light": "green" if found.allowed else "red",
        "word": "Let through" if found.allowed else "Refused",
        "name": f"{found.name} {found.version}".strip(),
        "sentence": found.sentence,
        "facts": [*facts, *((name, digest(value)) for name, value in digests if value)],
    }
    return _fitting("verification", (), (), given)


def _fitting(
    template: str,
    rows: Sequence[Any],
    worst: Sequence[Any],
    given: dict[str, Any],
    *,
    opened: Sequence[Any] = (),
) -> str:
    """It with as much as fits: first fewer are opened, then the worst rows alone are shown."""
    drawn = environment().get_template(f"notebook/{template}.html")
    shared = {"word": LIGHT_WORDS[given["light"]], "notes": (), "links": (), "facts": ()} | given
    shared |= {"name": shortened(shared["name"], _LONGEST), "style": Markup(fragment_style())}
    shared |= {"sentence": shortened(shared["sentence"], 2 * _LONGEST), "pill": _pill}
    shared["notes"] = [shortened(note, _LONGEST) for note in shared["notes"]][:8]
    shared["links"] = list(shared["links"])[:8]
    made = ""
    for shown, opens in _less(min(len(rows), _MOST), min(len(opened), _MOST)):
        some = rows if shown == len(rows) else worst[:shown]
        besides = len(rows) - shown
        made = drawn.render(shared | {"rows": some, "besides": besides, "opened": opened[:opens]})
        if len(made.encode()) <= LIMIT:
            return made
        shared["facts"] = shared["facts"] if shown else ()
    return made


def _less(rows: int, opened: int) -> Iterator[tuple[int, int]]:
    """How many rows, and how many of them opened, ever fewer."""
    while opened:
        yield rows, opened
        opened //= 2
    while rows:
        yield rows, 0
        rows //= 2
    yield 0, 0


def _pill(light: Light, word: str) -> Markup:
    icon = light_icon(light)
    return tag("span", icon, tag("span", word), cls=f"vl-pill vl-is-{light}")
