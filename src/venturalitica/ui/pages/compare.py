"""Two runs side by side, control by control: what changed between them, and what may explain it.

Both are read from the log itself and verified; nothing here comes from the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from venturalitica.core.circumstances import data_digest
from venturalitica.core.json_values import Json, mapping, text
from venturalitica.core.text import format_number
from venturalitica.core.verdict import Verdict
from venturalitica.ledger.index.queries import JUDGED, RANKS, find_rows
from venturalitica.reports.sentences import status_words
from venturalitica.ui.pages.compare_many import MOST, read_many
from venturalitica.ui.pages.compared_run import Record, Side, data_name, entry_of, scalar_of
from venturalitica.ui.pages.run_query import parse
from venturalitica.ui.templating import render

if TYPE_CHECKING:
    from venturalitica.ui.reader import Desk, Reading

MOST_PACKAGES = 60


class ControlPair(Struct, frozen=True, kw_only=True):
    """One control in both runs; None where a run does not have it.

    `moved` is the sign of the change of its light: -1 got worse, 1 got better.
    """

    control: str
    title: str
    a: Verdict | None
    b: Verdict | None
    difference: str
    change: str
    moved: int
    rule: str


class Pair(Struct, frozen=True):
    """A fact of both runs, as text; `same` is None where neither has it on record."""

    name: str
    a: str
    b: str
    same: bool | None


class CompareContext(Struct, frozen=True, kw_only=True):
    """What the page shows; without sides it says how to choose two runs."""

    a: Side | None = None
    b: Side | None = None
    controls: tuple[ControlPair, ...] = ()
    data: tuple[Pair, ...] = ()
    model: tuple[Pair, ...] = ()
    parameters: tuple[Pair, ...] = ()
    same_parameters: int = 0
    environment: tuple[Pair, ...] = ()
    more_packages: int = 0

    @property
    def permanent(self) -> dict[str, object]:
        """What names these very records, wherever their entries are."""
        if self.a is None or self.b is None:
            return {}
        return {"a": self.a.evidence_sha256, "b": self.b.evidence_sha256}

    @property
    def same_policy(self) -> bool:
        """Whether both were judged by the same text."""
        return self.a is not None and self.b is not None and self.a.sha256 == self.b.sha256

    @property
    def diffable(self) -> bool:
        """Whether there are two texts of one policy, whose difference has a page."""
        a, b = self.a, self.b
        named = a is not None and b is not None and a.policy == b.policy != ""
        return named and not self.same_policy


def page(request: Request) -> Response:
    """Answer `/compare?a=3&b=9`, or of more `/compare?run=3&run=9&run=12`, as the list asks; with
    `newest=20` and the filters of the list it leads to so many of the newest that fit."""
    if "newest" in request.query_params:
        return _newest(request)
    chosen = request.query_params.getlist("run")
    desk: Desk = request.app.state.desk
    if chosen:
        return _chosen(request, desk, chosen)
    ends = [request.query_params.get(name, "").strip() for name in ("a", "b")]
    if not any(ends):
        with desk.reading():
            return render(request, "compare.html", CompareContext())
    with desk.reading() as reading:
        a, b = (_entry(reading, name, value) for name, value in zip("ab", ends, strict=True))
        return render(request, "compare.html", read(reading, a, b))


def _newest(request: Request) -> Response:
    given = [pair for pair in request.query_params.multi_items() if pair[0] != "newest"]
    query, wrong = parse(given)
    most = _number("newest", request.query_params["newest"].strip())
    if wrong or not 2 <= most <= MOST:
        said = " ".join(wrong).replace(" It is left out.", "")
        raise HTTPException(400, said or f"'newest' is {most}; expected 2 to {MOST}.")
    with request.app.state.desk.reading() as reading:
        found = find_rows(reading.index, query.filters, waiting=reading.known(), limit=MOST + most)
    entries = [row.index for row in found if row.kind in JUDGED][:most]
    if len(entries) < 2:
        raise HTTPException(404, "Fewer than two audits and runs fit: there is nothing to compare.")
    address = request.app.state.addresses.url("compare", run=sorted(entries))
    return RedirectResponse(address, 303)


def _chosen(request: Request, desk: Desk, chosen: Sequence[str]) -> Response:
    """Those selected, in the order of the log; two of them are a first and a second."""
    with desk.reading() as reading:
        entries = sorted({_entry(reading, "run", value.strip()) for value in chosen})
    if not 2 <= len(entries) <= MOST:
        few = "1 was" if len(entries) == 1 else f"{len(entries)} were"
        raise HTTPException(
            400, f"Select two to {MOST} runs in the list to compare them; {few} selected."
        )
    if len(entries) > 2 and set(request.query_params) != {"run"}:
        # The list sends along what it was asked for; a comparison's address is of its runs alone.
        return RedirectResponse(request.app.state.addresses.url("compare", run=entries), 303)
    if len(entries) == 2:
        a, b = entries
        return RedirectResponse(request.app.state.addresses.url("compare", a=a, b=b), 303)
    with desk.reading() as reading:
        return render(request, "compare_many.html", read_many(reading, entries))


def _entry(reading: Reading, name: str, value: str) -> int:
    """The entry that is meant: by its number, or by its record's evidence digest."""
    return entry_of(reading, value) if len(value) == 64 else _number(name, value)


def _number(name: str, value: str) -> int:
    if not (value.isascii() and value.isdecimal() and len(value) < 16):
        found = f"is {value[:40]!r}" if value else "is missing"
        raise HTTPException(
            400, f"'{name}' {found}; expected the entry number of a run: /compare?a=3&b=9"
        )
    return int(value)


def read(reading: Reading, a: int, b: int) -> CompareContext:
    """Both runs, compared.

    Raises:
        HTTPException: there is no such entry, or it is no audit and no run.
        EvidenceError: the log was altered.
    """
    one, two = (Record.read(reading, entry) for entry in (a, b))
    same, changed = _parameters(one.context.model, two.context.model)
    environment = _environment(one.context.environment, two.context.environment)
    return CompareContext(
        a=one.side(),
        b=two.side(),
        controls=tuple(_controls(one.context.verdicts, two.context.verdicts)),
        data=tuple(_data(one.context.data, two.context.data)),
        model=tuple(_model(one.context.model, two.context.model)),
        parameters=changed,
        same_parameters=same,
        environment=environment[:MOST_PACKAGES],
        more_packages=max(0, len(environment) - MOST_PACKAGES),
    )


def _controls(a: Sequence[Verdict], b: Sequence[Verdict]) -> list[ControlPair]:
    """What got worse first, then what changed, then the rest as the policies have it."""
    # The last of a control counts, should a record name it twice.
    ours, theirs = ({verdict.control: verdict for verdict in side} for side in (a, b))
    pairs = [_pair(name, ours.get(name), theirs.get(name)) for name in {**ours, **theirs}]
    return sorted(pairs, key=lambda pair: (pair.moved if pair.moved else 2, not pair.change))


def _pair(control: str, a: Verdict | None, b: Verdict | None) -> ControlPair:
    known = a if b is None else b
    return ControlPair(
        control=control,
        title="" if known is None else known.title,
        a=a,
        b=b,
        difference=_difference(a, b),
        change=_change(a, b),
        moved=_moved(a, b),
        rule=_rule(a, b),
    )


def _difference(a: Verdict | None, b: Verdict | None) -> str:
    """How far the value moved; empty where the two are not of one measure."""
    if a is None or b is None or a.value is None or b.value is None:
        return ""
    if (a.metric, a.across, a.compare) != (b.metric, b.across, b.compare):
        return ""
    apart = b.value - a.value
    if apart == 0:
        return "0"
    return ("+" if apart > 0 else "−") + format_number(abs(apart))


def _change(a: Verdict | None, b: Verdict | None) -> str:
    if a is None or b is None:
        return "only in the second" if a is None else "only in the first"
    before, after = status_words(a), status_words(b)
    return "" if before == after else f"{before} → {after[:1].lower()}{after[1:]}"


def _moved(a: Verdict | None, b: Verdict | None) -> int:
    if a is None or b is None:
        return 0
    before, after = RANKS[a.light], RANKS[b.light]
    return (after > before) - (after < before)


def _rule(a: Verdict | None, b: Verdict | None) -> str:
    """What of the rule itself is another; the same value may then have another outcome."""
    if a is None or b is None:
        return ""
    changed = [
        word
        for word, one, other in (
            ("metric", a.metric, b.metric),
            ("groups", (a.across, a.compare), (b.across, b.compare)),
            ("threshold", (a.operator, a.threshold), (b.operator, b.threshold)),
            ("on_fail", a.on_fail, b.on_fail),
        )
        if one != other
    ]
    return ", ".join(changed)


def _data(a: Sequence[Json], b: Sequence[Json]) -> list[Pair]:
    """The digests of each data set of the runs."""
    ours, theirs = ({data_name(item): data_digest(item) for item in side} for side in (a, b))
    return [_fact(name, ours.get(name, ""), theirs.get(name, "")) for name in {**ours, **theirs}]


def _model(a: Json | None, b: Json | None) -> list[Pair]:
    names = {"class": "class", "sha256": "SHA-256 of the model"}
    ours, theirs = a or {}, b or {}
    return [_fact(word, text(ours.get(n)), text(theirs.get(n))) for n, word in names.items()]


def _parameters(a: Json | None, b: Json | None) -> tuple[int, tuple[Pair, ...]]:
    """How many are the same, and those that are not."""
    ours, theirs = (mapping((side or {}).get("parameters")) for side in (a, b))
    names = sorted({**ours, **theirs})
    pairs = [_fact(name, scalar_of(ours, name), scalar_of(theirs, name)) for name in names]
    changed = tuple(pair for pair in pairs if not pair.same)
    return len(pairs) - len(changed), changed


def _environment(a: Json, b: Json) -> tuple[Pair, ...]:
    """Commit and Python, and the packages that differ."""
    git = [text(mapping(side.get("git")).get("commit")) for side in (a, b)]
    python = [text(side.get("python")) for side in (a, b)]
    packages = [mapping(side.get("packages")) for side in (a, b)]
    names = sorted({**packages[0], **packages[1]}, key=str)
    told = [_fact(n, text(packages[0].get(n)), text(packages[1].get(n))) for n in names]
    return (
        _fact("git commit", *git),
        _fact("Python", *python),
        *(pair for pair in told if not pair.same),
    )


def _fact(name: str, a: str, b: str) -> Pair:
    return Pair(name, a, b, a == b if a or b else None)
