"""A ledger with an audit, for the gate to decide on; and what it is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy
import pandas
import pytest

import venturalitica as vl
from venturalitica.core.encoding import sha256_hex
from venturalitica.core.gate import Candidate, Decision, Requirement
from venturalitica.core.manifest import Manifest
from venturalitica.ledger import Entry, Ledger, load_signer
from venturalitica.ledger.lifecycle.approve import approve
from venturalitica.ledger.records.kinds.model_tie import Likeness, ModelTie
from venturalitica.ledger.records.vault import Vault
from venturalitica.ledger.signing.signer import FileSigner, derived
from venturalitica.policy.read import parse_policy
from venturalitica.review.gate import decide

POLICY = """\
policy: credit
version: "1.0"
roles: {target: {favorable: 1}}
controls:
  - {id: accuracy, metric: accuracy, must: ">= 0.50"}
  - {id: recall, metric: recall, must: ">= 0.50"}
"""
STRICTER = POLICY.replace('accuracy, must: ">= 0.50"', 'accuracy, must: ">= 0.99"')
FILES = {"MLmodel": sha256_hex(b"about"), "model.pkl": sha256_hex(b"weights")}
SAME = Likeness(tie="same predictions", rows=300)


def manifest(**changes: str) -> Manifest:
    return Manifest.over({**FILES, **changes})


class Place:
    """A ledger with one audit, made by the product; each method appends and gives an entry."""

    def __init__(self, folder: Path, policy: str = POLICY, right: float = 0.9) -> None:
        self.folder = folder
        self.policy = policy.encode()
        path = folder / "model_policy.yaml"
        path.write_bytes(self.policy)
        random = numpy.random.default_rng(7)
        truth = random.integers(0, 2, 300)
        said = numpy.where(random.random(300) < right, truth, 1 - truth)
        rows = pandas.DataFrame({"label": truth, "said": said})
        self.audit = vl.enforce(rows, policy=path, target="label", prediction="said")
        self.signer = load_signer(None, folder / "config")
        self.ledger = Ledger.open(folder / "evidence", signer=self.signer)
        self.first = self.ledger.entry(0)

    def of_files(
        self, files: Manifest, change: Callable[[dict[str, Any]], None] = lambda _: None
    ) -> Entry:
        """The audit again, as one of files; what `change` does to it is signed by the right key."""
        said = json.loads(json.dumps(self.first.statement))
        del said["predicate"]["log"]
        said["predicate"]["prior"] = None
        said["predicate"]["model"] = {
            "class": "x",
            "parameters": {},
            "sha256": files.root,
            "identity": "files",
            "name": "models:/credit/1",
            "files": files.to_json(),
            "logged": None,
        }
        said["subject"] = [one for one in said["subject"] if not one["name"].startswith("model/")]
        said["subject"].append({"name": "model/credit", "digest": {"sha256": files.root}})
        change(said["predicate"])
        return self.ledger.append(said)

    def tie(self, files: Manifest, of: Entry | None = None, likeness: Likeness = SAME) -> Entry:
        of = of or self.first
        made = ModelTie(
            entry=of.index,
            evidence_sha256=of.evidence_sha256,
            run_id=of.record.run.id,
            manifest=files,
            name="model",
            logged={"tracker": "mlflow"},
            likeness=likeness,
        )
        return self.ledger.append(made.statement([], datetime.now(UTC)))

    def approve(
        self,
        entry: Entry,
        role: str,
        key: FileSigner | None = None,
        decision: str = "approved",
        at: datetime | None = None,
    ) -> Entry:
        return approve(
            self.ledger,
            entry,
            person="Ada Lovelace",
            role=role,
            decision=decision,
            light="green",
            keyid=key.keyid if key else self.ledger.signer_id,
            at=at or datetime.now(UTC),
            cosigners=(key,) if key else (),
        )

    def candidate(self, *entries: Entry, files: Manifest | None = None, **more: Any) -> Candidate:
        return Candidate(
            name="credit",
            version="1",
            files=files or manifest(),
            bundles={f"{one.index}.json": self.ledger.bundle(one.index) for one in entries},
            **more,
        )

    @property
    def tallies(self) -> dict[str, bytes]:
        digest = self.first.record.tally_kept
        pair = Vault(self.ledger.home).pair(digest)
        assert pair is not None
        return {digest: pair}


def made(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> Place:
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("VENTURALITICA_HOME", str(folder / "evidence"))
    monkeypatch.setenv("VENTURALITICA_CONFIG", str(folder / "config"))
    return Place(folder, *arguments)


def asked(
    place: Place, candidate: Candidate, policy: str = POLICY, *signers: FileSigner, **more: Any
) -> Decision:
    """The decision of whoever trusts the keys of `place`, and of these signers."""
    now = more.pop("now", datetime.now(UTC))
    keys = [key.public for s in (place.signer, *signers) for key in (s, derived(s))]
    requirement = Requirement(policy=parse_policy(policy.encode()), **more)
    return decide(candidate, requirement, keys={"trusted_keys": keys}, now=now)
