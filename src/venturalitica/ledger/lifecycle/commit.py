"""Commit to a policy before anything is judged by it; an authority may say when that was."""

from __future__ import annotations

import http.client
import ipaddress
import threading
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec.structs import replace

from venturalitica.core.causes import said
from venturalitica.core.encoding import encode_base64
from venturalitica.core.redact import redact_uri
from venturalitica.errors import EvidenceError, SettingsError
from venturalitica.ledger.formats.timestamp import MAX_RESPONSE, TimeStamp, request_over
from venturalitica.ledger.records.kinds.commitment import Commitment

if TYPE_CHECKING:
    from venturalitica.ledger.ledger import Ledger
    from venturalitica.ledger.records.placement import Entry

PATIENCE = 20.0
"""Seconds that an authority may take to answer."""


def commit(ledger: Ledger, made: Commitment) -> Entry:
    """Append a commitment.

    Raises:
        SigningKeyError: it cannot be signed.
        EvidenceError: it cannot be written.
    """
    return ledger.append(made.statement())


def stamped(made: Commitment, url: str) -> Commitment:
    """The commitment with a time stamp of the authority at `url`, read and held against it.

    Raises:
        MissingExtra: the library that reads time stamps is not installed.
        EvidenceError: the authority cannot be reached, refuses, or answers something else.
    """
    request = request_over(made.signed_bytes)
    response = _answer(url, request.data)
    found = TimeStamp.read(response)
    found.check(made.signed_bytes, request.nonce)
    stamp: dict[str, Any] = {
        "url": redact_uri(url),
        "response": encode_base64(response),
        "nonce": f"{request.nonce:x}",
        "at": found.at,
    }
    return replace(made, stamp=stamp)


def checked_authority(url: str, *, name: str) -> str:
    """The address of an authority, which `name` gave: https, or http to this very machine.

    Raises:
        SettingsError: it is another, or holds a password.
    """
    try:
        parts = urlsplit(url)
        host, user = parts.hostname or "", parts.username or parts.password
    except ValueError:
        host, user = "", None
    if host and not user and (parts.scheme == "https" or _is_own(parts.scheme, host)):
        return url
    raise SettingsError(
        f"{name} {redact_uri(url)!r}: expected the https address of a time-stamping authority "
        "(RFC 3161), without user or password"
    )


def _is_own(scheme: str, host: str) -> bool:
    try:
        return scheme == "http" and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return scheme == "http" and host == "localhost"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Where the request goes, the user said: an answer could lead it off to any address."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _answer(url: str, data: bytes) -> bytes:
    request = urllib.request.Request(
        url, data=data, headers={"Content-Type": "application/timestamp-query"}
    )
    opener = urllib.request.build_opener(_NoRedirect)
    found: list[bytes] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            with opener.open(request, timeout=PATIENCE) as answer:
                found.append(answer.read(MAX_RESPONSE + 1))
        except urllib.error.HTTPError as error:
            with error:
                failed.append(error)
        except (OSError, ValueError, http.client.HTTPException) as error:
            failed.append(error)

    # A daemon: a byte now and then would keep each wait short, and all of them endless.
    thread = threading.Thread(target=ask, name="venturalitica-timestamp", daemon=True)
    thread.start()
    thread.join(PATIENCE)
    if found:
        return found[0]
    why = said(failed[0]) if failed else f"no answer within {PATIENCE:g} seconds"
    raise EvidenceError(f"the time-stamping authority at {redact_uri(url)} gave none: {why}")
