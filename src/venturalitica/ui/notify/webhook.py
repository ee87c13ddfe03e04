"""A signed POST: HMAC-SHA256 (RFC 2104) over the time, a full stop and the body.

    Venturalitica-Signature: t=1764493200,v1=5257a869…

The time is in what is signed, so that a message that was recorded cannot be sent again later. A
redirection is no answer: urllib would follow it with a GET, and the message would be lost.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from venturalitica.core.concise import Concise
from venturalitica.errors import SettingsError
from venturalitica.ui.notify.destination import NotToldError, without_secrets
from venturalitica.ui.notify.message import Message, facts

SECRET = "VENTURALITICA_NOTIFY_SECRET"
SHORTEST_SECRET = 16
HEADER = "Venturalitica-Signature"
PATIENCE = 10.0
"""Seconds that a receiver has to answer."""


class Webhook(Concise, frozen=True):
    """An address that takes signed messages. `clock` gives seconds since 1970."""

    unsaid = frozenset({"address", "secret"})

    label: str
    address: str
    secret: bytes
    clock: Callable[[], float] = time.time

    @classmethod
    def at(cls, address: str, label: str, said: str) -> Webhook:
        """The webhook at an address; `said` is what an error calls it.

        Raises:
            SettingsError: it is no address of a server, or there is no secret.
        """
        try:
            parts = urlsplit(address)
            usable = bool(parts.hostname) and (parts.port is None or parts.port > 0)
        except ValueError:  # its text quotes the address
            usable = False
        if not usable or parts.username is not None or not address.isascii():
            raise SettingsError(
                f"{said} is no address of a webhook: expected https://host/path, without a "
                "password in it; its messages are signed instead"
            )
        secret = os.environ.get(SECRET, "").strip()
        if len(secret) < SHORTEST_SECRET:
            raise SettingsError(
                f"{said}: {label} gets signed messages, and {SECRET} has "
                f"{len(secret)} characters: expected {SHORTEST_SECRET} or more that the receiver "
                "knows too, such as 'openssl rand -hex 32' prints"
            )
        return cls(label, address, secret.encode())

    def send(self, message: Message) -> None:
        """POST it; any answer but 2xx is none."""
        body = json.dumps(facts(message.change, message.base), ensure_ascii=True).encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "venturalitica",
            HEADER: signature(self.secret, int(self.clock()), body),
        }
        request = urllib.request.Request(self.address, body, headers, method="POST")
        try:
            with _OPENER.open(request, timeout=PATIENCE) as answer:
                status = answer.status
        except urllib.error.HTTPError as error:
            error.close()
            raise NotToldError(f"it answered {error.code}") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            said = without_secrets(str(reason), self.address) or type(error).__name__
            raise NotToldError(said) from None
        if not 200 <= status < 300:
            raise NotToldError(f"it answered {status}")


def signature(secret: bytes, at: int, body: bytes) -> str:
    """The value of the header, for a message of that second."""
    signed = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={signed}"


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirection)
