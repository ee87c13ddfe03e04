"""`gate.yaml`: which models, aliases and stages are protected, by which policy and by whom signed.

    gate: "1"
    mode: enforce
    protect:
      - models: ["credit*"]
        aliases: [champion]
        stages: [Production]
        policy: policies/credit.yaml
        signers: keys/

The file is read again at each decision, and its SHA-256 stands in the decision: who edits it needs
no restart, and nobody edits it unseen.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Struct
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from venturalitica.errors import EvidenceError, PolicyError, Problem, did_you_mean
from venturalitica.ledger import read_keys
from venturalitica.policy import tree
from venturalitica.policy.read import decode, read_policy
from venturalitica.policy.tree import (
    ListNode,
    MapNode,
    Node,
    Scalar,
    UnreadableError,
    follow,
    found,
    plain,
    show,
)
from venturalitica.policy.yaml_reader import read_yaml
from venturalitica.system.files import reading

SCHEMA_ID = "urn:venturalitica:gate:v1"
FILENAME = "gate.yaml"
SWITCH = "VENTURALITICA_GATE"
"""The environment variable that names the file; without it `gate.yaml` of the working folder."""

AUTH = "VENTURALITICA_GATE_AUTH"
"""The environment variable that asks for MLflow's own passwords: `basic-auth`."""

MAX_BYTES = 1 << 20
STAGES = ("Staging", "Production")
"""The stages that MLflow calls active; nobody serves from the others."""

_AGE = re.compile(r"([1-9][0-9]{0,3})([hd])")


class Protection(Struct, frozen=True):
    """One rule: the names, aliases and stages that it is about, and what they need.

    `policy`, `signers` and `overrides` are paths as the file has them, relative to the folder of
    `gate.yaml`.
    """

    models: tuple[str, ...]
    aliases: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    policy: str | None = None
    policy_sha256: str | None = None
    signers: str | None = None
    approvals: tuple[tuple[str, int], ...] = ()
    max_age: timedelta | None = None
    light: Literal["green", "amber"] = "green"
    overrides: str | None = None

    def names(self, model: str) -> bool:
        """Whether it is about this registered model."""
        return _fits(self.models, model)

    def covers(self, model: str, *, alias: str | None = None, stage: str | None = None) -> bool:
        """Whether this alias or stage of the model is protected by it."""
        return self.names(model) and (
            (alias is not None and _fits(self.aliases, alias))
            or (stage is not None and _fits(self.stages, stage))
        )


def _fits(patterns: tuple[str, ...], name: str) -> bool:
    # For people, `Champion` is the same alias.
    return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in patterns)


class GateFile(Struct, frozen=True):
    """What a gate file says, or that there is none that can be read.

    A broken file protects every alias and every active stage: nobody knows which ones were meant.
    """

    file: str
    sha256: str
    mode: Literal["enforce", "observe"] = "enforce"
    protections: tuple[Protection, ...] = ()
    problems: tuple[Problem, ...] = ()

    @property
    def name(self) -> str:
        """What strangers are told of where it lies."""
        return Path(self.file).name

    @property
    def ok(self) -> bool:
        """Whether the file could be read without a fault."""
        return not self.problems

    def protection(
        self, model: str, *, alias: str | None = None, stage: str | None = None
    ) -> Protection | None:
        """The first rule about this alias or stage of a model; None where nothing protects it."""
        rules = self.protections if self.ok else (_EVERYTHING,)
        return next((rule for rule in rules if rule.covers(model, alias=alias, stage=stage)), None)

    def names(self, model: str) -> bool:
        """Whether anything of this registered model may be protected."""
        return not self.ok or any(rule.names(model) for rule in self.protections)


_EVERYTHING = Protection(models=("*",), aliases=("*",), stages=STAGES)


def _age(text: str) -> str:
    if _AGE.fullmatch(text) is None:
        raise ValueError("no age")
    return text


def _local(text: str) -> str:
    if "\x00" in text:
        raise ValueError("no path")
    return text


_Patterns = Annotated[
    list[Annotated[str, Field(min_length=1, max_length=500)]], Field(max_length=200)
]


class Form(BaseModel):
    """A mapping of the file: only keys that are known, and nothing converted."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class ApprovalForm(Form):
    """A role that has to sign off, and how many people of it."""

    role: Annotated[str, Field(min_length=1, max_length=100)] = Field(
        description="the role that the approval names, such as risk-officer"
    )
    count: Annotated[int, Field(ge=1, le=20)] = Field(
        default=1, description="how many persons, each with a key of their own, 1 to 20"
    )


class ProtectForm(Form):
    """Names, aliases and stages, and what a version needs to get there."""

    models: Annotated[_Patterns, Field(min_length=1)] = Field(
        description="a list of registered models; * and ? stand for any characters"
    )
    aliases: _Patterns = Field(
        default_factory=list, description="a list of aliases, such as [champion]; patterns too"
    )
    stages: list[Literal["Staging", "Production"]] = Field(
        default_factory=list, description="a list of the stages Staging and Production"
    )
    policy: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_local)] = Field(
        description="the path of the policy that has to hold, relative to this file"
    )
    policy_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = Field(
        default=None, description="the SHA-256 of that file, 64 hexadecimal digits"
    )
    signers: Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_local)] = Field(
        description="the path of the public keys whose records count: a PEM file, or a folder of "
        "them, relative to this file"
    )
    approvals: Annotated[list[ApprovalForm], Field(max_length=20)] = Field(
        default_factory=list, description="a list such as [{role: risk-officer, count: 2}]"
    )
    max_age: Annotated[str, AfterValidator(_age)] | None = Field(
        default=None,
        description="how old the evidence may be: hours or days, such as 30d or 12h",
        json_schema_extra={"pattern": f"^{_AGE.pattern}$"},
    )
    light: Literal["green", "amber"] = Field(
        default="green", description="the worst light that is let through: green or amber"
    )
    overrides: (
        Annotated[str, Field(min_length=1, max_length=1000), AfterValidator(_local)] | None
    ) = Field(
        default=None,
        description="the path of the public keys whose signed override lets a version have an "
        "alias that is refused, for 72 hours at most: a PEM file, or a folder of them, relative "
        "to this file; nobody may if left out",
    )


class GateForm(Form):
    """The whole file."""

    model_config = ConfigDict(
        title="gate.yaml", json_schema_extra={"$id": SCHEMA_ID}, extra="forbid", strict=True
    )

    gate: Literal["1"] = Field(description='the version of this format, "1" in quotes')
    mode: Literal["enforce", "observe"] = Field(
        default="enforce", description="enforce, or observe (log what would have been refused)"
    )
    protect: Annotated[list[ProtectForm], Field(min_length=1, max_length=200)] = Field(
        description="a list of what is protected; each has models, aliases or stages, and a policy"
    )


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **GateForm.model_json_schema(),
    }


def gate_path() -> Path:
    """Where the server's gate file is."""
    return Path(os.environ.get(SWITCH) or FILENAME).absolute()


def read_gate(path: Path) -> GateFile:
    """Read and check a gate file; it never raises: `problems` holds all that is wrong.

    Its SHA-256 is of the bytes that were read, and empty where there were none to read.
    """
    try:
        with reading(path) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        return _broken(path, b"", [Problem(str(path), 0, f"cannot be read: {reason}")])
    return _parsed(path, data)


@lru_cache(maxsize=4)
def _parsed(path: Path, data: bytes) -> GateFile:
    """The same bytes say the same: they are read at each request, and understood once."""
    try:
        if not data.strip():
            raise UnreadableError(0, "the file is empty; expected 'gate: \"1\"' and 'protect:'")
        root = read_yaml(decode(data))
    except UnreadableError as fault:
        return _broken(path, data, [Problem(str(path), fault.line, str(fault))])
    problems = [Problem(str(path), line, said) for line, said in _faults(root)]
    if problems:
        return _broken(path, data, problems)
    form = GateForm.model_validate(plain(root))
    rules = tuple(_rule(one) for one in form.protect)
    digest = hashlib.sha256(data).hexdigest()
    return GateFile(str(path), digest, form.mode, rules)


def named_faults(gate: GateFile) -> tuple[Problem, ...]:
    """What is wrong with the policies and keys that a gate file names; none where it has faults."""
    found: list[Problem] = []
    folder = Path(gate.file).parent
    for rule in gate.protections:
        try:
            policy = read_policy(folder / str(rule.policy))
            if rule.policy_sha256 not in (None, policy.sha256):
                said = f"its SHA-256 is {policy.sha256}; expected {rule.policy_sha256}"
                found.append(Problem(str(folder / str(rule.policy)), 0, said))
        except PolicyError as error:
            found += error.problems
        for keys in filter(None, (rule.signers, rule.overrides)):
            try:
                read_keys(folder / keys)
            except EvidenceError as error:
                found.append(Problem(gate.file, 0, str(error)))
    return tuple(dict.fromkeys(found))


def _broken(path: Path, data: bytes, problems: list[Problem]) -> GateFile:
    digest = hashlib.sha256(data).hexdigest() if data else ""
    return GateFile(str(path), digest, problems=tuple(problems))


def _rule(form: ProtectForm) -> Protection:
    hours = None
    if form.max_age is not None and (said := _AGE.fullmatch(form.max_age)):
        hours = int(said[1]) * (24 if said[2] == "d" else 1)
    return Protection(
        models=tuple(form.models),
        aliases=tuple(form.aliases),
        stages=tuple(form.stages),
        policy=form.policy,
        policy_sha256=form.policy_sha256,
        signers=form.signers,
        approvals=tuple((one.role, one.count) for one in form.approvals),
        max_age=None if hours is None else timedelta(hours=hours),
        light=form.light,
        overrides=form.overrides,
    )


def _faults(root: Node) -> list[tuple[int, str]]:
    """Line and sentence of everything that is wrong, in the order of the file."""
    if not isinstance(root, MapNode):
        return [(root.line, f"found {found(root)}; expected a mapping with 'gate' and 'protect'")]
    told = list(_keys(root))
    if told:
        return told
    try:
        form = GateForm.model_validate(plain(root))
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        return sorted(_explained(fault, root) for fault in faults)
    return [
        (follow(root, ("protect", index))[0].line, "protects nothing; expected aliases or stages")
        for index, one in enumerate(form.protect)
        if not one.aliases and not one.stages
    ]


def _keys(node: Node) -> Iterator[tuple[int, str]]:
    """Keys that are no word, or stand twice: which of the two holds would be a guess."""
    if isinstance(node, ListNode):
        for item in node.items:
            yield from _keys(item)
    elif isinstance(node, MapNode):
        lines: dict[object, int] = {}
        for key, value in node.pairs:
            name = key.value if isinstance(key, Scalar) else None
            if not isinstance(name, str):
                yield key.line, f"a key is {found(key)}; expected a word"
            elif name in lines:
                yield key.line, f"the key {show(name)} stands at line {lines[name]} already"
            else:
                lines[name] = key.line
            yield from _keys(value)


_FORMS: dict[str, type[BaseModel]] = {"protect": ProtectForm, "approvals": ApprovalForm}


def _explained(fault: Any, root: Node) -> tuple[int, str]:
    path: tree.Path = fault["loc"]
    form: type[BaseModel] = GateForm
    for step in path[:-1]:
        form = _FORMS.get(str(step), form)
    name = str(next((step for step in reversed(path) if isinstance(step, str)), ""))
    node, there = follow(root, path)
    if fault["type"] == "extra_forbidden":
        near = did_you_mean(name, list(form.model_fields))
        known = ", ".join(form.model_fields)
        above, _ = follow(root, path[:-1])
        pair = above.find(name) if isinstance(above, MapNode) else None
        line = pair[0].line if pair else node.line
        return line, f"found the key {show(name)}{near}; expected one of {known}"
    expected = form.model_fields[name].description
    if not there:
        return node.line, f"'{name}' is missing; expected {expected}"
    return node.line, f"'{name}': found {found(node)}; expected {expected}"
