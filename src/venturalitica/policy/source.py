"""The bytes of a policy file to text: UTF-8, no larger than allowed, nothing hidden in it.

What a reader sees in an editor must be what the parser reads. Characters that make the two differ
(line breaks that only some programs know, text direction controls, control characters) are
refused: a rule could hide behind them in what looks like a comment.
"""

from __future__ import annotations

import re
import unicodedata

from venturalitica.policy.limits import MAX_BYTES, MAX_LINES
from venturalitica.policy.nodes import UnreadableError

_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f"  # control characters (tab, line feed are fine)
    "\u2028\u2029"  # line breaks for YAML 1.1, not for an editor
    "\u202a-\u202e\u2066-\u2069"  # reorder what is shown
    "\ufeff\ufffe\uffff]"  # byte order marks and what is no character
    "|\r(?!\n)"  # a line break for YAML, not for most editors
)


def decode(data: bytes) -> str:
    """The text of the file without byte order mark; `UnreadableError` where it is not UTF-8."""
    if len(data) > MAX_BYTES:
        raise UnreadableError(
            0, f"the file has more than {MAX_BYTES:,} bytes (1 MiB); a policy is far smaller"
        )
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise UnreadableError(0, "the file is UTF-16, not UTF-8; save it again as UTF-8")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UnreadableError(
            line,
            f"byte 0x{data[error.start]:02x} is not UTF-8; save the file again as UTF-8",
        ) from None
    _refuse_hidden(text)
    if text.count("\n") > MAX_LINES:
        raise UnreadableError(0, f"the file has more than {MAX_LINES:,} lines; a policy has few")
    return text


def _refuse_hidden(text: str) -> None:
    hidden = _HIDDEN.search(text)
    if hidden is None:
        return
    code = ord(hidden.group()[0])
    name = "a carriage return without a line feed" if code == 0x0D else _name(code)
    raise UnreadableError(
        text.count("\n", 0, hidden.start()) + 1,
        f"the file holds {name}, which a reader cannot see; remove it",
    )


def _name(code: int) -> str:
    name = unicodedata.name(chr(code), "control character").lower()
    return f"U+{code:04X} ({name})"
