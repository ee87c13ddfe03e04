"""The keys that sign, as facts: for 'keys show' and 'keys export'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from venturalitica.ledger.custody import Use
    from venturalitica.ledger.keys import PublicKey
    from venturalitica.ledger.signing import FileSigner, Signer
    from venturalitica.settings import Settings


def facts(settings: Settings) -> dict[str, Any]:
    """The keys as JSON; `in_use` is null where there is none yet."""
    from venturalitica.ledger.custody import used_in

    signer = signer_in_use(settings)
    path = _path(settings, signer)
    return {
        "in_use": _signer_facts(signer, path) if signer else None,
        "source": _source(settings),
        "warning": _warning(path),
        "retired": [_retired(key) for key in _predecessors(signer)],
        "home": str(settings.home),
        "log": [_use(use) for use in used_in(settings.home)],
    }


def signer_in_use(settings: Settings) -> Signer | None:
    """The signer in use; None where the user has no key yet."""
    from venturalitica.ledger.signing import has_own_key
    from venturalitica.signers import signer_of

    given = settings.signing_key or settings.signer
    if not given and (settings.config is None or not has_own_key(settings.config)):
        return None
    return signer_of(settings)


def _path(settings: Settings, signer: Signer | None) -> Path | None:
    """The private key's file; None where it is in a variable, or elsewhere."""
    source = Path(getattr(signer, "source", "") or "/")
    return source if source.is_file() else None


def _source(settings: Settings) -> str:
    if settings.signer:
        return f"VENTURALITICA_SIGNER ({settings.signer})"
    return "VENTURALITICA_SIGNING_KEY" if settings.signing_key else "own key"


def _warning(path: Path | None) -> str:
    from venturalitica.ledger.signing import inside_repository

    repository = inside_repository(path) if path else None
    if repository is None:
        return ""
    return (
        f"{path} lies in the git work tree {repository}: a key that is committed is everybody's. "
        "Move it out, and rotate it if it was ever committed"
    )


def _predecessors(signer: Signer | None) -> tuple[FileSigner, ...]:
    from venturalitica.ledger.signing import FileSigner

    return signer.predecessors() if isinstance(signer, FileSigner) else ()


def publics_of(signer: Signer) -> list[tuple[str, PublicKey]]:
    """Every public key of the user's: what it is for, and the key."""
    from venturalitica.ledger.signing import derived

    found = [("records", signer.public), ("checkpoints", derived(signer).public)]
    for old in _predecessors(signer):
        found += [("records", old.public), ("checkpoints", old.checkpoint_signer().public)]
    return found


def _signer_facts(signer: Signer, path: Path | None) -> dict[str, Any]:
    from venturalitica.ledger.custody import mode_of
    from venturalitica.ledger.signing import derived

    return {
        "records": key_facts(signer.public),
        "checkpoints": key_facts(derived(signer).public),
        "path": str(path) if path else None,
        "mode": mode_of(path) if path else None,
        "encrypted": getattr(signer, "encrypted", None),
    }


def _retired(signer: FileSigner) -> dict[str, Any]:
    return _signer_facts(signer, Path(signer.source))


def key_facts(key: PublicKey) -> dict[str, Any]:
    return {"keyid": key.keyid, "algorithm": key.algorithm}


def _use(use: Use) -> dict[str, Any]:
    return key_facts(use.key) | {
        "first": use.first,
        "last": use.last,
        "retired_in": use.retired_in,
        "new": use.new,
    }
