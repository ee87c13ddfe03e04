"""`vl.monitor`: one run, its surroundings, and every audit made inside it.

    with vl.monitor("training", inputs=["train.csv"], outputs=["model.pkl"]) as run:
        model.fit(X, y, gender="Attribute9")

On entering, a small record of kind "begin" is signed and on disk before anything runs inside, so
that a run which is killed is on record. On leaving follows one of kind "run": policy, git state,
versions, hardware, digests of inputs and outputs, the audits made, and the exception if one ended
it, which is never replaced.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import AbstractContextManager, aclosing, contextmanager
from contextvars import Token
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

from venturalitica.audit.delivery import settle
from venturalitica.audit.project import resolve_policy
from venturalitica.audit.recording import foretell, record_begin, record_run
from venturalitica.audit.result import tell_no_policy, tell_unjudged
from venturalitica.audit.run import (
    Run,
    begin,
    current_run,
    end,
    enter,
    inside,
    leave,
    named_policy,
    own_run,
)
from venturalitica.core.policy import Policy
from venturalitica.core.redact import redacted_traceback
from venturalitica.core.verdict import Verdict
from venturalitica.errors import ControlBlocked
from venturalitica.system.settings import Settings, find_policy, working_folder
from venturalitica.trackers import active_runs, last_runs

log = logging.getLogger(__name__)
F = TypeVar("F", bound=Callable[..., Any])


class Monitor:
    """Context manager and decorator made by `monitor`; may be entered any number of times."""

    def __init__(
        self,
        name: str,
        policy: str | Path | Policy | None,
        inputs: Iterable[Any],
        outputs: Iterable[Any] | None,
    ) -> None:
        self._name = name
        self._policy = policy
        self._inputs = _several(inputs)
        self._outputs = _several(() if outputs is None else outputs)
        self._looks = outputs is not None
        self._entered: list[tuple[Run, Token[Run | None]]] = []

    def __enter__(self) -> Run:
        run = self._begin()
        self._entered.append((run, enter(run)))
        return run

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        run, token = self._leave()
        leave(run, token)
        if run.process == os.getpid():
            _close(run, error)
        # Else a forked child leaves the block by its own exit: the run is its parent's to record.

    async def __aenter__(self) -> Run:
        return self.__enter__()

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.__exit__(kind, error, trace)

    def _leave(self) -> tuple[Run, Token[Run | None]]:
        """The entry that this thread made last: several threads may share one monitor.

        Without a lock, which a child could find closed that was forked in this moment: `append`
        and `remove` are each one step.
        """
        own = own_run()
        entered = list(self._entered)
        found = next((entry for entry in reversed(entered) if entry[0] is own), entered[-1])
        self._entered.remove(found)
        return found

    def __call__(self, function: F) -> F:
        return cast(F, decorated(self.again, function))

    def again(self) -> Monitor:
        """A fresh monitor with the same arguments: one for each call of a decorated function."""
        outputs = self._outputs if self._looks else None
        return Monitor(self._name, self._policy, self._inputs, outputs)

    @contextmanager
    def in_steps(self) -> Iterator[Run]:
        """As `with`, for a generator: the run is entered at each step, and left in between."""
        run = self._begin()
        begin(run)
        error: BaseException | None = None
        try:
            yield run
        except BaseException as raised:
            error = raised
            raise
        finally:
            end(run)
            _close(run, error)

    def _begin(self) -> Run:
        settings = Settings.for_recording()
        foretell(settings)
        run = Run(self._name, self._rules(), current_run(), named=self._policy is not None)
        for source in self._inputs:
            run.log_input(source)
        for source in self._outputs:
            run.log_output(source)
        run.saw_trackers(active_runs())
        run.began_after(last_runs())
        record_begin(run)
        if self._looks:
            run.look_at(working_folder(), [settings.home, *filter(None, [settings.config])])
        return run

    def _rules(self) -> Policy | None:
        """The policy that was named, here or around, else the project's own, else None."""
        given = named_policy() if self._policy is None else self._policy
        found = find_policy() if given is None else given
        return None if found is None else resolve_policy(found)


def monitor(
    name: str | Callable[..., Any] = "training",
    *,
    policy: str | Path | Policy | None = None,
    inputs: Any = (),
    outputs: Any = (),
) -> Any:
    """Record one run: `with vl.monitor("training") as run:` or `@vl.monitor("training")`.

    Args:
        name: what the run is called; runs of one name and policy form one pipeline.
        policy: the policy to snapshot into the record and the tracker's run, and that of every
            `vl.wrap` and `vl.enforce` inside that names none; by default
            `model_policy.yaml` of the working folder or of the project root, unless fits and
            `enforce` calls inside bring others and none uses it. A run without any is recorded
            too, and says so once.
        inputs: a path, a folder, a data frame, or several; digested on entering.
        outputs: the same; digested on leaving, when they exist. Files that are written in the
            working folder meanwhile are found without it; None looks for none.

    Yields the open `Run`. An exception inside is recorded by type and place and goes on unchanged.

    Raises:
        PolicyError: the policy is missing or wrong (before anything runs).
        ControlBlocked: on leaving, a blocking control of a policy that was named was never judged.
        SettingsError: a setting has a value that cannot be used, or there is no place for a key.
        DataError: an input does not exist (before anything runs).
    """
    if callable(name):
        return Monitor(name.__name__, policy, inputs, outputs)(name)
    return Monitor(str(name), policy, inputs, outputs)


def _several(sources: Any) -> tuple[Any, ...]:
    if isinstance(sources, str | Path) or not isinstance(sources, list | tuple | set | frozenset):
        return (sources,)
    return tuple(sources)


def _close(run: Run, error: BaseException | None) -> None:
    """Record the run; a failure of ours is logged and never takes the user's exception's place.

    Raises:
        ControlBlocked: a blocking control of the policy that the monitor was given was never
            evaluated, and no exception of the user's is on its way. A policy that was only found
            stops nobody's script: its record is red.
    """
    unjudged: tuple[Verdict, ...] = ()
    try:
        run.settle_policy()
        unjudged = _unjudged(run)
        run.saw_trackers(active_runs())
        run.saw_ended(last_runs())
        record_run(run, exception=_exception(error), unjudged=unjudged)
        _tell(run, unjudged)
    except Exception as fault:  # noqa: BLE001 - see the docstring
        run.fault = "the run could not be recorded"
        log.error(
            "the record of run %r could not be written\n%s", run.name, redacted_traceback(fault)
        )
    finally:
        if run.sign_of_life is not None:
            run.sign_of_life.take_down()
    if run.parent is None:
        settle()
    blocking = [verdict for verdict in unjudged if verdict.blocks]
    if blocking and error is None and run.named:
        raise ControlBlocked(blocking, unjudged)


def _tell(run: Run, unjudged: tuple[Verdict, ...]) -> None:
    """What nobody judged: told by the outermost run of a policy, for all that are inside it."""
    if run.policy is None and run.parent is None and not run.judged_anything:
        tell_no_policy(run.name)
    elif run.policy is not None and unjudged and not run.policy_is_around:
        tell_unjudged(run.name, run.light, run.policy, unjudged)


def _unjudged(run: Run) -> tuple[Verdict, ...]:
    """Verdicts on what the monitor's own policy asks and no audit inside was about."""
    controls = run.unjudged()
    if run.policy is None or not controls:
        return ()
    from venturalitica.judge.conclude import verdict

    policy = run.policy
    reason = (
        "nothing inside this run was judged under this control: "
        "call vl.enforce or fit a model made by vl.wrap inside it"
    )
    if run.named:
        reason += "; where another step or process does that, leave policy= out of vl.monitor"
    return tuple(
        verdict(policy, control, status="not_evaluated", reason=reason) for control in controls
    )


def _exception(error: BaseException | None) -> dict[str, Any] | None:
    """An exception by type and place; its message may hold rows or secrets and is left out.

    Leaving a generator early (`break`) is an end like any other.
    """
    if error is None or isinstance(error, GeneratorExit):
        return None
    frames = traceback.extract_tb(error.__traceback__)
    where = f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}" if frames else ""  # noqa: PTH119
    kind = type(error)
    return {"type": f"{kind.__module__}.{kind.__qualname__}", "where": where}


class Monitored(AbstractContextManager[Run], Protocol):
    """What a decorator needs of a monitor: `with`, and the same for a generator."""

    def in_steps(self) -> AbstractContextManager[Run]: ...


def decorated(monitor: Callable[[], Monitored], function: Callable[..., Any]) -> Callable[..., Any]:
    """`function`, each call of which is a run of its own; `monitor` makes a fresh one."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            with monitor():
                return await function(*args, **kwargs)

        return awaited
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generated(*args: Any, **kwargs: Any) -> Any:
            with monitor().in_steps() as run:
                return (yield from _stepped(run, function(*args, **kwargs)))

        return generated
    if inspect.isasyncgenfunction(function):

        @functools.wraps(function)
        async def generated_later(*args: Any, **kwargs: Any) -> Any:
            with monitor().in_steps() as run:
                async with aclosing(function(*args, **kwargs)) as steps:
                    step = steps.asend(None)
                    while True:
                        with inside(run):
                            try:
                                item = await step
                            except StopAsyncIteration:
                                return
                        try:
                            step = steps.asend((yield item))
                        except GeneratorExit:
                            raise
                        except BaseException as error:  # noqa: BLE001  thrown in by the caller
                            step = steps.athrow(error)

        return generated_later

    @functools.wraps(function)
    def called(*args: Any, **kwargs: Any) -> Any:
        with monitor():
            return function(*args, **kwargs)

    return called


def _stepped(run: Run, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """`yield from steps`, where only the steps themselves are inside the run."""
    step, value = steps.send, None
    while True:
        with inside(run):
            try:
                item = step(value)
            except StopIteration as stop:
                return stop.value
        try:
            step, value = steps.send, (yield item)
        except GeneratorExit:
            with inside(run):
                steps.close()
            raise
        except BaseException as error:  # noqa: BLE001  thrown in by the caller: the generator's to answer
            step, value = steps.throw, error
