"""Which signer these settings ask for: one from outside, a key that is given, or the user's own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from venturalitica.errors import SigningKeyError
from venturalitica.system.settings import NO_HOME, Settings

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger, Signer


log = logging.getLogger(__name__)


def signer_of(settings: Settings) -> Signer:
    """The signer that signs what these settings record; the user's own key is made if absent.

    Raises:
        SigningKeyError: it is missing, unreadable, of the wrong kind, or open to others.
        SignerError: a signer from outside failed, or did not answer.
    """
    from venturalitica.ledger import load_signer
    from venturalitica.ledger.signing.external import load_external

    if settings.signer:
        return load_external(settings.signer)
    if settings.config is None and not settings.signing_key:
        raise SigningKeyError(NO_HOME)
    return load_signer(
        settings.signing_key, settings.config, passphrase=settings.signing_key_passphrase
    )


def own_external(settings: Settings) -> dict[str, bytes]:
    """The public keys of a signer from outside, id -> PEM; none where it does not answer."""
    from venturalitica.ledger.signing.signer import derived

    try:
        signer = signer_of(settings)
        publics = (signer.public, derived(signer).public)
    except SigningKeyError as error:
        log.debug("own key not known: %s", error)
        return {}
    return {key.keyid: key.pem.encode("ascii") for key in publics}


def open_ledger(settings: Settings | None = None, *, create: bool = True) -> Ledger:
    """The ledger of these settings, with its signing keys.

    Raises:
        EvidenceError: it cannot be created, read or trusted.
        SigningKeyError: the key is missing, unreadable, or open to others.
    """
    from venturalitica.ledger import Ledger

    settings = settings or Settings.current()
    return Ledger.open(settings.home, signer=signer_of(settings), create=create)


def take_in(settings: Settings) -> int:
    """Take into the log what waits in the inbox; gives how many statements wait still.

    Raises:
        EvidenceError: there is no log, or it cannot be written.
        SigningKeyError: something waits, and there is no key to seal it with.
    """
    from venturalitica.ledger import Ledger

    waiting = Ledger.open(settings.home).waiting
    return open_ledger(settings).waiting if waiting else 0
