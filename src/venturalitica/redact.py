"""Take credentials out of text before it is written, logged or sent.

`redact_uri` is for one address, `redact_text` for a sentence that may hold several addresses,
`key=value` pairs or tokens of well-known shapes, `redact_name` for the name of a run, file or data
set, which may be the end of an address. They prefer to remove too much.
"""

from __future__ import annotations

import re
import traceback
from urllib.parse import unquote

MARK = "[removed]"

_WORDS = (
    r"(?:access[_-]?key|api[_-]?key|apikey|auth|authorization|bearer|client[_-]?secret|code|"
    r"cookie|credential|credentials|jwt|key|pass|passphrase|passwd|password|pat|private[_-]?key|"
    r"pwd|secret|session|sig|signature|token|x-amz-[a-z-]+|x-goog-[a-z-]+|sv|se|sp|sr)"
)
_SECRET_WORD = re.compile(
    r"(?i)password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|"
    r"private[_-]?key|credential|signature|authorization"
)
"""In a sentence, `code: 500` or `key: 3` says nothing secret; in a query string it may."""
_SECRET_NAME = re.compile(
    r"(?:^|[._\-\s])(?:" + _WORDS + r")(?:$|[._\-\s])|" + _SECRET_WORD.pattern[4:],
    re.IGNORECASE,
)
# Each pattern below begins at the edge of a word and gives nothing back (possessive quantifiers),
# so that no text, however hostile, takes more than linear time.
_URI = re.compile(r"(?<![A-Za-z0-9+.\-])[A-Za-z0-9+.\-]++://[^\s\"'<>`]++")
_AUTHORITY = re.compile(r"([A-Za-z0-9+.\-]++://)([^/?#]*+)(.*)", re.DOTALL)
_SCP = re.compile(r"(?<![^\s\"'<>(\[=,;])[^\s@:/]{1,128}:[^\s@/]{1,256}@(?=\w)")
_NAME = re.compile(r"(?<![\w.\-])[\w.\-]++[\"']?\s*+[:=]\s*+")
_VALUE = re.compile(r"""(?i)"[^"]*+"|'[^']*+'|(?:(?:bearer|basic|token)\s++)?+[^\s,;&)}\]"']++""")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s++[A-Za-z0-9._~+/=\-]{8,}+")
_OPTION = re.compile(r"(?<![\w\-])(--?[\w\-]++)(\s++)(?!-)(\S++)")
_SHAPES = re.compile(
    r"""(?x)
      \bgh[pousr]_[A-Za-z0-9]{16,}\b | \bgithub_pat_\w{16,}\b | \bglpat-[\w\-]{16,}
    | \bAKIA[0-9A-Z]{12,}\b | \bASIA[0-9A-Z]{12,}\b | \bAIza[\w\-]{30,}
    | \bsk-[A-Za-z0-9_\-]{16,} | \bsk_(?:live|test)_\w{16,} | \bxox[abeoprs]-[\w\-]{10,}
    | \bhf_[A-Za-z0-9]{16,}\b | \bdapi[0-9a-f]{24,}\b | \bnpm_\w{20,}\b | \bpypi-[\w\-]{20,}
    | (?<![\w\-])eyJ[\w\-]{8,}\.[\w\-]{8,}\.[\w\-]*
    | -----BEGIN[ A-Z]*PRIVATE\ KEY-----.*?(?:-----END[ A-Z]*PRIVATE\ KEY-----|\Z)
    """,
    re.DOTALL,
)


def redact_uri(uri: str) -> str:
    """An address without user, password, and without secrets in its query or fragment.

    `https://u:p@host/x?token=t&a=1` becomes `https://host/x?token=[removed]&a=1`. A user name alone
    goes too (it is often a token), except git's own `git@`.
    """
    match = _AUTHORITY.fullmatch(uri)
    if match is None:
        return _SCP.sub("", _SHAPES.sub(MARK, uri))
    scheme, authority, rest = match.groups()
    user, at, host = authority.rpartition("@")
    keep = f"{user}{at}" if user == "git" else ""
    return f"{scheme}{keep}{host}{_redact_rest(rest)}"


def redact_text(text: str) -> str:
    """A sentence without the credentials in its addresses, `name=value` pairs and known tokens."""
    text = _SHAPES.sub(MARK, text)
    text = _URI.sub(lambda match: redact_uri(match[0]), text)
    text = _SCP.sub(f"{MARK}@", text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MARK}", text)
    text = _OPTION.sub(_redact_option, text)
    return _redact_named(text)


def redact_name(name: str) -> str:
    """A name that somebody gave: `rows.csv?sig=s` becomes `rows.csv?sig=[removed]`."""
    return redact_text(name if "://" in name else _redact_rest(name))


def redacted_traceback(error: BaseException) -> str:
    """Where an exception was raised and what it says, as Python prints it, without credentials.

    For logs: a message may quote the address or the options that something failed with.
    """
    return redact_text("".join(traceback.format_exception(error)).rstrip())


def is_secret_name(name: str) -> bool:
    """Whether a variable, parameter or option of this name probably holds a secret."""
    return _SECRET_NAME.search(unquote(name)) is not None


def _redact_option(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{MARK}" if is_secret_name(match[1]) else match[0]


def _redact_named(text: str) -> str:
    """`password: x`, `"api_key": "x"`, `WANDB_API_KEY=x`."""
    parts, done = [], 0
    for name in _NAME.finditer(text):
        if name.start() < done or not _SECRET_WORD.search(name[0]):
            continue
        value = _VALUE.match(text, name.end())
        if value is not None and not text.startswith(MARK, name.end()):
            parts += [text[done : name.end()], MARK]
            done = value.end()
    return "".join(parts) + text[done:]


def _redact_rest(rest: str) -> str:
    path, mark, query = rest.partition("?")
    if not mark:
        path, mark, query = rest.partition("#")
    return f"{_SHAPES.sub(MARK, path)}{mark}{_redact_pairs(query)}"


def _redact_pairs(query: str) -> str:
    parts = re.split(r"([&;#?])", query)
    return "".join(_redact_pair(part) for part in parts)


def _redact_pair(part: str) -> str:
    name, sign, value = part.partition("=")
    if sign and value and is_secret_name(name):
        return f"{name}={MARK}"
    return _SHAPES.sub(MARK, part)
