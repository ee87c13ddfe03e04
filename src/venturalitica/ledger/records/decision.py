"""The record of kind `decision`: that a model's version was let through a gate, or not.

{"format": 3, "kind": "decision", "package": version,
 "target":   {"name", "version", "alias", "files_root"}: what was asked about; `alias` is what it
             was to get, empty where nothing was to be changed,
 "decision": {"allowed", "rule", "sentence", "control", "record", "policy", "policy_sha256",
              "signers", "approvals", "anew"}: `core.gate.Decision`,
 "mode":     "enforce"; "observe": it was let through whatever was decided; or "override": a
             person let it through until a day, and said why,
 "override": by which one in that mode: {"evidence_sha256": of its record, "keyid", "until",
             "because"}; else null, or missing,
 "settings": SHA-256 of the gate's own file, or null,
 "by":       who asked, as the gate knows them; or empty,
 "decided_at", "trackers": the run that it is delivered to}
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import asdict

from venturalitica._version import __version__
from venturalitica.core.encoding import is_hash, sha256_hex
from venturalitica.core.gate import Decision
from venturalitica.core.json_values import Json, as_object, mapping, mappings, text, texts
from venturalitica.core.record import DECISION, FORMAT, statement_json
from venturalitica.core.text import timestamp
from venturalitica.errors import EvidenceError
from venturalitica.ledger.formats.public_key import short

Mode = Literal["enforce", "observe", "override"]
MODES: tuple[Mode, ...] = ("enforce", "observe", "override")
LONGEST = 1_500
"""Characters of a sentence."""

_DECISION = ("allowed", "rule", "sentence", "control", "record", "policy", "policy_sha256")
_LISTS = ("signers", "approvals")


class Overridden(Struct, frozen=True, kw_only=True):
    """The override that a decision gave way to: the digest of its record, and what that says."""

    evidence_sha256: str
    keyid: str
    until: str
    because: str

    @property
    def sentence(self) -> str:
        """What is said of it wherever the alias is shown."""
        return (
            f"allowed by override until {self.until[:16]} UTC, by key {short(self.keyid)}: "
            f"{self.because}"
        )

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Overridden:
        """Read it; raises `EvidenceError`."""
        if not (is_hash(said.get("evidence_sha256")) and is_hash(said.get("keyid"))):
            raise EvidenceError("predicate.override names no record, or no key")
        for name in ("until", "because"):
            if not isinstance(said.get(name), str) or not said[name]:
                raise EvidenceError(f"predicate.override.{name} is missing or malformed")
        return cls(**{name: said[name] for name in cls.__struct_fields__})


class Decided(Struct, frozen=True, kw_only=True):
    """What such a record says."""

    decision: Decision
    alias: str = ""
    mode: Mode = "enforce"
    settings: str | None = None
    by: str = ""
    at: str = ""
    override: Overridden | None = None

    @property
    def passed(self) -> bool:
        """Whether the version was let through."""
        return self.decision.allowed or self.mode != "enforce"

    def statement(self, trackers: list[Json], now: datetime) -> dict[str, Any]:
        """The statement, ready to be appended."""
        said = self.decision.to_json()
        target = {
            "name": said.pop("name"),
            "version": said.pop("version"),
            "alias": self.alias,
            "files_root": said.pop("files_root"),
        }
        said["sentence"] = said["sentence"][:LONGEST]
        predicate = {
            "format": FORMAT,
            "kind": "decision",
            "package": __version__,
            "target": target,
            "decision": said,
            "mode": self.mode,
            "override": None if self.override is None else asdict(self.override),
            "settings": self.settings,
            "by": self.by,
            "decided_at": timestamp(now),
            "trackers": trackers,
        }
        named = {
            "files": self.decision.files_root,
            "record": self.decision.record,
            "required": self.decision.policy_sha256,
            "settings": self.settings or "",
        }
        if not any(named.values()):
            # Refused before anything was read; in-toto wants a digest, so that of what was asked.
            asked = f"{self.decision.name}/{self.decision.version}"
            named = {"asked": sha256_hex(asked.encode())}
        subjects = [(f"{what}/{self.decision.name}", sha) for what, sha in named.items() if sha]
        return statement_json(DECISION, subjects, predicate)

    @classmethod
    def of(cls, predicate: Mapping[str, Any]) -> Decided:
        """Read one.

        Raises:
            EvidenceError: a field is missing or malformed.
        """
        target, said = mapping(predicate.get("target")), mapping(predicate.get("decision"))
        if not isinstance(said.get("allowed"), bool) or not isinstance(said.get("anew"), bool):
            raise EvidenceError("predicate.decision is missing or malformed")
        if (said.get("rule") == "allowed") != said["allowed"]:
            raise EvidenceError("predicate.decision is allowed by a rule that refuses, or refused")
        for name in _DECISION[1:]:
            if not isinstance(said.get(name), str):
                raise EvidenceError(f"predicate.decision.{name} is missing or malformed")
        for name in ("record", "policy_sha256"):
            if said[name] and not is_hash(said[name]):
                raise EvidenceError(f"predicate.decision.{name} is no SHA-256")
        if not isinstance(target.get("name"), str) or not target["name"]:
            raise EvidenceError("predicate.target is missing or malformed")
        root = text(target.get("files_root"))
        if root and not is_hash(root):
            raise EvidenceError("predicate.target.files_root is no SHA-256")
        mode, settings = predicate.get("mode"), predicate.get("settings")
        if mode not in MODES:
            raise EvidenceError(f"predicate.mode is none of {', '.join(MODES)}")
        if settings is not None and not is_hash(settings):
            raise EvidenceError("predicate.settings is neither null nor a SHA-256")
        if mappings(predicate.get("trackers")) != tuple(predicate.get("trackers") or ()):
            raise EvidenceError("predicate.trackers is malformed")
        override = as_object(predicate.get("override"))
        if (mode == "override") != (override is not None) or (override and said["allowed"]):
            raise EvidenceError("predicate.override and its mode or decision contradict each other")
        lists: dict[str, Any] = {name: texts(said.get(name)) for name in _LISTS}
        decision = Decision(
            name=target["name"],
            version=text(target.get("version")),
            files_root=root,
            anew=said["anew"],
            **{name: said[name] for name in _DECISION},
            **lists,
        )
        return cls(
            decision=decision,
            alias=text(target.get("alias")),
            mode=mode,
            settings=settings,
            by=text(predicate.get("by")),
            at=text(predicate.get("decided_at")),
            override=None if override is None else Overridden.of(override),
        )
