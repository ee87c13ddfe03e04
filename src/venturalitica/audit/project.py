"""What the project has: its policy, its ledger, the signer of what it records, names of audits."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from venturalitica.core.policy import Policy
from venturalitica.core.redact import redact_name
from venturalitica.errors import BindingError, PolicyError, Problem, SigningKeyError
from venturalitica.system.settings import (
    NO_HOME,
    POLICY_FILENAME,
    Settings,
    find_policy,
    working_folder,
)

if TYPE_CHECKING:
    from venturalitica.ledger import Ledger, Signer


def resolve_policy(policy: str | Path | Policy | None = None) -> Policy:
    """A policy from a path, an already read one, or the one that the project has.

    Raises:
        PolicyError: there is none, or it is wrong; all problems at once.
        TypeError: it is neither a path nor a policy.
    """
    if isinstance(policy, Policy):
        return policy
    if not isinstance(policy, str | os.PathLike | None):
        raise TypeError(
            f"policy= is a {type(policy).__name__}: expected the path of a policy file, "
            "or a policy that vl.read_policy gave"
        )
    from venturalitica.audit.remembered import read_again

    if policy is None or (str(policy) == POLICY_FILENAME and not Path(policy).exists()):
        found = find_policy()
        if found is None:
            raise PolicyError([Problem(POLICY_FILENAME, 0, _no_policy())])
        policy = found
    return read_again(policy, Settings.current().home)


def _no_policy() -> str:
    return (
        f"no policy found in {working_folder()} nor in the project root; "
        "'venturalitica init' writes one to start from, or pass policy=\"path/to/policy.yaml\""
    )


log = logging.getLogger(__name__)


def signer_of(settings: Settings) -> Signer:
    """The signer that signs what these settings record; the user's own key is made if absent.

    Raises:
        SigningKeyError: it is missing, unreadable, of the wrong kind, or open to others.
        SignerError: a signer from outside failed, or did not answer.
    """
    from venturalitica.ledger.signing.signer import load_signer

    if settings.signer:
        from venturalitica.ledger.signing.external import load_external

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


def open_ledger(
    settings: Settings | None = None, *, create: bool = True, settle: bool = True
) -> Ledger:
    """The ledger of these settings, with its signing keys; an interrupted erasure is finished.

    `create` and `settle` are those of `Ledger.open`.

    Raises:
        EvidenceError: it cannot be created, read or trusted.
        SigningKeyError: the key is missing, unreadable, or open to others.
    """
    from venturalitica.ledger.ledger import Ledger

    settings = settings or Settings.current()
    ledger = Ledger.open(settings.home, signer=signer_of(settings), create=create, settle=settle)
    # os.path says False, and does not raise, where the folder may not be looked into.
    if os.path.exists(ledger.home / "vault" / "erasing"):  # noqa: PTH110
        from venturalitica.ledger.lifecycle.erase import go_on

        go_on(ledger)
    return ledger


def take_in(settings: Settings) -> int:
    """Take into the log what waits in the inbox; gives how many statements wait still.

    Raises:
        EvidenceError: there is no log, or it cannot be written.
        SigningKeyError: something waits, and there is no key to seal it with.
    """
    from venturalitica.ledger.ledger import Ledger

    waiting = Ledger.open(settings.home).waiting
    return open_ledger(settings).waiting if waiting else 0


def checked_title(name: object) -> str:
    """The name that the caller gives an audit; empty where there is none.

    Raises:
        BindingError: it is no text, or empty.
    """
    if name is None:
        return ""
    if not isinstance(name, str) or not name.strip():
        raise BindingError(
            f"name={str(name)[:80]!r}: expected what the audit is called, text such as "
            "'credit-nightly'"
        )
    return redact_name(name.strip())
