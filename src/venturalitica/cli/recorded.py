"""One record of the ledger as facts and on the screen: verdicts, provenance, links, evidence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from venturalitica.cli import sign_offs
from venturalitica.cli.output import say
from venturalitica.records import Light, Verdict, left_out_sentence, worst_light

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
        "waiting": waiting(ledger, entry.index),
        "approvals": sign_offs.facts(ledger, entry),
        "predicate": entry.statement["predicate"],
    }


def light_of(ledger: Ledger, entry: Entry) -> Light:
    """The light as the list has it; amber instead of green while a tracker has not confirmed it."""
    from venturalitica.ledger.projection import light_in

    recorded, (doubted, _) = light_in(entry.statement), doubt(ledger, entry)
    if waiting(ledger, entry.index):
        recorded = worst_light([recorded, "amber"])
    return doubted if doubted == "red" or recorded == "green" else recorded


def doubt(ledger: Ledger, entry: Entry) -> tuple[Light, str]:
    """The best light that the record can have here, and why it is not green."""
    from venturalitica.pages import standing_of

    standing = standing_of(ledger, entry)
    if fault := standing.fault:
        said = "This record does not verify, so nothing in it is proven."
        return "red", f"{said} {fault.name}: {fault.detail}"
    return ("amber" if standing.doubt else "green"), standing.doubt


def waiting(ledger: Ledger, index: int) -> list[dict[str, Any]]:
    """Which trackers have not confirmed the record, and why."""
    return [
        {
            "tracker": item.run["tracker"],
            "run_id": item.run["run_id"],
            "attempts": item.attempts,
            "last_error": item.last_error,
            "kept": item.kept,
        }
        for item in ledger.outbox.pending()
        if item.index == index
    ]


def verdicts_of(predicate: Mapping[str, Any]) -> tuple[Verdict, ...]:
    """The verdicts as recorded."""
    return tuple(Verdict.from_json(verdict) for verdict in predicate["verdicts"])


def show(ledger: Ledger, entry: Entry, *, details: bool = False, titles: bool = False) -> None:
    """Print the record: verdicts first, then where everything is.

    `details` adds groups, titles and versions; `titles` what each control is about, alone.
    """
    from venturalitica.ledger.contents import judged, understood

    predicate = entry.statement["predicate"]
    if said := doubt(ledger, entry)[1]:
        say(said)
        say()
    if not (judged(entry.statement) and understood(entry.statement)):
        from venturalitica.cli import care

        care.show(ledger, entry)
        return
    _show_verdicts(predicate, light_of(ledger, entry), details=details, titles=titles)
    say()
    for word, text in _places(ledger, entry, predicate, details=details):
        say(f"{word:<10} {text}")


def _show_verdicts(
    predicate: Mapping[str, Any], light: Light, *, details: bool, titles: bool
) -> None:
    from venturalitica.cli.verdicts import print_verdicts

    verdicts = verdicts_of(predicate)
    if predicate["kind"] == "run" and not verdicts:
        _show_run(predicate, light)
        return
    policy = predicate["policy"] or {}
    title = f": {policy['title']}" if policy.get("title") else ""
    heading = f"{policy.get('name', 'no policy')} {policy.get('version', '')}{title}".strip()
    asked = predicate.get("judging") or {}
    first = left_out_sentence(asked.get("phase"), len(asked.get("left_out") or ()))
    print_verdicts(
        verdicts, light=light, heading=heading, groups=details, titles=titles, first=first
    )


def _show_run(predicate: Mapping[str, Any], light: Light) -> None:
    from venturalitica.cli.lights import STYLES
    from venturalitica.cli.output import styled

    audits = predicate["audits"]
    count = "1 audit" if len(audits) == 1 else f"{len(audits)} audits"
    styled((f"{light.upper()}  ", STYLES[light]), (f"{predicate['run']['name']}: {count}", ""))
    for audit in audits:
        say(f"  entry {audit['index']}: {audit['light']}")
    exception = predicate["exception"]
    if exception:
        say(f"  ended by {exception['type']}")


def _places(
    ledger: Ledger, entry: Entry, predicate: Mapping[str, Any], *, details: bool
) -> list[tuple[str, str]]:
    run = predicate["run"]
    pairs = [
        ("run", f"{run['name']} {run['id']} ({run['source']}, {run['started_at']})"),
        ("evidence", f"entry {entry.index} in {ledger.home}"),
        ("", f"sha256 {entry.evidence_sha256}"),
    ]
    if predicate["policy"]:
        policy = predicate["policy"]
        pairs.append(("policy", f"{policy['filename']} sha256 {policy['sha256']}"))
    pairs += _trackers(ledger, entry, predicate)
    pairs += [("sign-off", line) for line in sign_offs.lines(ledger, entry)]
    return pairs + (_provenance(predicate) if details else _training_rows(predicate))


def _trackers(ledger: Ledger, entry: Entry, predicate: Mapping[str, Any]) -> list[tuple[str, str]]:
    unconfirmed = {(w["tracker"], w["run_id"]): w for w in waiting(ledger, entry.index)}
    pairs = []
    for run in predicate["trackers"]:
        place = run.get("url") or f"{run.get('uri', '')} run {run['run_id']}".strip()
        missing = unconfirmed.get((run["tracker"], run["run_id"]))
        pairs.append((run["tracker"], _standing(missing, run["run_id"], place)))
    return pairs or [("trackers", "none was open; the evidence is here only")]


def _standing(missing: Mapping[str, Any] | None, run_id: str, place: str) -> str:
    if missing is None:
        return f"delivered: {place}"
    if missing["kept"]:
        return f"run {run_id}: {missing['last_error']}"
    why = f" ({missing['last_error']})" if missing["last_error"] else ""
    return f"waits for delivery{why}, 'venturalitica sync' tries again: {place}"


def _training_rows(predicate: Mapping[str, Any]) -> list[tuple[str, str]]:
    if any(item.get("training_rows") for item in predicate["data"]):
        return [("warning", "the rows judged are rows the model was trained on")]
    return []


def _provenance(predicate: Mapping[str, Any]) -> list[tuple[str, str]]:
    model, environment = predicate["model"], predicate["environment"]
    pairs = [*_training_rows(predicate)]
    if model:
        pairs.append(("model", model["class"]))
        pairs.append(("", f"sha256 {model['sha256'] or 'unknown: ' + (model['note'] or '')}"))
    for item in predicate["data"]:
        rows = f", {item['rows']:,} rows" if item["rows"] is not None else ""
        pairs.append(("data", f"{item['name']} ({item['context']}{rows}, {item['method']})"))
        pairs.append(("", f"sha256 {item['sha256']}"))
    pairs += [("role", f"{role} = {column}") for role, column in predicate["bindings"].items()]
    git = environment.get("git")
    if isinstance(git, Mapping) and git.get("commit"):
        dirty = " with uncommitted changes" if git.get("dirty") else ""
        pairs.append(("git", f"{git['commit']}{dirty}"))
    pairs.append(("python", f"{environment.get('python', '')}, {_packages(environment)}"))
    return pairs


_TELLING = ("scikit-learn", "mlflow", "wandb", "pandas", "polars", "numpy")
"""The packages whose versions most often explain a difference."""


def _packages(environment: Mapping[str, Any]) -> str:
    packages = environment.get("packages") or {}
    found = [f"{name} {packages[name]}" for name in _TELLING if name in packages]
    return ", ".join(found) or f"{len(packages)} packages"
