"""Somewhere a message is sent, and what may be shown of its address."""

from __future__ import annotations

import re
from typing import Protocol
from urllib.parse import urlsplit

from venturalitica.core.redact import MARK, redact_text
from venturalitica.ui.notify.message import Message

SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,30}(?=://)")
_HOST_IS_NO_SECRET = {"http", "https", "json", "jsons", "xml", "xmls", "form", "forms"}
"""Of other services the place of the host may hold a token: `slack://TOKEN/…`."""


class NotToldError(Exception):
    """A destination did not take a message; the text says why, without the address."""


class Destination(Protocol):
    """Somewhere a message is sent. `label` tells it from others without its secrets; `address` is
    the whole, and nobody prints it."""

    @property
    def label(self) -> str: ...

    @property
    def address(self) -> str: ...

    def send(self, message: Message) -> None:
        """Send it.

        Raises:
            NotToldError: it was not taken.
        """


def label_of(address: str) -> str:
    """`slack://…`, `https://hooks.example.com/…`: what may be shown of an address."""
    scheme = SCHEME.match(address)
    kind = scheme[0].lower() if scheme else "?"
    host = ""
    if kind in _HOST_IS_NO_SECRET:
        try:
            parts = urlsplit(address)
            host = (parts.hostname or "") + (f":{parts.port}" if parts.port else "") + "/"
        except ValueError:
            host = ""
    return f"{kind}://{host}…"


def without_secrets(text: str, address: str) -> str:
    """What a library said, without any part of the address but what its label shows."""
    shown = label_of(address)
    parts = {part for part in re.split(r"[/?&=@:;,+#%]", address) if len(part) > 3}
    for part in sorted({address, *parts}, key=len, reverse=True):
        if part not in shown:
            text = text.replace(part, MARK)
    return redact_text(text)
