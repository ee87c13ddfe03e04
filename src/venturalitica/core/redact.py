"""Take credentials out of text before it is written, logged or sent.

`redact_uri` is for one address, `redact_text` for a sentence that may hold several addresses,
`key=value` pairs or tokens of well-known shapes, `redact_name` for the name of a run, file or data
set, which may be the end of an address. They prefer to remove too much.
"""

from __future__ import annotations

import math
import re
import traceback
from collections import Counter
from collections.abc import Callable
from functools import lru_cache

from venturalitica.core.secret_names import (
    is_secret_in_prose,
    is_secret_in_query,
    is_secret_name,
    is_weakly_secret_name,
)

MARK = "[removed]"

WITHHELD = "withheld"
"""What stands in a fact in the place of a value that is, or may be, a secret."""

# Each pattern below begins at the edge of a word and gives nothing back (possessive quantifiers),
# so that no text, however hostile, takes more than linear time.
_URI = re.compile(r"(?<![A-Za-z0-9+.\-:/])(?:[A-Za-z0-9+.\-]++:)?+//[^\s\"'<>`]++")
_AUTHORITY = re.compile(r"((?:[A-Za-z0-9+.\-]++:)?//)([^/?#]*+)(.*)", re.DOTALL)
_SCP = re.compile(r"(?<![^\s\"'<>(\[=,;])[^\s@:/]{1,128}:[^\s@/]{1,256}@(?=\w)")
_ORACLE = re.compile(r"(?i)\b(jdbc:oracle:\w++:)[^\s@/]++/[^\s@]++@")
_NAME = re.compile(r"(?<![\w.\-])[\w.\-]++\\*+[\"']?+\s*+[:=]\s*+")
_QUOTED = re.compile(
    r"""(?x)
      \\++["'][^"'\\]*+(?:\\++["'])?+       # JSON inside JSON
    | [bBrRuUfF]{0,2}+(?:"(?:[^"\\]|\\.)*+"?+|'(?:[^'\\]|\\.)*+'?+)  # one cut off is still one
    """,
    re.DOTALL,
)
_BRACKETED = re.compile(r"[\w.]*+[(\[{]")
_WORD = re.compile(r"(?i)(?:(?:bearer|basic|token)\s++)?+[^\s,;&)}\]\"']++")
_LINE = re.compile(r"[^,;&)}\]\"'\r\n]++")
_HEADER = re.compile(
    r"(?i)(?<![\w\-])((?:set-)?+cookie|(?:proxy-)?+authorization)\s*+:\s*+(?![\"'\s])[^\r\n\"']++"
)
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s++[A-Za-z0-9._~+/=\-]{8,}+")
_OPTION = re.compile(r"(?<![\w\-])(--?[\w\-]++)(\s++)(?!-)(\"[^\"]*+\"?+|'[^']*+'?+|\S++)")
_USER = re.compile(r"--?(?:u|user|userpwd|proxy-user)")
_SHELL = re.compile(r"(?i)\b(?:mysql|mariadb|sshpass)")
_SHORT = re.compile(r"(?<![\w\-])-p(?:\"[^\"]*+\"?+|'[^']++'?+|[^\s\"'\]]++)")
"""`mysql -psecret`."""
_ELEMENT = re.compile(r"<([\w:.\-]++)([^<>]*+)>([^<]++|<!\[CDATA\[[^\]]*+\]\]>)(?=</)")
_LABELLED = re.compile(
    r"(?i)(?<![\w.\-])(?:name|key|id|header|field|variable|option)\\*+[\"']?+\s*+[:=]\s*+"
    r"\\*+[\"']?+([\w.\-]++)"
)
"""`name="password" value="secret"`."""
_LABELLED_VALUE = re.compile(r"(?i)val(?:ue)?s?|content|data|default|text")
_SPOKEN = re.compile(
    r"(?i)(?<![\w\-])(pw|pwd|passwd|password|passphrase|passcode)\s++(?:is\s++)?[^\s>\"',;)\]}=:]++"
)
_ENVIRONMENT = re.compile(
    r"(?i)(?:(?<![a-z])env(?:iron(?:ment)?)?s?(?:_?vars)?\\*+[\"']?+\s*+[:=]\s*+(?:[\w.]++\()?"
    r"|environ\()\{"
)
_SHAPES = re.compile(
    r"""(?x)
      \bgh[pousr]_[A-Za-z0-9]{8,}\b | \bgithub_pat_\w{16,}\b | \bglpat-[\w\-]{16,}
    | \b(?:AKIA|ASIA|ABIA|ACCA)[0-9A-Z]{12,}\b | \bAIza[\w\-]{30,} | \bya29\.[\w\-]{16,}
    | \bGOCSPX-[\w\-]{16,} | \bsk-(?!learn)[A-Za-z0-9_\-]{8,} | \b[srp]k_(?:live|test)_\w{8,}
    | \bwhsec_\w{16,} | \bxox[abeoprs]-[\w\-]{8,} | \bxapp-[\w\-]{10,} | \bnvapi-[\w\-]{16,}
    | \bhf_(?:[A-Za-z0-9]{16,}|(?=[A-Za-z]*\d)[A-Za-z0-9]{8,})\b | \bgsk_[A-Za-z0-9]{16,}\b
    | \bdapi[0-9a-f]{24,}\b | \bdop_v1_[0-9a-f]{24,}\b | \bnpm_\w{20,}\b | \bpypi-[\w\-]{20,}
    | \bSG\.[\w\-]{16,}\.[\w\-]{16,} | \bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{16,}
    | \bwandb_v1_\w{16,} | \bAGE-SECRET-KEY-\w{16,}
    | (?<=hooks\.slack\.com/services/)[\w/]++
    | (?<![\w\-])eyJ[\w\-]{10,}(?:\.[\w\-]*)*
    | -----BEGIN[ A-Z0-9]*-----.*?(?:-----END[ A-Z0-9]*-----|\Z)
    """,
    re.DOTALL,
)
_RUN = re.compile(r"[A-Za-z0-9+/=_\-]{16,}+")
_PIECE = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def redact_uri(uri: str) -> str:
    """An address without user, password, and without secrets in its query or fragment.

    `https://u:p@host/x?token=t&a=1` becomes `https://host/x?token=[removed]&a=1`. A user name alone
    goes too (it is often a token), except git's own `git@`.
    """
    match = _AUTHORITY.fullmatch(uri)
    if match is None:
        return _SCP.sub("", _SHAPES.sub(MARK, uri))
    scheme, authority, rest = match.groups()
    if re.search(r"^[^\[]*:\D", authority) and "@" not in authority and "@" in rest:
        # No port but a password, and in it a `/`, `?` or `#` that nobody wrote as `%2F`.
        authority = rest.rpartition("@")[2]
        rest = authority[len(re.split(r"[/?#]", authority)[0]) :]
        authority = authority.removesuffix(rest)
    user, at, host = authority.rpartition("@")
    keep = f"{user}{at}" if user == "git" else ""
    return f"{scheme}{keep}{host}{_redact_rest(rest)}"


def redact_text(text: str) -> str:
    """A sentence without the credentials in its addresses, `name=value` pairs and known tokens."""
    return _redact_named(_redact_shapes(text), is_secret_in_prose, _WORD)


def redact_fact(text: str) -> str:
    """The text of a fact (a parameter, say), `withheld` where a secret is or may be.

    Stricter than `redact_text`: every name that may be one of a secret counts, its value goes on to
    the end of the line or the next sign, and what looks drawn at random is taken for a secret.
    """
    text = _redact_shapes(_redact_environments(text))
    text = _SPOKEN.sub(lambda match: f"{match[1]} {MARK}", text)
    text = _redact_named(text, _fact_names(text), _LINE)
    return _RUN.sub(_redact_random, text).replace(MARK, WITHHELD)


def _fact_names(text: str) -> Callable[[str], bool]:
    """Which names in this text tell a secret: `value` too, if a field beside it names one."""
    told = any(_may_be_secret(match[1]) for match in _LABELLED.finditer(text))

    def is_secret(name: str) -> bool:
        bare = name.rstrip(" \t\r\n:=").strip("\"'\\")
        return _may_be_secret(bare) or (told and _LABELLED_VALUE.fullmatch(bare) is not None)

    return is_secret


def _may_be_secret(name: str) -> bool:
    return is_secret_name(name) or is_weakly_secret_name(name)


def _redact_environments(text: str) -> str:
    """`env={...}` and `environ({...})` without any of the variables."""
    parts, done = [], 0
    for match in _ENVIRONMENT.finditer(text):
        if match.start() >= done:
            parts += [text[done : match.end()], MARK, "}"]
            done = _end_of_brackets(text, match.end())
    return "".join(parts) + text[done:]


@lru_cache(maxsize=4096)  # each audit of a table names its columns again
def redact_name(name: str) -> str:
    """A name that somebody gave: `rows.csv?sig=s` becomes `rows.csv?sig=[removed]`."""
    return redact_text(name if "://" in name else _redact_rest(name))


def redacted_traceback(error: BaseException) -> str:
    """Where an exception was raised and what it says, as Python prints it, without credentials.

    For logs: a message may quote the address or the options that something failed with.
    """
    return redact_text("".join(traceback.format_exception(error)).rstrip())


def _redact_shapes(text: str) -> str:
    text = _SHAPES.sub(MARK, text)
    text = _ORACLE.sub(r"\1@", text)
    text = _URI.sub(lambda match: redact_uri(match[0]), text)
    text = _SCP.sub(f"{MARK}@", text)
    text = _HEADER.sub(lambda match: f"{match[1]}: {MARK}", text)
    text = _ELEMENT.sub(_redact_element, text)
    if _SHELL.search(text):
        text = _SHORT.sub(f"-p{MARK}", text)
    text = _BEARER.sub(lambda match: f"{match[1]} {MARK}", text)
    return _OPTION.sub(_redact_option, text)


def _redact_element(match: re.Match[str]) -> str:
    """`<password>x</password>`, `<property name="password">x</property>`."""
    tag, attributes, _ = match.groups()
    names = [tag, *(found[1] for found in _LABELLED.finditer(attributes))]
    return f"<{tag}{attributes}>{MARK}" if any(map(is_secret_name, names)) else match[0]


def _redact_option(match: re.Match[str]) -> str:
    option, space, value = match.groups()
    # `verify --keys FILE` is a remedy that we name ourselves.
    secret = is_secret_name(option) and option != "--keys"
    return f"{option}{space}{MARK}" if secret or _is_login(option, value) else match[0]


def _is_login(option: str, value: str) -> bool:
    """`-u user:password`, as curl takes it."""
    return _USER.fullmatch(option) is not None and ":" in value


def _redact_named(text: str, is_secret: Callable[[str], bool], plain: re.Pattern[str]) -> str:
    """`password: x`, `"api_key": "x"`, `WANDB_API_KEY=x`, `auth=("u", "x")`."""
    parts, done = [], 0
    for name in _NAME.finditer(text):
        if name.start() < done or not _tells(name[0], is_secret):
            continue
        end = _end_of_value(text, name.end(), plain)
        if end > name.end() and not text.startswith(MARK, name.end()):
            parts += [text[done : name.end()], MARK]
            done = end
    return "".join(parts) + text[done:]


def _tells(name: str, is_secret: Callable[[str], bool]) -> bool:
    """An equals sign makes a pair of what may be prose after a colon."""
    return is_secret(name) or ("=" in name and is_secret_name(name))


def _end_of_value(text: str, start: int, plain: re.Pattern[str]) -> int:
    quoted = _QUOTED.match(text, start)
    if quoted is not None:
        return quoted.end()
    opened = _BRACKETED.match(text, start)
    if opened is not None:
        return _end_of_brackets(text, opened.end())
    match = plain.match(text, start)
    return match.end() if match else start


def _end_of_brackets(text: str, place: int) -> int:
    """Past the bracket that closes the one before `place`; the end of the text if none does."""
    depth = 1
    while place < len(text) and depth:
        quoted = _QUOTED.match(text, place)
        if quoted is not None:
            place = quoted.end()
            continue
        depth += (text[place] in "([{") - (text[place] in ")]}")
        place += 1
    return place


def _redact_random(match: re.Match[str]) -> str:
    run = match[0]
    return MARK if any(map(_looks_random, [run, *run.split("/")])) else run


def _looks_random(run: str) -> bool:
    """Letters and digits in no order that words have: a key, a token, a digest."""
    pieces = _PIECE.findall(run)
    letters = sum(map(len, pieces))
    if len(run) < 16 or letters < 16 or not any(piece.isalpha() for piece in pieces):
        return False
    kinds = [any(map(kind, run)) for kind in (str.isupper, str.islower, str.isdigit)]
    return sum(kinds) > 1 and (letters < 3 * len(pieces) or (all(kinds) and _entropy(run) > 4.5))


def _entropy(run: str) -> float:
    """Bits a character, after Shannon: words have about 4, forty letters at random over 4.6."""
    return -sum(n / len(run) * math.log2(n / len(run)) for n in Counter(run).values())


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
    if sign and value and is_secret_in_query(name):
        return f"{name}={MARK}"
    return _SHAPES.sub(MARK, part)
