"""`venturalitica verify`: check evidence from files alone."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import to_builtins

from venturalitica.cli.formats.destinations import FormatOption, OutputOption, destinations
from venturalitica.cli.output import (
    FAILED,
    NOT_EVALUATED,
    PASSED,
    STYLES,
    JsonOption,
    counter,
    leave,
    new_app,
    picked,
    say,
    styled,
)
from venturalitica.cli.terminal import Signs, signs_of_stdout
from venturalitica.core.verdict import About, Told
from venturalitica.core.verification import Step, Verification
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.ledger.verify.about import (
    MOST_TOLD,
    genuine_words,
    light_word,
    lights_words,
    outcome_words,
)
from venturalitica.ledger.verify.check_records import many

app = new_app()

_STYLES = {True: "green", False: "bold red", None: "yellow"}
_WORDS = {True: "held", False: "FAILED", None: "not checked"}


@app.command()
def verify(
    source: Annotated[
        str | None,
        typer.Argument(
            metavar="SOURCE",
            help="A ledger folder, a bundle (evidence.json) or a folder of bundles; "
            "the project's own ledger if left out.",
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option(metavar="ID", help="Verify the evidence kept at this MLflow run.")
    ] = None,
    keys: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="PEM file or folder of public keys got from the signer; only these are trusted.",
        ),
    ] = None,
    witnesses: Annotated[
        bool,
        typer.Option(
            "--witnesses",
            help="Ask the trackers that the log names for the checkpoints they have kept: shows "
            "whether its end was cut off. Uses the network.",
        ),
    ] = False,
    aliases: Annotated[
        bool,
        typer.Option(
            "--aliases",
            help="Ask MLflow for the aliases of the log's models, and hold each, with the files "
            "under it, against the decisions of the gate. Uses the network.",
        ),
    ] = False,
    tally: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The counts of a bundle's record (tally.json), to judge it again from.",
        ),
    ] = None,
    tsa_roots: Annotated[
        Path | None,
        typer.Option(
            "--tsa-roots",
            metavar="FILE",
            help="PEM file of root certificates of the time-stamping authorities that you trust.",
        ),
    ] = None,
    formats: FormatOption = None,
    outputs: OutputOption = None,
    as_json: JsonOption = False,
) -> None:
    """Check that nobody changed the evidence, and judge it again.

    Says what the evidence is of, then checks signatures, the hash tree, the signed checkpoint and
    the policy bytes, and judges every record's counts again, step by step. A red record can verify:
    the evidence is genuine, and the light that it records is red.

    Exit status 0 if every step that could be made held, 1 if one failed, 2 if there is nothing
    to verify, 3 if --witnesses found none to compare with.

    \b
    Examples:
      venturalitica verify
      venturalitica verify --witnesses
      venturalitica verify --aliases
      venturalitica verify evidence.json --keys signer.pem
      venturalitica verify evidence.json --tally tally.json
      venturalitica verify --run 0a1b2c3d4e5f60718293a4b5c6d7e8f9
      venturalitica verify --format junit=verify.xml
    """
    from venturalitica.cli.formats.evidence import told
    from venturalitica.cli.formats.write import reporting, write

    places = destinations(formats, outputs, as_json=as_json)
    with reporting(places, "verify", file=str):
        found = _verified(source, run, keys, tsa_roots, tally, witnesses=witnesses)
        found = _with_aliases(found, keys, asked=aliases)
    table = partial(_show, found)
    write(places, told(found, facts=facts(found), table=table, witnesses=witnesses))
    leave(_status(found, witnesses=witnesses))


def _verified(
    source: str | None,
    run: str | None,
    keys: Path | None,
    tsa_roots: Path | None,
    tally: Path | None,
    *,
    witnesses: bool,
) -> Verification:
    if run is not None and source is not None:
        raise SettingsError("give SOURCE or --run ID, not both")
    if run is not None and witnesses:
        raise SettingsError("--witnesses compares a whole log; it does not go with --run")
    if run is not None and tally is not None:
        raise SettingsError("--run takes the tallies that lie at the run; it goes without --tally")
    if run is None and source is None and tally is None:
        _refuse_absent_ledger()
    from venturalitica.ledger.formats.public_key import read_keys
    from venturalitica.ledger.formats.timestamp import read_roots
    from venturalitica.review.verification import verify_run, verify_source

    trusted = None if keys is None else read_keys(keys)
    roots = None if tsa_roots is None else read_roots(tsa_roots)
    with counter("verifying") as progress:
        if run is not None:
            return verify_run(run.removeprefix("runs:/"), trusted, roots)
        return verify_source(
            source,
            trusted_keys=trusted,
            tsa_roots=roots,
            witnesses=witnesses,
            tally=tally,
            progress=progress,
        )


def _with_aliases(found: Verification, keys: Path | None, *, asked: bool) -> Verification:
    from venturalitica.review.gate.serving import keys_of
    from venturalitica.review.gate.standing import with_aliases
    from venturalitica.system.settings import Settings, ask_trackers_briefly

    if not asked:
        return with_aliases(found, asked=False, keys={})
    ask_trackers_briefly()
    return with_aliases(found, asked=True, keys=keys_of(Settings.current(), keys))


def _status(found: Verification, *, witnesses: bool) -> int:
    if not found.ok:
        return FAILED
    compared = any(step.name == "witnesses" and step.ok for step in found.steps)
    return PASSED if compared or not witnesses else NOT_EVALUATED


def facts(found: Verification) -> dict[str, Any]:
    """A verification as JSON; a step that could not be made has `"ok": null`."""
    return {
        "source": found.source,
        "ok": found.ok,
        "about": to_builtins(found.about),
        "aliases": to_builtins(found.aliases),
        "fault": _step(found.fault) if found.fault else None,
        "steps": [_step(step) for step in found.steps],
    }


def _step(step: Step) -> dict[str, Any]:
    return picked(step, "name ok detail index")


def _refuse_absent_ledger() -> None:
    """Nothing was ever begun here; where anything is left of a ledger, it is verified instead."""
    from venturalitica.system.settings import Settings

    home = Settings.current().home
    if not home.exists() or (home.is_dir() and not any(home.iterdir())):
        raise EvidenceError(
            f"{home}: no evidence log here; it begins with the first governed fit, enforce or "
            "'venturalitica check'. To verify other evidence, name it: a ledger folder or a bundle"
        )


def _show(found: Verification) -> None:
    signs = signs_of_stdout()
    say(f"Verifying {found.source}", style="bold")
    show_about(found)
    _show_aliases(found)
    column = max((len(step.name) for step in found.steps), default=0)
    for step in found.steps:
        _show_step(step, min(column, 40), signs)
    say()
    fault = found.fault
    if fault is not None:
        place = f" (entry {fault.index})" if fault.index is not None else ""
        styled(("NOT VERIFIED  ", "bold red"), (f"{fault.name}{place}: {fault.detail}", ""))
    elif found.ok:
        _show_verified(found)
    else:
        styled(("NOT VERIFIED  ", "bold red"), ("no step could be made", ""))


def _show_verified(found: Verification) -> None:
    """In the colour of the worst light: genuine evidence of a failure is no good news."""
    unchecked = sum(step.ok is None for step in found.steps)
    rest = f"; {unchecked} could not be checked, see above" if unchecked else ""
    about = found.about
    worst = (about.worst if about else "") or "green"
    styled(("VERIFIED  ", STYLES[worst]), (f"every step that could be made held{rest}", ""))
    if about is not None:
        styled((f"          {genuine_words(about)}", STYLES[worst] if worst == "red" else ""))
    say(*remedies(found), style="dim")


def _show_aliases(found: Verification) -> None:
    for one in found.aliases[:_ALIASES_SHOWN]:
        _line("Alias", f"{one.called} {one.sentence}", STYLES[one.light])
    more = len(found.aliases) - _ALIASES_SHOWN
    if more > 0:
        _line("", f"and {more} more")
    if found.aliases:
        say()


def _show_step(step: Step, column: int, signs: Signs) -> None:
    mark = {True: signs.passed, False: signs.failed, None: signs.missing}[step.ok]
    styled(
        (f"{mark} {_WORDS[step.ok]:<11}  ", _STYLES[step.ok]),
        (f"{step.name:<{column}}  ", "bold"),
        (step.detail, ""),
    )


_COLUMN = 9
_KEY_DIGITS = 16
_KEYS_SHOWN = 3
_ALIASES_SHOWN = 10


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
    if about.taken is not None:
        taken, worst = about.taken, next(iter(about.taken.lights), "grey")
        those = f"{many(taken.records, 'record')} of {many(taken.logs, 'log')}: "
        _line("Taken in", those + lights_words(taken), STYLES[worst] if worst == "red" else "")


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
