"""A policy edited in the browser: its text, one control at a time beside the catalogue, checked as
one types, held against a text in use. Nothing is written: what comes of it is copied or downloaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from venturalitica.metrics.catalog import CATALOG
from venturalitica.policy import describe, lint
from venturalitica.policy.describe import sentence
from venturalitica.policy.edit import EditError, put_control, read_controls, take_out
from venturalitica.policy.schema import json_schema
from venturalitica.policy.template import policy_template
from venturalitica.review.policies import (
    Side,
    label_of,
    outcome,
)
from venturalitica.ui.policy_texts import DRAFT, Base, bases, compared, text_of
from venturalitica.ui.templating import render

if TYPE_CHECKING:
    from venturalitica.core.policy import Policy
    from venturalitica.metrics.catalog.spec import MetricSpec
    from venturalitica.policy.read import Lint
    from venturalitica.review.policies import Compared
    from venturalitica.ui.reader import Desk

NEW = "new"
_LONG = frozenset({"title", "remedy"})
_NESTED = frozenset({"small_groups"})
"""Keys that hold keys of their own: they are written in the text."""


class Field(Struct, frozen=True):
    """One key of a control as a field: what may stand in it, and what does."""

    key: str
    description: str
    value: str = ""
    choices: tuple[str, ...] = ()
    example: str = ""
    long: bool = False
    needed: bool = False


class Rule(Struct, frozen=True):
    """One control of the draft in words."""

    place: int
    id: str
    sentence: str
    line: int
    unread: bool = False


class Found(Struct, frozen=True, kw_only=True):
    """What there is to say of the draft.

    `compared` is None where there is nothing to hold it against. `metric` is the one that is chosen
    in the fields; `tried` what the text would say with them.
    """

    lint: Lint
    rules: tuple[Rule, ...] = ()
    old: Side | None = None
    compared: Compared | None = None
    metric: MetricSpec | None = None
    tried: str = ""
    tried_problems: tuple[str, ...] = ()

    @property
    def against(self) -> str:
        """The text that it is held against, and where that is."""
        return label_of(self.old) if self.old else ""

    @property
    def outcome(self) -> str:
        """What the changes come to, in a sentence."""
        return outcome(self.compared.rules) if self.compared and self.compared.rules else ""


class FormContext(Struct, frozen=True, kw_only=True):
    """The page: the draft, what was found of it, the texts to hold it against, the fields.

    `place` is the control in the fields: its number from 0, or `new`; `was` the name it had then,
    since the text may be another by the time they are put in.
    """

    text: str
    bases: tuple[Base, ...]
    base: str
    found: Found
    place: str
    was: str
    fields: tuple[Field, ...]
    families: tuple[tuple[str, tuple[MetricSpec, ...]], ...]
    problem: str = ""
    done: str = ""


def page(request: Request) -> Response:
    """Answer `/policy-form`: the page, or the file to download."""
    desk: Desk = request.app.state.desk
    known = tuple(bases(desk))
    if request.method != "POST":
        query = request.query_params
        base = _known(known, query.get("of"))
        side = text_of(desk, base)
        text = side.data.decode("utf-8", "replace") if side else _template()
        return _drawn(request, known, base, text, query.get("control", ""))
    form: FormData = request.state.form
    text, base = _text(form), _known(known, str(form.get("of", "")))
    action, _, meant = str(form.get("do", "")).partition(":")
    number, _, name = meant.partition(":")
    place, fields = str(form.get("place", "")), _given(form)
    name = name if number else str(form.get("was", ""))
    if action == "download":
        headers = {"content-disposition": f'attachment; filename="{DRAFT}"'}
        return Response(text.encode(), headers=headers, media_type="application/yaml")
    if action == "close":
        return _drawn(request, known, base, text, "")
    if action not in _DONE and action != "edit":
        return _drawn(request, known, base, text, place, fields, was=name)
    try:
        where = _where(text, number or place, name)
        if action == "edit":
            return _drawn(request, known, base, text, where)
        text, place = _edited(text, action, where, fields)
    except EditError as error:
        problem = f"The text is as it was: {error}."
        was = str(form.get("was", ""))
        return _drawn(request, known, base, text, place, fields, was=was, problem=problem)
    return _drawn(request, known, base, text, place, done=_DONE[action])


_DONE = {"put": "The control is in the text.", "take": "The control is out of the text."}


def live(request: Request) -> Response:
    """Answer `/live/policy-form`: what is found of the text and the fields as they are now."""
    form: FormData = request.state.form
    side = text_of(request.app.state.desk, str(form.get("of", "")))
    text, place = _text(form), str(form.get("place", ""))
    with suppress(EditError):
        place = _where(text, place, str(form.get("was", "")))
    found = _found(text, side, place, _given(form))
    return render(request, "_policy_found.html", found)


def _drawn(
    request: Request,
    known: tuple[Base, ...],
    base: str,
    text: str,
    place: str,
    given: Mapping[str, str] | None = None,
    *,
    was: str | None = None,
    problem: str = "",
    done: str = "",
) -> Response:
    values = _values(text, place) if given is None else given
    context = FormContext(
        text=text,
        bases=known,
        base=base,
        found=_found(text, text_of(request.app.state.desk, base), place, values),
        place=place,
        was=_name_at(text, place) if was is None else was,
        fields=tuple(_fields(values)) if place else (),
        families=_families(),
        problem=problem,
        done=done,
    )
    return render(request, "policy_form.html", context)


def _known(bases: tuple[Base, ...], value: str | None) -> str:
    """Which text is meant: the first where none is named, none where that is said."""
    values = [base.value for base in bases]
    if value is None:
        return values[0] if values else ""
    return value if value in values else ""


def _families() -> tuple[tuple[str, tuple[MetricSpec, ...]], ...]:
    """The catalogue, family by family."""
    found: dict[str, list[MetricSpec]] = {}
    for spec in CATALOG.values():
        found.setdefault(spec.family, []).append(spec)
    return tuple((name, tuple(of)) for name, of in found.items())


def _found(text: str, old: Side | None, place: str, given: Mapping[str, str]) -> Found:

    checked = lint(text.encode(), filename=DRAFT)
    tried, problems = _tried(text, place, given, checked)
    return Found(
        lint=checked,
        rules=tuple(_rules(text, checked.policy)),
        old=old,
        compared=compared(old, text, checked.policy),
        metric=CATALOG.get(given.get("metric", "")),
        tried=tried,
        tried_problems=problems,
    )


def _rules(text: str, policy: Policy | None) -> Iterator[Rule]:
    """The controls in words; of a text that is no policy yet, by their ids."""
    if policy is not None:
        for place, said in enumerate(zip(policy.controls, describe(policy), strict=True)):
            yield Rule(place, said[0].id, said[1], said[0].line)
        return
    try:
        controls = read_controls(text)
    except EditError:
        return
    for place, control in enumerate(controls):
        yield Rule(place, _name(control, place), "", 0, unread=True)


def _name(control: Any, place: int) -> str:
    word = control.get("id") if isinstance(control, Mapping) else None
    return str(word or f"control {place + 1}")


def _name_at(text: str, place: str) -> str:
    """What the control at a place is called; nothing of a new one, or where there is none."""
    number = _number(place)
    try:
        controls = read_controls(text)
    except EditError:
        return ""
    known = number is not None and number < len(controls)
    return _name(controls[number], number) if known and number is not None else ""


def _where(text: str, place: str, name: str) -> str:
    """Where the control of that name stands now: the text may have been changed by hand since.

    Raises:
        EditError: it is not there any more, or more than once and not where it was.
    """
    if not name or _number(place) is None:
        return place
    names = [_name(one, at) for at, one in enumerate(read_controls(text))]
    found = [str(at) for at, one in enumerate(names) if one.split() == name.split()]
    if place in found:
        return place
    if len(found) == 1:
        return found[0]
    raise EditError(f"the text was changed, and {name!r} is not where it was; choose it again")


def _tried(
    text: str, place: str, given: Mapping[str, str], before: Lint
) -> tuple[str, tuple[str, ...]]:
    """The rule of the fields in words, or what is wrong with it."""
    if not place or not any(given.values()):
        return "", ()
    number = _number(place)
    try:
        after = lint(
            put_control(text, number, _changed(text, place, given)).encode(), filename=DRAFT
        )
    except EditError as error:
        return "", (str(error),)
    if after.policy is not None:
        return sentence(after.policy.controls[-1 if number is None else number]), ()
    # Of a text with faults elsewhere only what the fields add is said here.
    known = {problem.message for problem in before.errors}
    new = tuple(one.message for one in after.errors if one.message not in known)
    return "", new


def _edited(text: str, action: str, place: str, given: Mapping[str, str]) -> tuple[str, str]:
    """The text with the control put in or taken out, and the control that stays in the fields."""
    number = _number(place)
    if action == "take":
        return take_out(text, -1 if number is None else number), ""
    after = put_control(text, number, _changed(text, place, given))
    return after, str(len(read_controls(after)) - 1 if number is None else number)


def _values(text: str, place: str) -> dict[str, str]:
    """What a control of the text says, as fields hold it."""
    number = _number(place)
    if number is None:
        return {}
    try:
        controls = read_controls(text)
    except EditError:
        return {}
    control = controls[number] if number < len(controls) else None
    if not isinstance(control, Mapping):
        return {}
    return {str(key): _as_text(value) for key, value in control.items()}


def _as_text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _fields(given: Mapping[str, str]) -> Iterator[Field]:
    """Every key of a control that holds one value or a list, as the policy's schema has it."""
    for key, schema in _properties().items():
        if key in _NESTED:
            continue
        example = schema.get("examples", [""])[0]
        yield Field(
            key=key,
            description=schema["description"],
            value=given.get(key, ""),
            choices=_choices(schema),
            example=_as_text(example),
            long=key in _LONG,
            needed=key in ("id", "metric", "must"),
        )


def _choices(schema: Mapping[str, Any]) -> tuple[str, ...]:
    return (schema["const"],) if "const" in schema else tuple(schema.get("enum", ()))


@cache
def _properties() -> Mapping[str, Mapping[str, Any]]:

    found: Mapping[str, Mapping[str, Any]] = json_schema()["$defs"]["ControlForm"]["properties"]
    return found


def _given(form: FormData) -> dict[str, str]:
    """What the fields hold, by key."""
    return {
        key[2:]: str(value).strip()
        for key, value in form.items()
        if key.startswith("c.") and key[2:] in _properties()
    }


def _changed(text: str, place: str, given: Mapping[str, str]) -> dict[str, Any]:
    """What the fields say otherwise than the control: a field cannot hold all that a text can, such
    as lines or a name with a comma, so what nobody touched is not written again."""
    shown = _values(text, place)
    return _as_keys(
        {key: value for key, value in given.items() if value.split() != shown.get(key, "").split()}
    )


def _as_keys(given: Mapping[str, str]) -> dict[str, Any]:
    """What a control says when its fields hold this; an empty field takes its key out."""
    properties = _properties()
    return {
        key: _as_value(value, properties[key]) for key, value in given.items() if key in properties
    }


def _as_value(value: str, schema: Mapping[str, Any]) -> Any:
    if not value:
        return None
    if schema.get("type") == "integer" and value.isdecimal():
        return int(value)
    listed = [one.strip() for one in value.split(",") if one.strip()]
    if schema.get("type") == "array" or ("anyOf" in schema and len(listed) > 1):
        return listed
    return " ".join(value.split())


def _number(place: str) -> int | None:
    """Which control is meant; None is a new one."""
    return int(place) if place.isdecimal() and place.isascii() and len(place) < 9 else None


def _text(form: FormData) -> str:
    """The draft with the line ends of a file: a browser sends those of the network."""
    return str(form.get("text", "")).replace("\r\n", "\n").replace("\r", "\n")


def _template() -> str:

    return policy_template()
