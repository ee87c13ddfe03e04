"""What the gate is asked and what it answers.

A gate lets a model's version through where signed evidence says that these very files were judged,
under the rules that are asked for, and met them. `review/gate` decides.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from msgspec import Struct, field

from venturalitica.core.concise import html_of
from venturalitica.core.manifest import Manifest
from venturalitica.core.policy import ApprovalRule, Policy
from venturalitica.core.verdict import Light

Rule = Literal[
    "allowed",
    "no-evidence",
    "signature",
    "other-files",
    "not-compared",
    "other-policy",
    "no-tally",
    "control",
    "signer",
    "clock",
    "too-old",
    "approval",
    "rejected",
    "judged-red",
    "too-much",
    "busy",
    "broken-gate",
    "error",
    "override",
]
"""By which rule it was decided: one name for good, whatever the sentence says. By `override` a
model is served that was refused; on record stands the rule that refused it."""


class SignOff(Struct, frozen=True):
    """A sign-off as the gate counts it: by which key, in which function, of which record."""

    evidence_sha256: str
    keyid: str
    role: str
    decision: str
    at: str


class Requirement(Struct, frozen=True, kw_only=True):
    """What a version must show.

    `policy` is the one whose rules it must meet; `max_age` how old the judgement may be; `light`
    the least that its record may show. Whose keys count is said where evidence is verified.
    """

    policy: Policy
    max_age: timedelta | None = None
    approvals: tuple[ApprovalRule, ...] = ()
    light: Light = "green"


class Candidate(Struct, frozen=True, kw_only=True):
    """A model's version, with the evidence that was found for it; nothing of it is believed yet.

    `files` are its own, all of them; None where evidence alone is asked about. `bundles` are by the
    name of where each was found, `tallies` the vault's pairs by the digest that a record names.
    """

    name: str
    version: str = ""
    files: Manifest | None = None
    bundles: Mapping[str, bytes] = field(default_factory=dict)
    tallies: Mapping[str, bytes] = field(default_factory=dict)
    sign_offs: tuple[SignOff, ...] = ()


class Decision(Struct, frozen=True, kw_only=True):
    """Whether it may pass, by which rule, and why in one sentence.

    `record` is the evidence digest of the judgement that it rests on, `control` the one that is not
    met, `anew` whether the verdicts were computed again under another policy than the record's own.
    """

    allowed: bool
    rule: Rule
    sentence: str
    name: str
    version: str = ""
    control: str = ""
    record: str = ""
    files_root: str = ""
    policy: str = ""
    policy_sha256: str = ""
    signers: tuple[str, ...] = ()
    approvals: tuple[str, ...] = ()
    anew: bool = False

    def to_json(self) -> dict[str, Any]:
        """As facts, and as a record has it."""
        found = {name: getattr(self, name) for name in self.__struct_fields__}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in found.items()
        }

    def _repr_html_(self) -> str | None:
        return html_of(self)


class Alias(Struct, frozen=True):
    """An alias of a registered model, and the version that it stands for."""

    name: str
    alias: str
    version: str


class Standing(Struct, frozen=True, kw_only=True):
    """How an alias stands to the decisions of a gate: a light, why, and what to do about it.

    Green only where a gate let these files through under this alias. `record` is the evidence
    digest of the judgement that the decision rests on; empty where there is none.
    """

    name: str
    alias: str
    version: str
    light: Light
    sentence: str
    todo: str = ""
    record: str = ""

    @property
    def called(self) -> str:
        """The alias, as MLflow names the version under it."""
        return f"{self.name}@{self.alias} (version {self.version})"
