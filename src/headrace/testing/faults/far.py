"""Stubs and faults in worker processes: who stands in for a body there is asked of the test's own process.

The test's process keeps all that is planned and counts it, so the order of a stub's outcomes is that of the calls, in
whichever process they were made. What is to come of a call travels to the worker, and is played there.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from headrace.clock.virtual import VirtualClock
from headrace.core.records import Run
from headrace.drive.world import World
from headrace.effects import Call
from headrace.exceptions import StubError
from headrace.runs.context import FlowRunContext, RunContext, TaskRunContext
from headrace.testing.faults.outcomes import Calls, Outcome
from headrace.testing.faults.playing import played
from headrace.testing.faults.targets import Place, function_of, place_of
from headrace.testing.virtual import virtual_time


@dataclass(frozen=True, slots=True)
class FarDefinition:
    """What a test's process needs to know of a task or flow that a worker calls; `place` says where its function is."""

    name: str
    place: Place


@dataclass(frozen=True, slots=True)
class FarBody:
    """A body that a worker is about to call, as the test's process sees it."""

    run: Run
    definition: FarDefinition
    parameters: dict[str, Any]

    def within(self, parent: RunContext) -> RunContext:
        """Return what says of which run it is: of one that `parent`, the run whose worker this is, has called."""
        kind: Any = FlowRunContext if self.run.kind == "flow" else TaskRunContext
        context: RunContext = kind(run=self.run, definition=self.definition, parameters=self.parameters, parent=parent)
        return context


def far_body(context: RunContext) -> FarBody:
    """Return a body as it can travel; parameters that can't are told by their repr."""
    parameters = {name: _sendable(value) for name, value in context.parameters.items()}
    run: Any = copy.copy(context.run)
    run.state, run.parameters = None, parameters
    function = function_of(context.definition)
    return FarBody(run, FarDefinition(context.definition.name, place_of(function)), parameters)


def _sendable(value: Any) -> Any:
    return f"<{value!r}>" if _why_not(value) else value


def _why_not(value: object) -> Exception | None:
    from headrace.runners.pickling import cannot_pickle  # few simulations have worker processes

    return cannot_pickle(value)


def the_body(*args: Any, **kwargs: Any) -> Any:
    """Stand for the body itself in what is answered: the worker has it."""
    raise AssertionError("the worker calls its own")


def travelling(outcome: Outcome, context: RunContext) -> Outcome:
    """Return an outcome that is about to be sent to a worker. Raises StubError for one that can't be."""
    if why := _why_not(outcome):
        raise StubError(
            f"What was planned for {context.run.kind} run {context.run.name!r}, which a worker process runs, {outcome} "
            f"and can't be sent there: {type(why).__name__}: {why}. Plan plain data, or a function that needs nothing "
            "from around it; or leave real_processes=True out."
        )
    return outcome


@contextmanager
def in_worker(world: World, clock: VirtualClock) -> Iterator[VirtualClock]:
    """Let the world of a worker process follow virtual time in the block, and call what the test's process says."""
    before, world.understudy = world.understudy, _FarCast(world)
    try:
        with virtual_time(world, clock) as followed:
            yield followed
    finally:
        world.understudy = before


class _FarCast:
    """Asks the test's process, for each body that is called here, whether somebody stands in for it."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, effect: Call) -> Call:
        if not effect.body:
            return effect
        body = far_body(effect.context)
        if not self._ask(body, False):
            return effect
        return played(effect, _FarPart(self._ask, body, effect.fn), self._world.clock)

    def _ask(self, body: FarBody, begins: bool) -> Any:
        return self._world.store.understudy(body, begins)  # type: ignore[attr-defined] # a RelayStore

    def far(self, body: FarBody, begins: bool, within: RunContext) -> Any:
        """Be asked by a worker of this worker; pass it on."""
        return self._ask(body, begins)


class _FarPart:
    """What stands in for one body, as the test's process says."""

    def __init__(self, ask: Callable[[FarBody, bool], Any], body: FarBody, fn: Any) -> None:
        self._ask, self._body, self._fn = ask, body, fn

    def begin(self) -> tuple[float, Outcome]:
        """Be called."""
        seconds, outcome = self._ask(self._body, True)
        is_body = isinstance(outcome, Calls) and outcome.fn is the_body
        return seconds, Calls(self._fn) if is_body else outcome
