"""Where it all came from: policy, model, data, surroundings, and where else it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from venturalitica.reports.context import Json, PolicyFacts, ReportContext, mapping, mappings, text
from venturalitica.reports.html.markup import join, link, tag
from venturalitica.reports.html.parts import (
    count,
    digest,
    duration_words,
    facts,
    folded,
    moment,
    pairs,
    table,
)
from venturalitica.reports.sentences import rule_sentence

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


def data(context: ReportContext) -> list[Markup | None]:
    """What was read, and the roles; what was not recorded is said."""
    if not context.data and not context.axes:
        return [tag("p", "No data were recorded.")]
    return [*(_data_set(item) for item in context.data), _roles(context)]


def _data_set(item: Json) -> Markup:
    rows, size = item.get("rows"), item.get("size")
    columns = mappings(item.get("columns"))
    return join(
        (
            facts(
                [
                    ("Name", text(item.get("name"))),
                    ("Used as", text(item.get("context"))),
                    ("Rows", count(rows) if rows is not None else None),
                    ("Bytes", count(size) if size is not None else None),
                    (
                        "Trained on",
                        _trained_words(item) if item.get("context") == "audit" else None,
                    ),
                    ("Digest made by", _method_words(item)),
                    ("SHA-256", digest(item.get("sha256"))),
                ]
            ),
            folded(f"{len(columns)} columns", _columns(columns)) if columns else None,
        )
    )


def _trained_words(item: Json) -> str:
    words = {True: "yes, rows of the training are among these", False: "no, another set of rows"}
    found = item.get("training_rows")
    return words[found] if isinstance(found, bool) else "not known"


def _method_words(item: Json) -> str:
    method, engine = text(item.get("method")), text(item.get("engine"))
    return f"{method} on {engine}" if method and engine else method


def _columns(columns: tuple[Mapping[str, Any], ...]) -> Markup:
    rows = [
        (
            tag("bdi", text(column.get("name"))),
            text(column.get("type")),
            count(column.get("nulls")),
            digest(column.get("sha256")),
        )
        for column in columns
    ]
    return table(("Column", "Type", "Nulls", "SHA-256"), rows)


def _roles(context: ReportContext) -> Markup | None:
    """What each role was bound to, and what was seen in it."""
    axes = {text(axis.get("role")): axis for axis in context.axes}
    names = list(dict.fromkeys([*axes, *map(text, context.bindings)]))
    if not names:
        return None
    rows = [_role(name, axes.get(name, {}), context.bindings) for name in names]
    return join((tag("h3", "Roles"), table(("Role", "Column", "Values", "Nulls", "Note"), rows)))


def _role(name: str, axis: Json, bindings: Json) -> tuple[object, ...]:
    levels = axis.get("levels")
    known = [text(level) for level in levels] if isinstance(levels, list | tuple) else []
    shown = ", ".join(known[:8]) + (f" and {len(known) - 8:,} more" if len(known) > 8 else "")
    column = text(axis.get("column")) or text(bindings.get(name))
    return (
        tag("bdi", name),
        tag("bdi", column),
        tag("bdi", shown or "–"),
        count(axis.get("nulls")) or "–",
        tag("span", text(axis.get("note")), dir="auto"),
    )
