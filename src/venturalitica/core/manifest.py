"""The manifest of a model: its files by name and SHA-256, and the root over all of them.

The root is the one that the OpenSSF Model Signing format gives for these files (predicate
`https://model_signing/signature/v1.0`, method `files`, SHA-256), so a stranger computes it with
that format's own library. It covers the digests in the order of the names and not the names
themselves: two files that change their names, and not their order, keep the root. That is why a
record holds the names too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from venturalitica.core.encoding import is_hash
from venturalitica.core.json_values import Json, items, mapping, mappings, text
from venturalitica.errors import EvidenceError

METHOD = "OpenSSF Model Signing v1.0, files, SHA-256"

REGISTRY_META = "registered_model_meta"
"""What MLflow adds to a model that it fetches from its registry, and is no file of the model's."""

MAX_FILES = 20_000


class Manifest(Struct, frozen=True):
    """Relative POSIX name -> SHA-256 of each file, in the order of the format.

    `left_out` names the files that were there and are none of the model's: at most `REGISTRY_META`.
    """

    files: Mapping[str, str]
    left_out: tuple[str, ...] = ()

    @classmethod
    def over(cls, digests: Mapping[str, str], left_out: tuple[str, ...] = ()) -> Manifest:
        """Of digests in any order."""
        # By the parts of the name, as the format does: "a/b" stands before "a.b".
        ordered = sorted(digests, key=lambda name: name.split("/"))
        return cls({name: digests[name] for name in ordered}, left_out)

    @property
    def root(self) -> str:
        """SHA-256 over the digests as bytes, one after another."""
        return hashlib.sha256(b"".join(map(bytes.fromhex, self.files.values()))).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """As it stands in a record, in the order that the root is over."""
        return {
            "method": METHOD,
            "root": self.root,
            "files": [{"name": name, "sha256": digest} for name, digest in self.files.items()],
            "left_out": list(self.left_out),
        }

    @classmethod
    def of(cls, said: object) -> Manifest:
        """Read one from a record.

        Raises:
            EvidenceError: it is none, or its root is not the one over its files.
        """
        fields = mapping(said)
        if fields.get("method") != METHOD:
            raise EvidenceError(f"the manifest's method is not {METHOD!r}")
        listed = [(_name(item), text(item.get("sha256"))) for item in mappings(fields.get("files"))]
        whole = len(listed) == len(items(fields.get("files"))) > 0
        if not whole or not all(name and is_hash(digest) for name, digest in listed):
            raise EvidenceError("the manifest lists no files, or one without a name or digest")
        left_out = items(fields.get("left_out"))
        if not set(map(text, left_out)) <= {REGISTRY_META}:
            raise EvidenceError(f"the manifest leaves out more than {REGISTRY_META!r}")
        found = cls.over(dict(listed), tuple(map(text, left_out)))
        if list(found.files.items()) != listed:
            raise EvidenceError("the manifest's files are not in their order, or one is twice")
        if found.root != fields.get("root"):
            raise EvidenceError("the manifest's root is not the one over its files")
        return found

    def changes(self, later: Manifest) -> tuple[str, ...]:
        """What differs in another manifest, a sentence for each file; empty where nothing does."""
        new, gone = later.files.keys() - self.files.keys(), self.files.keys() - later.files.keys()
        changed = {
            name
            for name in self.files.keys() & later.files.keys()
            if self.files[name] != later.files[name]
        }
        said = dict.fromkeys(gone, "is not there") | dict.fromkeys(new, "is new")
        said |= dict.fromkeys(changed, "has other bytes")
        return tuple(f"{name} {what}" for name, what in sorted(said.items()))


def _name(item: Json) -> str:
    """The name of a file below the folder, in its one spelling; empty where it is none."""
    name = item.get("name")
    whole = isinstance(name, str) and {"", ".", ".."}.isdisjoint(name.split("/"))
    return str(name) if whole else ""
