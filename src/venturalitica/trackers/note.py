"""Our section in the description that the user wrote for a run.

The section stands between two comments that Markdown does not show. What is outside them is the
user's and stays as it is, to the byte; where there is no room for our section it is left out.
"""

from __future__ import annotations

import re


def with_section(text: str, key: str, body: str, *, limit: int) -> str:
    """`text` with our section `key` holding `body`: replaced in place, else appended.

    The answer is `text` itself where the result would be longer than `limit` characters.
    """
    begin, end = f"<!-- venturalitica {key} -->", f"<!-- /venturalitica {key} -->"
    section = f"{begin}\n{_harmless(body)}\n{end}"
    # Only a beginning with its own end is ours: one whose end the user deleted is text of theirs.
    inner = rf"(?:(?!{re.escape(begin)}|{re.escape(end)}).)*"
    found = re.search(re.escape(begin) + inner + re.escape(end), text, re.DOTALL)
    if found:
        result = text[: found.start()] + section + text[found.end() :]
    else:
        result = f"{text}\n\n{section}" if text else section
    return result if len(result) <= limit else text


def _harmless(body: str) -> str:
    """A body that could be read as one of our marks would swallow the user's words next time."""
    return (
        body.strip()
        .replace("<!-- venturalitica", "<!- venturalitica")
        .replace("<!-- /venturalitica", "<!- /venturalitica")
    )
