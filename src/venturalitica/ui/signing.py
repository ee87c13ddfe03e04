"""What `ui --write` adds: a person signs a record off, or writes a note on it, in the browser.

Asked for twice. The first form says who, in which role, and what or why; what it said is kept here
under a word of its own, with the digest and the light that the page then shows. The second names
that word and nothing else: what is signed is what was shown, whatever a form is made to send. A
word signs once, however often it is sent.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from venturalitica.errors import SigningKeyError

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.ledger.signing.signer import Signer
    from venturalitica.system.settings import Settings

NOTED = "noted"
"""The third choice beside approving and rejecting."""

MOST = 100
"""So many confirmations are open at once; the oldest are forgotten, and asked for again."""

NO_KEY = (
    "There is no signing key here, and none is made for these pages. The first record of this "
    "project makes one (`venturalitica check`), or VENTURALITICA_SIGNING_KEY names one."
)


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be confirmed: `said` is person, role, comment, decision, control.

    With the decision `NOTED` it is a note, of which the comment is the text. `made` is its entry,
    once it is signed.
    """

    word: str
    entry: int
    evidence_sha256: str
    light: str
    keyid: str
    said: Mapping[str, str]
    made: int | None = None


class Signing:
    """Signs with the key that the command line would sign with; safe to use from threads.

    `own` is the person's own key, which signs too.
    """

    def __init__(self, settings: Settings, home: Path, own: Signer | None = None) -> None:
        self._settings = replace(settings, home=home)
        self._own = own
        self._asked: dict[str, Asked] = {}
        self._lock = threading.Lock()

    def key(self) -> str:
        """The id of the key that signs for the person.

        Raises:
            SigningKeyError: there is none, it is locked, or cannot be read.
        """
        from venturalitica.audit.project import signer_of
        from venturalitica.ledger.signing.signer import has_own_key

        settings = self._settings
        given = settings.signer or settings.signing_key
        if not given and (settings.config is None or not has_own_key(settings.config)):
            raise SigningKeyError(NO_KEY)
        ledger_key = signer_of(settings).keyid
        return self._own.keyid if self._own is not None else ledger_key

    def ask(self, entry: Entry, light: str, said: Mapping[str, str]) -> Asked:
        """Keep what is to be confirmed.

        Raises:
            SigningKeyError: no key can sign it.
        """
        asked = Asked(
            word=secrets.token_hex(16),
            entry=entry.index,
            evidence_sha256=entry.evidence_sha256,
            light=light,
            keyid=self.key(),
            said=said,
        )
        with self._lock:
            self._asked[asked.word] = asked
            while len(self._asked) > MOST:
                self._asked.pop(next(iter(self._asked)))
        return asked

    def asked(self, word: str) -> Asked | None:
        """What was kept under a word."""
        with self._lock:
            return self._asked.get(word)

    def sign(self, word: str, entry: Entry, light: str) -> Asked | None:
        """Sign what was confirmed, once; None where it is not, or no longer, what was shown.

        Raises:
            SigningKeyError: it cannot be signed.
            EvidenceError: it cannot be written.
        """
        with self._lock:  # a second click waits, and is then told of the first
            asked = self._asked.get(word)
            if asked is None or asked.made is not None:
                return asked
            now = (entry.index, entry.evidence_sha256, light, self.key())
            if now != (asked.entry, asked.evidence_sha256, asked.light, asked.keyid):
                return None
            made = self._signed(entry, asked)
            # The name is in the vault now, where it can be erased: it is not kept here.
            done = replace(asked, made=made.index, said={"decision": asked.said["decision"]})
            self._asked[word] = done
            return done

    def _signed(self, entry: Entry, asked: Asked) -> Entry:
        from venturalitica.audit.sign_off import note, sign_off

        said = dict(asked.said)
        control = said.pop("control") or None
        if said["decision"] == NOTED:
            person, text = said["person"], said["comment"]
            return note(
                self._settings, entry, person=person, text=text, control=control, own=self._own
            )
        return sign_off(self._settings, entry, said, light=asked.light, own=self._own)
