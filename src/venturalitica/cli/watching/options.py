"""What `watch` and `ui --notify` are asked for alike."""

from __future__ import annotations

from typing import Annotated

import typer

from venturalitica.core.text import is_web_address
from venturalitica.errors import SettingsError

ToOption = Annotated[
    list[str] | None,
    typer.Option(
        "--to",
        metavar="URL",
        help="Where to send messages, several times if need be; https://… is a signed webhook, "
        "others as Apprise has them. If left out: VENTURALITICA_NOTIFY.",
    ),
]
LinkBaseOption = Annotated[
    str,
    typer.Option("--link-base", metavar="URL", help="Where the pages are, for links to a run."),
]


def link_base(given: str) -> str:
    """The address of the pages, as given.

    Raises:
        SettingsError: it is no plain web address: it goes to others, and may hold no token.
    """
    plain = is_web_address(given) and not set("?#@").intersection(given)
    if given and not plain:
        raise SettingsError(
            "--link-base goes into messages: expected http://host or https://host/path, without "
            "user, query or token"
        )
    return given
