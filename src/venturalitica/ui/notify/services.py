"""Slack, mail, Teams, Matrix and some hundred others, by Apprise."""

from __future__ import annotations

import logging
from typing import Any

from venturalitica.core.concise import Concise
from venturalitica.core.verdict import Light
from venturalitica.errors import MissingExtra, SettingsError
from venturalitica.ui.notify.destination import NotToldError, without_secrets
from venturalitica.ui.notify.message import Message

KINDS: dict[Light, str] = {
    "red": "failure",
    "amber": "warning",
    "green": "success",
    "grey": "info",
}


class Service(Concise, frozen=True):
    """An address that Apprise knows."""

    unsaid = frozenset({"address", "service"})

    label: str
    address: str
    service: Any

    @classmethod
    def at(cls, address: str, label: str, said: str) -> Service:
        """The service at an address; `said` is what an error calls it.

        Raises:
            MissingExtra: Apprise is not installed.
            SettingsError: it does not know the address.
        """
        try:
            import apprise
        except ImportError:
            raise MissingExtra("Apprise", "notify") from None
        with _Overheard():
            # A name such as `:smile:` or `\\n` stays what it is.
            asset = apprise.AppriseAsset(
                app_id="venturalitica",
                async_mode=False,
                interpret_emojis=False,
                interpret_escapes=False,
            )
            service = apprise.Apprise(asset=asset)
            known = service.add(address)
        if not known:
            raise SettingsError(
                f"{said}: Apprise cannot read the address {label}: it has no such service, or "
                "something is missing in it; https://appriseit.com/services/ lists what each takes"
            )
        return cls(label, address, service)

    def send(self, message: Message) -> None:
        """Hand it over; what Apprise says of a failure is told without the address."""
        import apprise

        with _Overheard() as said:
            taken = self.service.notify(
                body=message.text,
                title=message.title,
                notify_type=apprise.NotifyType(KINDS[message.light]),
                body_format=apprise.NotifyFormat.TEXT,
            )
        if not taken:
            why = " ".join(dict.fromkeys(said)) or "Apprise does not say why"
            raise NotToldError(without_secrets(why, self.address)[:300])


class _Overheard(logging.Handler):
    """Keeps what Apprise logs to itself: it quotes an address that it cannot read."""

    def __enter__(self) -> list[str]:
        self._said: list[str] = []
        self._logger = logging.getLogger("apprise")
        self._before = self._logger.propagate
        self._logger.propagate = False
        self._logger.addHandler(self)
        return self._said

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self)
        self._logger.propagate = self._before

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            self._said.append(record.getMessage())
