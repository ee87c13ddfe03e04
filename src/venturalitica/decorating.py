"""`@vl.monitor(...)` on functions, coroutines, generators and asynchronous generators.

A generator lives on between its steps while its caller does other things: only the steps are
inside its run.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, aclosing
from typing import Any, Protocol

from venturalitica.runs import Run, inside


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
