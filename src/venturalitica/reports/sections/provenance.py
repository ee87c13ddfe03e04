"""Where it all came from: policy, model, data, surroundings, and where else it is kept."""

from __future__ import annotations

from collections.abc import Mapping

from venturalitica.reports.context import Json, PolicyFacts, ReportContext, mapping, text
from venturalitica.reports.markup import Markup, join, link, tag
from venturalitica.reports.parts.facts import count, digest, facts, folded, pairs
from venturalitica.reports.parts.moments import duration_words, moment
from venturalitica.reports.sections.data import data
from venturalitica.reports.words import rule_sentence

MOST_POLICY_CHARACTERS = 40_000
"""A longer policy is cut in the page, and the page says so; the snapshot holds it whole."""


def provenance(context: ReportContext) -> Markup:
    """Boxes of facts; what was not recorded is said to be not recorded."""
    return join(
        (
            tag("h2", "Policy"),
            tag("section", *_policy(context), cls="vl-box"),
            tag("h2", "Provenance"),
            _box("Run", *_run(context)),
            _box("Model", *_model(context.model)) if context.kind == "audit" else None,
            _box("Data", *data(context)),
            _box("Environment", *_environment(context.environment)),
            _box("Trackers", *_trackers(context.trackers)),
        )
    )


def _box(title: str, *content: object) -> Markup:
    return tag("section", tag("h3", title), *content, cls="vl-box")


def _policy(context: ReportContext) -> list[Markup | None]:
    policy = context.policy
    if policy is None:
        return [tag("p", "No policy was in force.")]
    rules = [tag("li", f"{v.control}: {rule_sentence(v)}", dir="auto") for v in context.verdicts]
    return [
        tag("p", policy.title, cls="vl-prose", dir="auto") if policy.title else None,
        facts(
            [
                ("Name", policy.name),
                ("Version", policy.version),
                ("File", policy.filename),
                ("Bytes", f"{policy.size:,}" if policy.size else ""),
                ("SHA-256", digest(policy.sha256)),
            ]
        ),
        folded("The rules that were judged, in words", tag("ul", *rules, cls="vl-notes"))
        if rules
        else None,
        _snapshot(policy),
    ]


def _snapshot(policy: PolicyFacts) -> Markup | None:
    if not policy.text:
        return None
    shown = policy.text[:MOST_POLICY_CHARACTERS]
    cut = len(policy.text) - len(shown)
    more = f"{cut:,} more characters are in the snapshot file." if cut else ""
    return folded(
        "The file, as it was",
        tag("pre", tag("code", shown), tabindex="0"),
        tag("p", more, cls="vl-muted") if more else None,
    )


def _run(context: ReportContext) -> list[Markup | None]:
    run = context.run
    git = mapping(context.environment.get("git"))
    taken = duration_words(run.get("started_at"), run.get("ended_at"))
    return [
        facts(
            [
                ("Name", text(run.get("name"))),
                ("Identity", digest(run.get("id"))),
                ("Inside of run", digest(run["parent"]) if run.get("parent") else None),
                ("Recorded by", text(run.get("source"))),
                ("Started", moment(run.get("started_at"))),
                ("Ended", moment(run.get("ended_at"))),
                ("Duration", taken or None),
                ("Git commit", digest(git.get("commit"))),
                ("Git branch", text(git.get("branch")) if git else None),
                ("Working tree", _tree_words(git) if git else None),
                ("Git remote", _remote(git) if git else None),
            ]
        ),
        _exception(context.exception),
    ]


def _tree_words(git: Json) -> str:
    dirty = git.get("dirty")
    if dirty is None:
        return ""
    return "had changes that are not committed" if dirty else "clean"


def _remote(git: Json) -> object:
    remote = text(git.get("remote"))
    return link(remote) if remote else None


def _exception(exception: Json | None) -> Markup | None:
    if exception is None:
        return None
    said = [(key.replace("_", " ").capitalize(), text(exception[key])) for key in exception]
    return join((tag("h3", "The exception that ended the run"), facts(said)))


def _model(model: Json | None) -> list[Markup | None]:
    if model is None:
        return [tag("p", "No model was given: predictions or data alone were judged.")]
    parameters = mapping(model.get("parameters"))
    title = f"{len(parameters)} parameters"
    return [
        facts(
            [
                ("Class", tag("code", text(model.get("class")))),
                ("SHA-256", digest(model.get("sha256"))),
                ("Digest of", text(model.get("serialization")) or None),
                ("Note", text(model.get("note")) or None),
            ]
        ),
        folded(title, pairs(parameters)) if parameters else None,
    ]


def _environment(environment: Json) -> list[Markup | None]:
    if not environment:
        return [tag("p", "The environment was not recorded.")]
    packages = mapping(environment.get("packages"))
    hardware = mapping(environment.get("hardware"))
    python = " ".join(
        part
        for part in (text(environment.get("implementation")), text(environment.get("python")))
        if part
    )
    rest = [_hardware(text(key), hardware[key]) for key in hardware]
    return [
        facts([("Python", python), ("Platform", text(environment.get("platform"))), *rest]),
        folded(f"{len(packages)} packages", pairs(packages)) if packages else None,
    ]


def _hardware(name: str, value: object) -> tuple[str, object]:
    """`memory_bytes` reads `Memory`, in GiB; what was not found out is left out."""
    label = name.removesuffix("_bytes").replace("_", " ")
    label = (label[:1].upper() + label[1:]).replace("Cpu", "CPU").replace("Gpu", "GPU")
    if isinstance(value, list | tuple):
        return label, ", ".join(_flat(item) for item in value) or "none"
    if name.endswith("_bytes") and isinstance(value, int):
        return label, f"{value / 2**30:,.1f} GiB"
    return label, None if value is None else _flat(value)


def _flat(value: object) -> str:
    if isinstance(value, Mapping):
        return " ".join(count(part) for part in value.values() if part is not None)
    return count(value)


def _trackers(trackers: tuple[Json, ...]) -> list[Markup | None]:
    if not trackers:
        return [tag("p", "No tracker run was open: the evidence was kept in the local log.")]
    return [facts(_tracker(run)) for run in trackers]


def _tracker(run: Json) -> list[tuple[str, object]]:
    url = text(run.get("url"))
    return [
        ("Tracker", text(run.get("tracker"))),
        ("Run", text(run.get("run_name")) or text(run.get("run_id"))),
        ("Run id", digest(run.get("run_id"))),
        ("Experiment", text(run.get("experiment_name")) or text(run.get("experiment_id"))),
        ("Reached at", text(run.get("uri"))),
        ("Link", link(url) if url else "none: this kind of store has no pages"),
    ]
