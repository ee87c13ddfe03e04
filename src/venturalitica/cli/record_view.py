"""One record of the ledger as facts and on the screen: verdicts, provenance, links, evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from venturalitica.cli.gates.shown import aliases_of, show_aliases, show_decision
from venturalitica.cli.output import STYLES, picked, print_lines, say, styled
from venturalitica.cli.signing.shown import (
    note_facts,
    note_lines,
    sign_off_facts,
    sign_off_lines,
)
from venturalitica.core.circumstances import (
    data_digest,
    intervals_words,
    share_words,
    snapshot_words,
)
from venturalitica.core.json_values import integer, mapping, text, texts
from venturalitica.core.record import (
    ATTACHMENT,
    BEGIN,
    COMMITMENT,
    MODEL,
    PREDICATE,
    Run,
    Statement,
)
from venturalitica.core.verdict import Light, left_out_sentence, worst_light
from venturalitica.ledger.carrying.taken import Kept
from venturalitica.ledger.lifecycle.begun import NO_END, STOPPED
from venturalitica.ledger.records.kinds.attachment import Attachment
from venturalitica.ledger.records.kinds.commitment import Commitment
from venturalitica.ledger.records.kinds.model_tie import ModelTie
from venturalitica.reports.sentences import NOT_CARRIED, STILL_WAITS

if TYPE_CHECKING:
    from venturalitica.ledger import Entry, Ledger


def facts(ledger: Ledger, entry: Entry) -> dict[str, Any]:
    """The record as JSON: the signed predicate, its place in the log, what still waits."""
    return {
        "index": entry.index,
        "evidence_sha256": entry.evidence_sha256,
        "home": str(ledger.home),
        "light": light_of(ledger, entry),
        "doubt": doubt(ledger, entry)[1] or None,
        "begun": _unended(ledger, entry)[1] or None,
        "waiting": waiting(ledger, entry.index),
        "attached": attached(ledger, entry),
        "approvals": sign_off_facts(ledger, entry),
        "notes": note_facts(ledger, entry),
        "aliases": to_builtins(aliases_of(ledger, entry)),
        PREDICATE: entry.record.predicate,
    }


def attached(ledger: Ledger, entry: Entry) -> list[dict[str, Any]]:
    """The runs that the record was attached to, each with the record that says so."""
    from venturalitica.ledger.lifecycle.ties import attachments_of

    return [
        {
            "entry": index,
            "how": made.how,
            "run": dict(made.run),
            "superseded": [dict(run) for run in made.superseded],
        }
        for index, made in attachments_of(ledger, entry)
    ]


def light_of(ledger: Ledger, entry: Entry) -> Light:
    """The light as the list has it; amber instead of green while a tracker has not confirmed it."""
    from venturalitica.ledger.records.consistency import light_in

    recorded, (doubted, _) = light_in(entry.record), doubt(ledger, entry)
    if _unended(ledger, entry) in ((entry.index, STOPPED), (entry.index, NO_END)):
        recorded = "amber"
    if waiting(ledger, entry.index):
        recorded = worst_light([recorded, "amber"])
    return doubted if doubted == "red" or recorded == "green" else recorded


def doubt(ledger: Ledger, entry: Entry) -> tuple[Light, str]:
    """The best light that the record can have here, and why it is not green."""
    from venturalitica.review.record_page import standing_of

    standing = standing_of(ledger, entry)
    if fault := standing.fault:
        said = "This record does not verify, so nothing in it is proven."
        return "red", f"{said} {fault.name}: {fault.detail}"
    return ("amber" if standing.doubt else "green"), standing.doubt


def waiting(ledger: Ledger, index: int) -> list[dict[str, Any]]:
    """Which trackers have not confirmed the record, and why."""
    from venturalitica.ledger import Outbox

    return [
        {"tracker": item.run["tracker"], "run_id": item.run["run_id"]}
        | picked(item, "attempts last_error kept")
        for item in Outbox(ledger).waiting()
        if item.index == index
    ]


def show(ledger: Ledger, entry: Entry, *, details: bool = False, titles: bool = False) -> None:
    """Print the record: verdicts first, then where everything is.

    `details` adds groups, titles and versions; `titles` what each control is about, alone.
    """
    record = entry.record
    if said := doubt(ledger, entry)[1]:
        say(said)
        say()
    if not (record.judged and record.understood):
        show_decision(entry)
        show_other_record(ledger, entry)
        return
    light = light_of(ledger, entry)
    why = _why_amber(ledger, entry) if light == "amber" else ""
    _show_verdicts(record, light, why=why, details=details, titles=titles)
    say()
    for word, said in _places(ledger, entry, record, details=details):
        say(f"{word:<10} {said}")
    show_aliases(ledger, entry)


def _why_amber(ledger: Ledger, entry: Entry) -> str:
    """That no tracker confirmed it here; empty where each did."""
    if all(one["kept"] for one in waiting(ledger, entry.index)):
        return ""  # an offline run, of which the line about it tells
    return NOT_CARRIED if isinstance(ledger, Kept) else STILL_WAITS


def _show_verdicts(
    record: Statement, light: Light, *, why: str, details: bool, titles: bool
) -> None:
    from venturalitica.cli.verdict_table import verdict_lines

    verdicts, policy = record.verdicts, record.policy
    if record.kind == "run" and not verdicts:
        _show_run(record, light)
        if why:
            say(why)
        return
    heading = f"{policy.name} {policy.version}".strip() if policy else "no policy"
    heading += f": {policy.title}" if policy and policy.title else ""
    phase = text((record.judging or {}).get("phase"))
    first = f"{why} {left_out_sentence(phase, len(record.left_out))}".strip()
    shown = verdict_lines(
        verdicts, light=light, heading=heading, groups=details, titles=titles, first=first
    )
    print_lines(shown)


def _show_run(record: Statement, light: Light) -> None:
    count = "1 audit" if len(record.audits) == 1 else f"{len(record.audits)} audits"
    styled((f"{light.upper()}  ", STYLES[light]), (f"{record.run.name}: {count}", ""))
    for audit in record.audits:
        say(f"  entry {audit.get('index')}: {audit.get('light')}")
    if record.failed:
        say(f"  ended by {text(record.exception.get('type'))}")


def _places(
    ledger: Ledger, entry: Entry, record: Statement, *, details: bool
) -> list[tuple[str, str]]:
    from venturalitica.ledger.lifecycle.ties import ties_of

    policy = record.policy
    pairs = [
        _run_line(record.run),
        *_unended_lines(ledger, entry),
        ("evidence", f"entry {entry.index} in {ledger.home}"),
        ("", f"sha256 {entry.evidence_sha256}"),
    ]
    if policy:
        pairs.append(("policy", f"{policy.filename} sha256 {policy.sha256}"))
    said = record.prior.sentences() if record.prior else []
    pairs += [("" if place else "before", sentence) for place, sentence in enumerate(said)]
    pairs += _trackers(ledger, entry, record)
    for index, tie in ties_of(ledger, entry):
        pairs.append(("files", f"entry {index}: model {tie.name}, {tie.likeness.tie}"))
        pairs.append(("", f"root {tie.manifest.root}"))
    pairs += [("sign-off", line) for line in sign_off_lines(ledger, entry)]
    pairs += [("note", line) for line in note_lines(ledger, entry)]
    return pairs + (_provenance(record) if details else _training_rows(record))


def _unended(ledger: Ledger, entry: Entry) -> tuple[int | None, str]:
    from venturalitica.review.record_page import unended_run

    return unended_run(ledger, entry.record.run.id)


def _unended_lines(ledger: Ledger, entry: Entry) -> list[tuple[str, str]]:
    began, state = _unended(ledger, entry)
    if began is None:
        return []
    return [("", state if began == entry.index else f"{state}; it began with entry {began}")]


def _trackers(ledger: Ledger, entry: Entry, record: Statement) -> list[tuple[str, str]]:
    from venturalitica.ledger.lifecycle.ties import attachments_of, place_of, runs_of, superseded

    unconfirmed = {(w["tracker"], w["run_id"]): w for w in waiting(ledger, entry.index)}
    made = [attachment for _, attachment in attachments_of(ledger, entry)]
    gone, pairs = superseded(made), []
    for run in runs_of(record.trackers, made):
        tracker, run_id = text(run.get("tracker")), text(run.get("run_id"))
        place = text(run.get("url")) or f"{text(run.get('uri'))} run {run_id}".strip()
        missing = unconfirmed.get((tracker, run_id))
        carried = missing is not None and isinstance(ledger, Kept)
        standing = f"not known here: {place}" if carried else _standing(missing, run_id, place)
        pairs.append((tracker, standing))
        pairs += _called(run)
        instead = gone.get((tracker, run_id))
        pairs += [("", f"superseded: it belongs to run {instead.run['run_id']}")] if instead else []
        pairs += [
            ("", f"attached: {one.how}") for one in made if place_of(one.run) == (tracker, run_id)
        ]
    nowhere = f"none was open; 'venturalitica attach {entry.index} RUN' brings it to one"
    return pairs or [("trackers", nowhere)]


def _called(run: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the tracker calls the experiment and the run."""
    experiment, number, name = (
        text(run.get(key)) for key in ("experiment_name", "experiment_id", "run_name")
    )
    whole = f"{experiment} ({number})" if experiment and number else experiment or number
    said = [f"experiment {whole}"] if whole else []
    said += [f"run {name}"] if name else []
    return [("", ", ".join(said))] if said else []


def _standing(missing: Mapping[str, Any] | None, run_id: str, place: str) -> str:
    if missing is None:
        return f"delivered: {place}"
    if missing["kept"]:
        return f"run {run_id}: {missing['last_error']}"
    why = f" ({missing['last_error']})" if missing["last_error"] else ""
    return f"waits for delivery{why}, 'venturalitica sync' tries again: {place}"


def _training_rows(record: Statement) -> list[tuple[str, str]]:
    if any(item.get("training_rows") for item in record.data):
        return [("warning", "the rows judged are rows the model was trained on")]
    return []


def _provenance(record: Statement) -> list[tuple[str, str]]:
    model, environment = record.model, record.environment
    pairs = [*_training_rows(record)]
    if model:
        pairs.append(("model", text(model.get("name") or model.get("class"))))
        pairs += [("", f"loaded as {text(model.get('class'))}")] if model.get("files") else []
        digest = text(model.get("sha256")) or f"unknown: {text(model.get('note'))}"
        pairs.append(("", f"sha256 {digest}"))
    pairs += [("key", f"of {role} {key}") for role, key in record.keys]
    if made_by := intervals_words(record.intervals or {}):
        pairs.append(("intervals", made_by))
    if share := share_words((record.judging or {}).get("training_share")):
        pairs.append(("trained on", share))
    for item in record.data:
        name, context, method = (text(item.get(key)) for key in ("name", "context", "method"))
        count = integer(item.get("rows"))
        rows = f", {count:,} rows" if count is not None else ""
        pairs.append(("data", f"{name} ({context}{rows}, {method})"))
        how = "HMAC-SHA-256" if item.get("hmac_sha256") else "sha256"
        pairs.append(("", f"{how} {data_digest(item) or 'none'}"))
        if state := snapshot_words(item):
            pairs.append(("", f"snapshot: {state}"))
        if others := texts(item.get("other_columns")):
            more = integer(item.get("other_columns_besides"))
            also = f" and {more:,} more" if more else ""
            pairs.append(("", f"no rule looks at {', '.join(others)}{also}"))
    pairs += [("role", f"{role} = {column}") for role, column in record.bindings.items()]
    git = mapping(environment.get("git"))
    if git.get("commit"):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        pairs.append(("git", f"{git['commit']}{dirty}"))
    pairs.append(("python", f"{text(environment.get('python'))}, {_packages(environment)}"))
    return pairs


_TELLING = ("scikit-learn", "mlflow", "wandb", "pandas", "polars", "numpy")
"""The packages whose versions most often explain a difference."""


def _packages(environment: Mapping[str, Any]) -> str:
    packages = mapping(environment.get("packages"))
    found = [f"{name} {packages[name]}" for name in _TELLING if name in packages]
    return ", ".join(found) or f"{len(packages)} packages"


def show_other_record(ledger: Ledger, entry: Entry) -> None:
    """Print what the record says, then where it is."""
    record = entry.record
    say(f"{record.kind}: recorded {record.appended_at[:16].replace('T', ' ')} UTC")
    pairs = [
        *_other_lines(ledger, entry),
        ("evidence", f"entry {entry.index} in {ledger.home}"),
        ("", f"sha256 {entry.evidence_sha256}"),
    ]
    for word, said in pairs:
        say(f"{word:<10} {said}")


def _other_lines(ledger: Ledger, entry: Entry) -> list[tuple[str, str]]:
    record = entry.record
    if record.understood and record.predicate_type == MODEL:
        return _tie_lines(ModelTie.of(record.predicate))
    if record.understood and record.predicate_type == ATTACHMENT:
        return _attachment_lines(Attachment.of(record.predicate))
    if record.understood and record.predicate_type == COMMITMENT:
        return _commitment_lines(record.predicate)
    if record.understood and record.predicate_type == BEGIN:
        return [_run_line(record.run), *_unended_lines(ledger, entry)]
    return _said(ledger, record.predicate)


def _run_line(run: Run) -> tuple[str, str]:
    return "run", f"{run.name} {run.id} ({run.source}, {run.started_at})"


def _commitment_lines(predicate: Mapping[str, Any]) -> list[tuple[str, str]]:
    made = Commitment.of(predicate)
    policy, data = made.policy, made.data
    pairs = [
        ("policy", f"{policy.name} {policy.version} ({policy.filename})"),
        ("", f"sha256 {policy.sha256}"),
        ("committed", made.committed_at),
    ]
    if data is not None:
        pairs.append(("data", f"{text(data.get('name'))}, {text(data.get('rows'))} rows"))
    if made.rows is not None:
        pairs.append(("planned", f"{made.rows:,} rows"))
    if made.stamp is not None:
        stamp = f"{made.timestamped_at} by the authority at {text(made.stamp['url'])}"
        pairs.append(("time stamp", stamp))
    return pairs


def _tie_lines(made: ModelTie) -> list[tuple[str, str]]:
    rows = f", on {made.likeness.rows:,} of the audited rows" if made.likeness.rows else ""
    reason = f"; {made.likeness.reason}" if made.likeness.reason else ""
    pairs = [
        ("of", f"entry {made.entry} sha256 {made.evidence_sha256}"),
        ("tie", f"{made.likeness.tie}{rows}{reason}"),
        ("model", made.name),
        ("", f"root {made.manifest.root}"),
    ]
    pairs += [("", f"{name} {said}") for name, said in made.logged.items()]
    return pairs + [("file", f"{name} {digest}") for name, digest in made.manifest.files.items()]


def _attachment_lines(made: Attachment) -> list[tuple[str, str]]:
    gone = [("superseded", f"{run['tracker']} run {run['run_id']}") for run in made.superseded]
    pairs = [("of", f"entry {made.entry} sha256 {made.evidence_sha256}"), ("how", made.how)]
    return [*pairs, ("run", f"{made.run['tracker']} run {made.run['run_id']}"), *gone]


def _said(ledger: Ledger, predicate: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Each thing that it says, in its own words; a value of the vault as long as it is there."""
    pairs: list[tuple[str, str]] = []
    for name, value in predicate.items():
        if name in ("format", "kind", "log", "package", "id") or value is None:
            continue
        items = value if isinstance(value, list) and value else [value]
        words = [name, *[""] * (len(items) - 1)]
        pairs += [(word, _text(ledger, item)) for word, item in zip(words, items, strict=True)]
    return pairs


def _text(ledger: Ledger, value: Any) -> str:
    from venturalitica.core.encoding import is_reference
    from venturalitica.ledger.lifecycle.erase import shown

    if is_reference(value):
        return shown(ledger, value)
    if isinstance(value, Mapping):
        # A key's id says which it is; its PEM lies beside the log.
        items = {name: item for name, item in value.items() if name != "pem"}
        return ", ".join(f"{name} {_text(ledger, item)}" for name, item in items.items())
    if isinstance(value, list):
        return ", ".join(_text(ledger, item) for item in value)
    return str(value)
