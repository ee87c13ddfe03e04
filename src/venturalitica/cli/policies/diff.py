"""`venturalitica policy diff`: how two policies differ, by rule and by text."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from venturalitica.cli.output import (
    FAILED,
    NOT_EVALUATED,
    PASSED,
    JsonOption,
    complain,
    emit_json,
    hint,
    leave,
    or_null,
    picked,
    say,
    styled,
    table,
)
from venturalitica.cli.policies.changes import (
    SHORT,
    Format,
    FormatOption,
    change_facts,
    chosen,
    facts,
    inert_digest,
    markdown,
    say_faults,
    show,
)
from venturalitica.cli.terminal import console
from venturalitica.errors import EvidenceError, SettingsError, did_you_mean, listed
from venturalitica.reports.markdown import markdown_text
from venturalitica.review.policies import (
    Line,
    Recorded,
    Side,
    compare,
    contradictions,
    find_recorded,
    follow,
    names_on_record,
    recorded_policies,
    side_of,
)
from venturalitica.system.settings import exists

if TYPE_CHECKING:
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
    if path.suffix.lower() in (".yaml", ".yml", ".json") or exists(path):
        return _of_file(path)
    return _of_record(ref)


def _of_file(path: Path) -> Side:
    from venturalitica.policy import read_policy
    from venturalitica.policy.diff import edition_of

    policy = read_policy(path)
    return Side(edition_of(policy), policy.bytes, f"file {path}", policy)


def _of_record(ref: str) -> Side:
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
    from venturalitica.cli.runs import own_ledger

    try:
        return own_ledger()
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


def history(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only the policy of this name.")
    ] = None,
    form: FormatOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show the policies on record in time: when each was used, for how many audits, what changed.

    One version number over two texts is a fault. Exit status 0, 1 with a fault, 3 where a policy
    on record cannot be read by this version (it is listed all the same).

    \b
    Examples:
      venturalitica policy history
      venturalitica policy history credit-scoring --format history_markdown
    """
    from venturalitica.cli.runs import own_ledger

    shape = chosen(form, as_json=as_json)
    record = recorded_policies(own_ledger(), name)
    found = record.policies
    lines, faults = follow(found), contradictions(found)
    if shape is Format.json:
        listed = [history_facts(line) for line in lines]
        emit_json({"policies": listed, "faults": list(faults), "missing": record.missing})
    elif shape is Format.markdown:
        say(*history_markdown(lines, faults).splitlines())
    else:
        _show(lines, faults)
    if record.missing:
        hint(
            f"{record.missing:,} entries of the log were pruned: policies used only in them are "
            "not listed, and the others may have been in use earlier"
        )
    leave(_status(found, faults))


def _status(found: tuple[Recorded, ...], faults: tuple[str, ...]) -> int:
    if faults:
        return FAILED
    return NOT_EVALUATED if any(one.problem for one in found) else PASSED


def history_facts(line: Line) -> dict[str, Any]:
    """A line of the history as JSON."""
    one, difference = line.recorded, line.difference
    found = (
        {"policy": one.edition.name}
        | picked(one.edition, "version sha256")
        | picked(one, "first_seen last_seen")
        | {"first_entry": one.first, "last_entry": one.last}
        | picked(one, "entries audits problem fault")
        | {"before": line.before.edition.sha256 if line.before else None}
        | {"summary": difference.summary if difference else None}
        | {"direction": difference.direction if difference else None}
        | {"changes": [*map(change_facts, difference.changes)] if difference else None}
    )
    return or_null(found, "problem", "fault")


_HEADS = (
    "version",
    "first used (UTC)",
    "last used (UTC)",
    "audits",
    "sha256",
    "against the one before",
)


def _by_name(lines: tuple[Line, ...]) -> dict[str, list[Line]]:
    named: dict[str, list[Line]] = {}
    for line in lines:
        named.setdefault(line.recorded.edition.name, []).append(line)
    return named


def _cells(line: Line, *, digits: int = 16) -> tuple[str, ...]:
    """`digits` of a time: 16 are minutes, 10 are days."""
    one = line.recorded
    return (
        one.edition.version,
        one.first_seen[:digits].replace("T", " "),
        one.last_seen[:digits].replace("T", " "),
        f"{one.audits:,}",
        one.edition.sha256[:SHORT],
        line.words,
    )


def _show(lines: tuple[Line, ...], faults: tuple[str, ...]) -> None:
    if not lines:
        say("No record holds a policy.")
        return
    digits = 16 if console().width >= WIDE else 10
    for position, (name, of) in enumerate(_by_name(lines).items()):
        if position:
            say()
        styled((name, "bold"), (f": {_count(of)}", ""))
        table(
            _HEADS,
            [_cells(line, digits=digits) for line in of],
            right=("audits",),
            whole=("sha256",),
        )
    if faults:
        say()
        say_faults(faults)


WIDE = 90
"""Columns from which there is room for the minutes."""


def _count(of: list[Line]) -> str:
    texts = "1 text" if len(of) == 1 else f"{len(of)} texts"
    audits = sum(line.recorded.audits for line in of)
    return f"{texts}, {audits:,} audit{'' if audits == 1 else 's'}"


def history_markdown(lines: tuple[Line, ...], faults: tuple[str, ...]) -> str:
    """The history for a document."""
    said = [] if lines else ["No record holds a policy."]
    for name, of in _by_name(lines).items():
        said += [f"### {markdown_text(name)}", "", _count(of), "", "| " + " | ".join(_HEADS) + " |"]
        said += ["|---|---|---|---:|---|---|"]
        for line in of:
            cells = [markdown_text(cell) for cell in _cells(line)]
            cells[4] = f"`{inert_digest(line.recorded.edition.sha256)}`"
            said.append("| " + " | ".join(cells) + " |")
        said.append("")
    said += [f"**FAULT** {markdown_text(fault)}\n" for fault in faults]
    return "\n".join(said).rstrip("\n")
