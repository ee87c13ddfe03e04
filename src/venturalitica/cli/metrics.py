"""`venturalitica metrics`: every metric a policy can name, or one of them in full."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from venturalitica.cli.output import JsonOption, emit_json, hint, new_app, picked, say, table
from venturalitica.errors import SettingsError, did_you_mean

if TYPE_CHECKING:
    from venturalitica.metrics.catalog.spec import MetricSpec

app = new_app()


@app.command()
def metrics(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="The metric to explain; all if left out.")
    ] = None,
    family: Annotated[
        str | None, typer.Option(metavar="FAMILY", help="List one family only, such as fairness.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List every metric, or explain one.

    \b
    Examples:
      venturalitica metrics
      venturalitica metrics --family fairness
      venturalitica metrics demographic_parity_ratio
    """
    if name is not None:
        spec = _named(name)
        emit_json(facts(spec)) if as_json else _explain(spec)
        return
    chosen = _family(family)
    if as_json:
        emit_json([facts(spec) for spec in chosen])
        return
    for title in dict.fromkeys(spec.family for spec in chosen):
        _list(title, [spec for spec in chosen if spec.family == title])
    hint("'venturalitica metrics NAME' gives formula, source, and when it is undefined.")


def facts(spec: MetricSpec) -> dict[str, Any]:
    """A metric as JSON; an end of its range that does not exist is null."""
    found = picked(
        spec,
        "name title family phase definition formula undefined source needs needs_favorable "
        "needs_across low high ideal unit base compare comparable",
    )
    ends = {end: None for end in ("low", "high") if not math.isfinite(found[end])}
    return found | ends


def _named(name: str) -> MetricSpec:
    from venturalitica.metrics.catalog import CATALOG

    spec = CATALOG.get(name)
    if spec is None:
        hint_text = did_you_mean(name, CATALOG)
        raise SettingsError(
            f"there is no metric '{name}'{hint_text or '; run: venturalitica metrics'}"
        )
    return spec


def _family(family: str | None) -> list[MetricSpec]:
    from venturalitica.metrics.catalog import CATALOG

    families = list(dict.fromkeys(spec.family for spec in CATALOG.values()))
    if family is not None and family not in families:
        raise SettingsError(
            f"there is no family '{family}'{did_you_mean(family, families)}; "
            f"those that exist: {', '.join(families)}"
        )
    return [spec for spec in CATALOG.values() if family in (None, spec.family)]


def _list(title: str, specs: list[MetricSpec]) -> None:
    say(title.capitalize(), style="bold")
    rows = [
        (spec.name, _range(spec), _number(spec.ideal), _needs(spec), spec.definition)
        for spec in specs
    ]
    table(("metric", "range", "ideal", "needs", "what it is"), rows, whole=("metric", "range"))
    say()


def _explain(spec: MetricSpec) -> None:
    say(f"{spec.name}: {spec.title}", style="bold")
    say(f"  {spec.definition}")
    say()
    lines = {
        "formula": spec.formula,
        "range": _range(spec),
        "ideal": _number(spec.ideal) or "depends on the use",
        "unit": spec.unit,
        "needs": _needs(spec),
        "phase": "before training (data)" if spec.phase == "data" else "after training (model)",
        "undefined": f"where {spec.undefined}; the control is then not evaluated",
        "groups": _groups(spec),
        "source": spec.source,
    }
    for word, text in lines.items():
        say(f"  {word:<10} {text}")
    say()
    say("In a policy:")
    say(*_example(spec).splitlines())


def _groups(spec: MetricSpec) -> str:
    if spec.drift:
        return "of several roles or columns the one that moved most counts; not across groups"
    if spec.compare:
        return f"compares {spec.base} across groups ({spec.compare}); give 'across: ROLE'"
    if spec.needs_across:
        return "give 'across: ROLE'"
    if spec.comparable:
        return "optional: 'across: ROLE' with 'compare: difference|ratio|min|max|between'"
    return "cannot be put across groups"


def _example(spec: MetricSpec) -> str:
    across = "\n    across: gender" if spec.needs_across else ""
    if spec.drift:
        across = "\n    of: score" if spec.ordered else "\n    of: gender"
        across += "\n    against: last-green   # or a run, or a file of 'venturalitica baseline'"
    upward = spec.ideal is None or spec.ideal > max(spec.low, 0.0)
    bound = _example_bound(spec, upward)
    return (
        f"  - id: {spec.name.replace('_', '-')}\n    metric: {spec.name}{across}\n"
        f'    must: "{">=" if upward else "<="} {bound}"'
    )


def _example_bound(spec: MetricSpec, upward: bool) -> str:
    if not math.isfinite(spec.high):
        return "1000" if upward else "0.50"
    return "0.80" if upward else "0.10"


def _range(spec: MetricSpec) -> str:
    high = _number(spec.high) if math.isfinite(spec.high) else "∞"
    low = _number(spec.low) if math.isfinite(spec.low) else "-∞"
    return f"{low} to {high}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _needs(spec: MetricSpec) -> str:
    favorable = ("favorable",) if spec.needs_favorable else ()
    across = ("groups",) if spec.needs_across else ()
    reference = ("a reference",) if spec.drift else ()
    return ", ".join((*spec.needs, *favorable, *across, *reference)) or "rows"
