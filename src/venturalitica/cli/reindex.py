"""`venturalitica reindex`: rebuild the index from the log."""

from __future__ import annotations

from venturalitica.cli.output import JsonOption, emit_json, new_app, progress, say

app = new_app()


@app.command()
def reindex(as_json: JsonOption = False) -> None:
    """Rebuild the index from the evidence log.

    The index answers 'runs' quickly and proves nothing; the log is the record. Nothing is lost when
    it is deleted.

    \b
    Example:
      venturalitica reindex
    """
    from venturalitica.ledger import Ledger
    from venturalitica.settings import Settings

    ledger = Ledger.open(Settings.current().home)
    with progress("reading the log"), ledger.index() as index:
        entries = index.rebuild()
    if as_json:
        emit_json({"home": str(ledger.home), "entries": entries})
        return
    say(f"Indexed {'1 entry' if entries == 1 else f'{entries:,} entries'} of {ledger.home}")
