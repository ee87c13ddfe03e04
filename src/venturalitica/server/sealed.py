"""The versions that stand under a protected alias or stage, and where what belongs to them lies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct

from venturalitica.server.gate_file import STAGES, GateFile
from venturalitica.server.places import local, overlap, place_of
from venturalitica.trackers.base import ROOT
from venturalitica.trackers.layout import SNAPSHOTS

OURS = (ROOT, SNAPSHOTS)
"""The folders of a run that hold what a decision rests on."""


class Sealed(Struct, frozen=True):
    """A version whose files and evidence nobody may change as long as it is where it is."""

    name: str
    version: str
    where: str
    run_id: str
    model_id: str
    experiment_id: str
    places: tuple[str, ...]

    def holds(self, place: str) -> bool:
        """Whether a change at this place can change the version or its evidence."""
        return any(overlap(place, own) for own in self.places)


class Stores(Struct, frozen=True):
    """The stores of one server, as they are beneath the guard.

    `destination` is where the server keeps the artifacts that it hands through; `open_store` opens
    the artifacts below an address.
    """

    registry: Any
    tracking: Any
    destination: str | None
    open_store: Callable[[str], Any]

    def place(self, uri: str, path: str = "") -> str:
        """The one spelling of a location; ValueError where the server has no access to it."""
        return place_of(uri, path, destination=self.destination)

    def store(self, uri: str) -> Any:
        """The artifacts below an address, where they really lie: no server asks itself."""
        folder = self.folder(uri)
        return self.open_store(self.place(uri) if folder is None else folder.as_uri())

    def folder(self, uri: str) -> Path | None:
        """The folder of this machine that an address means; None for storage elsewhere."""
        return local(self.place(uri))

    def version_uri(self, name: str, version: str) -> str:
        """Where the files of a version lie."""
        return str(self.registry.get_model_version_download_uri(name, version))

    def run_of(self, version: Any) -> Any:
        """The run that a version comes from; None where it names none that is known."""
        from mlflow.exceptions import MlflowException

        run_id = version.run_id
        with contextlib.suppress(MlflowException):
            if not run_id and version.model_id:
                run_id = self.tracking.get_logged_model(version.model_id).source_run_id
            return self.tracking.get_run(run_id) if run_id else None
        return None

    def models(self) -> Iterator[Any]:
        """Every registered model."""
        token = None
        while True:
            page = self.registry.search_registered_models(max_results=1000, page_token=token)
            yield from page
            token = page.token
            if not token:
                return

    def versions(self, name: str) -> list[Any]:
        """Every version of a registered model."""
        quote = '"' if "'" in name else "'"
        found, token = [], None
        while True:
            page = self.registry.search_model_versions(
                f"name = {quote}{name}{quote}", max_results=1000, page_token=token
            )
            found += page
            token = page.token
            if not token:
                return found

    def sealed(self, gate: GateFile) -> tuple[Sealed, ...]:
        """Every version that stands under an alias or a stage that the file protects."""
        return tuple(
            self._sealed(model.name, version, where)
            for model in self.models()
            if gate.names(model.name)
            for where, version in self.protected(gate, model)
        )

    def protected(self, gate: GateFile, model: Any, name: str = "") -> Iterator[tuple[str, Any]]:
        """What of a model stands under protection: alias or stage, and the version.

        Args:
            name: the name that it is to be seen under; its own if empty.
        """
        name = name or model.name
        for alias, number in model.aliases.items():
            if gate.protection(name, alias=alias):
                yield f"alias {alias!r}", self.registry.get_model_version(model.name, number)
        if any(gate.protection(name, stage=stage) for stage in STAGES):
            for version in self.versions(model.name):
                if gate.protection(name, stage=version.current_stage):
                    yield f"stage {version.current_stage!r}", version

    def _sealed(self, name: str, version: Any, where: str) -> Sealed:
        run = self.run_of(version)
        uris = [(self.version_uri(name, version.version), "")]
        if run is not None:
            uris += [(run.info.artifact_uri, folder) for folder in OURS]
        places = []
        for uri, path in uris:
            # Files at another server are not written through this one.
            with contextlib.suppress(ValueError):
                places.append(self.place(uri, path))
        return Sealed(
            name=name,
            version=str(version.version),
            where=where,
            run_id=run.info.run_id if run else "",
            model_id=str(version.model_id or _model_id(version.source)),
            experiment_id=run.info.experiment_id if run else "",
            places=tuple(places),
        )


def _model_id(source: str) -> str:
    rest = str(source).removeprefix("models:/")
    return rest if rest != source and "/" not in rest and "@" not in rest else ""
