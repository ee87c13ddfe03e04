"""`venturalitica policy commit`: put a policy on record before anything is judged by it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import (
    FAILED,
    JsonOption,
    SeparatorOption,
    complain,
    emit_json,
    hint,
    in_options,
    leave,
    picked,
    progress,
    say,
)
from venturalitica.cli.terminal import inert
from venturalitica.errors import BindingError

if TYPE_CHECKING:
    from venturalitica.audit.committing import Recorded
    from venturalitica.core.policy import Policy


def commit(
    file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="The policy; by default the project's own."),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE", help="The test data, a file or glob; repeatable. Needs no predictions."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Its column of what really happened."),
    ] = None,
    rows: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="How many rows are planned.")
    ] = None,
    timestamp: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Time-stamping authority (RFC 3161) to ask; else VENTURALITICA_TIMESTAMP.",
        ),
    ] = None,
    separator: SeparatorOption = None,
    as_json: JsonOption = False,
) -> None:
    """Commit to a policy before anything is judged by it.

    A signed record: the policy's bytes, and where they are given a digest of the test data under
    the log's own key and the number of planned rows. Every later audit names the newest commitment
    to its policy text. It proves that this text was there before the audits that come after it; for
    those that came before it proves nothing, and it says how many they are. It does not prove that
    nobody had looked at the data.

    Exit status 0 where it is on record as asked; 1 where it is on record, and the authority gave no
    time stamp; 2 where nothing is.

    \b
    Examples:
      venturalitica policy commit
      venturalitica policy commit model_policy.yaml --data test.csv --target class --rows 300
      venturalitica policy commit --timestamp https://freetsa.org/tsr
    """
    from venturalitica.audit.committing import commit_to
    from venturalitica.audit.project import resolve_policy
    from venturalitica.ledger.lifecycle.commit import checked_authority
    from venturalitica.system.settings import Settings

    policy, settings = resolve_policy(file), Settings.current()
    authority = timestamp or settings.timestamp
    if authority is not None:
        named = "--timestamp" if timestamp else "VENTURALITICA_TIMESTAMP"
        authority = checked_authority(authority, name=named)
    with in_options():
        item = _test_data(policy, data, target, separator) if data else None
        if item and rows not in (None, item["rows"]):
            raise BindingError(
                f"--rows {rows}: the data of --data have {item['rows']:,} rows; give one of both"
            )
    found = commit_to(policy, item, rows=rows, authority=authority)
    emit_json(facts(found)) if as_json else _show(found)
    if found.unstamped:
        complain(f"no time stamp: {found.unstamped}")
        hint("the commitment is on record without; commit again when the authority answers")
        leave(FAILED)


def _test_data(
    policy: Policy, files: list[str], target: str | None, separator: str | None
) -> dict[str, Any]:
    from venturalitica.audit.committing import describe_test_data
    from venturalitica.cli.reading.csv_types import compared
    from venturalitica.cli.reading.data_files import find_files, read_table
    from venturalitica.cli.reading.places import data_name

    found = find_files(files)
    bound = {"target": target} if target else {}
    with progress("reading"):
        frame = read_table(found, separator=separator, together=compared(policy, bound))
        return describe_test_data(policy, frame, name=data_name(found), target=target)


def facts(found: Recorded) -> dict[str, Any]:
    """A commitment as JSON."""
    made = found.made
    return {
        "record": found.entry.index,
        "evidence_sha256": found.entry.evidence_sha256,
        "policy": picked(made.policy, "name version filename sha256"),
        "committed_at": made.committed_at,
        "data": made.data,
        "rows": made.rows,
        "timestamped_at": made.timestamped_at,
        "unstamped": found.unstamped or None,
        "audits_before": found.before,
    }


def _show(found: Recorded) -> None:
    made, policy = found.made, found.made.policy
    say(inert(f"Committed to {policy.name} {policy.version} (sha256 {policy.sha256[:12]})."))
    if made.data is not None:
        say(inert(f"Test data: {made.data['name']}, {made.data['rows']:,} rows."))
    if made.rows is not None:
        say(f"Planned: {made.rows:,} rows.")
    if made.timestamped_at:
        say(f"Time stamp: {made.timestamped_at[:19].replace('T', ' ')} UTC.")
    say(
        f"Entry {found.entry.index} says so. It proves that this text was there before the audits "
        "that come after it; it does not prove that nobody had looked at the data."
    )
    if found.before:
        many = "1 audit" if found.before == 1 else f"{found.before:,} audits"
        say(
            f"{many} by this text came before it (the last in entry {found.last}): "
            f"for {'that' if found.before == 1 else 'those'} it proves nothing."
        )
