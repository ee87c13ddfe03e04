"""What a reader says of the inbox: what waits there, and what lies there that is not ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from venturalitica.errors import EvidenceError
from venturalitica.ledger.dsse import Envelope, verify_signature
from venturalitica.ledger.encoding import MAX_LINE, parse_object
from venturalitica.ledger.inbox import MAX_TURNS, Inbox, read_claim
from venturalitica.ledger.keys import PublicKey, short
from venturalitica.ledger.link import Link
from venturalitica.ledger.tail import NotOursError
from venturalitica.records import Step


def inbox_step(inbox: Inbox, size: int, keys: Mapping[str, PublicKey]) -> Step | None:
    """The step `inbox` over a log of `size` sealed entries; None where there is no inbox."""
    if not inbox.exists():
        return None
    waiting, odd = 0, [(path, "its name is not one of ours") for path in inbox.strangers()]
    for path in inbox.waiting(size):
        try:
            _check(path, keys)
            waiting += 1
        except FileNotFoundError:
            continue  # withdrawn while we looked
        except OSError as error:
            odd.append((path, f"it cannot be read: {error.strerror}"))
        except EvidenceError as error:
            odd.append((path, str(error)))
    return _told(waiting, odd)


def decided(inbox: Inbox, index: int, found: bytes, keys: Mapping[str, PublicKey]) -> bool:
    """Whether bytes behind the sealed entries are the lines, or the beginning of the lines, that
    the inbox has decided for the places from `index` on."""
    while found:
        line = _decision(inbox, index, keys)
        if line is None:
            return False
        piece = line + b"\n"
        if not piece.startswith(found[: len(piece)]):
            return False
        found, index = found[len(piece) :], index + 1
    return True


def _decision(inbox: Inbox, index: int, keys: Mapping[str, PublicKey]) -> bytes | None:
    for turn in range(MAX_TURNS):
        try:
            return _check(inbox.path(index, turn), keys)
        except OSError:
            return None
        except EvidenceError:
            continue
    return None


def _told(waiting: int, odd: list[tuple[Path, str]]) -> Step:
    parts = []
    if waiting:
        subject = "1 statement waits" if waiting == 1 else f"{waiting} statements wait"
        parts.append(f"{subject} there; the next writer or 'venturalitica sync' takes it in")
    if odd:
        path, reason = odd[0]
        more = f" (and {len(odd) - 1} more)" if len(odd) > 1 else ""
        parts.append(f"{path.name!r}{more} is not ours and is left alone: {reason}")
    if parts:
        return Step("inbox", None, "not checked: " + "; ".join(parts))
    return Step("inbox", True, "nothing waits there")


def _check(path: Path, keys: Mapping[str, PublicKey]) -> bytes:
    """The line of a file, which is a record for the place it claims, signed by keys of this log."""
    index, line = read_claim(path)
    envelope = Envelope.parse(line, what="it")
    for signature in envelope.signatures:
        key = keys.get(signature.keyid)
        if key is None:
            raise NotOursError(f"its key {short(signature.keyid)!r} is not among the keys here")
        if not verify_signature(key.ecdsa(), signature.sig, envelope.signed_bytes()):
            raise NotOursError("its signature does not verify")
    statement = parse_object(envelope.payload, what="its statement", limit=MAX_LINE)
    if Link.of(statement).index != index:
        raise NotOursError("it was signed for another place")
    return line
