"""The files and data that a record is bound to by their digests: names, sizes, what each is of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.json_values import Json, integer, mapping, mappings, text
from venturalitica.core.record import KINDS, MODEL
from venturalitica.errors import EvidenceError
from venturalitica.ledger.index.counts.attempts import of_kind_after
from venturalitica.ledger.lifecycle.ties import attachments_of
from venturalitica.ledger.records.kinds.model_tie import ModelTie

if TYPE_CHECKING:
    from venturalitica.ledger import Entry
    from venturalitica.reports.context import ReportContext
    from venturalitica.ui.reader import Reading

MOST = 200
"""Files that are listed; a model may have thousands."""


class Judged(Struct, frozen=True, kw_only=True):
    """One thing that the judgement is bound to by a digest.

    `of` says what the digest is of; `size` its rows or bytes, in words; `entry` is the record that
    names it where that is another one.
    """

    what: str
    name: str
    digest: str = ""
    of: str = ""
    size: str = ""
    entry: int | None = None


class JudgedShown(Struct, frozen=True):
    """All that is listed, and how many more there are; `attached` names the tracker's runs that the
    record was attached to afterwards, each with the entry that says so."""

    found: tuple[Judged, ...] = ()
    besides: int = 0
    attached: tuple[tuple[int, str], ...] = ()


def judged_of(
    reading: Reading, entry: Entry, report: ReportContext, inside: Sequence[Entry] = ()
) -> JudgedShown:
    """What the record is bound to, and the audits inside a run, each thing once.

    Raises:
        EvidenceError: the log was altered.
    """
    audits = [entry, *inside]
    listed = [
        *_policy(report),
        *(one for made in audits for one in _model(made)),
        *(one for made in audits for one in _data(made)),
        *_files(reading, audits),
    ]
    found = list(dict.fromkeys(listed))
    return JudgedShown(tuple(found[:MOST]), len(found[MOST:]), tuple(_attached(reading, entry)))


def _policy(report: ReportContext) -> Iterator[Judged]:
    policy = report.policy
    if policy is not None:
        size = _bytes(len(policy.data)) if policy.data is not None else ""
        yield Judged(
            what="policy", name=policy.filename, digest=policy.sha256, of="SHA-256", size=size
        )


_OF = {
    "files": "root of its files, SHA-256",
    "pickle": "its pickle, SHA-256",
    "weights": "its weights, SHA-256",
    "name": "nothing: it was given by name alone",
}


def _model(entry: Entry) -> Iterator[Judged]:
    model = entry.record.model
    if not model:
        return
    digest = text(model.get("sha256"))
    of = _OF.get(text(model.get("identity")), text(model.get("serialization")))
    name = text(model.get("name")) or text(model.get("class"))
    yield Judged(what="model", name=name, digest=digest, of=of or "not recorded")
    for file in mappings(mapping(model.get("files")).get("files")):
        yield _file(file, None)


def _file(file: Json, entry: int | None) -> Judged:
    name, digest = text(file.get("name")), text(file.get("sha256"))
    return Judged(what="file of the model", name=name, digest=digest, of="SHA-256", entry=entry)


def _data(entry: Entry) -> Iterator[Judged]:
    for item in entry.record.data:
        bare, keyed = text(item.get("sha256")), text(item.get("hmac_sha256"))
        rows, size = integer(item.get("rows")), integer(item.get("size"))
        told = [f"{rows:,} rows"] if rows is not None else []
        told += [_bytes(size)] if size is not None else []
        yield Judged(
            what={"audit": "data", "input": "input", "output": "output"}.get(
                text(item.get("context")), "data"
            ),
            name=text(item.get("name")),
            digest=bare or keyed,
            of="SHA-256" if bare else "HMAC under the key of the log" if keyed else "not recorded",
            size=", ".join(told),
        )


def _bytes(count: int) -> str:
    return f"{count:,} byte{'' if count == 1 else 's'}"


def _files(reading: Reading, audits: Sequence[Entry]) -> Iterator[Judged]:
    """The files that records soon after it name as its model's."""
    about = {(entry.index, entry.evidence_sha256) for entry in audits}
    for row in of_kind_after(reading.index, KINDS[MODEL], audits[0].index):
        try:
            made = ModelTie.of(reading.ledger.entry(row.index).record.predicate)
        except EvidenceError:
            continue  # `verify` says what is wrong with it
        if (made.entry, made.evidence_sha256) in about:
            root = made.manifest.root
            of = f"root of its files, SHA-256; {made.likeness.tie}"
            yield Judged(what="model", name=made.name, digest=root, of=of, entry=row.index)
            for name, digest in made.manifest.files.items():
                yield _file({"name": name, "sha256": digest}, row.index)


def _attached(reading: Reading, entry: Entry) -> Iterator[tuple[int, str]]:
    for place, made in attachments_of(reading.ledger, entry, reading.desk.told):
        run = made.run
        name = text(run.get("run_name")) or text(run.get("run_id"))
        yield place, f"{text(run.get('tracker'))} run {name} ({made.how})"
