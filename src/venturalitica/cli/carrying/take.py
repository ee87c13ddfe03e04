"""`venturalitica take`: take in what another machine carried."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import JsonOption, counter, emit_json, new_app, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venturalitica.ledger.carrying.take import Taking

app = new_app()


@app.command()
def take(
    folder: Annotated[
        Path, typer.Argument(metavar="OUT", help="The folder that 'venturalitica carry' wrote.")
    ],
    signers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Public keys ('keys export') whose logs are admitted; else your own keys, and "
            "VENTURALITICA_TRUSTED_KEYS.",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Take a job's records and tallies into this ledger, beside its own log.

    All of it is verified first: signatures by admitted keys, the tree, the verdicts judged again
    from the tallies, and that it continues what was taken of the same log before, without a gap
    or a fork. Then a record signed here names the checkpoint that was taken, so that 'verify'
    shows where something of it is removed later. Taking the same again changes nothing; what was
    erased here is not taken again.

    Exit status 0 if it was taken, now or before, 2 if it is refused: nothing was changed then.

    \b
    Examples:
      venturalitica take evidence-of-this-job --signers ci-keys.pem
      venturalitica take carried --json
    """
    from venturalitica.audit.project import open_ledger
    from venturalitica.ledger.carrying.take import take as take_in
    from venturalitica.review.gate.serving import keys_of
    from venturalitica.system.settings import Settings

    settings = Settings.current()
    keys = keys_of(settings, signers)
    with counter("verifying") as progress:
        if not settings.home.exists():
            _rehearse(folder, keys)
        done = take_in(open_ledger(settings), folder, keys=keys, progress=progress)
    if as_json:
        emit_json(facts(done))
    else:
        _show(done)


def _rehearse(folder: Path, keys: Mapping[str, Any]) -> None:
    """Take it into a ledger that is thrown away, where there is none yet: what is refused then
    leaves neither a ledger nor a key behind."""
    from venturalitica.ledger.carrying.take import take as take_in
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.signing.signer import load_signer

    with TemporaryDirectory() as place:
        signer = load_signer(None, Path(place) / "key")
        take_in(Ledger.open(Path(place) / "ledger", signer=signer), folder, keys=keys)


def facts(done: Taking) -> dict[str, Any]:
    """What was taken, as JSON."""
    return {
        "log": done.log.name,
        "origin": done.log.origin,
        "key": done.log.key,
        "signers": list(done.log.signers),
        "size": done.log.size,
        "root": done.log.root,
        "entries": done.new,
        "tallies": done.tallies,
        "tallies_missing": done.left,
        "tallies_erased": done.erased,
        "record": done.entry.index if done.entry else None,
        "evidence_sha256": done.entry.evidence_sha256 if done.entry else None,
    }


def _show(done: Taking) -> None:
    from venturalitica.ledger.verify.check_records import many

    log = done.log
    tallies = many(done.tallies, "tally", "tallies")
    if done.entry is None:
        more = f"; new: {tallies}" if done.tallies else ""
        say(f"Taken before: {log.name} with {many(log.size, 'entry', 'entries')}{more}.")
    else:
        say(
            f"Took {many(done.new, 'entry', 'entries')} and {tallies} of {log.name}, which has "
            f"{log.size}; signed by key {log.key[:16]}."
        )
        say(f"Entry {done.entry.index} says so: 'venturalitica verify' holds the log to it.")
    if done.left:
        left = many(done.left, "tally", "tallies")
        say(f"Not carried: {left} of it; records without cannot be judged again.")
    if done.erased:
        erased = many(done.erased, "tally", "tallies")
        say(f"Erased here before, and not taken again: {erased}.")
