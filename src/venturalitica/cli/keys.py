"""`venturalitica keys`: the keys that sign, shown, rotated and handed to an auditor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import JsonOption, emit_json, hint, leave, new_app, picked, say, table
from venturalitica.errors import EvidenceError, SettingsError, SigningKeyError
from venturalitica.system.settings import NO_HOME

if TYPE_CHECKING:
    from venturalitica.ledger.formats.public_key import PublicKey
    from venturalitica.ledger.lifecycle.keys import Exported, Use
    from venturalitica.ledger.records.placement import Entry
    from venturalitica.ledger.signing.signer import FileSigner, Signer
    from venturalitica.system.settings import Settings


app = new_app(no_args_is_help=True)


@app.callback()
def keys() -> None:
    """Show, rotate or export the keys that sign.

    \b
    Examples:
      venturalitica keys show
      venturalitica keys export --out signer.pem
    """


@app.command("show")
def show_keys(as_json: JsonOption = False) -> None:
    """Show which keys sign, where they lie, and what they signed here.

    Private keys are never shown, and none is made.

    \b
    Example:
      venturalitica keys show
    """
    from venturalitica.system.settings import Settings

    found = facts(Settings.current())
    emit_json(found) if as_json else _show(found)
    leave(0)


@app.command("export")
def export_keys(
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write there instead of to the screen.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print the public keys as PEM, for an auditor's 'verify --keys FILE'.

    The retired ones too. Above each stand its id, its role, from when until when the project's log
    was signed with it, and which it follows. Hand the file over by another way than the evidence.

    \b
    Example:
      venturalitica keys export --out signer.pem
    """
    from venturalitica.system.settings import Settings

    settings = Settings.current()
    signer = signer_in_use(settings)
    if signer is None:
        raise SigningKeyError(
            f"no signing key in {settings.config or 'any place'} yet; it is made by the first "
            "governed fit, enforce or 'venturalitica check'"
        )
    exported = _exported(signer, settings.home)
    text = "\n".join(key.told for key in exported)
    if out is not None:
        _write(out, text)
    if as_json:
        emit_json([key.to_json() for key in exported])
    elif out is None:
        say(*text.splitlines())
    else:
        say(f"{len(exported)} public keys written to {out}")
    hint(f"tell the auditor this id by another way: {signer.keyid}")


@app.command("rotate")
def rotate_keys(
    new: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The new private key (PEM); one is made if left out."),
    ] = None,
    reason: Annotated[
        str, typer.Option(metavar="TEXT", help="Why; kept in the evidence, readable by all.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Replace the signing key; the log records it, signed by both keys.

    From then on the old key signs nothing more here. Other ledgers of yours are told at the next
    append to each. Who trusts the old key trusts the new one through that record.

    \b
    Examples:
      venturalitica keys rotate --reason "yearly"
      venturalitica keys rotate --new new_key.pem
    """
    from venturalitica.system.settings import Settings

    settings = Settings.current()
    if settings.signer:
        raise SettingsError(
            f"the key is held by {settings.signer} (VENTURALITICA_SIGNER): rotate it there; the "
            "log then shows the new one as first seen"
        )
    done = _rotate_given(settings, new, reason) if settings.signing_key else None
    done = done or _rotate_own(settings, new, reason)
    emit_json(done) if as_json else _show_rotated(done)
    leave(0)


def _show(found: dict[str, Any]) -> None:
    signer = found["in_use"]
    if signer is None:
        say("No signing key yet; it is made by the first governed fit, enforce or check.")
    else:
        _show_signer(signer, found["source"])
    for old in found["retired"]:
        say(f"retired      {old['records']['keyid']}  {old['path']}")
    if found["warning"]:
        say(f"warning      {found['warning']}", style="bold red")
    say()
    if not found["log"]:
        say(f"Nothing is signed in {found['home']} yet.")
        return
    say(f"Signed in {found['home']}:")
    rows = [
        (
            use["keyid"][:16],
            str(use["first"]),
            str(use["last"]),
            f"{_standing(use, found)}{NEW if use['new'] else ''}",
        )
        for use in found["log"]
    ]
    table(("key", "first entry", "last entry", ""), rows, right=("first entry", "last entry"))


def _show_signer(signer: dict[str, Any], source: str) -> None:
    say(f"records      {signer['records']['keyid']}  {signer['records']['algorithm']}")
    say(f"checkpoints  {signer['checkpoints']['keyid']}  {signer['checkpoints']['algorithm']}")
    lock = {True: "encrypted", False: "not encrypted", None: "not told"}[signer["encrypted"]]
    place = f"{signer['path']} (mode {signer['mode']}), {lock}" if signer["path"] else source
    say(f"private key  {place}")


NEW = "; new key: no earlier key introduces it"


def _standing(use: dict[str, Any], found: dict[str, Any]) -> str:
    own = found["in_use"]["records"]["keyid"] if found["in_use"] else ""
    if use["retired_in"] is not None:
        return f"retired in entry {use['retired_in']}"
    if use["keyid"] == own:
        return "in use"
    if use["keyid"] not in [old["records"]["keyid"] for old in found["retired"]]:
        return "another writer's"
    if own in [other["keyid"] for other in found["log"]]:
        return "retired, this log was not told: 'keys rotate' tells it"
    return "retired; the next append says so"


def _rotate_given(settings: Settings, new: Path | None, reason: str) -> dict[str, Any]:
    """Hand over from the key in VENTURALITICA_SIGNING_KEY, which only its owner can replace."""
    from venturalitica.audit.project import signer_of
    from venturalitica.ledger.signing.signer import MAKE_A_KEY, read_private

    if new is None:
        raise SigningKeyError(
            "the key is given by VENTURALITICA_SIGNING_KEY, which cannot be replaced from here. "
            f"Make a new one ({MAKE_A_KEY.replace('signing_key', 'new_key')}), run 'venturalitica "
            "keys rotate --new new_key.pem', then put it into VENTURALITICA_SIGNING_KEY"
        )
    old = signer_of(settings)
    successor = read_private(new, settings.signing_key_passphrase)
    if successor.keyid == old.keyid:
        raise SigningKeyError("the new key is the one that is in use; make another")
    entry = _told(settings, old, successor, reason)
    return _rotated(old, successor, entry, settings) | {
        "next": f"put {new} into VENTURALITICA_SIGNING_KEY; the old key is refused from now on"
    }


def _rotate_own(settings: Settings, new: Path | None, reason: str) -> dict[str, Any]:
    from venturalitica.ledger.signing.key_rotation import swap
    from venturalitica.ledger.signing.signer import read_private

    passphrase = settings.signing_key_passphrase
    pem = None
    if new is not None:
        _refuse_used(settings, read_private(new, passphrase))
        pem = new.read_bytes()
    if settings.config is None:
        raise SigningKeyError(NO_HOME)
    done = swap(settings.config, new_pem=pem, passphrase=passphrase)
    try:
        entry = _told(settings, done.old, done.new, reason)
    except EvidenceError as error:
        raise EvidenceError(
            f"the key was replaced by {done.new.keyid}, but the log could not be told: {error}. "
            "The next append tells it"
        ) from error
    return _rotated(done.old, done.new, entry, settings) | {
        "next": f"the old key is kept as {done.retired}; back up {settings.config}"
        + (f", and remove {new}: the key in use lies there now" if new else "")
    }


def _refuse_used(settings: Settings, new: FileSigner) -> None:
    from venturalitica.ledger.lifecycle.keys import used_in
    from venturalitica.ledger.log.key_history import appointed_by, size_of

    entries = settings.home / "log" / "entries.jsonl"
    for use in used_in(settings.home):
        if use.key.keyid != new.keyid:
            continue
        if use.retired_in is not None:
            raise SigningKeyError(
                f"the new key was retired in entry {use.retired_in}: it signs nothing here any "
                "more; give one that was never in use"
            )
        # A rotation that was interrupted after its record is finished by asking again.
        if not appointed_by(entries, new.keyid, size_of(entries)):
            raise SigningKeyError(
                f"the new key signed entry {use.first} already; a new key is one that signed "
                "nothing yet"
            )


def _told(settings: Settings, old: Signer, new: FileSigner, reason: str) -> Entry | None:
    """Tell the project's own log, if the old key signed in it."""
    from venturalitica.ledger import Ledger
    from venturalitica.ledger.lifecycle.keys import introduced
    from venturalitica.ledger.log.key_history import AUTOMATIC
    from venturalitica.ledger.signing.signer import FileSigner

    if not (settings.home / "log").is_dir() or not isinstance(old, FileSigner):
        return None
    _refuse_used(settings, new)
    ledger = Ledger.open(settings.home, signer=new)
    told = [introduced(ledger, old, new, reason=reason)]
    # Perhaps a key was rotated before and this log was not told: its file could not be read, say.
    others = [key for key in new.predecessors() if key.keyid != old.keyid]
    told += [introduced(ledger, other, new, reason=AUTOMATIC) for other in others]
    return next((entry for entry in told if entry is not None), None)


def _rotated(
    old: Signer, new: FileSigner, entry: Entry | None, settings: Settings
) -> dict[str, Any]:
    from venturalitica.ledger.log.key_history import retirement, size_of

    entries = settings.home / "log" / "entries.jsonl"
    known = retirement(entries, old.keyid, size_of(entries))
    return {
        "old": old.keyid,
        "new": new.keyid,
        "successor": known.new.record.keyid if known else None,
        "checkpoints": new.checkpoint_signer().keyid,
        "entry": entry.index if entry else None,
        "home": str(settings.home),
    }


def _show_rotated(done: dict[str, Any]) -> None:
    say(f"old key  {done['old']}")
    say(f"new key  {done['new']}")
    if done["successor"] not in (None, done["new"]):
        say(
            f"The log in {done['home']} says already that the old key handed over to "
            f"{done['successor']}. If that is none of yours, somebody else has the old key.",
            style="bold red",
        )
    elif done["entry"] is None:
        say(f"The old key has signed nothing in {done['home']} that would have to be told.")
    else:
        say(f"entry {done['entry']} in {done['home']} says so, signed by both")
    hint(done["next"])
    hint("send auditors the new public keys: 'venturalitica keys export --out signer.pem'")


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="ascii")
    except OSError as error:
        raise SettingsError(f"{path}: cannot be written: {error.strerror}") from error


def facts(settings: Settings) -> dict[str, Any]:
    """The keys as JSON; `in_use` is null where there is none yet."""
    from venturalitica.ledger.lifecycle.keys import used_in
    from venturalitica.ledger.signing.signer import predecessors

    signer = signer_in_use(settings)
    # None where the private key is in a variable, or elsewhere.
    source = Path(getattr(signer, "source", "") or "/")
    path = source if source.is_file() else None
    return {
        "in_use": _signer_facts(signer, path) if signer else None,
        "source": _source(settings),
        "warning": _warning(path),
        "retired": [_signer_facts(key, Path(key.source)) for key in predecessors(signer)],
        "home": str(settings.home),
        "log": [_use(use) for use in used_in(settings.home)],
    }


def signer_in_use(settings: Settings) -> Signer | None:
    """The signer in use; None where the user has no key yet."""
    from venturalitica.audit.project import signer_of
    from venturalitica.ledger.signing.signer import has_own_key

    given = settings.signing_key or settings.signer
    if not given and (settings.config is None or not has_own_key(settings.config)):
        return None
    return signer_of(settings)


def _source(settings: Settings) -> str:
    if settings.signer:
        return f"VENTURALITICA_SIGNER ({settings.signer})"
    return "VENTURALITICA_SIGNING_KEY" if settings.signing_key else "own key"


def _warning(path: Path | None) -> str:
    from venturalitica.ledger.signing.signer import inside_repository

    repository = inside_repository(path) if path else None
    if repository is None:
        return ""
    return (
        f"{path} lies in the git work tree {repository}: a key that is committed is everybody's. "
        "Move it out, and rotate it if it was ever committed"
    )


def publics_of(signer: Signer) -> list[tuple[str, PublicKey]]:
    """Every public key of the user's: what it is for, and the key."""
    from venturalitica.ledger.signing.signer import derived, predecessors

    found = [("records", signer.public), ("checkpoints", derived(signer).public)]
    for old in predecessors(signer):
        found += [("records", old.public), ("checkpoints", old.checkpoint_signer().public)]
    return found


def _exported(signer: Signer, home: Path) -> list[Exported]:
    from venturalitica.ledger.lifecycle.keys import Exported, used_in

    try:
        uses = {use.key.keyid: use for use in used_in(home)}
    except EvidenceError as error:
        uses = {}
        hint(f"when each key was in use is not told: {error}")
    found: list[Exported] = []
    for role, key in publics_of(signer):
        # The key of checkpoints follows that of the records: the two are used together.
        use = uses.get(key.keyid) if role == "records" else found[-1].use
        found.append(Exported(role, key, use))
    return found


def _signer_facts(signer: Signer, path: Path | None) -> dict[str, Any]:
    from venturalitica.ledger.lifecycle.keys import mode_of
    from venturalitica.ledger.signing.signer import derived

    return {
        "records": key_facts(signer.public),
        "checkpoints": key_facts(derived(signer).public),
        "path": str(path) if path else None,
        "mode": mode_of(path) if path else None,
        "encrypted": getattr(signer, "encrypted", None),
    }


def key_facts(key: PublicKey) -> dict[str, Any]:
    return picked(key, "keyid algorithm")


def _use(use: Use) -> dict[str, Any]:
    return key_facts(use.key) | picked(use, "first last retired_in new")
