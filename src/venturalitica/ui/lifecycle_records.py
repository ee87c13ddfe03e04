"""Records about records, or about keys, in plain words: what happened, and which records it is of.

A sign-off, a note, an erasure, a pruning, a placing on the market, a rotation of keys, the files of
a model, a commitment to a policy, the beginning of a run. They have no verdicts; what each says
about other records is shown with those, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct

from venturalitica.core.json_values import Json, text
from venturalitica.core.record import (
    APPROVAL,
    ATTACHMENT,
    BEGIN,
    CARRIED,
    COMMITMENT,
    DECISION,
    ERASURE,
    MODEL,
    NOTE,
    OVERRIDE,
    PLACEMENT,
    PRUNE,
    ROTATION,
)
from venturalitica.core.retention import TEN_YEARS, last_day
from venturalitica.core.text import timestamp
from venturalitica.ledger.records.decision import Decided, Overridden
from venturalitica.ledger.records.foreign.carried import Carried
from venturalitica.ledger.records.gate.override import Override
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.ledger.records.kinds.placement import Placement
from venturalitica.ledger.records.notes.note import Note
from venturalitica.reports.html.parts import digest, moment
from venturalitica.reports.sentences import LIGHT_WORDS
from venturalitica.ui.templating import count

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger

Fact = tuple[str, object]


class Care(Struct, frozen=True):
    """What such a record says.

    `title` is its heading, `said` one or two sentences, `facts` the rest (an empty value reads "not
    recorded"), `about` the entries that it speaks of, `alarm` what is shown in red.
    """

    title: str
    said: str
    facts: tuple[Fact, ...] = ()
    about: tuple[int, ...] = ()
    alarm: str = ""


def read_care(ledger: Ledger, entry: Entry) -> Care:
    """What a record of another kind than audit and run says.

    Raises:
        EvidenceError: it is malformed, or the vault holds something else than was recorded.
    """
    record = entry.record
    read = _KINDS.get(record.predicate_type)
    if read is None or not record.understood:
        return _unknown(record.predicate_type)
    return read(ledger, record.predicate, entry.index)


def _approval(ledger: Ledger, predicate: Json, index: int) -> Care:
    from venturalitica.ledger.lifecycle.erase import shown
    from venturalitica.ledger.records.kinds.approval import Approval

    made = Approval.of(predicate, index)
    person = shown(ledger, made.person)
    comment = shown(ledger, made.comment) if made.comment else None
    light = next((word for name, word in LIGHT_WORDS.items() if name == made.light), made.light)
    return Care(
        f"Entry {made.entry} was {made.decision}",
        f"{person}, {made.role}, signed entry {made.entry} off as {made.decision}. A key shows "
        "that its holder signed; whose key it is has to be known another way.",
        (
            ("Decision", made.decision),
            ("Person", person),
            ("Role", made.role),
            ("Date", moment(made.decided_at)),
            ("Comment", comment),
            ("Light then", light),
            ("Signing key", digest(made.keyid)),
        ),
        (made.entry,),
    )


def _note(ledger: Ledger, predicate: Json, index: int) -> Care:
    from venturalitica.ledger.lifecycle.erase import shown

    made = Note.of(predicate, index)
    return Care(
        f"A note on entry {made.entry}",
        "What somebody had to say about it. It decides nothing, and no light changes by it. A key "
        "shows that its holder signed; whose key it is has to be known another way.",
        (
            ("Note", shown(ledger, made.text)),
            ("Person", shown(ledger, made.person)),
            ("Control", made.control),
            ("Date", moment(made.noted_at)),
            ("Signing key", digest(made.keyid)),
        ),
        (made.entry,),
    )


def _erasure(ledger: Ledger, predicate: Json, index: int) -> Care:
    from venturalitica.ledger.lifecycle.erase import shown
    from venturalitica.ledger.records.kinds.erasure import reason_of, targets_of

    targets, reason = targets_of(predicate), reason_of(predicate)
    values = sum(len(target.digests) for target in targets)
    return Care(
        f"{count(values, 'value')} kept beside the log {_were(values)} erased",
        "What these records kept in the vault (names, comments, reasons) was deleted and cannot be "
        "brought back. The records themselves stand, and still verify.",
        (
            ("Values", f"{values:,}"),
            ("Records", f"{len(targets):,}"),
            ("Reason", shown(ledger, reason) if reason else None),
        ),
        tuple(dict.fromkeys(target.entry for target in targets)),
    )


def _prune(ledger: Ledger, predicate: Json, index: int) -> Care:
    from venturalitica.ledger.records.kinds.pruning import Pruning

    made = Pruning.of(predicate)
    gone = sum(item.count for item in made.ranges)
    kept = [f"{name}: {number}" for name, number in made.classes.items()]
    return Care(
        f"{count(gone, 'entry', 'entries')} {_were(gone)} pruned",
        "The time for which they had to be kept had passed, and they were taken out of the log. "
        "That each of them was there, and where, stays proven.",
        (
            ("Entries", ", ".join(map(str, made.ranges))),
            ("By retention class", ", ".join(kept)),
            ("The last had to be kept until", str(made.until)),
            ("Placed on the market", made.placed and str(made.placed)),
            ("Reason", made.reason),
        ),
    )


def _placement(ledger: Ledger, predicate: Json, index: int) -> Care:
    made = Placement.of(predicate)
    return Care(
        f"A model was placed on the market on {made.on}",
        "Its technical documentation has to be kept for ten years from then, and so are the "
        "records of it that are kept for ten years.",
        (
            ("Model", made.model),
            ("SHA-256", digest(made.sha256)),
            ("Placed on the market", made.on.isoformat()),
            ("Ten years end", last_day(TEN_YEARS, made.on).isoformat()),
        ),
    )


def _rotation(ledger: Ledger, predicate: Json, index: int) -> Care:
    from venturalitica.ledger.records.kinds.rotation import Rotation

    made = Rotation.of(predicate, index)
    return Care(
        "A key handed over to the next",
        f"Both keys signed this record. From entry {index + 1} on nothing that the old key "
        "signs belongs to this log: who has stolen it cannot go on.",
        (
            ("Old key, records", digest(made.old.record.keyid)),
            ("New key, records", digest(made.new.record.keyid)),
            ("Old key, checkpoints", digest(made.old.checkpoint.keyid)),
            ("New key, checkpoints", digest(made.new.checkpoint.keyid)),
            ("Reason", made.reason or None),
        ),
    )


def _decision(ledger: Ledger, predicate: Json, index: int) -> Care:
    made = Decided.of(predicate)
    decision = made.decision
    named = " ".join(filter(None, (decision.name, decision.version)))
    word = "let through" if decision.allowed else "refused"
    alarm = ""
    if made.override is not None:
        word, alarm = "let through by an override", f"{made.override.sentence}."
    elif made.passed and not decision.allowed:
        word = f"let through although refused ({made.mode})"
    return Care(
        f"A gate decided: {named} {word}",
        f"{decision.sentence[:1].upper()}{decision.sentence[1:]}.",
        (
            ("Alias", made.alias or None),
            ("By rule", decision.rule),
            ("Control", decision.control or None),
            ("Required policy", f"{decision.policy} ({decision.policy_sha256[:12]})"),
            ("Judgement", decision.record and digest(decision.record)),
            ("Root over the files", decision.files_root and digest(decision.files_root)),
            ("Signed off by", ", ".join(decision.approvals) or None),
            ("Settings of the gate", made.settings and digest(made.settings)),
            ("Asked by", made.by or None),
            *_by_override(made.override),
        ),
        alarm=alarm[:1].upper() + alarm[1:],
    )


def _by_override(found: Overridden | None) -> tuple[Fact, ...]:
    if found is None:
        return ()
    return (
        ("Override", digest(found.evidence_sha256)),
        ("Why", found.because),
        ("Until", moment(found.until)),
        ("Key of the override", digest(found.keyid)),
    )


def _override(ledger: Ledger, predicate: Json, index: int) -> Care:
    from venturalitica.ledger.lifecycle.erase import shown

    made = Override.of(predicate)
    until = timestamp(made.until)
    return Care(
        f"{made.name} {made.version} may be '{made.alias}' although a gate refuses it",
        "For these files under this alias, where the key is one that the gate names for overrides. "
        "It ends by itself; the alias does not, and stands without leave from then on.",
        (
            ("Why", made.because),
            ("Person", shown(ledger, made.person)),
            ("Decided", moment(timestamp(made.at))),
            ("Until", moment(until)),
            ("Root over the files", digest(made.files_root)),
            ("Signing key", digest(made.keyid)),
        ),
        alarm=f"Until {until[:16]} UTC a gate may let through what it refuses.",
    )


def _model(ledger: Ledger, predicate: Json, index: int) -> Care:
    made = ModelTie.of(predicate)
    same = made.likeness.tie == "same predictions"
    return Care(
        f"The files of model {made.name or made.manifest.root[:16]}",
        f"Logged in the run of entry {made.entry}, after its training began. "
        + (
            f"Loaded, they give the audited predictions on {made.likeness.rows:,} rows."
            if same
            else "That they are the model which was audited is not shown."
        ),
        (
            ("Tie", made.likeness.tie),
            ("Why no more", made.likeness.reason or None),
            ("Root over the files", digest(made.manifest.root)),
            ("Files", f"{len(made.manifest.files):,}"),
            *((name.replace("_", " ").capitalize(), said) for name, said in made.logged.items()),
        ),
        (made.entry,),
    )


def _attachment(ledger: Ledger, predicate: Json, index: int) -> Care:
    made = Attachment.of(predicate)
    named = [f"{text(one.get('tracker'))} run {text(one.get('run_id'))}" for one in made.superseded]
    return Care(
        f"Entry {made.entry} belongs to {made.run['tracker']} run {made.run['run_id']}",
        "That run was not open when the audit was made; the evidence was brought there afterwards.",
        (
            ("How it is known", made.how),
            ("Tracker", text(made.run.get("tracker"))),
            ("Run", text(made.run.get("run_name")) or None),
            ("Run id", text(made.run.get("run_id"))),
            ("Reached at", text(made.run.get("uri")) or None),
            *((("Superseded at", ", ".join(named)),) if named else ()),
        ),
        (made.entry,),
    )


def _commitment(ledger: Ledger, predicate: Json, index: int) -> Care:
    made = Commitment.of(predicate)
    data, stamp = made.data or {}, made.stamp or {}
    rows = data.get("rows")
    return Care(
        f"Committed to {made.policy.name or 'a policy'} {made.policy.version}".rstrip(),
        "Audits by this policy text that come later name this entry. It dates the policy; it does "
        "not show that nobody had looked at the data.",
        (
            ("Policy", f"{made.policy.name} {made.policy.version}".strip()),
            ("SHA-256 of the policy", digest(made.policy.sha256)),
            ("Committed at", moment(made.committed_at)),
            ("Test data", text(data.get("name")) if data else None),
            ("Rows of the test data", f"{rows:,}" if isinstance(rows, int) else None),
            ("Planned rows", None if made.rows is None else f"{made.rows:,}"),
            ("Time stamp", moment(made.timestamped_at) if made.timestamped_at else None),
            ("Asked at", text(stamp.get("url")) or None),
        ),
    )


def _begin(ledger: Ledger, predicate: Json, index: int) -> Care:
    record = ledger.entry(index).record
    run, policy = record.run, record.policy
    opened = [f"{text(one.get('tracker'))} run {text(one.get('run_id'))}" for one in record.open]
    return Care(
        f"The run {run.name or run.id} began",
        "Recorded before anything ran inside it. What was judged in it and how it ended is told by "
        "records of their own; where there is no end, it was killed or is still under way.",
        (
            ("Run", run.id),
            ("Inside of", run.parent),
            ("Began", moment(run.started_at)),
            ("Policy", f"{policy.name} {policy.version}" if policy else None),
            ("Trackers", ", ".join(opened) or None),
        ),
    )


def _carried(ledger: Ledger, predicate: Json, index: int) -> Care:
    made = Carried.of(predicate)
    gone = len(made.digests)
    said = (
        f"{count(gone, 'tally', 'tallies')} of it {_were(gone)} deleted here for good, and not "
        "taken again."
        if gone
        else "Another machine's log was verified and is kept whole beside this one. That it is "
        "there as it was taken, 'venturalitica verify' checks."
    )
    return Care(
        "Erased of a log that was taken in" if gone else "A log was taken in",
        said,
        (
            ("Log", made.name),
            ("Signed by key", digest(made.key)),
            ("Entries in all", f"{made.size:,}"),
            ("New entries", f"{made.taken:,}"),
            ("Root over the entries", digest(made.root)),
        ),
    )


def _unknown(kind: str) -> Care:
    return Care(
        "A record of a kind that this version does not know",
        "Its signature and its place in the log are checked all the same; what it says is not "
        "shown. A newer version of this package may know it.",
        (("Kind", kind[:200]),),
    )


_KINDS: Mapping[str, Callable[[Ledger, Json, int], Care]] = {
    APPROVAL: _approval,
    ERASURE: _erasure,
    PRUNE: _prune,
    PLACEMENT: _placement,
    ROTATION: _rotation,
    MODEL: _model,
    COMMITMENT: _commitment,
    BEGIN: _begin,
    ATTACHMENT: _attachment,
    DECISION: _decision,
    OVERRIDE: _override,
    CARRIED: _carried,
    NOTE: _note,
}


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
