"""Why a server gave no answer, in a few plain words; and what somebody else's error says.

Libraries pack the cause three exceptions deep and print it as `HTTPConnectionPool(host=…): Max
retries exceeded with url: … (Caused by NewConnectionError("<urllib3… object at 0x…>: …"))`. People
read one line of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from venturalitica.core.redact import redact_text
from venturalitica.errors import VenturaliticaError

LONGEST = 600
CUT_OFF = "the connection was cut off"

_CAUSES = (
    ("the connection was refused", r"connection refused|actively refused|errno 111\b"),
    (
        "its name is not known on this network",
        r"name or service not known|nodename nor servname|name resolution|failed to resolve|"
        r"getaddrinfo failed|no address associated|nameresolutionerror",
    ),
    ("its certificate is not trusted", r"certificate[ _]verify[ _]failed|self.signed certificate"),
    ("it does not speak TLS: http:// in the place of https://?", r"wrong[ _]version[ _]number"),
    ("the proxy let nothing through", r"proxyerror|unable to connect to proxy|tunnel connection"),
    ("no answer in time", r"timed? ?out|timeout"),
    ("there is no way to it on this network", r"no route to host|(?:network|host) is unreachable"),
    (
        CUT_OFF,
        r"connection reset|connection aborted|remote end closed|remotedisconnected|broken pipe|"
        r"incompleteread|connection broken|server disconnected|chunkedencodingerror",
    ),
)
_OF_A_CONNECTION = re.compile(
    r"(?i)https?connection|connectionpool|max retries exceeded|caused by|errno|"
    r"connect(?:ion)?error|socket|urlopen error|connection to server|could not connect|"
    r"connecttimeout|readtimeout|sslerror|sslcert|gaierror"
)
_REPR = re.compile(r"<[\w.]+(?: [^<>]*)? at 0x[0-9a-fA-F]+>:? ?")
_ERRNO = re.compile(r"\[Errno -?\d+\] ?")
_BACKGROUND = re.compile(r"\(Background on this error at: [^)]*\)")


def cause(error: BaseException) -> str:
    """Why there was no answer; empty where the error is about something else."""
    chain = list(_chain(error))
    text = " ".join(f"{type(one).__name__} {one}" for one in chain)
    ours = any(isinstance(one, ConnectionError | TimeoutError) for one in chain)
    if not ours and not _OF_A_CONNECTION.search(text):
        return ""
    found = (words for words, pattern in _CAUSES if re.search(f"(?i){pattern}", text))
    return next(found, "the connection failed" if ours or "Max retries" in text else "")


def said(error: BaseException) -> str:
    """What an error says: one line, of somebody else's without credentials, codes and reprs."""
    if isinstance(error, VenturaliticaError):
        return redact_text(str(error).partition("\n")[0])
    short = cause(error)
    if short:
        return short
    text = _REPR.sub("", _BACKGROUND.sub("", str(error)))
    text = redact_text(" ".join(_ERRNO.sub("", text).split()))[:LONGEST].strip()
    return text or type(error).__name__


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, also inside `args` and `reason` as urllib3 packs them."""
    waiting: list[BaseException] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < 20:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        inner = [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
        waiting += [other for other in inner if isinstance(other, BaseException)]
