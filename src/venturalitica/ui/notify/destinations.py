"""Where messages go. An address may hold a password or a token: none is ever printed or logged."""

from __future__ import annotations

import os
from collections.abc import Sequence

from venturalitica.errors import SettingsError
from venturalitica.ui.notify.destination import SCHEME, Destination, label_of
from venturalitica.ui.notify.services import Service
from venturalitica.ui.notify.webhook import Webhook

VARIABLE = "VENTURALITICA_NOTIFY"


def destinations(given: Sequence[str]) -> list[Destination]:
    """The destinations at these addresses; those of `VENTURALITICA_NOTIFY` where none is given.

    Raises:
        SettingsError: an address cannot be used, or a webhook has no secret to sign with.
        MissingExtra: Apprise is needed for one, and not installed.
    """
    source = "--to" if given else VARIABLE
    addresses = list(dict.fromkeys(given or os.environ.get(VARIABLE, "").split()))
    return [_destination(f"{source} ({n})", one) for n, one in enumerate(addresses, 1)]


def _destination(said: str, address: str) -> Destination:
    scheme = SCHEME.match(address)
    if scheme is None:
        raise SettingsError(
            f"{said} is no address: expected https://… for a signed webhook, or one that Apprise "
            "knows, such as slack://… or mailto://…"
        )
    if scheme[0].lower() in ("http", "https"):
        return Webhook.at(address, label_of(address), said)
    return Service.at(address, label_of(address), said)
