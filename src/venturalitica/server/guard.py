"""What stands before the stores of MLflow's server, and asks before anything protected changes.

Not before its addresses: a request can name the same change by two version prefixes, a static
prefix, encoded paths, REST or GraphQL, camelCase or snake_case, twice the same key. All of them end
in one method of one store, with the values that will be written. What MLflow itself read is judged,
and what nobody protects goes its way untouched.
"""

from __future__ import annotations

import functools
import logging
import posixpath
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn

from mlflow.entities.model_registry.model_version_stages import get_canonical_stage
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED

from venturalitica.core.gate import Decision
from venturalitica.server.checks import Change, Checks
from venturalitica.server.gate_file import GateFile, Protection, read_gate
from venturalitica.server.sealed import Sealed, Stores
from venturalitica.server.turns import Turns
from venturalitica.trackers.base import ROOT

log = logging.getLogger(__name__)

Call = Callable[[], Any]

UNSAFE_NAME = "a protected name has ' or \" in it, not both: MLflow could not list its versions"


class Guard:
    """One process's guard over its stores; its workers share `turns`."""

    def __init__(self, file: Path, stores: Stores, checks: Checks, turns: Turns) -> None:
        self._file = file
        self._stores = stores
        self._checks = checks
        self._turns = turns
        self._inside = threading.local()
        self._seen: tuple[object, tuple[Sealed, ...]] | None = None

    def around(self, before: Callable[..., Any], method: Callable[..., Any]) -> Callable[..., Any]:
        """A method of a store behind `before(self, call, *its arguments)`.

        What a store calls of its own on the way was decided already.
        """

        @functools.wraps(method)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if getattr(self._inside, "busy", False):
                return method(*args, **kwargs)
            self._inside.busy = True
            try:
                return before(self, functools.partial(method, *args, **kwargs), *args, **kwargs)
            finally:
                self._inside.busy = False

        return guarded

    # The registry

    def set_alias(self, call: Call, name: str, alias: str, version: str) -> Any:
        """`set_registered_model_alias`."""
        change = Change(name=name, version=_number(version), alias=alias)
        return self._decided(change, call)

    def set_stage(
        self, call: Call, name: str, version: str, stage: str, archive_existing_versions: bool
    ) -> Any:
        """`transition_model_version_stage`."""
        change = Change(name=name, version=_number(version), stage=get_canonical_stage(stage))
        return self._decided(change, call)

    def _decided(self, change: Change, call: Call) -> Any:
        gate = read_gate(self._file)
        if not gate.names(change.name):
            return call()
        rule = self._rule(gate, change)
        if rule is not None:
            self._checks.warm(change)  # the long reading, before anybody has to wait
        with self._turns.turn():
            gate = read_gate(self._file)
            rule = self._rule(gate, change)
            if rule is not None:
                self._judge(gate, rule, change)
            return self._changed(call)

    def _judge(self, gate: GateFile, rule: Protection, change: Change) -> None:
        decided = self._checks.decide(gate, rule, change, busy=self._turns.written_to)
        if not decided.passed:
            refuse(decided.decision)

    @staticmethod
    def _rule(gate: GateFile, change: Change) -> Protection | None:
        return gate.protection(change.name, alias=change.alias, stage=change.stage)

    def rename(self, call: Call, name: str, new_name: str) -> Any:
        """`rename_registered_model`: never with a protected alias, from or to a protected name."""
        gate = read_gate(self._file)
        if not gate.names(name) and not gate.names(str(new_name)):
            return call()
        self._safe(new_name)
        with self._turns.turn():
            model = self._stores.registry.get_registered_model(name)
            for seen_as in (name, new_name):
                for where, version in self._stores.protected(gate, model, seen_as):
                    self._denied(
                        gate,
                        f"model {name!r} is not renamed to {new_name!r}: version "
                        f"{version.version} stands under {where}, which {gate.name} protects; "
                        "take it away there first, and set it again under the new name",
                    )
            return self._changed(call)

    def remove(self, call: Call, name: str, *_: Any, **__: Any) -> Any:
        """What takes a model, a version or an alias away: allowed, and nobody checks meanwhile.

        A version number of a deleted model comes again with other files.
        """
        if not read_gate(self._file).names(name):
            return call()
        with self._turns.turn():
            return self._changed(call)

    def create_model(self, call: Call, name: str, *_: Any, **__: Any) -> Any:
        """`create_registered_model`."""
        if read_gate(self._file).names(str(name)):
            self._safe(name)
        return call()

    def version_tag(
        self, call: Call, name: str, version: str, tag: Any = None, key: str | None = None
    ) -> Any:
        """`set_model_version_tag`, `delete_model_version_tag`."""
        said = _key(tag, key)
        return self._unless(
            _ours(said),
            lambda held: (held.name, held.version) == (name, _number(version)),
            f"tag {said!r} of version {version} of {name!r}",
            call,
        )

    def model_tag(self, call: Call, name: str, tag: Any = None, key: str | None = None) -> Any:
        """`set_registered_model_tag`, `delete_registered_model_tag`."""
        said = _key(tag, key)
        what = f"tag {said!r} of model {name!r}"
        return self._unless(_ours(said), lambda held: held.name == name, what, call)

    # The runs

    def run_key(
        self, call: Call, run_id: str, tag: Any = None, key: str | None = None, metric: Any = None
    ) -> Any:
        """`set_tag`, `delete_tag` and `log_metric` of a run."""
        said = _key(tag if metric is None else metric, key)
        what = f"{said!r} of run {run_id}"
        return self._unless(_ours(said), lambda held: held.run_id == run_id, what, call)

    def run_batch(
        self, call: Call, run_id: str, metrics: Any = (), params: Any = (), tags: Any = ()
    ) -> Any:
        """`log_batch`."""
        said = [one.key for one in (*(metrics or ()), *(tags or ())) if _ours(one.key)]
        what = f"{said[:3]} of run {run_id}"
        return self._unless(bool(said), lambda held: held.run_id == run_id, what, call)

    def run(self, call: Call, run_id: str) -> Any:
        """`delete_run`."""
        return self._unless(True, lambda held: held.run_id == run_id, f"run {run_id}", call)

    def experiment(self, call: Call, experiment_id: str) -> Any:
        """`delete_experiment`."""
        wanted = str(experiment_id)
        what = f"experiment {wanted}"
        return self._unless(True, lambda held: held.experiment_id == wanted, what, call)

    def logged_model(self, call: Call, model_id: str) -> Any:
        """`delete_logged_model`."""
        return self._unless(True, lambda held: held.model_id == model_id, f"model {model_id}", call)

    def logged_model_tags(
        self, call: Call, model_id: str, tags: Any = (), key: str | None = None
    ) -> Any:
        """`set_logged_model_tags`, `delete_logged_model_tag`."""
        keys = [key or tags] if key or isinstance(tags, str) else [one.key for one in tags]
        what = f"a tag of model {model_id}"
        return self._unless(
            any(map(_ours, keys)), lambda held: held.model_id == model_id, what, call
        )

    # The artifacts

    def writing(self, uri: str, path: str, *, seconds: float = 0) -> ExitStack:
        """Announce a write below `uri`; it lasts until the stack is closed, or so many seconds.

        Raises:
            MlflowException: what lies there belongs to a version under protection.
        """
        try:
            place = self._stores.place(uri, path)
        except ValueError:
            return ExitStack()  # what another server keeps is not written through this one
        return self._turns.writing(
            place,
            lambda: self._held(lambda one: one.holds(place), f"artifact {path!r}"),
            seconds=seconds,
        )

    # What they share

    def _unless(self, asked: bool, touched: Callable[[Sealed], bool], what: str, call: Call) -> Any:
        """The call, unless it touches what is under protection; `asked` is whether it may."""
        if not asked:
            return call()
        with self._turns.turn():
            self._held(touched, what)
            return call()

    def _held(self, touched: Callable[[Sealed], bool], what: str) -> None:
        gate = read_gate(self._file)
        held = next(filter(touched, self._sealed(gate)), None)
        if held is not None:
            self._denied(
                gate,
                f"{what} is not changed: it belongs to version {held.version} of {held.name!r}, "
                f"which stands under {held.where}, and {gate.name} protects that; take the version "
                "out of there first, or make a new version",
            )

    def _denied(self, gate: GateFile, sentence: str) -> None:
        log.warning("%s (%s)", sentence, gate.mode)
        if gate.mode == "enforce":
            denied(sentence)

    def _sealed(self, gate: GateFile) -> tuple[Sealed, ...]:
        now = (self._turns.generation(), gate.sha256, gate.ok)
        seen = self._seen
        if seen is None or seen[0] != now:
            self._seen = seen = (now, self._stores.sealed(gate))
        return seen[1]

    def _changed(self, call: Call) -> Any:
        """Change the registry; before and after it, what workers remember of it holds no more."""
        self._turns.next_generation()
        try:
            return call()
        finally:
            self._turns.next_generation()

    @staticmethod
    def _safe(name: str) -> None:
        if "'" in str(name) and '"' in str(name):
            denied(f"model {name!r} is not made: {UNSAFE_NAME}")


def _number(version: object) -> str:
    """A version as MLflow reads it: "07" and " 7" are 7."""
    try:
        return str(int(str(version)))
    except ValueError:
        return str(version)  # there is none that is called so


def _key(entity: Any, key: str | None) -> str:
    """The key of a tag or metric; stores take it as an entity, or by itself in either place."""
    return key if key is not None else str(getattr(entity, "key", entity))


def _ours(key: object) -> bool:
    return str(key).casefold().startswith(ROOT)


def refuse(decision: Decision) -> NoReturn:
    """Answer a request with the sentence of a decision: a 403 with MLflow's own error JSON."""
    control = f"; control {decision.control!r}" if decision.control else ""
    denied(f"{decision.sentence} [gate: {decision.rule}{control}]")


def denied(sentence: str) -> NoReturn:
    """Answer a request with a 403 and this sentence."""
    raise MlflowException(f"venturalitica: {sentence}", error_code=PERMISSION_DENIED)


def target(local_file: str, artifact_path: str | None) -> str:
    """Where a store of MLflow's puts a file."""
    return posixpath.join(artifact_path or "", posixpath.basename(str(local_file)))
