"""Signing a record off, or a note on it: a form, what it comes to, and the signature; off without
`ui --write`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from venturalitica.audit.sign_off import check_notable, concern
from venturalitica.errors import EntryPruned, SettingsError, SigningKeyError
from venturalitica.ledger.records.kinds.approval import DECISIONS, MAX_ROLE
from venturalitica.ledger.records.vault import MAX_TEXT
from venturalitica.ui.signing import NOTED
from venturalitica.ui.templating import render

if TYPE_CHECKING:
    from venturalitica.core.verdict import Light
    from venturalitica.ledger import Entry
    from venturalitica.reports.context import ReportContext
    from venturalitica.ui.reader import Reading
    from venturalitica.ui.signing import Asked, Signing

OFF = (
    "This server signs nothing: it was started without `--write`. `venturalitica approve` and "
    "`venturalitica note` do."
)
CHANGED = (
    "Nothing was signed: the record, its light or the key is no longer what was shown. Look at it "
    "as it is now, and confirm again."
)
UNKNOWN = (
    "Nothing was signed: this confirmation is from before the server was started, or too old. "
    "Begin again from the record's page."
)


class SignOffContext(Struct, frozen=True, kw_only=True):
    """What is asked about a record, or is to be confirmed (`asked`). `controls` are its own."""

    entry: int
    digest: str
    name: str
    light: Light
    answer: ReportContext
    concern: str
    key: str = ""
    no_key: str = ""
    said: Mapping[str, str]
    controls: tuple[str, ...]
    problems: tuple[str, ...] = ()
    asked: Asked | None = None


def page(request: Request) -> Response:
    """The form; sent, what it comes to, to be confirmed. 403 where nothing is signed here."""
    signing = _signing(request)
    with request.app.state.desk.reading() as reading:
        entry, answer = _record(reading, request.path_params["entry"])
    try:
        key, no_key = signing.key(), ""
    except SigningKeyError as error:
        key, no_key = "", str(error)
    if no_key or request.method != "POST":
        shown = _context(entry, answer, key=key, no_key=no_key)
        return render(request, "sign_off.html", shown, 403 if no_key else 200)
    said = _said(request.state.form)
    problems = tuple(_problems(said, entry))
    if problems:
        shown = _context(entry, answer, key=key, said=said, problems=problems)
        return render(request, "sign_off.html", shown, 400)
    return _confirm(request, entry, answer, said)


def sign(request: Request) -> Response:
    """Sign what was confirmed, and lead to the record; what changed meanwhile is asked again."""
    signing = _signing(request)
    number: int = request.path_params["entry"]
    word = str(request.state.form.get("word", ""))
    asked = signing.asked(word)
    if asked is None or asked.entry != number:
        raise HTTPException(409, UNKNOWN)
    with request.app.state.desk.reading() as reading:
        entry, answer = _record(reading, number)
    try:
        done = signing.sign(word, entry, answer.light)
    except SigningKeyError as error:
        raise HTTPException(403, f"Nothing was signed. {error}") from error
    if done is None:
        return _confirm(request, entry, answer, asked.said, problems=(CHANGED,), status=409)
    place = "notes" if done.said["decision"] == NOTED else "sign-off"
    address = request.app.state.addresses.url("run", entry=number, _anchor=place)
    return RedirectResponse(address, 303)


def _signing(request: Request) -> Signing:
    signing: Signing | None = request.app.state.signing
    if signing is None:
        raise HTTPException(403, OFF)
    return signing


def _record(reading: Reading, number: int) -> tuple[Entry, ReportContext]:
    from venturalitica.review.record_page import readable

    if number >= reading.ledger.size:
        raise HTTPException(404, f"There is no entry {number} in this log.")
    try:
        entry = reading.ledger.entry(number)
    except EntryPruned as error:
        raise HTTPException(404, str(error)) from error
    if not entry.record.judged:
        raise HTTPException(404, f"Entry {number} is no audit and no run: nothing to sign off.")
    with readable(entry):
        return entry, reading.page_context(entry)


def _confirm(
    request: Request,
    entry: Entry,
    answer: ReportContext,
    said: Mapping[str, str],
    *,
    problems: tuple[str, ...] = (),
    status: int = 200,
) -> Response:
    asked = _signing(request).ask(entry, answer.light, said)
    shown = _context(entry, answer, key=asked.keyid, said=said, problems=problems, asked=asked)
    return render(request, "sign_off.html", shown, status)


def _context(
    entry: Entry,
    answer: ReportContext,
    *,
    key: str = "",
    no_key: str = "",
    said: Mapping[str, str] | None = None,
    problems: tuple[str, ...] = (),
    asked: Asked | None = None,
) -> SignOffContext:
    return SignOffContext(
        entry=entry.index,
        digest=entry.evidence_sha256,
        name=answer.run.name,
        light=answer.light,
        answer=answer,
        concern=concern(entry, answer.light),
        key=key,
        no_key=no_key,
        said=said or dict.fromkeys(_FIELDS, ""),
        controls=tuple(dict.fromkeys(one.control for one in entry.record.verdicts)),
        problems=problems,
        asked=asked,
    )


_FIELDS = ("decision", "person", "role", "comment", "control")


def _said(form: FormData) -> dict[str, str]:
    """What the form says, with the line ends of a file."""
    found = {name: str(form.get(name, "")) for name in _FIELDS}
    return {name: text.replace("\r\n", "\n").strip() for name, text in found.items()}


def _problems(said: Mapping[str, str], entry: Entry) -> list[str]:
    """What keeps it from being signed."""
    if said["decision"] == NOTED:
        try:
            about = {"person": said["person"], "text": said["comment"]}
            check_notable(entry, **about, control=said["control"] or None)
        except SettingsError as error:
            return [str(error)]
        return []
    found = []
    if said["decision"] not in DECISIONS:
        found.append("Choose whether you approve it, reject it, or write a note.")
    if not said["person"] or not said["role"]:
        found.append("A sign-off names a person and a role.")
    if not said["comment"]:
        found.append("Say why: whoever reads the record later was not there.")
    if len(said["role"]) > MAX_ROLE:
        found.append(f"The role is {len(said['role'])} characters long; at most {MAX_ROLE} fit.")
    found += [
        f"The {word} is longer than {MAX_TEXT:,} bytes."
        for name, word in (("person", "name"), ("comment", "reason"))
        if len(said[name].encode(errors="replace")) > MAX_TEXT
    ]
    return found
