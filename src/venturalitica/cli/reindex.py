"""`venturalitica reindex`: rebuild the index from the log."""

from __future__ import annotations

from venturalitica.cli.output import (
    FAILED,
    PASSED,
    JsonOption,
    complain,
    emit_json,
    leave,
    new_app,
    progress,
    say,
)

app = new_app()


@app.command()
def reindex(as_json: JsonOption = False) -> None:
    """Rebuild the index from the evidence log.

    The index answers 'runs' quickly and proves nothing; the log is the record. Nothing is lost when
    it is deleted. Exit status 1 if nothing was kept.

    \b
    Example:
      venturalitica reindex
    """
    from venturalitica.ledger import Index, Ledger
    from venturalitica.system.settings import Settings

    ledger = Ledger.open(Settings.current().home)
    with progress("reading the log"), Index.open(ledger) as index:
        entries, kept = index.rebuild(), not index.in_memory
    if as_json:
        emit_json({"home": str(ledger.home), "entries": entries, "kept": kept and entries > 0})
    elif not kept:
        complain(
            f"no index was kept: {ledger.home} cannot be written. The log was read "
            f"({_entries(entries)}); every command reads it anew"
        )
    elif not entries:
        complain(f"nothing was indexed: the log in {ledger.home} has no entry yet")
    else:
        say(f"Indexed {_entries(entries)} of {ledger.home}")
    leave(PASSED if kept and entries else FAILED)


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count:,} entries"
