"""The head of a verification: what the evidence is of; and what more there is to do with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from venturalitica.cli.lights import STYLES
from venturalitica.cli.output import say, styled
from venturalitica.ledger.about import MOST_TOLD, light_word, lights_words, outcome_words
from venturalitica.records import About, Told, Verification

_COLUMN = 9
_KEY_DIGITS = 16
_KEYS_SHOWN = 3


def show_about(found: Verification) -> None:
    """Record, policy, light, signer and run of a bundle; of a log how many there are of which."""
    about = found.about
    if about is None:
        return
    if not found.ok:
        say("What it says of itself, which is not proven:")
    if 0 < len(about.each) <= MOST_TOLD and about.records == len(about.each):
        for told in about.each:
            _show_record(told)
    else:
        _show_log(about)
    _line("Signers" if about.signers[1:] else "Signer", _keys(about.signers))
    say()


def remedies(found: Verification) -> Iterator[str]:
    """The commands that answer what this one could not, or show what it was about."""
    open_steps = {step.name.rpartition(": ")[2] for step in found.steps if step.ok is None}
    is_log = found.about is not None and not found.about.each
    if "trust" in open_steps:
        yield "whose keys these are: get their ids from the signer, then add --keys signer.pem"
    if "witnesses" in open_steps and is_log:
        yield "whether the end was cut off: add --witnesses"
    if is_log:
        yield "open a record as a report: 'venturalitica report run last'"
    elif Path(found.source).is_file():
        yield "open it as a report: 'venturalitica ui', Evidence, Verify a file"


def _show_record(told: Told) -> None:
    kind = "monitored run" if told.kind == "run" else told.kind
    _line("Record", f"{kind} '{told.name}' of {_when(told.at)}, entry {told.index}")
    _line("Policy", f"{told.policy} {told.version}" if told.policy else "none")
    _line("Light", f"{light_word(told.light)}: {outcome_words(told)}", STYLES[told.light])
    _line("Run", ", ".join((told.run_id, *told.runs)))


def _show_log(about: About) -> None:
    first, last = _when(about.first), _when(about.last)
    when = f"from {first} until {last}" if about.records > 1 else f"of {first}"
    _line("Records", f"{about.records}, {when}")
    worst = next(iter(about.lights), "grey")
    _line("Lights", lights_words(about), STYLES[worst] if worst == "red" else "")


def _when(moment: str) -> str:
    """`2026-11-29 01:20 UTC`; as it stands where it is no such time."""
    whole = len(moment) == len("2026-11-29T01:20:46.771906Z") and moment.endswith("Z")
    return f"{moment[:16].replace('T', ' ')} UTC" if whole else moment


def _keys(signers: tuple[str, ...]) -> str:
    shown = [f"key {keyid[:_KEY_DIGITS]}" for keyid in signers[:_KEYS_SHOWN]]
    more = len(signers) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _line(name: str, text: str, style: str = "") -> None:
    styled((f"{name:<{_COLUMN}}", "bold"), (text, style))
