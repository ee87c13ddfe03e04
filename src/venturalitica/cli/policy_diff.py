"""`venturalitica policy diff`: how two policies differ, by rule and by text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    complain,
    emit_json,
    leave,
    say,
)
from venturalitica.cli.policy_changes import facts, markdown, show
from venturalitica.cli.policy_words import SHORT, Format, FormatOption, chosen
from venturalitica.comparing import Side, compare, side_of
from venturalitica.errors import SettingsError, did_you_mean, listed

if TYPE_CHECKING:
    from venturalitica.editions import Recorded
    from venturalitica.ledger import Ledger


def diff(
    old: Annotated[
        str,
        typer.Argument(
            metavar="A",
            help="The older: a file, or a policy on record: 1.2, credit-scoring@1.2, or 8 or more "
            "digits of its SHA-256.",
        ),
    ],
    new: Annotated[str, typer.Argument(metavar="B", help="The newer, named in the same ways.")],
    form: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how two policies differ: rules loosened, tightened, added, removed, and the text.

    Exit status as of diff: 0 where the bytes are the same, 1 where they differ (or one version
    number stands over two texts), 2 where one of the two cannot be found or read. A file that
    exists wins over a version of that name; ./1.2 is always a file.

    \b
    Examples:
      venturalitica policy diff old_policy.yaml model_policy.yaml
      venturalitica policy diff credit-scoring@1.2 model_policy.yaml
      venturalitica policy diff 1.2 1.3 --format markdown
    """
    shape = chosen(form, as_json=as_json)
    found = compare(_side(old), _side(new))
    if shape is Format.json:
        emit_json(facts(found))
    elif shape is Format.markdown:
        say(*markdown(found).splitlines())
    else:
        show(found)
    leave(PASSED if found.same else FAILED)


def _side(ref: str) -> Side:
    """A file where there is one of that name, else what is on record."""
    path = Path(ref)
    if path.suffix.lower() in (".yaml", ".yml", ".json") or _exists(path):
        return _of_file(path)
    return _of_record(ref)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False  # too long for a file's name, and perhaps a policy's all the same


def _of_file(path: Path) -> Side:
    from venturalitica.metrics.catalog import CATALOG
    from venturalitica.policy import read_policy
    from venturalitica.policy.diff import edition_of

    policy = read_policy(path, vocabulary=CATALOG)
    return Side(edition_of(policy), policy.bytes, f"file {path}", policy)


def _of_record(ref: str) -> Side:
    from venturalitica.editions import contradictions, find_recorded, names_on_record

    ledger = _ledger(ref)
    found = find_recorded(ledger, ref)
    if not found:
        raise SettingsError(_unknown(ref, ledger, names_on_record(ledger)))
    if len({one.edition.sha256 for one in found}) > 1:
        _refuse_several(ref, found)
    one = found[0]
    if one.data is None:
        said = f"{one.edition}, sha256 {one.edition.sha256}: {one.problem}: {one.fault}"
        complain(said)
        leave(FAILED)
    return side_of(one, one.data, faults=contradictions(found))


def _ledger(ref: str) -> Ledger:
    from venturalitica.errors import EvidenceError
    from venturalitica.ledger import Ledger
    from venturalitica.settings import Settings

    try:
        return Ledger.open(Settings.current().home)
    except EvidenceError as error:
        near = did_you_mean(ref, (item.name for item in Path().iterdir()))
        raise SettingsError(
            f"there is no file '{ref}' (looked from {Path.cwd()}){near}, and no policy on record: "
            f"{error}"
        ) from None


def _unknown(ref: str, ledger: Ledger, known: tuple[str, ...]) -> str:
    files = [item.name for item in Path().iterdir()]
    near = did_you_mean(ref, [*known, *files])
    there = f"; on record: {listed(known, 10)}" if known else ""
    return (
        f"there is no file '{ref}' (looked from {Path.cwd()}) and no such policy in {ledger.home}"
        f"{near}{there or '; no record holds a policy'}"
    )


def _refuse_several(ref: str, found: tuple[Recorded, ...]) -> NoReturn:
    """One version over two texts is a fault of the evidence; anything else, an unclear call."""
    editions = [one.edition for one in found]
    digests = list(dict.fromkeys(edition.sha256 for edition in editions))
    texts_found = (f"{one.edition} is sha256 {one.edition.sha256} ({one.place})" for one in found)
    said_found = listed(texts_found, between="; ", longest=None)
    if len({(edition.name, edition.version) for edition in editions}) > 1:
        said = f"'{ref}' fits {len(digests)} policies: {said_found}; give name@version or a digest"
        raise SettingsError(said)
    call = f"venturalitica policy diff {digests[0][:SHORT]} {digests[1][:SHORT]}"
    texts = f"one version, {len(digests)} texts: {said_found}"
    complain(f"'{ref}': {texts}. '{call}' shows how they differ")
    leave(FAILED)
