"""Text that somebody may record to hurt whoever looks at it later: ours, for every page's tests.

Each attacks another place in which a page may put text: between tags, in an attribute, in an
address, in a script or a style, in a template, in a terminal, in a layout. `MARK` is what an attack
that works would leave in the page's `window`.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

MARK = "pwned"

BETWEEN_TAGS = (
    "<script>window.pwned=1;alert(1)</script>",
    "<ScRiPt >window.pwned=1</sCrIpT\t>",
    "<img src=x onerror=window.pwned=1>",
    "<svg><animate onbegin=window.pwned=1 attributeName=x dur=1s>",
    "<svg/onload=window.pwned=1>",
    "<details open ontoggle=window.pwned=1>",
    "<iframe srcdoc='<script>parent.pwned=1</script>'></iframe>",
    "<math><mtext></table><mglyph><style><!--</style><img src=x onerror=window.pwned=1>",
    "<form action=https://evil.example><button autofocus onfocus=window.pwned=1>send</button>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<base href=https://evil.example/>",
    "<link rel=stylesheet href=https://evil.example/x.css>",
    "<object data='javascript:window.pwned=1'></object>",
    "<noscript><p title='</noscript><img src=x onerror=window.pwned=1>'>",
    "<template><img src=x onerror=window.pwned=1></template>",
    "<div hx-get=/ hx-trigger=load hx-on::load='window.pwned=1'>x</div>",
    "<b>bold</b><h1>another heading</h1><marquee>x</marquee>",
)

OUT_OF_PLACE = (
    "</title><script>window.pwned=1</script>",
    "</style><script>window.pwned=1</script>",
    "</script><script>window.pwned=1</script>",
    "</textarea></option></select><img src=x onerror=window.pwned=1>",
    "</pre></code></td></tr></table><img src=x onerror=window.pwned=1>",
    "--><img src=x onerror=window.pwned=1><!--",
    "]]><script>window.pwned=1</script>",
    '"><svg onload=window.pwned=1>',
    "'><svg onload=window.pwned=1>",
    "` onmouseover=window.pwned=1 `",
    '" autofocus onfocus="window.pwned=1',
    "' onmouseover='window.pwned=1",
    '" style="position:fixed;inset:0;background:red" x="',
)

ADDRESSES = (
    "javascript:window.pwned=1",
    "JaVa\tScRiPt:window.pwned=1",
    "\x01javascript:window.pwned=1",
    "data:text/html,<script>opener.pwned=1</script>",
    "vbscript:msgbox(1)",
    "//evil.example/x",
    "\\\\evil.example\\share",
    "https://user:hunter2@evil.example/x?token=hunter2#access_token=hunter2",
    "../../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    "a/b?c=d&e=f#g%zz+ %00",
    "/",
    ".",
    "..",
)

TEMPLATES = (
    "{{7*7}}{% raw %}{{ cycler.__init__.__globals__ }}",
    "${7*7}#{7*7}<%= 7*7 %>@{x}",
    "%s%n%(asctime)s{0.__class__}",
    "{{constructor.constructor('window.pwned=1')()}}",
    "'; DROP TABLE runs; --",
    "' OR '1'='1' UNION SELECT 1,2,3 --",
    "%' OR 1=1 --_",
    '=cmd|"/C calc"!A0',
    "; rm -rf / # $(touch x) `touch x` && true",
    "--help",
    "&lt;b&gt;&#60;script&#62;&amp;amp;",
    "| a | b |\n|---|---|\n# [a](javascript:window.pwned=1) ![b](//evil.example/x)",
)

STRANGE = (
    "\x1b[31mred\x1b[0m\x07\x08\x7f\x9b31m",
    "\u202eexe.lortnoc\u202c \u2066isolate\u2069",
    "\ufeffzero\u200bwidth\u200d\u2060",
    "line\rone\r\ntwo\u2028three\u2029four\x0bfive\x0csix",
    "Ω≈ç√∫˜µ≤≥÷ 田中さん 👩‍👩‍👧‍👦 🏳️‍🌈 ﷽ שלום مرحبا",
    "Z̸̡͎͇͕̭̹̱̙̈́̌̒̋͝a̶̛̯̘̤̓̈́̎̏͘l̷̨̺̯͈̂̿̈́͊͝g̸͇͎̭̈́̊̆͝o",
    "ﬁ Ⅷ ｆｕｌｌ ａｄｍｉｎ аdmin",
    "null",
    "NaN",
    "-1",
    "1e400",
    "true",
    "   ",
    "W" * 600,
    "a-long-name-without-any-place-to-break/" * 12,
)

NAUGHTY: tuple[str, ...] = (*BETWEEN_TAGS, *OUT_OF_PLACE, *ADDRESSES, *TEMPLATES, *STRANGE)


STRUCTURE = frozenset(
    (
        *("_type", "predicateType", "format", "kind", "status", "on_fail", "operator", "light"),
        *("bytes", "sha256", "hmac_sha256", "tally_sha256", "evidence_sha256"),
        *("started_at", "ended_at"),
        *("decision", "decided_at", "keyid", "class"),
    )
)
"""Fields that decide what is drawn, or that a log is refused for; the others are free text.

`class` goes besides the list because it names the subject too, and the two must agree."""


def poisoned(statement: Mapping[str, Any], naughty: str) -> dict[str, Any]:
    """A copy of a statement with `naughty` in every free text of its predicate, numbered.

    The numbers tell the fields apart: `... [0]`, `... [1]`. What holds structure stays, so that
    the statement is still one that the log takes and `verify` accepts.
    """
    changed: dict[str, Any] = copy.deepcopy(dict(statement))
    for number, (place, key) in enumerate(_texts(changed["predicate"])):
        place[key] = f"{naughty} [{number}]"
    return changed


def _texts(value: Any) -> Iterator[tuple[Any, Any]]:
    """Container and key of each free text, all found before any is changed."""
    found = []
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        if key in ("tally", "retention", "data_digests", "identity"):
            continue
        if isinstance(item, dict | list):
            found += list(_texts(item))
        elif isinstance(item, str) and key not in STRUCTURE:
            found.append((value, key))
    return iter(found)
